"""The modes without a screen: rates from the first line on, alarms, events and hooks with them."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest

from mlxtop.cli import main
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Link, LinkLayer, LinkState, Sample, SourceKind
from mlxtop.outputs import headless
from mlxtop.outputs.headless import alarm_lines
from mlxtop.sampler.source import frames
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.event_list import TimedIncident
from tests.samples import PACU, WALL, G, Samples, ethernet, sample
from tests.watching import DOWN, Machine

UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G)


def look(tick: float, module: float = 50.0, link: Link = UP) -> Sample:
    port = ethernet(PACU, tick, 8e9, 8e9, module=module, link=link)
    return sample(tick, port)._replace(wall=WALL + tick)


HOT = [look(1.0), look(2.0), look(3.0, 76.0), look(4.0, 76.0, UP._replace(state=LinkState.DOWN))]


def stream(capsys: pytest.CaptureFixture[str], count: int) -> list[dict[str, object]]:
    assert headless.stream(frames(Samples(HOT), Event()), SourceKind.LIVE, count) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_first_frame_has_no_rates_and_is_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (first,) = stream(capsys, 1)
    port = first["adapters"][0]["ports"][0]  # type: ignore[index]
    assert port["rx_bps"] == pytest.approx(8e9)
    assert headless.batch(frames(Samples(HOT), Event()), SourceKind.LIVE, 1) == 0
    table = capsys.readouterr().out
    assert "8.00 G" in table or "8.0 G" in table


def test_every_object_has_the_alarms_and_what_happened_since_the_one_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    calm, warm, down = stream(capsys, 3)
    assert (calm["alarms"], calm["incidents"]) == ([], [])
    assert [alarm["kind"] for alarm in warm["alarms"]] == ["warning"]  # type: ignore[attr-defined]
    assert [e["kind"] for e in warm["incidents"]] == ["alarm"]  # type: ignore[attr-defined]
    kinds = {alarm["kind"] for alarm in down["alarms"]}  # type: ignore[attr-defined]
    assert kinds == {"warning", "link-down"}
    assert [e["kind"] for e in down["incidents"]] == ["link down"]  # type: ignore[attr-defined]


def test_an_alarm_line_has_its_mark_its_port_and_its_text() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.0)
    (first, *_) = alarm_lines(machine.alarms(), machine.watch.events)
    assert first.startswith("▲ ")
    assert "enp67s0np0 module at 76.0 °C" in first


def test_a_line_says_how_often_and_how_long() -> None:
    machine = Machine()
    for _ in range(2):
        machine.see(50.0)
        machine.see(50.0, DOWN)
    machine.see(50.0, seconds=7.0)
    (line,) = alarm_lines(machine.alarms(), ())
    assert line.endswith("link down (2 times), over after 7 s")


def test_text_of_devices_is_made_safe_in_lines() -> None:
    incident = Incident(IncidentKind.DRIVER, "\x1b[31mred", Severity.NOTE, 1.0, ifname="p\x1b0")
    (line,) = alarm_lines((), [TimedIncident(5.0, incident)])
    assert "\x1b" not in line


def test_tables_are_followed_by_alarms_and_events_as_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert headless.batch(frames(Samples(HOT), Event()), SourceKind.LIVE, 3) == 0
    calm, warm, down = capsys.readouterr().out.strip().split("\n\n")
    assert "▲" not in calm.splitlines()[-1]
    assert any(line.startswith("▲ ") and "76.0 °C" in line for line in warm.splitlines())
    assert any("link down, was up" in line for line in down.splitlines())


def test_hooks_are_run_for_what_becomes_bad() -> None:
    fired: list[Alert] = []
    assert headless.batch(frames(Samples(HOT), Event()), SourceKind.LIVE, 3, fired.append) == 0
    assert [alert.kind for alert in fired] == [AlertKind.WARNING, AlertKind.LINK_DOWN]


def test_a_line_says_when_where_and_what() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.0)
    (first, *_) = alarm_lines(machine.alarms(), machine.watch.events)
    assert first.startswith("▲ ")
    assert "enp67s0np0 module at 76.0 °C" in first


BAD_LANE = str(Path(__file__).parent / "hosts" / "bad-lane.txt")


@pytest.mark.parametrize("options", [("--once",), ("--batch", "-n", "1")])
def test_errors_of_a_captured_machine_are_those_since_boot(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert main(["--root", BAD_LANE, *options]) == 0
    head, _, _, row = capsys.readouterr().out.splitlines()[:4]
    assert head.endswith("ERRORS since boot")
    assert " 41 " in row, "41 symbols that were not corrected made 41 wrong checksums"


def test_errors_of_tables_one_after_the_other_are_those_since_the_start() -> None:
    first = next(frames(Samples(HOT), Event()))
    assert "since boot" not in headless.table(first, SourceKind.LIVE)


def test_lanes_with_errors_are_in_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", BAD_LANE, "--once", "--json"]) == 0
    (port,) = json.loads(capsys.readouterr().out)["adapters"][0]["ports"]
    lanes = [port["errors"][f"rx_err_lane_{lane}_phy"] for lane in range(4)]
    assert lanes == [812, 640, 9120331, 701]
    assert port["errors_since"] == "boot"


@pytest.mark.parametrize(("asked", "width"), [("80", 80), ("", 160)])
def test_a_table_in_a_pipe_is_as_wide_as_columns_says(
    asked: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", asked)
    each = frames(Samples(HOT), Event())
    next(each)
    lines = headless.table(next(each), SourceKind.LIVE).split("\n")
    assert width - 20 < max(map(len, lines)) <= width
