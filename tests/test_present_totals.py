"""Sums of ports count every bit once, and are told by NUMA node where there are several."""

from __future__ import annotations

import pytest

from mlxtop.model.identity import PortId
from mlxtop.model.sample import Sample
from mlxtop.present.text import line_width, plain
from mlxtop.present.totals import nodes_line, totals
from tests.samples import IB, PACU, card, ethernet, frame, mlx5_port, sample, veth

FAR = mlx5_port("0000:c1:00.0", "enp193s0np0", "mlx5_9", "card1")


def machine(tick: float) -> Sample:
    """Two ports of the card at 43:00 and a virtual one."""
    ports = ethernet(PACU, tick, 46.1e9, 1.2e9), ethernet(IB, tick, 0.0, 99e9)
    return sample(tick, *ports, veth("veth10", 9, tick, 3e6))


def two_nodes(tick: float, far: int | None) -> Sample:
    """The same beside a card at `c1:00` that is on another node."""
    ports = ethernet(PACU, tick, 4e9, 1e9), ethernet(IB, tick, 1e9, 2e9)
    one = sample(tick, *ports, ethernet(FAR, tick, 8e9, 3e9))
    near, other = card(PACU, IB), card(FAR, key="card1")
    functions = tuple(f._replace(numa_node=far) for f in other.functions)
    return one._replace(adapters=(near, other._replace(functions=functions)))


def test_only_physical_ports_are_summed() -> None:
    rx, tx = totals(frame(*map(machine, (1.0, 2.0))))
    assert rx == pytest.approx(46.1e9, rel=1e-6)
    assert tx == pytest.approx(100.2e9, rel=1e-6)
    assert totals(frame(sample(1.0, veth("veth0", 5, 1.0)))) == (None, None)


@pytest.mark.parametrize(("cage", "sums"), [(None, (5e9, 3e9)), (PACU.id, (4e9, 2e9))])
def test_traffic_of_one_cage_is_added_up_once(
    cage: PortId | None, sums: tuple[float, float]
) -> None:
    first, second = PACU._replace(cage=cage), IB._replace(cage=cage)
    ticks = [
        sample(tick, ethernet(first, tick, 4e9, 1e9), ethernet(second, tick, 1e9, 2e9))
        for tick in (1.0, 2.0)
    ]
    assert totals(frame(*ticks)) == pytest.approx(sums)


def test_the_ports_of_each_numa_node_are_added_up() -> None:
    now = frame(*(two_nodes(tick, 0) for tick in (1.0, 2.0)))
    assert " ".join(plain(nodes_line(now, 120)).split()) == (
        "NUMA node 0, 1 port RX 8.00 Gb/s TX 3.00 Gb/s · "
        "NUMA node 1, 2 ports RX 5.00 Gb/s TX 3.00 Gb/s"
    )
    whole = line_width(nodes_line(now, 120))
    assert "node 1" not in plain(nodes_line(now, whole - 1))
    assert line_width(nodes_line(now, whole)) == whole


@pytest.mark.parametrize("far", [1, None])
def test_one_node_alone_is_no_sum_of_its_own(far: int | None) -> None:
    assert nodes_line(frame(*(two_nodes(tick, far) for tick in (1.0, 2.0))), 120) == ()
