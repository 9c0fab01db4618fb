"""`mlxtop doctor` from the command line: report, JSON, exit status, probe, names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxtop.cli import main
from mlxtop.commands.doctor import udev_rules
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import Link, LinkLayer, PortSample

HOSTS = Path(__file__).parent / "hosts"


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


def on(host: str) -> tuple[str, str]:
    return "--root", str(HOSTS / f"{host}.txt")


def test_the_report_answers_with_ceiling_findings_and_what_could_not_be_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = doctor(capsys, *on("cx4-x8"), "doctor")
    assert status == 1
    assert err == ""
    words = " ".join(out.split())
    assert "link 100 Gb/s · TCP 99.0 Gb/s · PCIe 63.0 Gb/s, 57.6 usable" in words
    assert "63.008 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x8 link" in words
    assert "Could not tell:" in out
    assert "Checked, nothing found:" in out
    assert max(len(line) for line in out.splitlines()) <= 120


def test_a_card_in_two_slots_is_judged_by_each_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = doctor(capsys, *on("gb10"), "doctor")
    assert status == 0
    assert "gb10: no findings" in out
    assert "GB10: 115.2 Gb/s for enp1s0f0np0, enp1s0f1np1 together, by design" in out
    assert "GB10: 115.2 Gb/s for enP2p1s0f0np0, enP2p1s0f1np1 together, by design" in out


def test_what_a_capture_does_not_hold_is_not_told_of_the_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = doctor(capsys, *on("gb10"), "doctor", "--json")
    reasons = {each["check"]: each["reason"] for each in json.loads(out)["could_not_tell"]}
    assert reasons["kernel log"] == "not in this capture"
    _, out, _ = doctor(capsys, *on("gb10"), "doctor")
    assert "irqbalance" not in out


def test_json_has_the_promised_keys_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = doctor(capsys, *on("cx3-vpi"), "doctor", "--json")
    found: dict[str, list[dict[str, Any]]] = json.loads(out)
    assert set(found) == {"findings", "could_not_tell"}
    for finding in found["findings"]:
        assert set(finding) == {"severity", "subject", "seen", "why", "advice", "reference"}
    for unknown in found["could_not_tell"]:
        assert set(unknown) == {"check", "reason"}
    assert found["findings"][0]["severity"] == "critical"
    assert status == 2


def test_json_is_accepted_on_either_side(capsys: pytest.CaptureFixture[str]) -> None:
    _, before, _ = doctor(capsys, "--json", *on("cx4-x8"), "doctor")
    _, after, _ = doctor(capsys, *on("cx4-x8"), "doctor", "--json")
    assert json.loads(before) == json.loads(after)


def test_ports_can_be_chosen_by_name_and_glob(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = doctor(capsys, *on("cx3-vpi"), "doctor", "ib[0-9]", "--json")
    subjects = {finding["subject"] for finding in json.loads(out)["findings"]}
    assert subjects == {"ib0"}


@pytest.mark.parametrize("words", [("doctor", "nothing9"), ("doctor", "--what")])
def test_what_was_not_understood_ends_with_3(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = doctor(capsys, *on("cx4-x8"), *words)
    assert status == 3
    assert out == ""
    assert len(err.splitlines()) == 1


def test_a_machine_without_any_port_ends_with_3_and_says_what_to_try(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("mlxtop capture 1\n/sys/bus/pci/devices/\n")
    status, out, _ = doctor(capsys, "--root", str(empty), "doctor")
    assert status == 3
    assert "nothing could be judged" in out
    assert "rescan" in out


def test_text_of_devices_cannot_reach_the_terminal_as_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (HOSTS / "cx4-x8.txt").read_text()
    hostile = tmp_path / "hostile.txt"
    hostile.write_text(text.replace('"fw.version": "12.28.2302"', '"fw.version": "\\u001b[31m"'))
    assert hostile.read_text() != text
    _, out, _ = doctor(capsys, "--root", str(hostile), "doctor")
    assert "\x1b" not in out
    assert "?[31m" in out


def test_ascii_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = doctor(capsys, "--ascii", *on("cx4-x8"), "doctor")
    assert out.isascii()


# --- probe --------------------------------------------------------------------------------------

PINGS = """
$ ping -n -c 2 -i 0.2 -W 1 -s 56 fry
  | PING fry (10.0.0.3) 56(84) bytes of data.
  | 2 packets transmitted, 2 received, 0% packet loss, time 200ms
