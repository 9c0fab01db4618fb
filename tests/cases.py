"""A port and host where all is well, for tests of checks that change one thing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome, Report
from mlxtop.doctor.checks import CHECKS, examine
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, Function, PortId
from mlxtop.model.linktype import StoredConfig
from mlxtop.model.module import Identity, Lane, Module, Quantity, Thresholds
from mlxtop.model.rdma_objects import RdmaObjects
from mlxtop.model.sample import AerError, Slow, Temperature
from mlxtop.model.tuning import (
    Channels,
    Coalesce,
    Fec,
    HostTuning,
    Interrupt,
    LinkModes,
    LoadProgram,
    Pause,
    PciControl,
    PortTuning,
    Rings,
)
from tests.situations import Situation, configured, ethernet, frame_of, slot

X16 = slot((8.0, 16), (8.0, 16), (8.0, 16))
NOTE, WARNING, CRITICAL = Severity.NOTE, Severity.WARNING, Severity.CRITICAL

GOOD_HOST = HostTuning(
    governors={"performance": 16},
    smt=True,
    aspm_policy="default",
    sysctls={
        "kernel.nmi_watchdog": "1",
        "kernel.numa_balancing": "0",
        "net.core.default_qdisc": "fq_codel",
        "net.ipv4.tcp_congestion_control": "cubic",
        "net.ipv4.tcp_timestamps": "1",
        "net.ipv4.tcp_sack": "1",
        "net.ipv4.tcp_rmem": "4096 131072 6291456",
        "net.ipv4.tcp_wmem": "4096 16384 4194304",
        "vm.zone_reclaim_mode": "0",
    },
    processes=frozenset(),
    modules=frozenset({"ib_ipoib", "mlx5_core"}),
)
GOOD_PORT = PortTuning(
    rings=Rings(1024, 8192, 1024),
    channels=Channels(16, 63),
    coalesce=Coalesce(True),
    pause=Pause(False, True, True),
    fec=Fec("RS"),
    modes=LinkModes(
        True, 4, ("100000baseSR4/Full", "40000baseCR4/Full"), (), ("100000baseSR4/Full",)
    ),
    features={
        "rx-gro": True,
        "tx-tcp-segmentation": True,
        "rx-checksum": True,
        "tx-checksum-ip-generic": True,
    },
    control=PciControl(256, 512, 512, True),
    bridge_control=PciControl(256, 256, 512, True),
    interrupts=tuple(Interrupt(64 + n, f"mlx5_comp{n}", (8 + n,)) for n in range(8)),
    iommu="identity",
)
FUNCTION = Function(
    "0000:43:00.0", 0x15B3, 0x1013, 0x020000, driver="mlx5_core", numa_node=1, local_cpus="8-15"
)
CARD = Adapter(
    "card",
    "ConnectX-4",
    (FUNCTION,),
    (PortId("0000:43:00.0", 1),),
    firmware="12.28.2006",
    firmware_stored="12.28.2006",
)
MODULE = Module(
    Identity("QSFP28", types=("100GBASE-SR4 or 25GBASE-SR",)),
    temperature=40.0,
    lanes=(Lane(0.8, 0.9, 7.0),) * 4,
    thresholds={Quantity.RX_POWER: Thresholds(3.4, 0.05, 2.2, 0.1)},
)
GOOD = Situation(ethernet(100), X16, rx=40.0, cpu=(10.0,) * 16, adapter=CARD)


def case(
    situation: Situation = GOOD,
    port: PortTuning = GOOD_PORT,
    host: HostTuning = GOOD_HOST,
    **more: Any,
) -> Case:
    frame, port_id = frame_of(situation)
    changes: dict[str, Any] = {
        key: more.pop(key)
        for key in ("module", "temperatures", "netdev", "rdma", "report", "pcie_report")
        if key in more
    }
    if "absent_fields" in more:
        changes["absent"] = more.pop("absent_fields")
    frame = _changed(frame, port_id, {"module": MODULE, **changes})
    aspm = more.pop("aspm", "off")
    aer = {AerError(*key.split()): n for key, n in more.pop("aer", {}).items()}
    pcie = {key: s._replace(aspm=aspm, aer=aer) for key, s in frame.sample.pcie.items()}
    frame = frame._replace(sample=frame.sample._replace(pcie=pcie))
    host = replace(host, dead=more.pop("dead", frozenset()))
    stored = {"card": Slow(more.pop("stored", StoredConfig()), 1.0)}
    objects = more.pop("rdma_objects", Slow(RdmaObjects(first_pid_namespace=True), 1.0))
    frame = configured(frame, port, host_settings=host)
    frame = frame._replace(sample=frame.sample._replace(stored=stored, rdma_objects=objects))
    return Case(frame, tuple(frame.ports), **more)


def _changed(frame: Frame, port_id: PortId, changes: dict[str, Any]) -> Frame:
    before = frame.ports[port_id]
    now = before.now
    for name in ("netdev", "rdma"):
        if name in changes:
            now = now._replace(port=now.port._replace(**{name: changes.pop(name)}))
    sensors = changes.pop("temperatures", (Temperature("asic", 50.0, 1.0, critical=105.0),))
    now = now._replace(temperatures=sensors, **changes)
    return frame._replace(ports={**frame.ports, port_id: before._replace(now=now)})


SR4 = ("100000baseSR4/Full", "50000baseSR2/Full", "25000baseSR/Full")


def linked(lanes: int | None, autoneg: bool = True, peer: tuple[str, ...] = ()) -> PortTuning:
    """The good port on a link of so many lanes."""
    return replace(GOOD_PORT, modes=LinkModes(autoneg, lanes, SR4, SR4, peer))


def host(*programs: LoadProgram, **sysctls: str) -> HostTuning:
    """The good host with other settings, `vm__zone_reclaim_mode="1"`."""
    named = {key.replace("__", "."): value for key, value in sysctls.items()}
    return replace(GOOD_HOST, programs=programs, sysctls={**GOOD_HOST.sysctls, **named})


def ask(name: str, about: Case) -> Iterator[Outcome]:
    return next(check for check in CHECKS if check.name == name)(about)


def run(
    check: str, situation: Situation = GOOD, port: PortTuning = GOOD_PORT, **more: Any
) -> list[Finding | CouldNotTell]:
    return judged(ask(check, case(situation, port, **more)))


def judged(outcomes: Iterable[Outcome]) -> list[Finding | CouldNotTell]:
    """What a check says, without what it merely read or had no use for."""
    return [o for o in outcomes if isinstance(o, Finding | CouldNotTell)]


def only(outcomes: Iterable[Outcome]) -> Finding:
    (finding,) = judged(outcomes)
    assert isinstance(finding, Finding)
    assert finding.evidence
    assert finding.why
    assert finding.advice
    assert finding.reference
    return finding


def unknown(outcomes: Iterable[Outcome]) -> CouldNotTell:
    (finding,) = judged(outcomes)
    assert isinstance(finding, CouldNotTell)
    return finding


def report(**more: Any) -> Report:
    return examine(case(**more))
