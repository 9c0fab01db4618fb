"""Trouble in the kernel log, as a finding of its port or card."""

from __future__ import annotations

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from tests.cases import CRITICAL, NOTE, WARNING, only, run, unknown


def incident(kind: IncidentKind, severity: Severity, tick: float, text: str = "x") -> Incident:
    return Incident(kind, text, severity, tick, device="0000:43:00.0")


def test_trouble_in_the_kernel_log_is_told_until_something_shows_that_it_is_over() -> None:
    fault = incident(IncidentKind.MODULE_FAULT, CRITICAL, 5.0, "module 0: cable error")
    up = incident(IncidentKind.LINK_UP, NOTE, 9.0)
    assert only(run("kernel log", incidents=(fault,))).severity is CRITICAL
    assert run("kernel log", incidents=(fault, up)) == []
    power = incident(IncidentKind.POWER, WARNING, 2.0, "the slot gives too little power: 10 W")
    assert "12 V" in only(run("kernel log", incidents=(power, up))).advice
    elsewhere = fault._replace(device="0000:99:00.0")
    assert run("kernel log", incidents=(elsewhere,)) == []
    refused = incident(IncidentKind.COMMAND, WARNING, 2.0)._replace(cause="command")
    assert "the rest goes on" in only(run("kernel log", incidents=(refused,))).why
    assert unknown(run("kernel log", absent={"kernel log": "needs root"})).reason == "needs root"


def test_a_fault_of_a_driver_is_that_of_its_only_card() -> None:
    stuck = Incident(
        IncidentKind.QUEUE,
        "a core is stuck",
        CRITICAL,
        5.0,
        cause="lockup",
        details={"driver": "mlx5"},
    )
    assert only(run("kernel log", incidents=(stuck,))).subject != "host"
    other = stuck._replace(details={"driver": "mlx4"})
    assert run("kernel log", incidents=(other,)) == []
    assert run("kernel log", incidents=(stuck._replace(cause="iommu-arm"),)) == []
