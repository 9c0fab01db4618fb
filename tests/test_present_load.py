"""A load test in words: its guard, its course, and an outcome with the worst first."""

from __future__ import annotations

import pytest

from mlxtop.analysis.crossing import Crossing
from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.load.outcome import HeatReport, LoadStatus, Outcome, Phase, SensorHeat
from mlxtop.load.request import GuardOptions, LoadPlan, LoadRequest
from mlxtop.model.load import FlowResult, LoadInterval, LoadResult
from mlxtop.present.load import guard_text, outcome_runs, status_line
from mlxtop.present.load_status import spark, status_sections
from mlxtop.present.text import Line, Role, line_width, plain
from mlxtop.watch.heat_limits import HeatLimits

from .load_lab import PEER

LIMITS = HeatLimits(75.0, 80.0, 85.0, "module's own thresholds")
MODULE = SensorHeat("module", LIMITS, start=62.0, last=72.0, peak=74.0)
CHIP = SensorHeat("asic", HeatLimits(105.0, 115.0, None, "manual"), last=88.0, peak=90.0)
PLAN = LoadPlan(LoadRequest(PEER), expected=100e9, bound_by="link")


def outcome(
    *sensors: SensorHeat, ended: str = "complete", reason: str | None = None
) -> list[tuple[str, Role]]:
    result = LoadResult(10.0, FlowResult(sent_bps=95e9, received_bps=None))
    heat = HeatReport(True, reason, sensors)
    return list(outcome_runs(Outcome(PLAN, ended, False, result, (), heat, None, ())))


def status(phase: Phase, *sensors: SensorHeat) -> LoadStatus:
    intervals = (LoadInterval(0.0, 1.0, 54e9),)
    return LoadStatus(phase, 3.0, 7.0, intervals, 54e9, None, sensors, not sensors, None)


@pytest.mark.parametrize(
    ("peak", "passed", "role"),
    [
        (74.9, None, None),
        (75.0, "module passed its warning limit of 75 °C", Role.WARNING),
        (80.0, "module passed its alarm limit of 80 °C", Role.CRITICAL),
        (85.0, "module passed its shutdown limit of 85 °C", Role.CRITICAL),
    ],
)
def test_a_limit_that_was_passed_comes_first(
    peak: float, passed: str | None, role: Role | None
) -> None:
    first = outcome(CHIP, MODULE._replace(peak=peak))[0]
    assert first == ((passed, role) if passed else ("95.0 Gb/s sent, 10.0 s", Role.STRONG))


def test_of_limits_the_worst_is_told_first() -> None:
    hot = CHIP._replace(peak=110.0), MODULE._replace(peak=80.0)
    texts = [text for text, _ in outcome(*hot)]
    assert texts[:2] == [
        "module passed its alarm limit of 80 °C",
        "ASIC passed its warning limit of 105 °C",
    ]
    assert not any("below its warning limit" in text for text in texts)


def test_a_stop_by_the_guard_is_the_first_line_and_what_to_try_the_last() -> None:
    told = outcome(MODULE, ended="stopped by the heat guard: hot", reason="hot")
    assert told[0] == ("stopped by the heat guard: hot", Role.CRITICAL)
    assert told[-1][0].startswith(f"next: mlxtop load {PEER} --hold finds the rate")
    assert not any("as good as it gets" in text for text, _ in told)
    assert any("1.0 below its warning limit" in text for text, _ in told)
    assert outcome(MODULE, ended="cancelled")[0] == ("cancelled", Role.WARNING)


@pytest.mark.parametrize(
    ("options", "sensors", "told"),
    [
        (GuardOptions(), (CHIP, MODULE), "stops at ASIC 105 °C, module 75 °C, or 15 s before"),
        (GuardOptions(ahead=0.0), (MODULE,), "stops at module 75 °C"),
        (GuardOptions(), (), "no sensor that could stop the load"),
        (GuardOptions(armed=False), (MODULE,), "off, nothing stops the load when it gets hot"),
    ],
)
def test_the_plan_says_what_the_guard_will_do(
    options: GuardOptions, sensors: tuple[SensorHeat, ...], told: str
) -> None:
    assert guard_text(options, sensors)[0] == f"guard: {told}"


def test_nothing_flows_while_it_cools_down() -> None:
    def text(phase: Phase) -> str:
        sections = status_sections(PLAN, status(phase, MODULE), 60)
        return "\n".join(plain(line) for section in sections for line in section.lines)

    assert "Now" in text(Phase.LOAD) and "nothing flows" not in text(Phase.LOAD)
    assert "nothing flows any more" in text(Phase.COOLING)
    assert status_line(status(Phase.COOLING, MODULE)) == "cooling down, 7 s left  module 72.0 °C"


def heat_of(running: LoadStatus, columns: int) -> list[Line]:
    """The lines of a running test that stand for its sensors."""
    (load, _) = status_sections(PLAN, running, columns)
    places = [n for n, line in enumerate(load.lines) if plain(line).startswith("Mean")]
    ends = [n for n, line in enumerate(load.lines) if set(plain(line)) <= set(" ▁▂▃▄▅▆▇█")]
    return list(load.lines[places[0] + 1 : ends[0]])


@pytest.mark.parametrize(
    ("celsius", "role", "left"),
    [
        (69.9, Role.GOOD, "5 K below 75 °C"),
        (70.0, Role.WARNING, "5 K below 75 °C"),
        (80.0, Role.CRITICAL, "5 K above 75 °C"),
    ],
)
def test_a_thermometer_has_the_colour_of_its_state(celsius: float, role: Role, left: str) -> None:
    hot = status(Phase.LOAD, MODULE._replace(last=celsius))
    (meter,) = heat_of(hot, 60)
    assert meter[1][1] is role and line_width(meter) == 60
    assert plain(meter).endswith(f" {left}")


def test_where_a_sensor_is_heading_is_told_while_it_is_loaded() -> None:
    ahead = Forecast(1.0, Trend.RISING, settles=97.0, warning=Crossing(75.0, 1.0, 8.0))
    warm = MODULE._replace(forecast=ahead)

    def lines(phase: Phase) -> list[str]:
        return [plain(line).strip() for line in heat_of(status(phase, warm), 60)]

    assert lines(Phase.LOAD)[1:] == ["there in 8 s"]
    assert len(lines(Phase.COOLING)) == 1


@pytest.mark.parametrize("columns", [20, 40, 76])
def test_no_line_of_heat_is_wider_than_its_panel(columns: int) -> None:
    ill = MODULE._replace(problem="no answer for 112 s")
    lines = heat_of(status(Phase.LOAD, MODULE, ill), columns)
    assert len(lines) >= 2
    assert all(line_width(line) <= max(columns, 33) for line in lines)


def test_bars_stand_on_their_lines_and_the_newest_are_kept() -> None:
    rates = [LoadInterval(n, n + 1, bps) for n, bps in enumerate((1e9, 0.0, 5e9, 10e9))]
    assert spark(rates, 10e9, 3, 2) == ["  █", "▁██"]
    assert spark(rates, None, 9) == ["▁▁▄█"]
