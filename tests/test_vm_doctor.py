"""`mlxtop doctor` on ConnectX-like devices of a running kernel, with and without root's rights."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vm import FOR_OTHERS, in_lab

SCRIPT = (
    FOR_OTHERS
    + """
status() { "$@" || echo "status $?" >&2; }
status $PYTHON -m mlxtop doctor --json | tr -d '\\n'; echo
status setpriv --reuid 65534 --regid 65534 --clear-groups \
  $PYTHON -m mlxtop doctor --json | tr -d '\\n'; echo
dmesg | grep -o '0000:0[79]:00.0: .*available PCIe bandwidth.*'
"""
)

FAULTS = """
export XDG_STATE_HOME=/run/state
$PYTHON -m mlxtop doctor enp7s0np0 --json | tr -d '\\n' || true; echo
links=$XDG_STATE_HOME/mlxtop-nic/links
stat -c '%a %U' $links/*.json | sort -u >&2
# as if the links had been so for an hour
sed -i -E 's/,1\\]/,60]/g' $links/*.json
$PYTHON "$MLXTOP_LAB/samples/mkeeprom.py" qsfp28-cwdm4 /run/other-module
cx 0 eeprom /run/other-module
echo 2 > /run/lanes
mount --bind /run/lanes /sys/bus/pci/devices/0000:07:00.0/current_link_width
cx 0 fw_stored 28.41.1000
cx 0 temp 106000
cx 0 aer cor BadTLP 40
ethtool -K enp7s0np0 gro off
ip link set enp7s0np0 mtu 1500
sysctl -q -w net.ipv4.tcp_timestamps=0
(for second in $(seq 300); do cx 0 rx_crc_errors_phy +5; sleep 1; done) &
planter=$!
$PYTHON -m mlxtop doctor enp7s0np0 --json | tr -d '\\n' || true; echo
kill $planter
"""

Document = dict[str, list[dict[str, str]]]


def seen(document: Document) -> str:
    return "\n".join(finding["seen"] for finding in document["findings"])


def unknown(document: Document) -> set[tuple[str, str]]:
    return {(item["check"], item["reason"]) for item in document["could_not_tell"]}


@pytest.mark.vm
def test_the_x4_link_is_found_with_and_without_root() -> None:
    done = in_lab(SCRIPT)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    root, user = (json.loads(line) for line in lines[:2])
    printed = [line.partition(": ")[2] for line in lines[2:]]
    assert len(printed) == 2
    for document in (root, user):
        for line in printed:
            assert f"{line} (current_link_speed" in seen(document)
    assert done.stderr.count("status 1") == 2

    def kinds(document: Document) -> set[tuple[str, str, str]]:
        return {(f["severity"], f["subject"], f["reference"]) for f in document["findings"]}

    assert kinds(user) <= kinds(root)
    only_root = [
        f
        for f in root["findings"]
        if (f["severity"], f["subject"], f["reference"]) not in kinds(user)
    ]
    # Packet sizes and the memory of modules need root.
    words = ("MaxReadReq", "MaxPayload", ", module ")
    assert all(any(word in f["seen"] for word in words) for f in only_root)
    more = unknown(user) - unknown(root)
    assert ("enp7s0np0: PCIe packet sizes", "needs root") in more
    assert {check for check, _ in unknown(root)} <= {check for check, _ in unknown(user)}


@pytest.mark.vm
def test_planted_faults_are_named_and_nothing_else_appears() -> None:
    done = in_lab(FAULTS)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["600 root"]
    before, after = (json.loads(line) for line in done.stdout.splitlines())
    old = seen(before)
    new: list[dict[str, Any]] = [f for f in after["findings"] if f["seen"] not in old]
    planted = {
        "28.41.1000 is in flash",
        "ASIC at 106.0 °C",
        "BadTLP: 40",
        "rx-gro is off",
        "MTU 1500",
        "net.ipv4.tcp_timestamps = 0",
        "rx_crc_errors_phy grew by",
        "limited by 8.0 GT/s PCIe x2 link",
        "PCIe 3.0 x2 now, PCIe 3.0 x4 until",
        "LABOPTICS LAB-Q28-CWDM4, before Mellanox MMA1B00-C100D (remembered by mlxtop)",
    }
    for fault in planted:
        assert any(fault in finding["seen"] for finding in new), (fault, seen(after))
    strays = [f["seen"] for f in new if not any(fault in f["seen"] for fault in planted)]
    assert strays == []


PROBE = """
probe() { $PYTHON -m mlxtop doctor enp7s0np0 --probe 10.0.3.3 --json | tr -d '\\n' || true; echo; }
probe
ip -n fry link set enp8s0f0np0 mtu 1500
probe
ip -n fry link set enp8s0f0np0 down
probe
"""


@pytest.mark.vm
def test_a_smaller_mtu_at_the_peer_is_found_by_undivided_packets() -> None:
    done = in_lab(PROBE)
    assert done.returncode == 0, done.stderr
    same, smaller, silent = (json.loads(line) for line in done.stdout.splitlines())
    assert "10.0.3.3 answers" not in seen(same)
    assert not any("MTU to" in check for check, _ in unknown(same))
    assert "10.0.3.3 answers small packets, but none of MTU 9000" in seen(smaller)
    assert "10.0.3.3 answers" not in seen(silent)
    assert any(check == "enp7s0np0: MTU to 10.0.3.3" for check, _ in unknown(silent))
