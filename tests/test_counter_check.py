"""Counters against bytes that are known: what is wrong, and what other traffic explains."""

from __future__ import annotations

import pytest

from mlxtop.analysis.counter_check import CounterCheck, Gain, Judgement, Known, check
from mlxtop.analysis.throughput import BYTES_PHY, ETH_MAC, IB_DATA, NETDEV
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import PortKind
from mlxtop.model.pcie import Direction
from mlxtop.model.sample import Link, LinkLayer, LinkState
from tests.samples import PACU, ethernet

P = 10_000_000_000
FRAMES = P // 1448
RIGHT = P + 70 * FRAMES
"""What the port counts of 10 GB by TCP at MTU 1500."""
TX = Direction.TX
Counts = dict[str, int | Gain]


def port(layer: LinkLayer = LinkLayer.ETHERNET, **more: object) -> PortFrame:
    now = ethernet(PACU._replace(**more), 9.0, 0, 0, link=Link(layer, LinkState.UP))  # type: ignore[arg-type]
    return PortFrame(now, {}, {})


def checked(counts: Counts, at: PortFrame | None = None, rdma: bool = False) -> CounterCheck:
    """The counters of a port that has sent 10 GB, beside its usual source."""
    at = at or port()
    gains = {
        (name, TX): one if isinstance(one, Gain) else Gain(one, FRAMES)
        for name, one in counts.items()
    }
    usual = IB_DATA if at.now.link.layer is LinkLayer.INFINIBAND else ETH_MAC
    return check(at, [Known(TX, P, P, rdma=rdma)], gains, 1500, usual.name)


def judged(counts: Counts, at: PortFrame | None = None, rdma: bool = False) -> dict[str, str]:
    return {row.source: str(row.judgement) for row in checked(counts, at, rdma).rows}


def test_headers_and_fcs_are_no_difference() -> None:
    counts: Counts = {ETH_MAC.name: RIGHT, BYTES_PHY.name: RIGHT, NETDEV.name: RIGHT - 4 * FRAMES}
    found = checked(counts)
    assert {row.judgement for row in found.rows} == {Judgement.AGREES}
    assert found.conclusive and found.instead is None and found.miscount("") is None
    assert all(row.factor == pytest.approx(1.0, abs=0.01) for row in found.rows)


@pytest.mark.parametrize(
    ("factor", "judgement"),
    [
        (8.0, "wrong"),
        (4.0, "wrong"),
        (4.59, "wrong"),
        (4.61, "more"),
        (2.0, "wrong"),
        (1.4, "more"),
        (0.5, "wrong"),
        (0.25, "wrong"),
        (0.125, "wrong"),
        (0.35, "less"),
        (0.87, "agrees"),
        (0.85, "less"),
        (0.021, "less"),
        (0.019, "elsewhere"),
    ],
)
def test_only_the_factor_of_a_wrong_unit_speaks_against_a_counter(
    factor: float, judgement: str
) -> None:
    found = judged({ETH_MAC.name: int(RIGHT * factor), NETDEV.name: RIGHT})
    assert found == {"eth-mac": judgement, "netdev": "agrees"}


def test_too_much_is_wrong_only_where_the_frames_would_be_longer_than_any() -> None:
    other = Gain(RIGHT * 4, FRAMES * 4)  # four times the traffic, by virtual functions
    assert judged({ETH_MAC.name: other, NETDEV.name: RIGHT})["eth-mac"] == "more"
    assert judged({ETH_MAC.name: Gain(RIGHT * 4), NETDEV.name: RIGHT})["eth-mac"] == "more"
    found = checked({ETH_MAC.name: RIGHT * 4, NETDEV.name: RIGHT})
    assert found.wrong is not None and found.wrong.unit == 4.0
    assert found.instead == "netdev"


