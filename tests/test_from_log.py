"""What the kernel log says of cards reaches the doctor: captured machines, one fault each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxtop.cli import main
from mlxtop.doctor.check import CardCase
from mlxtop.doctor.from_log import card_incidents, log_advice, log_evidence
from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from tests.cases import CARD, FUNCTION, case

HOSTS = Path(__file__).parent / "hosts" / "log"


def on(host: str, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    main(("--root", str(HOSTS / f"{host}.txt"), *words))
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("host", "findings"),
    [
        (
            "pre-init",
            [
                (
                    "critical",
                    "BlueField-2 (ConnectX-6 Dx) at 0000:17:00.0",
                    "no driver is bound (/sys/bus/pci/devices/0000:17:00.0/driver): the driver gave"
                    " up, error -110 (Connection timed out); firmware never left its state"
                    " pre-initializing in 120000 ms (kernel log, 23 s after the start)",
                    "burn the firmware anew",
                )
            ],
        ),
        (
            "tx-timeout",
            [
                (
                    "warning",
                    "ens2f0np0",
                    "no transmit completion on queue 12 (kernel log, 2 times, 7200 s after the"
                    " start)",
                    "lost interrupts",
                )
            ],
        ),
        (
            "command-timeout",
            [
                (
                    "critical",
                    "ConnectX-6 at 0000:17:00.0",
                    "CREATE_QP timed out: the card can no longer be managed (kernel log, 2 times,"
                    " 901 s after the start)",
                    "reload the driver",
                )
            ],
        ),
        (
            "thermal-latch",
            [
                (
                    "critical",
                    "ConnectX-7 at 0000:17:00.0",
                    "no network or RDMA device (/sys/bus/pci/devices/0000:17:00.0/driver): over its"
                    " temperature threshold: chip (kernel log, 4000 s after the start); firmware"
                    " reports: High temperature; recovery given up: PCI reads still fail; the card"
                    " reads as all ones: it is off the bus (kernel log, 4100 s after the start)",
                    "power the machine off and on",
                )
            ],
        ),
        ("mlx4-mad", []),
        (
            "aer-burst",
            [
                (
                    "warning",
                    "ConnectX-6 at 0000:17:00.0",
                    "PCIe error, Correctable: Data Link Layer (kernel log, 6 times, 300 s after the"
                    " start)",
                    "reseat the card",
                )
            ],
        ),
    ],
)
def test_the_log_of_a_machine_gives_these_findings_and_no_others(
    host: str, findings: list[tuple[str, str, str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    found = on(host, capsys, "doctor", "--json")["findings"]
    assert [(one["severity"], one["subject"], one["seen"]) for one in found] == [
        finding[:3] for finding in findings
    ]
    for one, finding in zip(found, findings, strict=True):
        assert finding[3] in one["advice"]


def test_an_incident_in_the_document_names_the_card_that_has_no_port(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = on("pre-init", capsys, "--json", "--once")
    (fault,) = [one for one in document["incidents"] if one["severity"] == "critical"]
    assert (fault["port"], fault["kind"], fault["until"]) == ("0000:17:00.0", "driver", None)
    assert fault["card"] == "0000:17:00"


def health(**more: Any) -> Incident:
    one = Incident(IncidentKind.HEALTH, "broken", Severity.CRITICAL, 9.0, "0000:43:00.0")
    return one._replace(**{"cause": "health", "advice": "power off", **more})


def card(*incidents: Incident, driver: str | None = None) -> CardCase:
    adapter = CARD._replace(functions=(FUNCTION._replace(driver=driver),), ports=(), state="x")
    base = case(incidents=incidents)
    frame = base.frame._replace(sample=base.frame.sample._replace(adapters=(adapter,)))
    return CardCase("card", adapter, type(base)(frame, (), incidents=incidents))


def test_what_goes_on_with_a_card_is_why_it_has_no_port() -> None:
    assert card_incidents(card(health())) == [health()]
    assert card_incidents(card(health(until=10.0))) == []
    assert card_incidents(card(health(severity=Severity.WARNING))) == []
    assert card_incidents(card(health(kind=IncidentKind.MODULE_FAULT))) == []
    assert card_incidents(card(health(device="0000:99:00.0"))) == []
    assert card_incidents(card(health(), driver="vfio-pci")) == []


def test_the_fault_of_the_firmware_counts_more_than_that_of_the_start() -> None:
    load = health(kind=IncidentKind.DRIVER, cause="load", advice="burn")
    heat = health(kind=IncidentKind.OVERHEAT, cause="heat", advice="cool")
    assert log_advice([heat, load, health()]) == "power off"
    assert log_advice([heat, load]) == "burn"
    assert log_advice([heat]) == "cool"
    assert "dmesg" in log_advice([health(advice="")])


def test_evidence_tells_count_and_instant_where_there_are_any() -> None:
    assert log_evidence(health(times=3)) == "broken (kernel log, 3 times, 9 s after the start)"
    assert log_evidence(health(tick=None)) == "broken (kernel log)"
