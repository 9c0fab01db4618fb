"""A machine is recorded while it is read, hidden, written, and read back as it was."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.cli import main
from mlxtop.commands.capture import capture
from mlxtop.system.capture import HEADER, Capture, dump_capture
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem, DirectoryTree

CARD = "/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0"


MACHINE = f"""{HEADER}
@label pacu.example.org
@root yes
/proc/sys/kernel/hostname = pacu
/proc/self -> 77
/proc/77/comm = mlxtop
/proc/1/comm = systemd
/proc/812/comm = irqbalance
/sys/class/net/enp67s0np0 -> ../..{CARD[4:]}/net/enp67s0np0
/sys/bus/pci/devices/0000:43:00.0 -> ../../..{CARD[4:]}
{CARD}/vendor = 0x15b3
{CARD}/reset ! EACCES
{CARD}/net/enp67s0np0/device -> ../../../0000:43:00.0
{CARD}/net/enp67s0np0/address = b8:ce:f6:12:34:50
{CARD}/net/enp67s0np0/speed ! EINVAL
{CARD}/net/enp67s0np0/queues/rx-0/x = 1
{CARD}/infiniband/mlx5_0/node_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/sys_image_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/node_desc = pacu mlx5_0
{CARD}/empty/
/dev/kmsg:
  | 6,1,1500000,-;mlx5_core 0000:43:00.0: Port module event: module 0, Cable plugged
  |  SUBSYSTEM=pci
  |  DEVICE=+pci:0000:43:00.0
  | 6,2,1600000,-;usb 1-1: SerialNumber: 4C530001
? link-counters = {{"2": [1, 2, 3]}}
? driver-info enp67s0np0 = {{"driver": "mlx5_core"}}
? rings enp67s0np0 ! EOPNOTSUPP
$ mstlink -d 0000:43:00.0 => 1
  | -E- no
  & why
"""


def machine(text: str = MACHINE) -> CapturedSystem:
    parsed = parse_capture(text)
    assert parsed.complaints == []
    return CapturedSystem("file", parsed, parsed)


def test_a_directory_is_captured_like_a_machine(tmp_path: Path) -> None:
    (tmp_path / "sys" / "class" / "net").mkdir(parents=True)
    (tmp_path / "sys" / "class" / "net" / "x").symlink_to("../../devices/x")
    (tmp_path / "sys" / "devices" / "x").mkdir(parents=True)
    (tmp_path / "sys" / "devices" / "x" / "mtu").write_text("1500\n")
    system = CapturedSystem("tree", DirectoryTree(str(tmp_path)))
    text = capture(system, lambda machine: print(machine.read("/sys/class/net/x/mtu")), mask=False)
    assert text.splitlines()[-3:] == [
        "/sys/class/net/x -> ../../devices/x",
        "/sys/devices/x/mtu = 1500",
        "@end",
    ]


def _document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.slow
def test_a_captured_demo_shows_the_same_ports_without_rates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pacu.txt"
    assert main(["--demo", "capture", str(path)]) == 0
    assert str(path) in capsys.readouterr().err
    assert path.stat().st_mode & 0o777 == 0o600
    assert main(["--root", str(path), "--once", "--json"]) == 0
    captured = _document(capsys.readouterr().out)
    assert main(["--demo", "--once", "--json", "--delay", "0"]) == 0
    live = _document(capsys.readouterr().out)
    assert captured["host"] != live["host"]
    (was,), (now,) = live["adapters"], captured["adapters"]
    for key in ("family", "device_id", "psid", "firmware", "numa_node", "functions", "pcie"):
        assert now[key] == was[key]
    for key in ("id", "netdev", "rdma", "driver", "link_layer", "state", "speed_mbps", "source"):
        assert now["ports"][0][key] == was["ports"][0][key]
    assert now["ports"][0]["rx_bps"] is None
    assert now["ports"][0]["rx_bytes"] >= was["ports"][0]["rx_bytes"]


def test_a_file_that_exists_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken, link = tmp_path / "taken", tmp_path / "link"
    taken.write_text("mine")
    link.symlink_to(tmp_path / "elsewhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in (taken, link):
        assert main(["--root", str(empty), "capture", str(path)]) == 1
        assert str(path) in capsys.readouterr().err
    assert taken.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_is_full_is_told_with_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, path = tmp_path / "empty", tmp_path / "machine.txt"
    empty.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        status = main(["--root", str(empty), "capture", str(path)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert status == 1
    assert capsys.readouterr().err == f"mlxtop: {path}: File too large\n"


def test_a_capture_can_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "capture", "--no-mask", "-"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(HEADER)
    assert f"@label {tmp_path.name}" in out


SUBJECTS = st.text(
    st.characters(codec=None) | st.sampled_from(" \n\r\t\x1b\x85\u2028=!%\x80"),
    min_size=1,
    max_size=8,
)


@given(
    st.dictionaries(st.tuples(st.just("mac-statistics"), SUBJECTS), st.integers(0, 9), max_size=4)
)
def test_a_device_of_any_name_makes_no_line_of_its_own(answers: dict[tuple[str, ...], int]) -> None:
    answers = {key: value for key, value in answers.items() if encodable(key[1])}
    text = dump_capture(Capture(answers=dict(answers)))
    assert all(line.isprintable() for line in text.split("\n"))
    found = parse_capture(text)
    assert found.complaints == []
    assert found.answers == answers
    assert (found.commands, found.nodes) == ({}, {})


def encodable(name: str) -> bool:
    """A name that the kernel can have: bytes, not half a character of UTF-16."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == name
    except UnicodeEncodeError:
        return False


HOSTILE = f"""{HEADER}
@label x\x1b[2J\x85$ evil
/sys/class/net/eth%0A$%20rm%1B[2J/ifindex = 3
/sys/class/net/eth%0A$%20rm%1B[2J/type = 1
/sys/class/net/eth%0A$%20rm%1B[2J/device -> ../../../0000:43:00.0
"""


def test_a_strangers_capture_is_captured_again_without_escapes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.write_text(HOSTILE)
    assert main(["--root", str(given), "--all", "capture", "--no-mask", "-"]) == 0
    out = capsys.readouterr().out
    assert "%0A%24%20rm%1B" in out
    assert all(line.isprintable() for line in out.replace("\t", " ").split("\n"))
    assert not any(argv and argv[0] == "rm" for argv in parse_capture(out).commands)
    written = tmp_path / "to\x1b[2J"
    assert main(["--root", str(given), "--all", "capture", "--no-mask", str(written)]) == 0
    assert written.read_text() == out
    assert "\x1b" not in capsys.readouterr().err
