"""Every Sample comes back as it was: of simulated machines, of captured hosts, of made-up ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.lab import MACHINES
from mlxtop.model.codec import UnreadableError
from mlxtop.model.codec_parts import NOT_RECORDED
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.json_text import encode
from mlxtop.model.sample import Reading, Sample
from mlxtop.model.sample_codec import (
    MOST_NAMES,
    Reads,
    SampleDecoder,
    SampleEncoder,
    sample_codec,
    type_table,
)
from tests.recorded import HOSTS, host, machine
from tests.samples import PACU, ethernet, sample

COUNT = (1 << 64) - 1


def through_json(data: Any) -> Any:
    return json.loads(encode(data))


def played(samples: tuple[Sample, ...], every: int) -> list[Sample]:
    """Return samples that have been written and read, every so many as a whole."""
    encoder, decoder = SampleEncoder(), SampleDecoder(through_json(type_table()))
    back = []
    for number, one in enumerate(samples):
        change = encoder.change(one) if number % every else None
        if change is None:
            data, tables = through_json(encoder.whole(one))
            decoder.learn(tables)
            back.append(decoder.whole(data))
        else:
            back.append(decoder.change(through_json(change)))
    assert decoder.faults == 0
    return back


@pytest.mark.quick("pacu", "ceph", "faulty")
@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("every", [1, 7, 1000])
def test_samples_of_a_simulated_machine_come_back(name: str, every: int) -> None:
    samples = machine(name, 20 if name == "dgx" else 120)
    back = played(samples, every)
    assert back == list(samples)
    assert [list(one.ports) for one in back] == [list(one.ports) for one in samples]


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
def test_the_sample_of_a_captured_host_comes_back(path: Path) -> None:
    assert played(host(path), 1) == list(host(path))


def test_types_are_told_apart_by_their_names() -> None:
    kinds = {kind for kind, _ in sample_codec().fields()}
    assert len({kind.__name__ for kind in kinds}) == len(kinds)
    assert type_table()["Sample"] == Sample._fields


def counted(tick: float, *values: int | None, names: str = "abc") -> Sample:
    reading = Reading(tick, Schema(tuple(names)), values)
    return sample(tick, ethernet(PACU, tick, 0, 0)._replace(readings={Origin.DRIVER: reading}))


counts = st.none() | st.integers(0, COUNT)


@given(st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=8))
def test_counters_come_back_whatever_they_do(rows: list[tuple[int | None, ...]]) -> None:
    samples = tuple(counted(float(tick), *row) for tick, row in enumerate(rows))
    assert played(samples, 1000) == list(samples)


def test_a_counter_is_written_as_what_it_gained() -> None:
    encoder = SampleEncoder()
    encoder.whole(counted(1.0, 10, 20, 30))
    change = encoder.change(counted(2.0, 10, 25, 3))
    assert change is not None
    (reading,) = change["ports"][str(PACU.id)]["readings"].values()
    assert reading == {"tick": 2.0, "gained": [1, 5], "now": {"2": 3}}


def test_a_new_table_needs_a_whole_sample() -> None:
    encoder = SampleEncoder()
    assert encoder.change(counted(1.0, 1)) is None
    encoder.whole(counted(1.0, 1, 2, 3))
    assert encoder.change(counted(2.0, 1, 2, names="ab")) is None
    _, tables = encoder.whole(counted(2.0, 1, 2, names="ab"))
    assert tables == {"1": ["a", "b"]}
    assert encoder.change(counted(3.0, 1, 2, 3)) is None, "the first one was not told again"
    _, tables = encoder.whole(counted(3.0, 1, 2, 3))
    assert tables == {"0": ["a", "b", "c"]}
    assert encoder.whole(counted(4.0, 1, 2, 3))[1] == {}
    encoder.forget()
    assert encoder.whole(counted(5.0, 1, 2, 3))[1] == tables


def test_a_change_without_a_whole_sample_before_it_is_unreadable() -> None:
    decoder = SampleDecoder()
    with pytest.raises(UnreadableError):
        decoder.change({})
    decoder.whole(sample_codec().whole(sample(1.0), Reads()))
    assert decoder.change({}) == sample(1.0)
    with pytest.raises(UnreadableError):
        decoder.change(5)
    with pytest.raises(UnreadableError):
        decoder.change({})


@pytest.mark.parametrize(
    "change",
    [
        {"gained": [0]},
        {"gained": [0, -1]},
        {"gained": [-1, 1]},
        {"gained": [3, 1]},
        {"gained": [0, COUNT]},
        {"gained": [0, "x"]},
        {"gained": [0, 1.5]},
        {"gained": [0, float("nan")]},
        {"gained": [0, True]},
        {"gained": {"0": 1}},
        {"now": {"-1": 3}},
        {"gained": 5},
        {"now": {"3": 1}},
        {"now": {"x": 1}},
        {"now": {"0": COUNT + 1}},
        {"now": 5},
        {"tick": "x"},
    ],
)
def test_counters_that_make_no_sense_are_left_out(change: Any) -> None:
    encoder, decoder = SampleEncoder(), SampleDecoder()
    data, tables = through_json(encoder.whole(counted(1.0, 10, 20, 30)))
    decoder.learn(tables)
    decoder.whole(data)
    after = decoder.change({"ports": {str(PACU.id): {"readings": {"ethtool": change}}}})
    assert after.ports[PACU.id].readings == {}
    assert decoder.faults


def test_tables_are_bounded() -> None:
    reads = Reads()
    reads.learn({"0": ["a"], "x": ["b"], "1": [5], "2": "c", "9999999": ["d"]})
    reads.learn(["e"])
    reads.learn({"0": ["another"]})
    assert {number: one.keys for number, one in reads.tables.items()} == {0: ("a",)}
    reads.learn({"3": ["f"] * MOST_NAMES})
    assert list(reads.tables) == [0]


def test_fields_that_the_writer_did_not_have_say_so() -> None:
    types = {**type_table()}
    for kind, gone in (("PortSample", "module"), ("PortSample", "settings"), ("Sample", "cpu")):
        types[kind] = tuple(name for name in types[kind] if name != gone)
    decoder = SampleDecoder(through_json(types))
    encoder = SampleEncoder()
    data, tables = through_json(encoder.whole(counted(1.0, 1, 2, 3)))
    decoder.learn(tables)
    one = decoder.whole(data)
    port = one.ports[PACU.id]
    assert port.absent == {"module": NOT_RECORDED}
    assert port.settings.absent == NOT_RECORDED
    assert (one.cpu, one.absent) == (None, {"cpu": NOT_RECORDED})


def test_fields_that_nobody_here_knows_are_left_out() -> None:
    encoder, decoder = SampleEncoder(), SampleDecoder({"Sample": [*Sample._fields, "weather"]})
    data, tables = through_json(encoder.whole(counted(1.0, 1, 2, 3)))
    decoder.learn(tables)
    data["weather"] = {"rain": True}
    data["ports"][str(PACU.id)]["mood"] = "good"
    assert decoder.whole(data) == counted(1.0, 1, 2, 3)
    assert decoder.change({"weather": [1], "tick": 2.0}).tick == 2.0


def test_machines_of_one_kind_share_their_tables_of_counters() -> None:
    one, other = Reads(), Reads()
    for reads in (one, other):
        reads.learn({"0": ["rx_packets", "tx_packets"], "1": ["rx_packets"]})
    assert one.tables[0] is other.tables[0] and one.tables[0] != one.tables[1]
