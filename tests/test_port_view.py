"""A port has one answer to every question, whoever asks: table, chart, JSON, page and doctor."""

from __future__ import annotations

import pytest

from mlxtop.analysis.pause_time import pauses, unheld
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.throughput import wire_bps
from mlxtop.model.frame import Frame, derive
from mlxtop.model.pcie import Direction, PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from mlxtop.outputs.document import document
from mlxtop.present.ceiling import ceiling_lines, limits_line
from mlxtop.present.cells import port_row
from mlxtop.present.overview import overview
from mlxtop.present.pages import pcie
from mlxtop.present.text import plain
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View
from tests.cases import case
from tests.recorded import derived, machine
from tests.samples import card, ethernet, mlx5_port, sample

WIDE = mlx5_port("0000:43:00.0", "enp67s0np0", "mlx5_0")
BESIDE = mlx5_port("0000:43:00.1", "enp67s0np1", "mlx5_2")
NARROW = mlx5_port("0000:44:00.0", "enp68s0np0", "mlx5_1")


def path(device: str, width: int) -> PcieStatus:
    return PcieStatus(PciePath((PcieLink(device, 16.0, width, 16.0, 8),)))


def two_slots() -> Frame:
    """A card in two slots, Gen4 x8 and Gen4 x2, with a port of 100 Gb/s in each."""
    last: Frame | None = None
    for tick in (1.0, 2.0):
        ports = [ethernet(port, tick, 20e9, 1e9) for port in (WIDE, NARROW)]
        one = sample(tick, *ports)._replace(
            adapters=(card(WIDE, NARROW),),
            pcie={"0000:43:00": path("0000:43:00.0", 8), "0000:44:00": path("0000:44:00.0", 2)},
        )
        last = derive(one, last)
    assert last is not None
    return last


def test_a_port_in_the_narrow_slot_of_two_is_judged_by_its_own_slot_everywhere() -> None:
    frame = two_slots()
    view = port_view(frame, NARROW.id)
    carries = view.capacity
    assert carries is not None
    assert (carries.bps, carries.by) == (31_506e6, "PCIe")
    share = view.share(Direction.RX)
    assert share is not None
    assert abs(share - 20e9 / 31_506e6) < 1e-6
    assert port_row(frame, NARROW.id).view is view
    limit = view.ceiling.pcie
    assert limit is not None
    assert limit.raw == carries.bps
    ports = {one["netdev"]: one for one in document(frame, False)["adapters"][0]["ports"]}
    assert ports["enp68s0np0"]["pcie"]["available_mbps"] == 31_506
    assert ports["enp67s0np0"]["pcie"]["available_mbps"] == 126_024
    for page in (traffic, pcie):
        sections = page(View(frame, NARROW.id, columns=100))
        text = "\n".join(plain(line) for section in sections for line in section.lines)
        assert "31.5" in text
        assert "126.0 Gb/s raw" not in text


def test_a_port_in_the_wide_slot_is_not_held_up_by_the_other_one() -> None:
    carries = port_view(two_slots(), WIDE.id).capacity
    assert carries is not None
    assert (carries.bps, carries.by) == (100e9, "link")


def test_the_heading_of_a_card_in_two_slots_names_both() -> None:
    text = "\n".join(map(plain, overview(two_slots(), 160)))
    assert "PCIe 4.0 x8 126.0 Gb/s + PCIe 4.0 x2 of x8 31.5 Gb/s" in text


def test_a_view_is_made_once_a_frame() -> None:
    frame = two_slots()
    assert port_view(frame, WIDE.id) is port_view(frame, WIDE.id)
    assert port_view(frame, WIDE.id).throughput is port_view(frame, WIDE.id).throughput
    assert port_view(frame, WIDE.id).ceiling is port_view(frame, WIDE.id).ceiling
    assert port_view(two_slots(), WIDE.id) is not port_view(frame, WIDE.id)


