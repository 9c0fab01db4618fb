"""The counters of simulated machines against what a load test has moved, one of them falsified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlxtop.analysis.counter_check import CounterCheck
from mlxtop.lab import LabSystem
from mlxtop.load.known_bytes import CounterCourse
from mlxtop.load.outcome import Outcome
from mlxtop.load.request import LoadMember, LoadPlan, LoadRequest
from mlxtop.load.run_log import list_ids, read_run
from mlxtop.model.load import Direction, FlowResult, LoadInterval, LoadResult, Tool
from mlxtop.model.sample import PortSample
from mlxtop.present.runs import run_lines
from tests.load_lab import PEER, run_load, simulated
from tests.samples import PACU, ethernet, frame, sample

Counted = dict[str, float]


def falsified(counted: Counted, name: str = "pacu") -> LabSystem:
    """A simulated machine that counts falsely; 0 is a counter that wraps at 32 bits."""
    system = simulated(name)
    for card in system.world.cards:
        for port in card.ports:
            object.__setattr__(port.spec, "faults", {"counted": counted})
    return system


def measured(
    counted: Counted, record: Path | None = None, tool: Tool = Tool.IPERF3, **more: object
) -> Outcome:
    request = LoadRequest(PEER, seconds=5, tool=tool, **more)  # type: ignore[arg-type]
    return run_load(falsified(counted), request, record=record)


def judged(outcome: Outcome) -> dict[str, str]:
    assert outcome.counters is not None and outcome.counters.unsure is None
    return {f"{row.source} {row.direction}": str(row.judgement) for row in outcome.counters.rows}


def test_counters_of_a_sound_machine_agree_in_both_directions() -> None:
    found = judged(measured({}, direction=Direction.BOTH))
    names = ("eth-mac", "bytes_phy", "netdev")
    assert found == {f"{name} {way}": "agrees" for way in ("tx", "rx") for name in names}
    rdma = judged(measured({}, tool=Tool.IB_WRITE_BW))
    assert rdma == {f"{name} tx": "agrees" for name in ("eth-mac", "bytes_phy", "ib-data")}


@pytest.mark.parametrize(
    ("counted", "wrong", "instead"),
    [
        ({"OctetsTransmittedOK": 4.0}, "eth-mac has 4 times what iperf3 moved", "bytes_phy"),
        (
            {"OctetsTransmittedOK": 0.25, "tx_bytes_phy": 0.25},
            "eth-mac, bytes_phy have a quarter of what iperf3 moved",
            "netdev",
        ),
        ({"OctetsTransmittedOK": 0}, "the counter starts again at 0 after 32 bits", "bytes_phy"),
    ],
)
def test_a_falsified_counter_is_found_and_told_in_record_and_document(
    tmp_path: Path, counted: Counted, wrong: str, instead: str
) -> None:
    outcome = measured(counted, record=tmp_path)
    assert outcome.counters is not None and outcome.counters.instead == instead
    run = read_run(tmp_path, list_ids(tmp_path)[0])
    told = json.loads(json.dumps(outcome.document()))["counters"]
    assert told == run.end["counters"] and told["usual"] == "eth-mac"
    text = " ".join(" ".join(run_lines(run, 80, False)).split())
    assert wrong in text.replace(" (sent)", "")
    assert f"throughput is taken from {instead} instead of eth-mac from now on (not kept" in text


def test_what_does_not_speak_against_a_counter_is_told_without_alarm() -> None:
    outcome = measured({"OctetsTransmittedOK": 1.5, "tx_bytes_phy": 1.5})
    assert judged(outcome)["eth-mac tx"] == "more"
    assert outcome.counters is not None and not outcome.counters.conclusive
    rdma = measured({"port_xmit_data": 4.0}, tool=Tool.IB_WRITE_BW)
    assert judged(rdma)["ib-data tx"] == "wrong"
    assert rdma.counters is not None and rdma.counters.conclusive


def test_of_latency_broken_and_regulated_tests_nothing_is_said() -> None:
    assert measured({}, tool=Tool.IB_WRITE_LAT).counters is None
    assert run_load(simulated(), LoadRequest(PEER, port=7777)).counters is None


MEMBER = LoadMember(PACU.id, "eth0", True)
PLAN = LoadPlan(LoadRequest(PEER), port=PACU.id, members=(MEMBER,), mtu=1500)
G = 1_000_000_000


def course(
    bits: float,
    seconds: float = 10.0,
    plan: LoadPlan = PLAN,
    warm: float = 0.0,
    last: PortSample | None = None,
) -> CounterCheck:
    """A test that has sent so much by iperf3's account, over a port that sent 10 Gb in 10 s."""
    made = CounterCourse(plan)
    for tick, loaded in ((0.0, False), (5.0, True), (10.5, True)):
        now = ethernet(PACU, min(tick, 10.0), 0, G, rdma_share=0.0)
        if tick == 10.5:
            now = last or now
            now = now._replace(readings={o: r._replace(tick=tick) for o, r in now.readings.items()})
        made.note(frame(sample(tick, now)).ports[PACU.id], loaded)
    result = LoadResult(seconds, FlowResult(sent_bps=bits / seconds))
    intervals = [LoadInterval(0.0, 1.0, warm, omitted=True)] if warm else []
    assert made.complete(10.0) and not made.complete(10.01)
    return made.check(result, intervals, 10.0)


