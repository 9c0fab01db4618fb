"""The lines of a recording: a head and a whole Sample first, then what changes."""

from __future__ import annotations

import gzip
import json
from typing import Any

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.sample import Reading, Sample, SourceKind
from mlxtop.recording.lines import Lines, Members
from tests.recorded import machine
from tests.samples import PACU, ethernet, sample


def records(lines: Lines, *samples: Sample) -> list[dict[str, Any]]:
    return [json.loads(line.data) for one in samples for line in lines.of(one)]


def at(*ticks: float) -> list[Sample]:
    return [sample(tick, ethernet(PACU, tick, 1e9, 1e9)) for tick in ticks]


def kinds(lines: Lines, *samples: Sample) -> list[str]:
    return [next(iter(record)) for record in records(lines, *samples)]


def test_a_recording_begins_with_a_head_and_a_whole_sample() -> None:
    lines = Lines(SourceKind.DEMO, 0.5)
    head, key, change = records(lines, *at(1.0, 2.0))
    assert head["program"].startswith("mlxtop ")
    assert (head["host"], head["source"], head["interval"]) == ("pacu", "demo", 0.5)
    assert (head["wall"], head["tick"]) == (key["wall"], key["tick"])
    assert "PortSample" in head["types"]
    assert next(iter(head["tables"].values()))
    assert (key["key"], key["id"], change["change"]) == (0, head["id"], 1)


def test_a_whole_sample_comes_every_minute_and_a_member_every_ten() -> None:
    lines = Lines()
    assert kinds(lines, *at(0.0, 59.9)) == ["mlxrec", "key", "change"]
    assert kinds(lines, *at(60.0, 61.0)) == ["key", "change"]
    assert kinds(lines, *at(119.9, 120.0)) == ["change", "key"]
    for minute in range(3, 10):
        assert kinds(lines, *at(60.0 * minute)) == ["key"]
    assert kinds(lines, *at(600.0, 601.0)) == ["mlxrec", "key", "change"]


def test_a_clock_that_went_back_begins_anew() -> None:
    lines = Lines()
    assert kinds(lines, *at(100.0, 50.0)) == ["mlxrec", "key", "mlxrec", "key"]


def test_a_new_table_of_counters_opens_a_member_so_that_its_head_has_them_all() -> None:
    lines = Lines()
    records(lines, *at(1.0))
    odd = ethernet(PACU, 2.0, 0, 0)._replace(
        readings={Origin.DRIVER: Reading(2.0, Schema(("odd",)), (5,))}
    )
    head, key = records(lines, sample(2.0, odd))
    assert ["odd"] in head["tables"].values()
    assert key["key"] == 1
    assert kinds(lines, *at(3.0)) == ["mlxrec", "key"], "the other table is not in that head"


def test_every_record_has_the_next_number() -> None:
    lines = Lines()
    records(lines, *at(1.0, 2.0))
    assert json.loads(lines.gap(3, "slow").data) == {"gap": 2, "samples": 3, "why": "slow"}
    assert json.loads(lines.end("stopped").data) == {"end": 3, "why": "stopped"}
    lines.cut()
    assert kinds(lines, *at(3.0)) == ["mlxrec", "key"]


def test_all_bytes_so_far_can_be_read_to_the_last_line() -> None:
    lines, members = Lines(), Members()
    data, text = b"", []
    for one in machine("tiny", 30):
        for line in lines.of(one):
            data += members.add(line)
            text.append(line.data)
    assert gzip.decompress(data + members.finish()).splitlines() == text
    assert not members.is_open
    assert members.finish() == b""