def test_the_ceiling_gives_up_its_least_parts_where_room_is_short() -> None:
    base = case()
    ceiling = port_view(base.frame, base.ports[0]).ceiling
    whole = limits_line(ceiling)
    least = "link 100 Gb/s · PCIe 126.0 Gb/s, 115.2 usable"
    for width in (200, 90, 60, 40):
        limits, verdict = map(plain, ceiling_lines(ceiling, width))
        assert limits.startswith(least[:12])
        assert "RX 40" not in limits
        assert verdict.startswith("→ ")
        assert all(part in whole for part in limits.split(" · "))
        assert len(limits) <= max(width, len(least))


def test_on_a_shared_path_the_busiest_port_tells_how_full_it_is() -> None:
    last: Frame | None = None
    for tick in (1.0, 2.0):
        ports = [ethernet(WIDE, tick, 20e9, 0.0), ethernet(BESIDE, tick, 10e9, 0.0)]
        slots = {"0000:43:00": path("0000:43:00.0", 2)}
        one = sample(tick, *ports)._replace(adapters=(card(WIDE, BESIDE),), pcie=slots)
        last = derive(one, last)
    assert last is not None
    busy, other = (port_view(last, port.id).share(Direction.RX) for port in (WIDE, BESIDE))
    assert busy is not None and other is not None
    assert abs(busy - 30e9 / 31_506e6) < 1e-3
    assert abs(other - busy / 2) < 1e-3
    assert port_view(last, BESIDE.id).share(Direction.TX) == 0.0


def test_a_path_that_carried_more_than_it_shows_tells_not_how_full_it_is() -> None:
    last: Frame | None = None
    for tick in (1.0, 2.0):
        ports = [ethernet(WIDE, tick, 25e9, 0.0), ethernet(BESIDE, tick, 15e9, 0.0)]
        slots = {"0000:43:00": path("0000:43:00.0", 2)}
        one = sample(tick, *ports)._replace(adapters=(card(WIDE, BESIDE),), pcie=slots)
        last = derive(one, last)
    assert last is not None
    share = port_view(last, WIDE.id).share(Direction.RX)
    assert share is not None
    assert share < 1


def test_what_was_carried_disproves_a_limit_that_is_lower() -> None:
    frame = two_slots()
    slow = {
        slot: status._replace(path=PciePath((status.path.links[0]._replace(speed=2.5),)))
        for slot, status in frame.sample.pcie.items()
    }
    frame = frame._replace(sample=frame.sample._replace(pcie=slow))
    wide, narrow = (port_view(frame, port.id) for port in (WIDE, NARROW))
    assert [view.disproves_pcie for view in (wide, narrow)] == [True, True]
    assert narrow.ceiling.pcie is None
    assert narrow.capacity is not None
    assert narrow.capacity.by == "link"
    assert narrow.ceiling.absent["pcie"] == "more was carried than its links show"
    assert "PCIe" not in str(narrow.ceiling.verdict.limit)
    fast = two_slots()
    assert not port_view(fast, NARROW.id).disproves_pcie
    assert port_view(fast, NARROW.id).ceiling.pcie is not None


def test_a_tunnel_is_no_limit() -> None:
    frame = two_slots()
    tunnel = PcieStatus(PciePath((PcieLink("0000:44:00.0", 2.5, 4, 2.5, 4),)), removable=True)
    pcie = {**frame.sample.pcie, "0000:44:00": tunnel}
    frame = frame._replace(sample=frame.sample._replace(pcie=pcie))
    view = port_view(frame, NARROW.id)
    assert view.capacity is not None
    assert view.capacity.by == "link"
    assert view.ceiling.pcie is None


@pytest.mark.parametrize("name", ["faulty", "tiny"])
def test_what_is_asked_for_alone_is_what_the_whole_has(name: str) -> None:
    for frame in derived(machine(name, 25)):
        for port in frame.ports:
            view = port_view(frame, port)
            flow = view.throughput
            assert wire_bps(view.now) == (flow.rx_bps, flow.tx_bps)
            assert view.verdict == view.ceiling_of(None).verdict
            zero = [(one.way, one.priority, one.key) for one in pauses(view.now) if one.share == 0]
            all_zero = len(zero) == len(pauses(view.now))
            assert unheld(view.now) in ((tuple(zero), None) if all_zero else (None,))
