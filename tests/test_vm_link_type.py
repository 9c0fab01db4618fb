"""Link types on ConnectX-like devices of a running kernel, and over a real SSH session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vm import FOR_OTHERS, in_lab

PREPARE = """
export XDG_STATE_HOME=/tmp/state
mlxtop() { $PYTHON -m mlxtop "$@"; }
device=/sys/bus/pci/devices/0000:09:00.0
types() { cat $device/mlx4_port1 $device/mlx4_port2 | paste -sd,; }
typed() { [ "$(types)" = "$1" ]; }
see() { true; }
try() {  # until a command succeeds
  local end=$((SECONDS + 100))
  while ((SECONDS < end)); do "$@" && return; sleep 0.2; done
  echo "never: $*" >&2; see >&2; exit 1
}
"""

CHANGES = (
    PREPARE
    + """
mlxtop link-type --json | tr -d '\\n'; echo
mlxtop link-type ibp9s0d1 eth --yes --json | tr -d '\\n'; echo
types
mlxtop link-type 0000:09:00.0/1 ib --yes >/dev/null; types
mlxtop link-type 09:00.0 eth --yes >/dev/null; types
mlxtop link-type 0000:09:00.0/2 ib --stored --yes >/dev/null
mlxtop link-type ibp8s0f1 eth --yes >/dev/null
grep -h LINK_TYPE /run/nv/0000:09:00 /run/nv/0000:08:00 | awk '{print $1"="$4}' | paste -sd,
mlxtop link-type 0000:08:00.1/1 --reset --yes 2>&1 || true
ip -n fry link set enp8s0f0np0 netns 1
mlxtop link-type 0000:08:00.1/1 --reset --yes | grep -c 'loaded anew'
mlxtop link-type --json | tr -d '\\n'; echo
mlxtop log --json | tr -d '\\n'; echo
"""
)

TOOLS = (
    PREPARE
    + """
refused() { mlxtop link-type "$@" 2>&1 >/dev/null && echo done || true; }
echo CFG_DELAY=1000 > /run/mst.env
refused 0000:08:00.1/1 eth --yes
pgrep -x sleep || echo nobody
echo MST_VERSION=4.26.0 > /run/mst.env
refused 0000:09:00.0/1 ib --stored --yes
echo "MST_FAIL='write counter to semaphore: Operation not permitted'" > /run/mst.env
refused 0000:08:00.1/1 eth --yes
rm /run/mst.env
refused enp7s0np0 ib --yes
"""
)

SESSION = (
    PREPARE
    + FOR_OTHERS
    + """
useradd -m -s /bin/bash ed
echo 'ed ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ed
# Both ports of the card are Ethernet and wired together; the far end gets a network of its own.
echo eth > $device/mlx4_port2; try [ -e /sys/class/net/enp9s0d1 ]
ip netns add far
ip link set enp9s0d1 netns far; ip -n far addr add 10.0.6.9/24 dev enp9s0d1
ip -n far link set enp9s0d1 up; ip link set enp9s0 up
ip addr replace 10.0.6.2/24 dev enp9s0
mkdir -p /run/sshd /tmp/keys ~ed/.ssh
ssh-keygen -q -t ed25519 -N '' -f /tmp/keys/host; ssh-keygen -q -t ed25519 -N '' -f /tmp/keys/ed
cp /tmp/keys/ed.pub ~ed/.ssh/authorized_keys; chown -R ed: ~ed/.ssh; chmod 700 ~ed/.ssh
/usr/sbin/sshd -p 2222 -h /tmp/keys/host -o StrictModes=no -o ListenAddress=10.0.6.2
far() {
  ip netns exec far ssh -n -p 2222 -i /tmp/keys/ed -o StrictHostKeyChecking=no \\
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ServerAliveInterval=5 ed@10.0.6.2 "$@"
}
export PROGRAM="env PYTHONPATH=$PYTHONPATH $PYTHON -m mlxtop"
wish='link-type 0000:09:00.0/1 ib --now'
named() { grep -o 'SSH session from [0-9.]* (port 2222)' "$@" | head -1; }
echo "== user"; far "$PROGRAM $wish --yes" 2>&1 | named
echo "== sudo"; far "sudo $PROGRAM $wish --yes" 2>&1 | named
far 'sleep 600' & try pgrep -u ed -x sleep >/dev/null
echo "== tmux"
export SSH_CONNECTION='192.0.2.9 1 192.0.2.8 22'
tmux -L lab new-session -d \\
  "$PROGRAM $wish --yes >/tmp/tmux.out 2>&1; echo status \\$? >>/tmp/tmux.out"
try grep -qs ^status /tmp/tmux.out
named /tmp/tmux.out; grep ^status /tmp/tmux.out
unset SSH_CONNECTION
echo "== before"; types
echo "== cut"
far "sudo $PROGRAM $wish --yes --i-know-it-cuts-me-off 0000:09:00.0/1 \\
  --i-know-it-cuts-me-off 0000:09:00.0/2" >/tmp/cut.out 2>&1 &