def test_the_warm_up_was_moved_as_well() -> None:
    for bits, warm, judgement in (
        (9.5 * G, 0, "agrees"),
        (7 * G, 0, "more"),
        (7 * G, 3e9, "agrees"),
    ):
        found = course(bits, warm=warm)
        assert {str(row.judgement) for row in found.rows} == {judgement}


@pytest.mark.parametrize(
    ("bits", "seconds", "unsure"),
    [
        (80_000_000, 3.0, None),
        (79_999_992, 3.0, "too little was moved to tell: less than 10 MB"),
        (G, 1.99, "the test was too short to tell: less than 2 s"),
        (G, 2.0, None),
    ],
)
def test_a_short_test_says_nothing(bits: float, seconds: float, unsure: str | None) -> None:
    assert course(bits, seconds).unsure == unsure


def test_a_link_that_flapped_and_a_port_that_changed_say_nothing() -> None:
    now = ethernet(PACU, 10.0, 0, G)
    flapped = now._replace(link=now.link._replace(carrier_changes=4))
    renamed = now._replace(port=PACU._replace(netdev="eth9"))
    assert all("changed" in (course(9 * G, last=last).unsure or "") for last in (flapped, renamed))


def test_several_ports_and_reads_are_not_checked() -> None:
    other = MEMBER._replace(port=PACU.id._replace(number=2))
    assert CounterCourse(PLAN).checks
    assert CounterCourse(PLAN._replace(members=(MEMBER, other._replace(carries=False)))).checks
    assert not CounterCourse(PLAN._replace(members=(MEMBER, other))).checks
    reads = LoadRequest(PEER, tool=Tool.IB_READ_BW)
    assert not CounterCourse(PLAN._replace(request=reads)).checks


def test_a_table_that_comes_late_is_not_judged() -> None:
    made = CounterCourse(PLAN)
    whole = ethernet(PACU, 10.0, 0, G, rdma_share=0.0)
    for tick, loaded in ((0.0, False), (5.0, True), (11.0, True)):
        now = ethernet(PACU, min(tick, 10.0), 0, G, rdma_share=0.0)
        tables = {o: r._replace(tick=tick) for o, r in now.readings.items()}
        if not loaded:
            tables = {o: r for o, r in tables.items() if str(o) != "eth-mac"}
        made.note(frame(sample(tick, whole._replace(readings=tables))).ports[PACU.id], loaded)
    found = made.check(LoadResult(10.0, FlowResult(sent_bps=0.95 * G)), [], 10.0)
    assert [row.source for row in found.rows] == ["netdev"]
