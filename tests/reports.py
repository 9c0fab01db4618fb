"""A report with everything in it, for tests of how reports look."""

from __future__ import annotations

from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.report.values import (
    Chart,
    Errors,
    Gap,
    LaneTimes,
    LoadRun,
    NumberedCause,
    PortReport,
    Report,
    SensorTimes,
    Spread,
)
from mlxtop.watch.causes import Cause
from mlxtop.watch.event_list import TimedIncident

BEGIN = 1_795_158_000.0
"""2026-11-20 07:00:00 UTC."""
HOSTILE = '</title><script>alert(1)</script>"\x1b[2J'


def numbered_cause(
    number: int, kind: IncidentKind, text: str, at: float, lasts: float
) -> NumberedCause:
    """Something of p0 that began so many seconds after the beginning."""
    severity = Severity.CRITICAL if kind is IncidentKind.ALARM else Severity.WARNING
    until = at + lasts
    one = Incident(kind, text, severity, at, ifname="p0", until=until, key=str(number))
    event = TimedIncident(BEGIN + at, one)
    return NumberedCause(number, Cause(event, (), BEGIN + at, BEGIN + until))


def port(name: str = "p0") -> PortReport:
    """A port that lost its link once, was hot, full and had errors."""
    rate = Spread(4e9, 9e9, 9.9e9, BEGIN + 70)
    heat = Spread(66.4, 80.9, 82.0, BEGIN + 80)
    return PortReport(
        id=PortId("0000:43:00.0", 1),
        name=name,
        card="ConnectX-5",
        layer="Ethernet",
        speed=100 * 10**9,
        capacity=63.008e9,
        capacity_by="PCIe",
        seconds=600.0,
        rates={"rx": rate, "tx": rate, "rdma_rx": rate, "rdma_tx": None},
        full_s={"rx": 12.0, "tx": 0.0},
        flaps=1,
        down_s=41.0,
        state="up",
        sensors=(SensorTimes("module", heat, 75.0, 80.0, "the module's own", 212.0, 80.0),),
        lanes=(LaneTimes("rx power lane 2", "low warning", 30.0),),
        errors=(
            Errors(
                "Frame check sequence wrong",
                "cable, optics",
                Severity.WARNING,
                ("rx_crc_errors_phy",),
                1234,
                None,
                BEGIN + 60,
                BEGIN + 90,
            ),
        ),
        charts={
            "rx": Chart((1e9, None, 4e9, 5e9), (2e9, None, 5e9, 9.9e9)),
            "tx": Chart((1e9, 1e9, 1e9, 1e9), (1e9, 1e9, 1e9, 2e9)),
            "module": Chart((60.0, 70.0, None, 82.0), (60.0, 70.0, None, 82.0)),
        },
        downs=((BEGIN + 100, BEGIN + 141),),
    )


def full_report() -> Report:
    """Return a report of ten minutes."""
    begin = BEGIN + 200
    load = LoadRun("a", begin, begin + 30, "iperf3", "p0", "far", "send", 46e9, "complete", "new")
    return Report(
        host="pacu",
        kernel="6.1.0",
        source="live",
        program="mlxtop 9.9",
        cards=("ConnectX-5",),
        begin=BEGIN,
        end=BEGIN + 600,
        seconds=540.0,
        samples=541,
        ports=(port(),),
        incidents=(
            numbered_cause(1, IncidentKind.ALARM, "module at 80.0 °C, alarm at 80 °C", 80, 80),
            numbered_cause(2, IncidentKind.LINK_DOWN, "link down, was up", 100, 41),
        ),
        pcie_errors={"0000:40:03.0 BadTLP": 7},
        loads=(load,),
        gaps=(Gap(BEGIN + 300, BEGIN + 360, "records are missing"),),
        problems=("the end is missing",),
        masked=True,
    )