try typed ib,eth
types
pkill -KILL -u ed; pkill -KILL sshd
try typed eth,eth
echo "== after"; types
sudo -u ed $PROGRAM log --json | tr -d '\\n'; echo
stat -c '%U %a' ~ed/.local/state/mlxtop-nic/actions.jsonl
dmesg | grep -c 'link types not kept: reverted'
"""
)


SCREEN = (
    PREPARE
    + FOR_OTHERS
    + """
useradd -m -s /bin/bash ed; echo ed:secret | chpasswd; echo 'ed ALL=(ALL) ALL' > /etc/sudoers.d/ed
export LC_ALL=C.UTF-8
terminal() { runuser -u ed -- tmux -L lab "$@"; }
see() { terminal capture-pane -p; }
shown() { see | grep -q "$1"; }
gone() { ! shown "$1"; }
asked() { [ "$(see | grep -c 'password for ed')" -eq "$1" ]; }
await() { try shown "$1"; }
terminal -f /dev/null new-session -d -x 120 -y 40 \
  "cd; PYTHONPATH=$PYTHONPATH $PYTHON -m mlxtop -i mlx4_0; echo ended \\$?; sleep 600"
await 'enp9s0'; terminal send-keys L
await 'a password is required'; terminal send-keys Enter
await 'yes, do it'; terminal send-keys y
try asked 1; terminal send-keys C-c
await 'yes, do it\\|Failed'; terminal send-keys Escape; try gone 'yes, do it\\|Failed'; types
await 'ibp9s0d1'; terminal send-keys L
await 'Change to'; terminal send-keys Enter
await 'yes, do it'; terminal send-keys y
try asked 2; terminal send-keys secret Enter
await 'ON PROBATION: taken back'; types; terminal send-keys K
await 'Kept'; types
stat -c %U /tmp/state/mlxtop-nic/actions.jsonl
terminal send-keys Escape; try gone Kept; terminal send-keys q; await 'ended 0'
"""
)


def lines_of(script: str, seconds: int = 600) -> list[str]:
    done = in_lab(script, seconds=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def by_port(text: str) -> dict[str, dict[str, Any]]:
    return {port["port"]: port for port in json.loads(text)["ports"]}


@pytest.mark.vm
def test_types_change_at_once_and_for_the_next_boot_on_the_port_that_was_meant() -> None:
    lines = lines_of(CHANGES)
    ports = by_port(lines[0])
    assert ports["0000:08:00.1/1"]["parameter"] == "LINK_TYPE_P2"
    assert (ports["0000:08:00.1/1"]["now"], ports["0000:08:00.0/1"]["now"]) == ("ib", "eth")
    assert ports["0000:07:00.0/1"]["methods"] == []
    assert ports["0000:09:00.0/2"]["methods"] == ["mlx4_portN", "mstconfig"]
    change = json.loads(lines[1])
    assert change["done"] and change["kept"]
    assert "ip address add 10.0.6.2/24 dev enp9s0" in change["next"]
    assert lines[2:5] == ["eth,eth", "ib,eth", "eth,eth"]
    assert lines[5] == "LINK_TYPE_P1=2,LINK_TYPE_P2=1,LINK_TYPE_P1=2,LINK_TYPE_P2=2"
    assert "another network namespace" in lines[6]
    assert lines[7] == "1"
    after = by_port(lines[8])
    assert after["0000:08:00.1/1"]["now"] == "eth"
    log = json.loads(lines[9])
    assert [entry["argv"][-1] for entry in log if "LINK_TYPE_P2=2" in str(entry.get("argv"))] == [
        "LINK_TYPE_P2=2"
    ]
    assert all(entry["status"] == 0 for entry in log if "status" in entry)


@pytest.mark.vm
def test_tools_that_hang_or_refuse_are_told_as_such() -> None:
    hanging, nobody, version, denied, ethernet = lines_of(TOOLS)
    assert "did not answer in time" in hanging and nobody == "nobody"
    assert "mstflint 4.25 is the last" in version
    assert "Failed to open the device" in denied
    assert "one link type only" in ethernet


@pytest.mark.vm
def test_the_way_one_came_by_is_not_cut_off_and_comes_back() -> None:
    lines = lines_of(SESSION)
    text = "\n".join(lines)
    session = "SSH session from 10.0.6.9 (port 2222)"
    assert lines[:6] == ["== user", session, "== sudo", session, "== tmux", session], text
    assert lines[6:11] == ["status 1", "== before", "eth,eth", "== cut", "ib,eth"], text
    assert lines[11:13] == ["== after", "eth,eth"], text
    log = json.loads(lines[13])
    assert log[-1]["action"] == "take back" and log[-1]["result"] == "reverted"
    assert lines[14:] == ["ed 600", "1"]


@pytest.mark.vm
def test_from_the_screen_sudo_asks_on_the_terminal_and_the_screen_comes_back() -> None:
    assert lines_of(SCREEN) == ["eth,auto (ib)", "ib,auto (ib)", "ib,auto (ib)", "ed"]
