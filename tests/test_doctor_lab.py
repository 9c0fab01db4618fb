"""`doctor` on the simulated machines: their planted faults by name, and no others."""

from __future__ import annotations

from threading import Event

import pytest

from mlxtop.analysis.port_view import port_view
from mlxtop.doctor.check import Check, Report
from mlxtop.doctor.inspect import inspect, watch
from mlxtop.health.store import looked_at, store_of
from mlxtop.lab import MACHINES, ManualClock, load_lab
from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import Frame
from mlxtop.present.ceiling import limits_line
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.watch.congestion import followed

QUIET = 130.0
"""Seconds after the start at which pacu has little to do."""


def examined(machine: str, seconds: float) -> tuple[Frame, Report]:
    """A machine so many seconds after its start."""
    system = load_lab(machine, ManualClock())
    system.wait(seconds, Event())
    source = LiveSource(
        system, 1.0, incidents=True, calm=0.0, wants=EVERYTHING, ask_card=read_stored
    )
    stop = Event()
    try:
        seen = list(watch(source, stop, lambda frame: frame.ports))
        frame = seen[-1]
        incidents = [incident for one in seen for incident in one.sample.incidents]
        congestion = followed(seen)
        health = looked_at(store_of(system), seen)
        report = inspect(
            *(frame, frame.ports, incidents),
            before=seen[0],
            congestion=congestion,
            health=health,
        )
    finally:
        stop.set()
        source.close()
    return frame, report


def line(machine: str, seconds: float) -> str:
    frame, _ = examined(machine, seconds)
    (port,) = frame.ports
    ceiling = port_view(frame, port).ceiling
    return f"{limits_line(ceiling)} → {ceiling.verdict.text}"


def test_the_question_that_every_owner_asks_is_answered_in_one_line() -> None:
    seen = line("pacu", 8.0)
    assert seen.startswith("link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 58.4 usable")
    assert "(PCIe 3.0 x8 of x16 at 0000:40:03.0)" in seen
    assert "→ CPU-bound: 4 streams × 11." in seen
    assert seen.endswith(" Gb/s, one core each")


def test_without_traffic_nothing_is_blamed() -> None:
    assert line("pacu", QUIET).endswith("→ idle")


X8_OF_X16 = "limited by 8.0 GT/s PCIe x8 link at 0000:40:03.0 (capable of 126.016 Gb/s"
X4_OF_X8 = "limited by 8.0 GT/s PCIe x4 link at 0000:00:1d.0 (capable of 63.008 Gb/s"
FAULTY = {
    "0000:60:01.1 BadTLP",
    "0000:60:01.1 RxErr",
    "0000:60:01.1 BadDLLP",
    "0000:65:00.0 Timeout",
    "rx power of lane 3 is 0.0",
    "200.0 Gb/s of line, 115.2 usable",
}
AGING = {
    "limited by 8.0 GT/s PCIe x8 link at 0000:40:01.1 (capable of 126.016 Gb/s",
    "PCIe 3.0 x8 now, PCIe 3.0 x16 until",
    "bit errors before correction rise 1.3 times a day, for 2",
    "lane 4: -6.",
}
CX3_HP = {"mode balance-rr", "80.0 Gb/s of line, 57.6 usable"}

PLANTED: list[tuple[str, float, set[str]]] = [
    ("pacu", 5.0, {X8_OF_X16, "CPU-bound: 4 streams × 11."}),
    ("pacu", QUIET, {X8_OF_X16}),
    ("fry", 5.0, {X8_OF_X16}),
    ("fry", 85.0, {X8_OF_X16, "limit: module's own thresholds"}),
    ("pacu-x16", 5.0, set()),
    ("fry-x16", 5.0, set()),
    ("cx3-hp", 5.0, {*CX3_HP, "of 58.4 Gb/s usable, all its ports together"}),
    ("cx3-hp", 45.0, CX3_HP),
    ("tiny", 45.0, {X4_OF_X8}),
    ("tiny", 75.0, {X4_OF_X8, "of 27.2 Gb/s usable, all its ports together"}),
    ("odroid", 45.0, {"limited by 5.0 GT/s PCIe x4 link at 0000:00:13.0 (capable of 32.000 Gb/s"}),
    ("ceph", 5.0, set()),
    ("ceph", 100.0, {"no carrier, but there was one"}),
    ("ceph2", 5.0, set()),
    ("ceph3", 5.0, set()),
    *((f"roce{number}", 5.0, set()) for number in range(1, 5)),
    ("dgx", 5.0, {"network-bound: "}),
    ("dscp", 5.0, {"RDMA's DSCP 26 leads to priority 0, PFC is on for 3"}),
    ("dscp", 90.0, {"RDMA's DSCP 26 leads to priority 0, PFC is on for 3"}),
    ("incast", 5.0, {"3 % of the RDMA packets arrive with an ECN mark"}),
    ("pfc-storm", 5.0, {"the switch or peer held this host for 3 readings on end, priority 3"}),
    ("one-rail", 5.0, {"all of mlx5_bond_0 is sent by enp65s0f0np0"}),
    ("hdr", 5.0, {"56 Gb/sec (4X FDR) (/sys/class/infiniband/*/ports/*/rate); possible: port EDR"}),
    ("aging", 5.0, AGING),
    ("faulty", 5.0, FAULTY),
    (
        "faulty",
        75.0,
        {
            *FAULTY,
            *("rx_crc_errors_phy", "rx_symbol_err_phy", "rx_pcs_symbol_err_phy"),
            "lane 2 of 0 to 3 (lane 3 of the module)",
            "mstlink: Bad signal integrity",
        },
    ),
]
"""Machine, seconds after its start, and a part of each finding that it intends then."""


@pytest.mark.parametrize(("machine", "seconds", "planted"), PLANTED)
def test_planted_faults_are_named_and_no_others(
    machine: str, seconds: float, planted: set[str]
) -> None:
    _, report = examined(machine, seconds)
    seen = [finding.evidence for finding in report.findings]
    for fault in planted:
        assert any(fault in text for text in seen), (fault, seen)
    assert [text for text in seen if not any(fault in text for fault in planted)] == []


def test_every_machine_is_examined() -> None:
    assert {machine for machine, _, _ in PLANTED} == set(MACHINES)


def test_what_a_machine_hides_is_told_as_such() -> None:
    _, report = examined("faulty", 100.0)
    told = {item.label: item.reason for item in report.could_not_tell}
    assert told["enp101s0f0np0: asic temperature"] == "the sensor has not answered yet"
    assert "0xff" in told["enp101s0f1np1: optical power"]


def test_what_a_card_stores_is_shown_without_what_its_firmware_lacks() -> None:
    _, report = examined("pacu", QUIET)
    texts = {
        setting.topic.name: setting.text
        for setting in report.settings
        if isinstance(setting.topic, Check)
    }
    assert texts["stored performance settings"] == (
        "CQE_COMPRESSION BALANCED(0), PCI_WR_ORDERING per_mkey(0) (mstconfig)"
    )
    assert texts["PCIe read requests"] == "MaxPayload 256, MaxReadReq 512, relaxed ordering on"
    assert "numa_balancing 0" in texts["memory and watchdog settings"]
