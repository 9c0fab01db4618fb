"""What a module signals on a link that is up, and lanes that carry most of the errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.counters import Origin, Severity
from mlxtop.model.module import Flag, Lane, LinkReport, Module, Quantity, Thresholds
from mlxtop.model.sample import LinkState
from tests.cases import GOOD, MODULE, NOTE, WARNING, linked, only, report, run, unknown
from tests.situations import Situation, ethernet


def signalling(
    *flags: Flag, seen: float = 5.0, tick: float = 5.0, state: str | None = None
) -> Module:
    """A module that signals these flags since an instant, as it was read at another."""
    return MODULE._replace(
        flags=frozenset(flags),
        seen=dict.fromkeys(flags, seen),
        tick=tick,
        state=state,
        source="ethtool",
    )


LOST = tuple(Flag("rx loss of signal", lane) for lane in range(1, 5))


@pytest.mark.parametrize(
    "flag",
    [
        Flag("module firmware fault"),
        Flag("data path firmware fault"),
        Flag("module fault: TEC runaway"),
    ],
)
def test_a_module_that_signals_a_fault_is_a_warning(flag: Flag) -> None:
    finding = only(run("module faults", module=signalling(flag, LOST[0])))
    assert finding.severity is WARNING
    assert flag.text in finding.evidence
    assert "rx loss of signal on lane 1" in finding.evidence


def test_a_laser_fault_read_once_is_a_note_and_read_again_a_warning() -> None:
    fault = Flag("tx fault", 2)
    once = only(run("module faults", module=signalling(fault)))
    assert (once.severity, "tx fault on lane 2" in once.evidence) == (NOTE, True)
    again = only(run("module faults", module=signalling(fault, seen=5.0, tick=15.0)))
    assert again.severity is WARNING


@pytest.mark.parametrize(
    ("told", "severity"), [(Flag("rx loss of lock", 1), NOTE), (Flag("tx fault", 2), WARNING)]
)
def test_what_the_tool_tells_of_a_laser_is_so_now_and_what_else_it_tells_says_nothing(
    told: Flag, severity: Severity
) -> None:
    report = LinkReport(module=signalling(told), source="mlxlink")
    fault = signalling(Flag("tx fault", 2))
    assert only(run("module faults", module=fault, report=report)).severity is severity


def test_an_sfp_module_shows_its_laser_as_it_is_now() -> None:
    fault = signalling(Flag("tx fault", 1))
    sfp = fault._replace(identity=fault.identity._replace(identifier="SFP"))
    assert only(run("module faults", module=sfp)).severity is WARNING


def test_faults_are_told_by_their_lanes() -> None:
    faults = [Flag("tx fault", lane) for lane in (1, 2)] + [Flag("module firmware fault")]
    found = only(run("module faults", module=signalling(*faults)))
    assert "module firmware fault; tx fault on lanes 1, 2" in found.evidence
    assert "when the link last came up" in found.why


def test_the_tool_tells_faults_of_a_module_whose_memory_does_not() -> None:
    told = LinkReport(module=signalling(Flag("data path firmware fault")), source="mlxlink")
    assert "data path" in only(run("module faults", module=None, report=told)).evidence


def test_a_module_that_tells_nothing_or_has_no_link_is_nothing_to_look_at() -> None:
    assert "module faults" in report(module=MODULE).idle["no module that tells of its faults"]
    off = replace(GOOD, link=ethernet(None, state=LinkState.ADMIN_DOWN))
    assert run("module faults", off, module=signalling(Flag("tx fault", 1))) == []


def test_the_state_of_a_module_is_evidence() -> None:
    finding = only(run("module faults", module=signalling(state="fault")))
    assert "the module's state is fault" in finding.evidence
    assert run("module faults", module=signalling(state="ready")) == []
    assert run("module faults", module=signalling(state="low power")) == []


def test_a_loss_is_a_fault_only_where_a_later_reading_shows_it_again() -> None:
    first = unknown(run("module faults", module=signalling(*LOST)))
    assert "rx loss of signal on lanes 1, 2, 3, 4" in first.reason
    again = only(run("module faults", module=signalling(*LOST, seen=5.0, tick=15.0)))
    assert "again and again: rx loss of signal on lanes 1, 2, 3, 4" in again.evidence
    lock = signalling(Flag("rx loss of lock", 1), seen=5.0, tick=15.0)
    assert run("module faults", module=lock) == []


@pytest.mark.parametrize(
    ("words", "opcode", "tells"),
    [
        ("Bad signal integrity", 15, True),
        ("Cable speed not enabled", 25, True),
        ("No issue was observed", 0, False),
        ("No issue was observed.", 0, False),
        ("Info not available", 1023, False),
        ("The port is closed by command. Please check that the interface is enabled", 1, False),
        ("Cable is unplugged", 1024, False),
    ],
)
def test_a_recommendation_is_told_where_it_recommends_something(
    words: str, opcode: int, tells: bool
) -> None:
    told = LinkReport(recommendation=words, opcode=opcode, source="mstlink")
    outcome = run("module faults", module=None, report=told)
    assert bool(outcome) is tells
    if tells:
        assert f"mstlink: {words} (status opcode {opcode})" in only(outcome).evidence


def counting(*lanes: int, pcs: int = 0) -> Situation:
    """A port whose driver counts such errors on its lanes since the start."""
    gauges = {f"rx_err_lane_{n}_phy": count for n, count in enumerate(lanes)}
    return replace(GOOD, gauges={**gauges, "rx_pcs_symbol_err_phy": pcs})


@pytest.mark.parametrize(
    ("lanes", "pcs", "found"),
    [
        ((10, 20, 30, 8940), 3, True),
        ((10, 20, 30, 8940), 0, False),
        ((400, 300, 300, 8000), 3, False),
        ((0, 0, 0, 999), 3, False),
        ((0, 0, 0, 1000), 3, True),
        ((0, 100, 0, 900), 3, True),
        ((0, 101, 0, 900), 3, False),
        ((5000,), 3, False),
    ],
)
def test_a_lane_is_named_where_it_has_nearly_all_errors_and_some_were_left(
    lanes: tuple[int, ...], pcs: int, found: bool
) -> None:
    outcome = run("errors by lane", counting(*lanes, pcs=pcs))
    assert bool(outcome) is found
    if found:
        assert "lane 3 of 0 to 3 (lane 4 of the module)" in only(outcome).evidence
        assert "3 could not be corrected" in only(outcome).evidence


def test_the_tool_counts_lanes_where_the_driver_does_not() -> None:
    told = LinkReport(raw_errors=(9, 90_000, 7, 8), effective_errors=4, source="mlxlink")
    finding = only(run("errors by lane", report=told))
    assert "lane 1 of 0 to 3 (lane 2 of the module) has 90000 of 90024" in finding.evidence
    assert "4 effective errors" in finding.evidence
    assert run("errors by lane", report=told._replace(effective_errors=0)) == []
    total = {(Origin.DRIVER, "rx_err_lane_0_phy"): 1.0}
    assert run("errors by lane", replace(GOOD, events=total), report=told) == []


def test_a_port_without_link_is_left_to_the_check_of_links() -> None:
    down = replace(GOOD, link=ethernet(None, state=LinkState.DOWN))
    assert run("module faults", down, module=signalling(Flag("tx fault", 1))) == []


def dark(*lanes: int, bias: float = 7.0) -> Module:
    """A module of which some lanes receive no light, their lasers at such a current."""
    return MODULE._replace(
        lanes=tuple(
            Lane(0.0, 0.9 if bias else 0.0, bias) if n in lanes else Lane(0.8, 0.9, 7.0)
            for n in range(1, 5)
        )
    )


def test_a_dark_lane_is_a_fault_unless_it_is_not_used() -> None:
    assert "rx power of lane 2 is 0.000 mW" in only(run("optical power", module=dark(2))).evidence
    assert run("optical power", module=dark(2, bias=0.0)) == []
    low = dark(2, bias=0.0)._replace(flags=frozenset({Flag("rx power low alarm", 2)}))
    assert only(run("optical power", module=low))
    lost = dark(2, bias=0.0)._replace(flags=frozenset({Flag("rx loss of signal", 2)}))
    assert run("optical power", module=lost) == []


def test_dark_lanes_are_not_judged_where_those_of_the_link_have_light() -> None:
    assert run("optical power", GOOD, linked(1), module=dark(2, 3, 4)) == []
    assert run("optical power", GOOD, linked(2), module=dark(3, 4)) == []
    assert len(run("optical power", GOOD, linked(2), module=dark(2, 3, 4))) == 3


def test_light_that_is_sent_and_reads_zero_was_not_measured() -> None:
    limits = {Quantity.TX_POWER: Thresholds(3.4, 0.05, 2.2, 0.1)}
    module = MODULE._replace(lanes=(Lane(0.8, 0.0, 7.0),) * 4, thresholds=limits)
    answer = unknown(run("optical power", module=module))
    assert answer.label == "p1: tx power"
    assert "not measured" in answer.reason
    one = module._replace(lanes=(Lane(0.8, 0.9, 7.0), Lane(0.8, 0.0, 7.0)))
    assert "tx power of lane 2" in only(run("optical power", module=one)).evidence
