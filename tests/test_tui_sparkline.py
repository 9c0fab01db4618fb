"""The last minute of all ports: one scale, one time axis, calm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.frame import Frame, derive
from mlxtop.model.identity import PortId
from mlxtop.model.pcie import Direction
from mlxtop.present.text import line_width, plain
from mlxtop.tui.state import State
from mlxtop.tui.time_axis import Readings, short_axis
from mlxtop.tui.widgets.sparkline import (
    LEAST_SCALE,
    SPAN_S,
    Sparklines,
    steady_scale,
)
from tests.twelve import PORTS, twelve


def watched(seconds: int) -> State:
    state, last = State(), None
    for one in twelve(seconds):
        last = derive(one, last)
        state.arrive(last)
    return state


def prepared(state: State, columns: int) -> Sparklines:
    sparks, frame = Sparklines(), state.frame
    assert isinstance(frame, Frame)
    sparks.prepare([("", state, [port.id for port in PORTS])], columns, 1.0)
    return sparks


@given(st.floats(0, 5e5), st.integers(1, 120), st.sampled_from([0.1, 1.0, 5.0, 60.0]))
def test_a_curve_holds_a_minute_at_least_and_no_step_is_shorter_than_a_sample(
    tick: float, columns: int, interval: float
) -> None:
    axis = short_axis(Readings(0.5, tick, interval), tick, columns, SPAN_S)
    assert axis.columns == columns
    assert axis.span >= SPAN_S - 1e-6
    assert axis.column_s >= interval
    assert axis.start <= tick <= axis.end


def test_the_scale_grows_at_once_and_shrinks_late() -> None:
    assert steady_scale(LEAST_SCALE, 0.0) == LEAST_SCALE
    assert steady_scale(50e9, 55e9) == 60e9
    assert steady_scale(60e9, 45e9) == 60e9
    assert steady_scale(60e9, 30e9) == 30e9


def test_all_ports_share_the_scale_so_that_the_busiest_is_the_highest() -> None:
    sparks = prepared(watched(60), 20)
    last = [plain(sparks.of("")(port.id, Direction.RX, 20))[-1] for port in PORTS]
    heights = ["▁▂▃▄▅▆▇█".index(mark) for mark in last]
    assert heights == sorted(heights)
    assert heights[-1] >= 6
    assert 48e9 <= sparks.scale <= 80e9


def test_curves_begin_at_the_right_and_unknown_ports_are_blank() -> None:
    sparks = prepared(watched(10), 20)
    text = plain(sparks.of("")(PORTS[3].id, Direction.TX, 20))
    assert text.startswith(" " * 15)
    assert " " not in text[-3:]
    for columns in (1, 19, 20, 25):
        assert line_width(sparks.of("")(PORTS[3].id, Direction.TX, columns)) == columns
        assert plain(sparks.of("")(PortId("none", 1), Direction.RX, columns)) == " " * columns


def test_the_heading_has_scale_and_span_as_far_as_there_is_room() -> None:
    sparks = Sparklines()
    sparks.scale = 50e9
    assert [sparks.note(True, n) for n in (4, 5, 10, 11)] == ["", "0–50G", "0–50G", "0–50G, 60 s"]
    assert sparks.note(False, 20) == "0–6.25G, 60 s"
