"""Two ends of a cable by what iblinkinfo tells on their machines, and where it tells otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.ends.match import MatchedBy, Matches, Surety
from mlxtop.ends.matching import match
from mlxtop.model.fabric import FabricEnd, FabricLink, LocalFabric, OwnLink
from mlxtop.model.machine import SeenMachine
from mlxtop.model.sample import Slow
from mlxtop.recording.mask import SampleMask
from tests.ends import A, B, End, pair

GUIDS = {"a": "0x0c42a103007a5000", "b": "0x0c42a103007a6180"}
RDMA: dict[str, Any] = {"rdma": "mlx5_0", "rdma_port": 1}
LEAF = FabricEnd("0xb8599f0300b00040", 7, "leaf1", "0xb8599f0300b00040")


def end(host: str) -> FabricEnd:
    return FabricEnd(GUIDS[host], 1, f"{host} mlx5_0", GUIDS[host])


def told(machine: SeenMachine, other: FabricEnd | None, phys: str = "LinkUp") -> SeenMachine:
    """The machine, on which iblinkinfo says that its port's cable goes to `other`."""
    port = next(iter(machine.frame.ports.values())).now.port
    link = FabricLink(end(machine.host), other, "Active", phys, 4, "HDR")
    own = OwnLink(port.rdma or "", port.rdma_port or 1, link)
    sample = machine.frame.sample._replace(fabric=Slow(LocalFabric((own,)), 1.0))
    return machine._replace(frame=machine.frame._replace(sample=sample))


def apart() -> tuple[SeenMachine, SeenMachine]:
    """Two machines that have met nobody."""
    return End("a", port=RDMA).machine, End("b", port=RDMA).machine


def test_a_cable_between_two_shown_ports_is_a_sure_and_direct_link() -> None:
    a, b = apart()
    (link,) = match([told(a, end("b")), told(b, end("a"))]).links
    assert (link.ends, link.by, link.surety) == ((A, B), MatchedBy.FABRIC, Surety.SURE)
    assert link.is_direct


@pytest.mark.parametrize("other", [None, LEAF])
def test_both_ends_have_to_agree(other: FabricEnd | None) -> None:
    a, b = apart()
    found = match([told(a, end("b")), told(b, other)])
    assert bool(found.links) == (other is None)


def test_a_port_on_a_switch_is_no_end_of_a_cable_to_its_only_neighbour() -> None:
    a, b = pair(End("a", port=RDMA), End("b", port=RDMA))
    assert match([a, b]).links
    found: Matches = match([told(a, LEAF), b])
    assert found.links == () and "leaf1 port 7" in found.open[A]


def test_a_link_that_is_down_tells_nothing() -> None:
    a, b = apart()
    down: Any = told(a, end("b"), "Polling"), told(b, end("a"), "Polling")
    assert match(down).links == ()


def test_names_and_guids_of_a_fabric_are_masked() -> None:
    a, _ = apart()
    mask = SampleMask(["a.example"])
    sample = told(a, LEAF).frame.sample
    mask.learn(sample)
    fabric = mask.masked(sample).fabric.value
    assert fabric is not None
    link = fabric.links[0].link
    assert link.b is not None and link.b.name == "node2" and link.b.guid != LEAF.guid
    assert link.b.guid.startswith("0xb8599f") and link.b.port == 7
