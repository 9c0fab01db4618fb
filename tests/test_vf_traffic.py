"""Traffic of virtual functions: read of the port that is looked at, and shown by function."""

from __future__ import annotations

from threading import Event

import pytest

from mlxtop.analysis.throughput import virtual_functions
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.counters import Origin
from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import PortId
from mlxtop.present.text import plain
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View
from mlxtop.sampler.facts import EVERYTHING, Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.sources.kernel.net import read_vfs
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from tests.test_analysis_congestion import PORT, Story


def test_rows_without_a_number_are_left_out() -> None:
    row = '{"vf": 3, "rx_bytes": 8, "tx_bytes": null, "rx_packets": 1, "tx_packets": -4}'
    text = f'? vf-statistics p1 = [{row}, {{"rx_bytes": 5}}, 7, {{"vf": 99999}}]\n'
    capture = parse_capture(f"mlxtop capture 1\n{text}")
    reading = read_vfs(CapturedSystem("m", capture, capture), "p1")
    assert reading is not None
    assert reading.get("vf3_rx_bytes") == 8
    assert reading.values == (8, None, 1, None)


def test_a_port_without_virtual_functions_has_no_table() -> None:
    capture = parse_capture("mlxtop capture 1\n? vf-statistics p1 = []\n")
    assert read_vfs(CapturedSystem("m", capture, capture), "p1") is None


def moved(counts: dict[str, float]) -> Story:
    story = Story(PORT._replace(vfs=3), origin=Origin.VFS)
    story.read(counts, 2, seconds=10.0)
    return story


def test_each_function_has_its_rate() -> None:
    story = moved({"vf0_rx_bytes": 1e9, "vf0_tx_bytes": 0, "vf12_tx_bytes": 5e8})
    assert story.frame is not None
    zero, twelve = virtual_functions(story.frame.ports[PORT.id])
    assert (zero.number, zero.rx_bps, zero.tx_bps) == (0, 8e9, 0)
    assert (twelve.number, twelve.rx_bps, twelve.tx_bps) == (12, None, 4e9)


def section(story: Story) -> str:
    assert story.frame is not None
    (found,) = (
        one for one in traffic(View(story.frame, PORT.id)) if one.title.startswith("Virtual")
    )
    return "\n".join(map(plain, found.lines))


def test_the_busiest_is_shown_first_and_idle_ones_are_counted() -> None:
    text = section(moved({"vf0_rx_bytes": 1e6, "vf1_rx_bytes": 2e9, "vf2_rx_bytes": 0}))
    assert text.index("VF 1") < text.index("VF 0")
    assert "VF 2" not in text
    assert "none of 2 carries anything" in section(moved({"vf0_rx_bytes": 0, "vf1_rx_bytes": 0}))


def frames(looked_at: PortId | None, wants: frozenset[Fact]) -> Frame:
    system = load_lab("dgx", ManualClock())
    source = LiveSource(system, 1.0, wants=wants)
    stop = Event()
    frame: Frame | None = None
    try:
        for number, sample in enumerate(source.samples(stop)):
            frame = derive(sample, frame)
            source.looked_at = looked_at
            if number >= 3:
                break
    finally:
        stop.set()
        source.close()
    assert frame is not None
    return frame


@pytest.mark.parametrize(
    ("looked_at", "wants", "ports"),
    [
        (None, frozenset[Fact](), 0),
        (PortId("0000:30:00.0", 1), frozenset[Fact](), 1),
        (None, EVERYTHING, 4),
    ],
)
def test_only_the_port_that_is_looked_at_is_asked_unless_all_is_recorded(
    looked_at: PortId | None, wants: frozenset[Fact], ports: int
) -> None:
    frame = frames(looked_at, wants)
    having = [one.id for one in frame.ports.values() if Origin.VFS in one.now.readings]
    assert len(having) == ports
    assert looked_at is None or having == [looked_at]