? route 10.0.0.3 = {"dev": "enp67s0np0", "via": null, "src": "10.0.0.2", "local": false}
"""
LOST = """
$ ping -n -c 2 -i 0.2 -W 1 -s 8972 -M do fry => 1
  | PING fry (10.0.0.3) 8972(9000) bytes of data.
  | From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1500)
  | 2 packets transmitted, 0 received, +1 errors, 100% packet loss, time 200ms
"""
WHOLE = """
$ ping -n -c 2 -i 0.2 -W 1 -s 8972 -M do fry
  | PING fry (10.0.0.3) 8972(9000) bytes of data.
  | 2 packets transmitted, 2 received, 0% packet loss, time 200ms
"""


@pytest.mark.parametrize(("answer", "found"), [(LOST, True), (WHOLE, False)])
def test_a_probe_finds_a_smaller_mtu_on_the_way(
    answer: str, found: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = tmp_path / "host.txt"
    host.write_text((HOSTS / "cx4-x8.txt").read_text() + PINGS + answer)
    _, out, _ = doctor(capsys, "--root", str(host), "doctor", "--probe", "fry", "--json")
    seen = " ".join(finding["seen"] for finding in json.loads(out)["findings"])
    assert ("none of MTU 9000" in seen) is found
    assert ("takes 1500 bytes at most" in seen) is found
    checks = {unknown["check"] for unknown in json.loads(out)["could_not_tell"]}
    assert not any("MTU" in check for check in checks)


@pytest.mark.parametrize("host", ["-f", "a b", "$(id)", ""])
def test_a_host_that_is_none_is_not_pinged(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = doctor(capsys, *on("cx4-x8"), "doctor", f"--probe={host}", "--json")
    assert (status, out) == (3, "")
    assert "is neither a host name nor an address" in err


def test_rules_pin_names_by_path_and_port_number(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = doctor(capsys, *on("cx3-vpi"), "doctor", "--udev-rules")
    assert status == 0
    rules = [line for line in out.splitlines() if not line.startswith("#")]
    assert rules == [
        'SUBSYSTEM=="net", ACTION=="add", KERNELS=="0000:01:00.0", ATTR{dev_port}=="0",'
        ' ATTR{type}=="32", KERNEL!="*.*", NAME="ib0"',
        'SUBSYSTEM=="net", ACTION=="add", KERNELS=="0000:01:00.0", ATTR{dev_port}=="1",'
        ' ATTR{type}=="1", NAME="enp1s0d1"',
    ]
    assert "dev_id" not in out
    assert "# ib0 is a name that the kernel gives itself" in out
    assert err == ""


def sample(**changes: Any) -> PortSample:
    port = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, "mlx5_core", "0000:43:00.0")
    return PortSample(port._replace(**changes), Link(LinkLayer.ETHERNET))


def test_representors_do_not_take_the_name_of_their_port() -> None:
    (*_, rule), _ = udev_rules([sample(netdev="p0", representors=("p0vf0",))])
    assert 'ATTR{phys_port_name}=="p[0-9]*"' in rule


def test_names_that_cannot_stand_in_a_rule_are_left_out() -> None:
    rules, left_out = udev_rules([sample(netdev='x", RUN+="/bin/sh'), sample()])
    assert rules == []
    assert [why for _, why in left_out] == [
        "its name cannot stand in a rule",
        "no network device, so no name",
    ]
