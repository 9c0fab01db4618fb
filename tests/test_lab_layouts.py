"""What simulated commands print has the shape of real outputs, line by line.

A line's shape is the line without its numbers, its names and the width of its gaps.
"""

import json
import os
import re
from pathlib import Path
from threading import Event

import pytest

from mlxtop.lab import ManualClock, load_lab

CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")
real = pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")

_VALUE = re.compile(r"-?\b(?:0x)?[0-9a-fA-F]*\d[0-9a-fA-F]*(?:\.\d+)?\b")


def shape(line: str) -> str:
    """Numbers as `9`, units of size as one, gaps as one blank."""
    line = re.sub(r"\b[KMGT](Bytes|bits)", r"\1", line)
    line = _VALUE.sub("9", line)
    return re.sub(r"[ \t]+", " ", line).strip()


def shapes(text: str) -> set[str]:
    return {shape(line) for line in text.splitlines() if line.strip()}


def labels(text: str) -> set[str]:
    """What stands before the colon, for reports of names and values."""
    return {re.sub(r"\s+", " ", line.partition(" : ")[0]).strip() for line in text.splitlines()}


def captured(name: str) -> str:
    return (Path(CAPTURES) / name).read_text()


def said(machine: str, *argv: str) -> str:
    system = load_lab(machine, ManualClock())
    return system.run(argv, timeout=100, change=True).stdout


@real
@pytest.mark.captures
def test_iperf3_in_words() -> None:
    mine = shapes(said("odroid", "iperf3", "-c", "10.10.10.21", "-t", "10"))
    assert mine - shapes(captured("iperf3/iperf3-37-text-odroid.txt")) == {"iperf Done."}
    mine = shapes(said("odroid", "iperf3", "-c", "10.10.10.21", "-t", "10", "--bidir"))
    assert shapes(captured("iperf3/iperf3-bidir-summary-tcp.txt")) <= mine
    mine = shapes(said("cx3-hp", "iperf3", "-c", "10.30.0.1", "-t", "4", "-P", "5", "-u", "-b1G"))
    theirs = shapes(captured("iperf3/iperf3-udp-p5-sum.txt"))
    assert {line for line in mine - theirs if "ms 9/9 (9%)" not in line} == set()


@real
@pytest.mark.captures
def test_json_stream_has_the_keys_of_the_real_one() -> None:
    out = said("pacu", "iperf3", "-c", "10.0.0.3", "-t", "2", "--bidir", "--json-stream")
    mine = json.loads(out.splitlines()[1])["data"]
    theirs = json.loads(captured("iperf3/iperf3-jsonstream-tcp-bidir-interval.json"))["data"]
    assert mine.keys() == theirs.keys()
    for one, other in zip(mine["streams"], theirs["streams"], strict=True):
        assert one.keys() == other.keys()
    assert mine["sum"].keys() == theirs["sum"].keys()
    assert mine["sum_bidir_reverse"].keys() == theirs["sum_bidir_reverse"].keys()


@real
@pytest.mark.captures
def test_queries_and_sets_of_the_flash() -> None:
    mine = shapes(said("pacu", "mstconfig", "-d", "4b:00.0", "-y", "set", "LINK_TYPE_P1=1"))
    assert mine == {"-E- Failed to open the device"}
    mine = shapes(said("pacu", "mstconfig", "-d", "43:00.0", "-y", "set", "LINK_TYPE_P1=1"))
    theirs = shapes(captured("mlxconfig/cx5-set-eth-to-ib-newformat.txt"))
    assert {line for line in mine ^ theirs if not line.startswith(("Name", "Desc", "Dev"))} == set()
    mine = shapes(said("cx3-hp", "mstconfig", "-d", "05:00.0", "q"))
    theirs = shapes(captured("mlxconfig/cx3-query-hp544qsfp.txt"))
    rest = mine ^ theirs
    assert {line for line in rest if not line.startswith(("Device:", "PCI device:"))} == set()


@real
@pytest.mark.captures
def test_resets() -> None:
    mine = shapes(said("pacu", "mstfwreset", "-d", "0000:43:00.0", "-y", "r"))
    theirs = shapes(captured("flint/mlxfwreset-cx4-level3-skipped.txt"))
    assert {line for line in mine ^ theirs if "reset level for device" not in line} == set()


@real
@pytest.mark.captures
def test_reports_of_link_and_module() -> None:
    mine = labels(said("pacu", "mstlink", "-d", "0000:43:00.0"))
    theirs = labels(captured("mlxlink/cx6dx-100g-an-fsm.txt"))
    assert mine ^ theirs == {"MFT Version", "MSTFLINT Version"}
    mine = labels(said("dgx", "mlxlink", "-d", "0000:18:00.0", "-m"))
    theirs = labels(captured("mlxlink/cx7-ib-ndr-osfp-dac-module.txt"))
    assert {re.sub(r"\(.*", "", label).strip() for label in mine} <= {
        re.sub(r"\(.*", "", label).strip() for label in theirs
    }
    mine = labels(said("pacu", "ethtool", "-m", "enp67s0np0"))
    theirs = labels(captured("ethtool-m/qsfp28-cwdm4-finisar-up.txt"))
    assert mine <= theirs


@real
@pytest.mark.captures
def test_perftest() -> None:
    mine = shapes(said("pacu", "ib_send_bw", "-d", "mlx5_0", "--report_gbits", "10.0.0.3"))
    theirs = shapes(captured("perf/ib-send-bw-56g-roce.txt"))
    addresses = {line for line in mine ^ theirs if "address:" in line or line.startswith("GID:")}
    assert mine ^ theirs == addresses


@real
@pytest.mark.captures
def test_the_drivers_first_words() -> None:
    system = load_lab("pacu", ManualClock())
    stop = Event()
    mine = []
    for record in system.kernel_log(stop):
        mine.append(record.text)
        if "Link up" in record.text:
            stop.set()
    theirs = [
        line.partition("] ")[2] for line in captured("dmesg/dmesg-cx4-x8-limited.txt").splitlines()
    ]
    assert [line for line in mine if "Supported tc" not in line] == [
        line for line in theirs if "Supported tc" not in line
    ]
