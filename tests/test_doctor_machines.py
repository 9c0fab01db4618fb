"""`doctor` on every captured machine: exactly the findings that are right there, and no others."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from mlxtop.cli import main

HOSTS = {path.stem: path for path in (Path(__file__).parent / "hosts").glob("*.txt")}

HEALTHY = (
    *("fine-cx2", "fine-cx3-dac", "fine-cx4lx-aoc", "fine-cx5-sr4", "fine-cx5-mstlink"),
    *("fine-cwdm4-40g", "fine-breakout", "fine-cx6dx-lag", "fine-cx7-dac", "fine-cx8"),
    *(
        "fine-gb10",
        "fine-vf",
        "fine-multi-pf",
        "fine-thunderbolt",
        "gb10",
        "down-unused",
        "ib-polling",
    ),
    *("cx5-lag", "cx6-subfunction", "cx7-multi-pf", "cx8-multiplane", "cx8-planes"),
)
"""Machines without a fault; ports that nobody uses are none."""
HELD = "state DOWN with the physical link up"
FINDINGS: dict[str, set[tuple[str, str]]] = {
    **{name: set() for name in HEALTHY},
    "cx3-vpi": {
        ("critical", "no driver is bound to it"),
        ("critical", "state INIT with the link up"),
    },
    "cx4-x8": {
        ("warning", "firmware 12.28.2006 runs, 12.28.2302 is in flash"),
        ("warning", "limited by 8.0 GT/s PCIe x8 link at 0000:40:03.0"),
    },
    "cx4-gen1-slot": {("warning", "limited by 2.5 GT/s PCIe x4 link at 0000:17:01.0")},
    "bad-lane": {("warning", "lane 2 of 0 to 3 (lane 3 of the module) has 9120331 of 9122484")},
    "up-tx-fault": {("warning", "tx fault on lane 3; rx loss of signal on lane 3 (mstlink)")},
    "up-bad-signal": {("warning", "mstlink: Bad signal integrity (status opcode 15)")},
    "down-tx-fault": {
        ("critical", "down: tx fault on lanes 1, 2, 3, 4; rx loss of signal on lanes 1, 2, 3, 4")
    },
    "down-dark": {
        (
            "warning",
            "down: rx loss of signal on lanes 1, 2, 3, 4; rx loss of lock on lanes 1, 2, 3, 4",
        )
    },
    "down-recommendation": {("warning", "mstlink: Negotiation failure (status opcode 2)")},
    "ib-held-down": {("warning", HELD)},
    "ib-held-by-dpu": {("warning", HELD)},
    "ib-vf-without-guid": {("warning", HELD)},
    "dpu-type-pending": {("warning", "Ethernet now, InfiniBand after the next start")},
}
"""Severity and a part of the evidence of each finding that is right."""
SAID = {
    "down-unused": "rx loss of signal on lanes 1, 2, 3, 4",
    "ib-held-down": "subnet manager",
    "ib-held-by-dpu": "the BlueField owns the port",
    "ib-vf-without-guid": "gives this virtual function no GUID",
    "dpu-type-pending": "after a power cycle the port changes its type",
    "fine-gb10": "115.2 Gb/s for enp1s0f0np0, enp1s0f1np1 together, by design",
    "fine-multi-pf": "silent by design",
    "fine-thunderbolt": "a Thunderbolt or USB4 tunnel does not show what it carries",
    "fine-cx5-sr4": "relaxed ordering off (the root port has an erratum)",
    "fine-cx4lx-aoc": "not measured",
    "cx4-gen1-slot": "7.3 can reach memory",
    "cx7-multi-pf": "PCIe 504.1 Gb/s, 460.9 usable (PCIe 5.0 x8 + PCIe 5.0 x8",
}
"""Other words of the report that tell what was read."""
NOT_SAID = {
    "ib-held-down": ("set speed", "do not agree"),
    "ib-polling": ("set speed", "do not agree"),
    "down-dark": ("does not say why",),
    "down-tx-fault": ("does not say why",),
    "down-recommendation": ("does not say why",),
    "down-unused": ("does not say why",),
    "dpu-type-pending": ("after a reboot",),
    "fine-cx5-sr4": ("PCI_WR_ORDERING",),
    "fine-gb10": ("12 V",),
    "cx7-multi-pf": ("it may reach memory", "in another network namespace"),
}
"""Words that would be wrong there."""


def doctor(host: str, *options: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        main(["--root", str(HOSTS[host]), "doctor", *options])
    return out.getvalue()


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_a_machine_has_the_findings_that_are_right_and_no_others(host: str) -> None:
    findings = json.loads(doctor(host, "--json"))["findings"]
    left = {(finding["severity"], finding["seen"]) for finding in findings}
    assert len(left) == len(findings)
    for severity, part in FINDINGS[host]:
        (right,) = [one for one in left if one[0] == severity and part in one[1]]
        left.remove(right)
    assert left == set()


def test_every_captured_machine_has_its_findings() -> None:
    assert FINDINGS.keys() == HOSTS.keys()


@pytest.mark.parametrize("host", sorted({*SAID, *NOT_SAID}))
def test_what_was_read_is_said_and_nothing_else(host: str) -> None:
    report = " ".join(doctor(host).split())
    assert SAID.get(host, "") in report
    assert [words for words in NOT_SAID.get(host, ()) if words in report] == []


def test_healthy_machines_are_looked_at() -> None:
    for host in ("fine-cx5-sr4", "fine-cx3-dac", "fine-breakout", "fine-cx7-dac"):
        fine = doctor(host).partition("Checked, nothing found:")[2].partition("Nothing to")[0]
        for check in ("offloads", "PCIe slot", "link speed", "Ethernet lanes", "rings"):
            assert check in " ".join(fine.split()), (host, check)
