"""What is good of a recording is read, and the rest is told, whoever wrote it."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.sample import Sample
from mlxtop.recording import moments as moments_module
from mlxtop.recording import stream
from mlxtop.recording.lines import Line, Lines, Members
from mlxtop.recording.moments import Moment, moments, parse_line
from mlxtop.recording.stream import Problems, read_lines
from tests.samples import PACU, ethernet, sample


def at(tick: float, host: str = "pacu", wall: float | None = None) -> Sample:
    one = sample(tick, ethernet(PACU, tick, 1e9, 1e9))
    wall = one.wall if wall is None else wall
    return one._replace(host=one.host._replace(name=host), wall=wall)


@cache
def lines_of(*ticks: float, id: str = "a") -> tuple[bytes, ...]:
    lines = Lines(id=id)
    return tuple(line.data for tick in ticks for line in lines.of(at(tick)))


def of_samples(*samples: Sample, id: str = "a") -> list[bytes]:
    lines = Lines(id=id)
    return [line.data for one in samples for line in lines.of(one)]


def zipped(lines: Iterable[bytes]) -> bytes:
    members, data = Members(), b""
    for data_of_line in lines:
        line = stream_line(data_of_line)
        if line.opens:
            data += members.finish()
        data += members.add(line)
    return data + members.finish()


def stream_line(data: bytes) -> Line:
    return Line(data, data.startswith(b'{"mlxrec"'))


def read(data: bytes) -> tuple[list[Moment], list[str]]:
    problems = Problems()
    found = list(moments(read_lines(io.BytesIO(data), 0, problems), problems))
    return found, problems.all()


def ticks(found: Iterable[Moment]) -> list[float]:
    return [moment.sample.tick for moment in found]


MINUTES = tuple(float(tick) for tick in range(0, 1300, 13))


@pytest.mark.parametrize(
    "form", [zipped, lambda lines: b"\n".join([*lines, b""])], ids=["gzip", "text"]
)
def test_a_recording_reads_back_also_as_text(form: Callable[[Iterable[bytes]], bytes]) -> None:
    found, problems = read(form(lines_of(*MINUTES)))
    assert [moment.sample for moment in found] == [at(tick) for tick in MINUTES]
    assert [moment.restarts for moment in found] == [True] + [False] * (len(MINUTES) - 1)
    assert {moment.gap for moment in found} == {None}
    assert problems == []


def test_it_reads_back_when_another_program_has_packed_it() -> None:
    text = b"\n".join([*lines_of(*MINUTES), b""])
    found, problems = read(gzip.compress(text))
    assert ticks(found) == list(MINUTES)
    assert problems == []


@pytest.mark.parametrize("seed", range(8))
def test_lines_that_are_lost_are_gaps_and_nothing_wrong(seed: int) -> None:
    chance = random.Random(seed)
    kept = [line for line in lines_of(*MINUTES) if chance.random() > 0.05]
    found, problems = read(zipped(kept))
    whole = {tick: at(tick) for tick in MINUTES}
    assert all(moment.sample == whole[moment.sample.tick] for moment in found)
    lost = len(lines_of(*MINUTES)) - len(kept)
    assert lost
    missing = [tick for tick in MINUTES if tick not in ticks(found)]
    for before, after in pairwise(found):
        between = any(before.sample.tick < tick < after.sample.tick for tick in missing)
        assert bool(after.gap) is between
    assert not missing or problems


def test_a_part_whose_head_is_lost_goes_on_with_the_tables_of_the_one_before() -> None:
    lines = list(lines_of(*MINUTES))
    second = next(n for n, line in enumerate(lines) if n and line.startswith(b'{"mlxrec"'))
    found, _ = read(zipped(lines[:second] + lines[second + 1 :]))
    assert ticks(found) == list(MINUTES)


def test_without_any_head_nothing_is_guessed() -> None:
    found, _ = read(zipped(line for line in lines_of(*MINUTES) if b'{"mlxrec"' not in line))
    assert found == []


def test_damage_in_the_middle_costs_what_is_damaged() -> None:
    data = bytearray(zipped(lines_of(*MINUTES)))
    middle = len(data) // 2
    data[middle : middle + 20] = b"\xff" * 20
    found, problems = read(bytes(data))
    there = ticks(found)
    assert there == sorted(there)
    assert there[:20] == list(MINUTES[:20])
    assert there[-1] == MINUTES[-1]
    assert [moment.sample for moment in found] == [at(tick) for tick in there]
    assert any("damaged" in text for text in problems)


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_damage_anywhere_raises_nothing(place: int, garbage: bytes) -> None:
    data = bytearray(zipped(lines_of(*MINUTES[:60])))
    place %= len(data)
    data[place : place + len(garbage)] = garbage
    found, _ = read(bytes(data))
    whole = {tick: at(tick) for tick in MINUTES}
    assert sum(moment.sample != whole.get(moment.sample.tick) for moment in found) <= 60


def test_rubbish_between_parts_is_told() -> None:
    one, two = zipped(lines_of(1.0, 2.0)), zipped(lines_of(5.0, 6.0, id="b"))
    found, problems = read(one + b"rubbish" * 1000 + two)
    assert ticks(found) == [1.0, 2.0, 5.0, 6.0]
    assert any("something else" in text for text in problems)


def test_recordings_one_after_the_other_are_one_with_a_gap_between() -> None:
    found, _ = read(zipped(lines_of(1.0, 2.0)) + zipped(lines_of(50.0, 51.0, id="b")))
    assert [(one.gap, one.restarts) for one in found[2:]] == [
        ("nothing was recorded", False),
        (None, False),
    ]


@pytest.mark.parametrize(
    ("later", "restarts"),
    [
        (at(50.0), False),
        (at(50.0, host="fry"), True),
        (at(0.5, wall=at(50.0).wall), True),
        (at(50.0, wall=at(50.0).wall + 59.0), False),
        (at(50.0, wall=at(50.0).wall + 61.0), True),
    ],
    ids=["same", "another machine", "started anew", "clock a minute off", "another start"],
)
def test_what_does_not_go_on_restarts(later: Sample, restarts: bool) -> None:
    lines = [*of_samples(at(1.0), at(2.0)), *of_samples(later, id="b")]
    assert read(zipped(lines))[0][-1].restarts is restarts


def test_a_clock_that_jumped_restarts_nothing() -> None:
    jumped = at(3.0, wall=at(3.0).wall - 86400.0)
    found, problems = read(zipped(of_samples(at(1.0), at(2.0), jumped)))
    assert [moment.restarts for moment in found] == [True, False, False]
    assert found[-1].sample == jumped
    assert problems == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b'{"change": 2}',
        b'{"change": "2", "sample": {}}',
        b'{"change": 2, "sample": []}',
        b'{"key": 2}',
        b'{"key": 2, "id": "a", "sample": {"wall": NaN}}',
        b"[" * 100_000,
        b'{"key": ' + b"9" * 5000 + b"}",
        b'{"mlxrec": {}, "types": [], "tables": 5}',
        b'{"gap": [], "samples": {}}',
        b'{"end": {}}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_makes_no_sense_ends_nothing(line: bytes) -> None:
    lines = [*lines_of(1.0, 2.0), line, *lines_of(3.0, 4.0, id="b")]
    found, _ = read(b"\n".join([*lines, b""]))
    assert ticks(found) == [1.0, 2.0, 3.0, 4.0]


def test_a_whole_sample_without_a_number_is_a_gap() -> None:
    lines = list(lines_of(1.0, 2.0, 62.0, 63.0, 130.0))
    lines[3] = lines[3].replace(b'{"key":2,', b'{"key":"2",')
    found, problems = read(b"\n".join([*lines, b""]))
    assert [(one.sample.tick, one.gap is None) for one in found] == [
        (1.0, True),
        (2.0, True),
        (130.0, False),
    ]
    assert "a whole sample has no number" in problems[0]


def test_a_line_that_is_too_long_is_left_out_without_being_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "LINE", 50_000)
    lines = [*lines_of(1.0, 2.0), b" " * 200_000, *lines_of(3.0, id="b")]
    found, problems = read(gzip.compress(b"\n".join([*lines, b""])))
    assert ticks(found) == [1.0, 2.0, 3.0]
    assert "a line is too long for a recording" in problems


def test_a_line_of_too_many_parts_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"change": 1, "x": [0] * 10}).encode()
    assert parse_line(line) is not None
    monkeypatch.setattr(moments_module, "ITEMS", 9)
    assert parse_line(line) is None


@pytest.mark.parametrize(
    ("wall", "tick"), [(-1.0, 3.0), (1e19, 3.0), (at(3.0).wall, 1e19), (at(3.0).wall, -1e19)]
)
def test_a_sample_of_no_time_is_a_gap(wall: float, tick: float) -> None:
    odd = at(3.0)._replace(wall=wall, tick=tick)
    found, _ = read(zipped(of_samples(at(1.0), odd)))
    assert ticks(found) == [1.0]


def test_an_incident_of_no_time_keeps_its_words() -> None:
    far = Incident(IncidentKind.RESET, "reset", tick=-1e19, until=1e18)
    near = Incident(IncidentKind.RESET, "again", tick=0.5)
    found, _ = read(zipped(of_samples(at(1.0)._replace(incidents=(far, near)))))
    assert found[0].sample.incidents == (far._replace(tick=None, until=None), near)


def test_samples_that_were_not_written_are_told_with_the_next_one() -> None:
    lines = Lines()
    data = [line.data for line in lines.of(at(1.0))]
    data.append(lines.gap(7, "writing was too slow").data)
    data += [line.data for line in lines.of(at(9.0))]
    found, problems = read(zipped(data))
    assert found[-1].gap == "7 samples were not written: writing was too slow"
    assert problems == []


def test_of_many_problems_only_the_number_is_told() -> None:
    problems = Problems()
    for number in range(stream.TOLD + 5):
        problems.tell(f"problem {number}")
    problems.tell("problem 0")
    assert len(problems.all()) == stream.TOLD + 1
    assert problems.all()[-1] == "5 more of this kind"


def test_values_that_cannot_be_read_are_told_once_for_a_recording() -> None:
    def spoiled(line: bytes) -> bytes:
        return line.replace(b'"cpus":16', b'"cpus":"many"').replace(b'"mtu":9000', b'"mtu":"x"')

    ticks = (1.0, 2.0, 70.0, 700.0)
    whole = [*lines_of(*ticks, id="a"), *lines_of(*(tick + 700 for tick in ticks), id="b")]
    lines = list(map(spoiled, whole))
    assert lines != whole
    found, problems = read(b"\n".join(lines) + b"\n")
    assert len(found) == 8
    assert problems == ["some values cannot be read; they are left out"]
