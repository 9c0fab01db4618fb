"""Incidents in the kernel log."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.counters import Severity
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sources.kernel.kernel_log import parse_message, read_record, sensors
from mlxtop.system.door import KernelRecord

P5, P4 = "mlx5_core 0000:43:00.0", "mlx4_core 0000:09:00.0"
ERROR = "port_module:281:(pid 0): Port module event[error]: module 1, Cable error"

_STAMP = re.compile(r"^(?:<\d+>)?\[\s*(\d{1,12}\.\d{1,12})(?:,?\s*[TC]\d+)?\] ?(.*)$")


def parse_dmesg(text: str) -> Iterator[tuple[float | None, str]]:
    """Yield seconds since boot and message of every line of `dmesg` output.

    Where some lines have a time, those without are not the kernel's: a serial console mixes them
    with what the system prints. Lines with escapes never are.
    """
    lines = [line for line in text.splitlines() if "\x1b" not in line and line.strip()]
    stamped = [match for line in lines if (match := _STAMP.match(line)) is not None]
    if stamped:
        yield from ((float(match[1]), match[2]) for match in stamped)
    else:
        yield from ((None, line.strip()) for line in lines)


def test_what_a_printer_put_before_a_message_does_not_hide_it() -> None:
    one = parse_message(f"[   61.500000][  T88] {P5} enp67s0np0: Link down\r")
    assert one is not None
    assert (one.kind, one.tick, one.ifname) == (IncidentKind.LINK_DOWN, 61.5, "enp67s0np0")
    other = parse_message(f"Jan  9 10:11:12 rack3 kernel: {P4}: Internal error detected:")
    assert other is not None
    assert (other.device, other.tick) == ("0000:09:00.0", None)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (
            f"{P5}: temp_warn:174:(pid 0): High temperature on sensors with bit set 1 0",
            IncidentKind.OVERHEAT,
            "over its temperature threshold: module 0",
        ),
        (
            f"{P5}: High temperature on sensors with bit set 0x0 0x1",
            IncidentKind.OVERHEAT,
            "over its temperature threshold: chip",
        ),
        (
            f"{P5}: temp_warn:190:(pid 12): Sensor name[0]: asic0",
            IncidentKind.OVERHEAT,
            "over its temperature threshold: asic0",
        ),
        (
            f"{P4}: Temperature Threshold was reached! Threshold: 100 celsius degrees; "
            "Current Temperature: 103",
            IncidentKind.OVERHEAT,
            "chip at 103 °C, over its threshold of 100 °C",
        ),
        (
            f"{P5}: Port module event: module 0, Cable plugged",
            IncidentKind.MODULE_PLUGGED,
            "module 0 plugged",
        ),
        (
            f"{P5}: Port module event: module 0, Cable unplugged",
            IncidentKind.MODULE_UNPLUGGED,
            "module 0 unplugged",
        ),
        (
            f"{P5}: {ERROR}, High Temperature",
            IncidentKind.MODULE_FAULT,
            "module 1: Cable error, High Temperature",
        ),
        (
            f"{P5}: {ERROR}, Bus stuck (I2C or data shorted)",
            IncidentKind.MODULE_FAULT,
            "module 1: Cable error, Bus stuck (I2C or data shorted)",
        ),
        (f"{P5}: {ERROR}", IncidentKind.MODULE_FAULT, "module 1: Cable error"),
        (f"{P4}: Bad cable detected on port 2", IncidentKind.MODULE_FAULT, "bad cable on port 2"),
        (
            f"{P5}: Detected insufficient power on the PCIe slot (25W).",
            IncidentKind.POWER,
            "the slot gives too little power: 25 W",
        ),
        (f"{P5} enp67s0np0: Link down", IncidentKind.LINK_DOWN, "link down"),
        ("mlx4_en: enp9s0: Link Up", IncidentKind.LINK_UP, "link up"),
        (
            f"{P5}: poll_health:471:(pid 0): device's health compromised - reached miss count",
            IncidentKind.HEALTH,
            "firmware no longer answers: its heartbeat stopped",
        ),
        (
            f"{P5}: mlx5_cmd_out_err:808:(pid 9): ACCESS_REG(0x805) op_mod(0x1) failed, "
            "status bad parameter(0x3), syndrome (0x305684), err(-22)",
            IncidentKind.COMMAND,
            "ACCESS_REG refused: bad parameter, as where a monitor such as mlxtop asks for what the"
            " card does not give",
        ),
        (
            "pcieport 0000:40:03.0: AER: Corrected error received: 0000:43:00.0",
            IncidentKind.AER,
            "PCIe errors that were corrected",
        ),
        (
            f"{P5}: PCIe Bus Error: severity=Uncorrected (Fatal), type=Transaction Layer, (Req)",
            IncidentKind.AER,
            "PCIe error, Uncorrected (Fatal): Transaction Layer",
        ),
        (f"{P4}: Internal error detected:", IncidentKind.HEALTH, "internal error of the card"),
    ],
)
def test_every_text_of_the_drivers_is_understood(text: str, kind: IncidentKind, words: str) -> None:
    incident = parse_message(text)
    assert incident is not None
    assert (incident.kind, incident.text) == (kind, words)


def test_the_records_own_tag_counts_more_than_the_text() -> None:
    record = KernelRecord(9.5, 4, f"{P5} eth0: Link up", "0000:44:00.0", "pci")
    line = read_record(record)
    assert line is not None and line.incident is not None
    incident = line.incident
    assert (incident.device, incident.ifname, incident.tick) == ("0000:44:00.0", "eth0", 9.5)


@pytest.mark.parametrize(
    ("text", "device", "ifname"),
    [
        ("mlx5_core 10002:01:00.1 enP9p1s0: Link up", "10002:01:00.1", "enP9p1s0"),
        ("mlx5_core 43:00.0: Link down", "0000:43:00.0", None),
        ("mlx5_core enp1s0f0np0: Link down", None, "enp1s0f0np0"),
        ("mlx5_core 0000:43:00.0: enp67s0np0: Link up", "0000:43:00.0", "enp67s0np0"),
        ("mlx4_en: 0000:03:00.0: Close port called", "0000:03:00.0", None),
    ],
)
def test_the_device_is_found_in_every_spelling(
    text: str, device: str | None, ifname: str | None
) -> None:
    incident = parse_message(text)
    assert incident is not None
    assert (incident.device, incident.ifname) == (device, ifname)


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        ("Corrected", Severity.NOTE),
        ("Uncorrected (Non-Fatal)", Severity.WARNING),
        ("Uncorrected (Fatal)", Severity.CRITICAL),
    ],
)
def test_only_fatal_pcie_errors_are_critical(severity: str, level: Severity) -> None:
    incident = parse_message(f"{P5}: PCIe Bus Error: severity={severity}, type=Data Link Layer")
    assert incident is not None
    assert incident.severity is level


@pytest.mark.parametrize(
    "text", ["", "usb 1-1: new device", "mlx5_core 0000:43:00.0: MLX5E: StrdRq(0)", "Link up"]
)
def test_other_lines_are_no_incidents(text: str) -> None:
    assert parse_message(text) is None


def test_lines_without_a_time_between_lines_with_one_are_not_the_kernels() -> None:
    text = "[ 1.5] mlx4_en: a: Link Up\nmlx4_en: b: Link Up\n[\x1b[0;32m  OK  \x1b[0m] Started\n"
    assert list(parse_dmesg(text)) == [(1.5, "mlx4_en: a: Link Up")]
    assert list(parse_dmesg("mlx4_en: b: Link Up\n")) == [(None, "mlx4_en: b: Link Up")]


@given(st.text())
def test_no_text_makes_a_parser_raise(text: str) -> None:
    list(parse_dmesg(text))
    parse_message(text)
    parse_message(f"{P5}: {text}")
    parse_message(f"{P5}: Port module event[error]: module 0, {text}")


@given(st.integers(0, 2**80), st.integers(0, 2**80))
def test_every_sensor_mask_has_names(high: int, low: int) -> None:
    assert sensors(f"{high:x}", f"0x{low:x}")


CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")

KINDS = {
    "enabling_device": IncidentKind.ENABLED,
    "firmware_version": IncidentKind.FIRMWARE,
    "joined": IncidentKind.VF,
    "pcie_bandwidth": IncidentKind.PCIE,
    "module_plugged": IncidentKind.MODULE_PLUGGED,
    "module_error": IncidentKind.MODULE_FAULT,
    "renamed": IncidentKind.RENAMED,
    "link_up": IncidentKind.LINK_UP,
    "link_down": IncidentKind.LINK_DOWN,
    "vf": IncidentKind.VF,
    "close_port": IncidentKind.PORT_CLOSED,
    "temp_warn": IncidentKind.OVERHEAT,
    "health_compromised": IncidentKind.HEALTH,
    "assert_var": IncidentKind.HEALTH,
}


def expected() -> dict[str, Any]:
    path = Path(CAPTURES, "EXPECTED.json")
    if not CAPTURES or not path.exists():
        return {}
    facts = json.loads(path.read_text())
    return {name: fact for name, fact in facts.items() if name.startswith("dmesg/")}


def shows(incident: Incident, fact: dict[str, Any]) -> bool:
    """Whether an incident holds everything that a fact says."""
    details = incident.details
    checks: dict[str, Callable[[Any], bool]] = {
        "bdf": lambda v: incident.device == v,
        "ifname": lambda v: incident.ifname == v,
        "value": lambda v: details.get("version") == v,
        "master": lambda v: details.get("master") == v,
        "module": lambda v: details.get("module") == str(v),
        "error": lambda v: details.get("error") == v,
        "detail": lambda v: details.get("detail") == v,
        "bits": lambda v: [details.get("msb"), details.get("lsb")] == v,
        "available_gbps": lambda v: float(details.get("gbps", 0)) == v,
        "capable_gbps": lambda v: float(details.get("capable", 0)) == v,
        "limited": lambda v: ("at" in details) == v,
        "limited_by": lambda v: (
            [details.get("speed"), details.get("width"), details.get("at")]
            == [v["speed"], str(v["width"]), v["at"]]
        ),
        "capable": lambda v: (
            [details.get("capable_speed"), details.get("capable_width")]
            == [v["speed"], str(v["width"])]
        ),
        "link": lambda v: (
            [details.get("speed"), details.get("width")] == [v["speed"], str(v["width"])]
        ),
    }
    return incident.kind is KINDS[fact["type"]] and all(
        check(fact[key]) for key, check in checks.items() if key in fact
    )


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
@pytest.mark.parametrize("name", sorted(expected()))
def test_real_logs_give_their_facts(name: str) -> None:
    facts = expected()[name]
    text = Path(CAPTURES, name).read_text(errors="replace")
    found = [i for tick, line in parse_dmesg(text) if (i := parse_message(line, tick)) is not None]
    for fact in facts["events"]:
        assert any(shows(incident, fact) for incident in found), fact
    order = [i.tick for i in found if i.tick is not None]
    assert order == sorted(order)
    if "driver_version" in facts:
        versions = [i.details["version"] for i in found if i.kind is IncidentKind.DRIVER]
        assert facts["driver_version"] in versions
    if "severity" in facts:
        assert any(i.severity == facts["severity"] for i in found)