def test_large_segments_are_no_fault_of_the_network_stack() -> None:
    found = checked({ETH_MAC.name: RIGHT, NETDEV.name: Gain(RIGHT * 2, P // 60_000)})
    assert [str(row.judgement) for row in found.rows] == ["agrees", "more"]


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_without_a_counter_that_agrees_none_is_wrong(factor: float) -> None:
    found = checked({ETH_MAC.name: int(RIGHT * factor), NETDEV.name: int(RIGHT * factor)})
    assert not any(row.judgement.proven for row in found.rows)
    assert found.instead is None and not found.conclusive


def test_traffic_within_the_card_is_no_fault_of_the_port() -> None:
    found = checked({ETH_MAC.name: 90_000, BYTES_PHY.name: 90_000, NETDEV.name: RIGHT})
    assert [str(row.judgement) for row in found.rows] == ["elsewhere", "elsewhere", "agrees"]
    assert found.instead is None


def turned(turns: int, highest: int, back: int, scale: int = 1) -> Gain:
    return Gain(RIGHT - turns * (scale << 32), None, back, highest)


@pytest.mark.parametrize(
    ("gain", "judgement"),
    [
        (turned(2, (1 << 32) - 9_000_000, 2), "wraps"),
        (turned(2, (1 << 32) - 9_000_000, 1), "wraps"),
        (turned(2, (1 << 31) - 1, 1), "reset"),
        (turned(2, 1 << 32, 1), "reset"),
        (Gain(RIGHT - (5 << 30), None, 1, (1 << 32) - 9), "wraps"),
        (Gain(RIGHT - (6 << 30), None, 1, (1 << 32) - 9), "reset"),
        (Gain(-(3 << 30), None, 1, 1 << 33), "reset"),
    ],
)
def test_32_bits_are_told_from_a_reset(gain: Gain, judgement: str) -> None:
    found = checked({ETH_MAC.name: gain, BYTES_PHY.name: RIGHT})
    assert str(found.rows[0].judgement) == judgement
    assert found.instead == ("bytes_phy" if judgement == "wraps" else None)
    if found.instead:
        miscount = found.miscount("a")
        assert miscount is not None and miscount.factor is None


def test_words_that_are_bytes_are_found_on_infiniband() -> None:
    at = port(LinkLayer.INFINIBAND)
    frames = P // 2048
    counts: Counts = {IB_DATA.name: Gain(4 * RIGHT, frames), NETDEV.name: RIGHT}
    found = checked(counts, at)
    assert found.wrong is not None and (found.wrong.source, found.instead) == ("ib-data", "netdev")
    counts = {IB_DATA.name: Gain(RIGHT, 0, 0, (1 << 32) - 1, full=True), NETDEV.name: RIGHT}
    assert judged(counts, at)["ib-data"] == "full"


def test_rdma_is_not_looked_for_in_the_network_stack_nor_tcp_in_the_rdma_counters() -> None:
    counts: Counts = {ETH_MAC.name: RIGHT, NETDEV.name: 9, IB_DATA.name: Gain(4 * P, P // 4096)}
    assert judged(counts) == {"eth-mac": "agrees", "netdev": "elsewhere"}
    assert judged(counts, rdma=True) == {"eth-mac": "agrees", "ib-data": "wrong"}
    assert checked(counts, rdma=True).instead is None, "the port's own source is right"
    infiniband = judged(counts, port(LinkLayer.INFINIBAND), rdma=True)
    assert list(infiniband) == ["ib-data"]


def test_the_rdma_counters_of_an_ethernet_port_do_not_stand_for_the_port() -> None:
    counts: Counts = {ETH_MAC.name: P // 4, IB_DATA.name: Gain(P, P // 1024)}
    found = checked(counts, rdma=True)
    assert found.rows[0].judgement is Judgement.WRONG and found.instead is None


def test_representors_and_virtual_functions_have_what_they_have() -> None:
    both: Counts = {ETH_MAC.name: RIGHT, NETDEV.name: RIGHT}
    assert list(judged(both, port(switchdev=True))) == ["eth-mac"]
    assert list(judged(both, port(kind=PortKind.VF))) == ["netdev"]
