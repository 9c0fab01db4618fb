"""The kernel's answers in a network namespace, compared with what tools print."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests import netns

SCRIPT = """
import json, os, socket, subprocess, threading, time
from mlxtop.system.door import Question as Q
from mlxtop.system.local import LocalSystem

def tool(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

for line in (
    "link set lo up",
    "link add va type veth peer name vb",
    "link add dev vc type veth peer name vd",
    "address add 10.9.0.1/24 dev va",
    "link set va up",
    "link set vb up",
    "route add 10.8.0.0/16 via 10.9.0.7",
):
    tool("ip", *line.split())
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packets.bind(("va", 0))
system = LocalSystem()
def until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)

# Until the queues are there, a link drops what is sent.
until(lambda: [link["operstate"] for link in system.ask(Q.LINKS)].count(6) == 2)
for _ in range(50):
    packets.send(b"\\xff" * 12 + b"\\x88\\xb5" + bytes(1000))
index = {link["name"]: link["index"] for link in system.ask(Q.LINKS)}
until(lambda: system.ask(Q.LINK_COUNTERS)[index["vb"]][0] >= 50)

def stats():
    return system.read("/proc/self/net/dev").decode()

before = stats()
counters = system.ask(Q.LINK_COUNTERS)
system._links._has_stats = False
older = system.ask(Q.LINK_COUNTERS)
after = stats()
answers = [None] * 8
def ask(place):
    answers[place] = [len(system.ask(Q.LINKS)) for _ in range(20)]
threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
out = {
    "index": index,
    "counters": counters, "older": older, "before": before, "after": after,
    "driver": system.ask(Q.DRIVER_INFO, "va"), "ethtool -i": tool("ethtool", "-i", "va"),
    "statistics": system.ask(Q.DRIVER_STATISTICS, "va"), "ethtool -S": tool("ethtool", "-S", "va"),
    "same names": system.ask(Q.DRIVER_STATISTICS, "va")["names"]
        is system.ask(Q.DRIVER_STATISTICS, "va")["names"],
    "features": system.ask(Q.FEATURES, "va"), "ethtool -k": tool("ethtool", "-k", "va"),
    "channels": system.ask(Q.CHANNELS, "va"), "ethtool -l": tool("ethtool", "-l", "va"),
    "modes": system.ask(Q.LINK_MODES, "va"), "ethtool": tool("ethtool", "va"),
    "up": system.ask(Q.LINK_STATE, "va"), "down": system.ask(Q.LINK_STATE, "vc"),
    "route": system.ask(Q.ROUTE, "10.8.1.1"),
    "ip route": json.loads(tool("ip", "-j", "route", "get", "10.8.1.1")),
    "from": system.ask(Q.ROUTE, "10.9.0.9,10.9.0.1"), "local": system.ask(Q.ROUTE, "10.9.0.1"),
    "sockets": system.ask(Q.SOCKETS),
    "listener": listener.getsockname(), "inode": os.stat(listener.fileno()).st_ino,
    "client": client.getsockname(),
    "threads": answers,
}
system.close()
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    """What the kernel and its tools say in a network namespace with two veth pairs."""
    own = netns.own("ethtool")
    done = subprocess.run(
        [*own, sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def proc_net_dev(text: str) -> dict[str, list[int]]:
    rows = (line.partition(":") for line in text.splitlines()[2:])
    return {name.strip(): [int(field) for field in rest.split()] for name, _, rest in rows}


def test_counters_are_those_of_proc_net_dev(namespace: dict[str, Any]) -> None:
    before, after = proc_net_dev(namespace["before"]), proc_net_dev(namespace["after"])
    for name, index in namespace["index"].items():
        for counters in (namespace["counters"][str(index)], namespace["older"][str(index)]):
            assert len(counters) >= 24
            for place, column in ((0, 1), (1, 9), (2, 0), (3, 8)):
                assert before[name][column] <= counters[place] <= after[name][column]
    assert namespace["counters"][str(namespace["index"]["vb"])][0] >= 50


def test_the_driver_is_the_one_that_ethtool_names(namespace: dict[str, Any]) -> None:
    said = dict(
        line.split(": ", 1) for line in namespace["ethtool -i"].splitlines() if ": " in line
    )
    assert namespace["driver"]["driver"] == said["driver"] == "veth"
    assert namespace["driver"]["version"] == said["version"]


def test_driver_statistics_are_those_of_ethtool(namespace: dict[str, Any]) -> None:
    said = [line.strip().rpartition(": ")[::2] for line in namespace["ethtool -S"].splitlines()[1:]]
    statistics = namespace["statistics"]
    assert statistics["names"] == [name for name, _ in said]
    assert len(statistics["values"]) == len(said) > 0
    assert statistics["values"][0] == int(said[0][1]) == namespace["index"]["vb"]
    assert namespace["same names"] is True


def test_features_and_channels_are_those_of_ethtool(namespace: dict[str, Any]) -> None:
    features = namespace["features"]
    said = [line.strip().split(": ") for line in namespace["ethtool -k"].splitlines()[1:]]
    shared = {name: value for name, value in said if name in features}
    assert len(shared) > 20
    for name, value in shared.items():
        on = value.startswith("on")
        assert features[name] is (None if value == "off [fixed]" else on), name
    assert namespace["channels"]["rx"] == namespace["channels"]["tx"] == 1
    assert namespace["ethtool -l"].split("Current hardware settings:")[1].split()[1] == "1"


def test_speed_and_link_are_those_of_ethtool(namespace: dict[str, Any]) -> None:
    assert "Speed: 10000Mb/s" in namespace["ethtool"]
    assert namespace["modes"]["speed"] == 10000
    assert namespace["modes"]["duplex"] == "full"
    assert namespace["up"]["link"] == 1
    assert namespace["down"]["link"] == 0


def test_routes_are_those_of_ip(namespace: dict[str, Any]) -> None:
    said = namespace["ip route"][0]
    route = namespace["route"]
    assert (route["dev"], route["via"], route["src"]) == ("va", said["gateway"], said["prefsrc"])
    assert route["local"] is False
    assert (namespace["from"]["dev"], namespace["from"]["via"]) == ("va", None)
    assert namespace["local"]["local"] is True


def test_connections_are_told_with_both_ends(namespace: dict[str, Any]) -> None:
    port = namespace["listener"][1]
    (listening,) = [
        entry
        for entry in namespace["sockets"]
        if entry["local_port"] == port and entry["remote"] is None
    ]
    assert listening == {
        "local": "127.0.0.1",
        "local_port": port,
        "remote": None,
        "remote_port": None,
        "interface": 0,
        "inode": namespace["inode"],
        "sent": None,
        "received": None,
    }
    assert any(
        entry["local_port"] == port and entry["remote_port"] == namespace["client"][1]
        for entry in namespace["sockets"]
    )


def test_many_threads_may_ask_at_once(namespace: dict[str, Any]) -> None:
    assert namespace["threads"] == [[5] * 20] * 8
