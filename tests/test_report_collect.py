"""A recording in a report: incidents, gaps, clocks that jump, ports that come and go."""

from __future__ import annotations

import os
import random
from math import inf
from pathlib import Path

import pytest

from mlxtop.model.sample import AerError, Sample
from mlxtop.outputs.report_document import document
from mlxtop.present.report import sections
from mlxtop.present.text import plain
from mlxtop.recording.mask import SampleMask
from mlxtop.recording.recording import Recording, open_recording
from mlxtop.report import collect as collecting
from mlxtop.report.collect import collect, named_events
from mlxtop.report.values import LoadRun, Report
from mlxtop.watch.causes import subject_of
from tests.recorded import machine, write
from tests.samples import IB, PACU, WALL, ethernet, half_slot, pacu, sample
from tests.test_observe import at, counted

FRY = 300
"""Seconds of a machine that gets too hot twice."""


def recorded(path: Path, samples: tuple[Sample, ...]) -> Recording:
    return open_recording(str(write(path / "a.mlxrec", samples)))


@pytest.fixture(scope="module")
def fry(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recorded(tmp_path_factory.mktemp("fry"), machine("fry", FRY))


def texts(report: Report) -> list[str]:
    return [
        f"{subject_of(one.cause.lead.incident)} {one.cause.lead.incident.text}"
        for one in report.incidents
    ]


def test_a_report_has_what_a_screen_would_have_shown(fry: Recording) -> None:
    report = collect(fry)
    assert (report.host, report.source, report.samples) == ("fry", "demo", FRY)
    assert report.cards == ("ConnectX-4",)
    hot = next(one for one in report.incidents if "alarm at 80" in one.cause.lead.incident.text)
    assert hot.cause.begin - report.begin == 53
    port = next(one for one in report.ports if one.name == "enp67s0np0")
    module = port.sensors[0]
    assert 0 < module.above_alarm_s < module.above_warning_s < report.seconds
    assert module.spread.peak >= 80
    tx = port.rates["tx"]
    assert tx is not None and tx.mean < tx.p95 <= tx.peak
    assert not report.masked and report.problems == ()


def test_incidents_are_in_order_with_the_numbers_of_the_whole_recording(fry: Recording) -> None:
    report = collect(fry)
    begins = [one.cause.begin for one in report.incidents]
    assert begins == sorted(begins)
    assert [one.number for one in report.incidents] == list(range(1, len(begins) + 1))
    named = named_events(fry)
    assert [one.number for one in named] == [one.number for one in report.incidents]
    assert [one.wall for one in named] == begins
    assert [one.text for one in named] == texts(report)


def test_a_part_has_only_its_own_time(fry: Recording) -> None:
    whole, part = collect(fry), collect(fry, fry.begin + 10, fry.begin + 40)
    assert (part.begin, part.end) == (fry.begin + 10, fry.begin + 40)
    assert part.samples == 31
    assert part.seconds == pytest.approx(30.0)
    assert not any("80" in text for text in texts(part))  # that comes later
    assert [one for one in texts(part) if one not in texts(whole)] == []
    for port in part.ports:
        assert port.seconds == pytest.approx(30.0)
        spread = port.rates["tx"]
        assert spread is not None and part.begin <= spread.peak_wall <= part.end


def test_what_goes_on_from_before_is_there_and_what_was_over_is_not(fry: Recording) -> None:
    alarm = next(
        one.cause for one in collect(fry).incidents if "alarm at" in one.cause.lead.incident.text
    )
    [first] = [event for event in (alarm.lead, *alarm.others) if event.wall == alarm.begin]
    assert first.until is not None
    during = collect(fry, first.wall + 5, first.until - 5)
    assert any("alarm at" in text for text in texts(during))
    after = collect(fry, first.until + 5, first.until + 10)
    assert not any("alarm at" in text for text in texts(after))


def test_a_long_recording_is_played_from_a_quarter_of_an_hour_before(tmp_path: Path) -> None:
    ticks = range(0, 5000, 10)
    whole = recorded(tmp_path, tuple(pacu(float(tick)) for tick in ticks))
    part = collect(whole, WALL + 4000, WALL + 4100)
    assert part.samples == 11
    assert [one.number for one in part.incidents] == [None] * len(part.incidents)


def test_gaps_restarts_and_clocks_that_are_set_are_told(tmp_path: Path) -> None:
    samples = list(machine("pacu", 60))
    for place in range(30, 60):
        samples[place] = samples[place]._replace(wall=samples[place].wall + 3600)
    report = collect(recorded(tmp_path, tuple(samples)))
    assert report.samples == 60
    assert [text for text in report.problems if "clock was set forward by 3600 s" in text]
    assert report.gaps == ()
    boots = [pacu(float(tick)) for tick in (100, 101, 102)]
    boots += [pacu(float(tick))._replace(wall=WALL + 500 + tick) for tick in (1, 2, 3)]
    other = tmp_path / "other"
    other.mkdir()
    again = collect(recorded(other, tuple(boots)))
    [gap] = again.gaps
    assert (gap.begin - WALL, gap.end - WALL) == (102, 501)
    assert "again" in gap.why
    assert again.seconds == 4


def test_ports_that_come_and_go_are_all_there(tmp_path: Path) -> None:
    def at(tick: float) -> Sample:
        ports = [ethernet(PACU, tick, 1e9, 1e9)] if tick < 20 else []
        ports += [ethernet(IB, tick, 2e9, 1e9)] if tick >= 10 else []
        return sample(tick, *ports)

    report = collect(recorded(tmp_path, tuple(at(float(tick)) for tick in range(1, 31))))
    seen = {port.name: (port.seconds, port.gone) for port in report.ports}
    assert seen == {"enp67s0np0": (19.0 - 1, True), "ibp67s0f1": (21.0, False)}
    assert any("enp67s0np0" in text for text in texts(report))


def test_pcie_errors_are_what_was_gained(tmp_path: Path) -> None:
    bad, total = AerError("0000:40:03.0", "BadTLP"), AerError("0000:40:03.0", "total_err_cor")

    def at(tick: int) -> Sample:
        slot = half_slot()._replace(aer={bad: 3 + tick, total: 100 + tick})
        return pacu(float(tick))._replace(pcie={"0000:43:00": slot})

    report = collect(recorded(tmp_path, tuple(at(tick) for tick in range(1, 11))))
    assert report.pcie_errors == {str(bad): 9}


def run(begin: float, end: float) -> LoadRun:
    return LoadRun("a", begin, end, "iperf3", "p0", "fry", "send", 1e9, "complete", "fry and pacu")


@pytest.mark.parametrize(
    ("begin", "end", "there"),
    [(-9, -1, False), (-9, 0, True), (5, 6, True), (299, 400, True), (300, 400, False)],
)
def test_loads_of_the_time_are_there(fry: Recording, begin: float, end: float, there: bool) -> None:
    report = collect(fry, loads=[run(fry.begin + begin, fry.begin + end)])
    assert bool(report.loads) is there


def test_a_mask_hides_names_in_the_whole_report(fry: Recording) -> None:
    load = run(fry.begin, fry.begin + 1)
    report = collect(fry, loads=[load], mask=SampleMask(["fry", "pacu"]))
    assert report.masked
    assert report.host == "host"
    assert "fry" not in repr(report) and "pacu" not in repr(report)
    assert [port.rates for port in report.ports] == [port.rates for port in collect(fry).ports]


def test_progress_is_told(fry: Recording) -> None:
    shares: list[float] = []
    collect(fry, progress=shares.append)
    assert shares and all(0 <= share <= 1 for share in shares)


def test_too_many_ports_are_told(fry: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MOST_PORTS", 1)
    again = open_recording(str(fry.paths[0]))
    report = collect(again)
    assert len(report.ports) == 1
    assert any("more than 1 ports" in text for text in report.problems)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_recording_gives_a_report_or_a_reason(
    fry: Recording, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    data = bytearray(fry.paths[0].read_bytes())
    for _ in range(rng.randint(1, 40)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path = tmp_path / "a.mlxrec"
    path.write_bytes(data[: rng.randrange(1, len(data))])
    try:
        report = collect(open_recording(str(path)))
    except ValueError as error:
        assert "holds no sample" in str(error)
        return
    assert report.samples <= FRY
    assert report.begin <= report.end < inf


def test_two_recordings_after_each_other_are_one_report(fry: Recording, tmp_path: Path) -> None:
    first, second = machine("fry", FRY)[:100], machine("fry", FRY)[200:]
    write(tmp_path / "a.mlxrec", first)
    write(tmp_path / "b.mlxrec", second)
    folder = collect(open_recording(str(tmp_path)))
    joined = tmp_path / "joined"
    joined.write_bytes((tmp_path / "a.mlxrec").read_bytes() + (tmp_path / "b.mlxrec").read_bytes())
    os.unlink(tmp_path / "a.mlxrec")
    for report in (folder, collect(open_recording(str(joined)))):
        assert report.samples == 200
        [gap] = report.gaps
        assert gap.end - gap.begin == second[0].wall - first[-1].wall
        assert gap.why == "nothing was recorded"


def test_a_recording_brings_the_history_of_its_links(fry: Recording) -> None:
    report = collect(fry, mask=SampleMask(["fry"]))
    port = next(one for one in report.ports if one.name == "enp67s0np0")
    assert port.health is not None
    assert len(port.health.minutes) + len(port.health.hours) >= 5
    assert port.health.best["speed"].words == "100 Gb/s"


def test_errors_of_days_have_a_course_in_the_report(tmp_path: Path) -> None:
    total, samples = 1000, []
    for hour in range(24 * 3):
        tick = 1.0 + hour * 3600
        total += round(1e6 * 10 ** (hour / 48))
        samples.append(at(tick, wall=WALL + tick, readings=counted(tick, total)).sample)
    report = collect(recorded(tmp_path, tuple(samples)))
    (port,) = report.ports
    assert port.health is not None
    assert len(port.health.hours) >= 24 * 3 - 2
    text = "\n".join(plain(line) for part in sections(report, 90) for line in part.lines)
    assert "their course     3.2 times more a day" in text
    history = document(report)["ports"][0]["history"]
    assert history["decades_a_day"] == pytest.approx(0.5, abs=0.05)
