"""Netlink parsers on any bytes, and the kernel's answers beside those of its own tools."""

import errno
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxtop.model.identity import pci_address
from mlxtop.system import genetlink, netlink, rtnetlink, sock_diag
from mlxtop.system.door import Question
from mlxtop.system.events import parse_link_events
from mlxtop.system.netlink import attribute, nested, u32
from tests import netns

PARSERS: list[Callable[[memoryview], Any]] = [
    lambda data: list(netlink.messages(data)),
    lambda data: netlink.failure(0x300, data),
    rtnetlink.parse_link,
    rtnetlink.parse_stats,
    rtnetlink.parse_link_stats,
    rtnetlink.parse_route,
    sock_diag.parse_socket,
    parse_link_events,
    genetlink.parse_statistics,
    genetlink.parse_modes,
    genetlink.parse_features,
    genetlink.parse_devlink_info,
    *(
        lambda data, table=table: genetlink.parse_simple(data, table)
        for _, table in genetlink.SIMPLE.values()
    ),
]

HEADS: dict[Callable[[memoryview], Any], bytes] = {
    rtnetlink.parse_link: bytes(16),
    rtnetlink.parse_link_stats: bytes(16),
    rtnetlink.parse_stats: bytes(12),
    rtnetlink.parse_route: bytes(12),
}


def trees(depth: int = 3) -> st.SearchStrategy[bytes]:
    """Attributes of small types, nested, some with sizes that lie."""
    leaf = st.binary(max_size=24)
    if depth:
        leaf = leaf | trees(depth - 1)
    kinds = st.integers(0, 12) | st.sampled_from([16, 18, 23, 33, 38, 56, 98, 100, 103, 104])
    one = st.builds(attribute, kinds, leaf)
    lying = st.builds(
        lambda size, kind, body: struct.pack("=HH", size, kind) + body,
        st.integers(0, 0xFFFF),
        kinds,
        leaf,
    )
    return st.lists(one | lying, max_size=4).map(b"".join)


@given(data=st.binary(max_size=120) | trees())
def test_no_bytes_make_a_parser_raise(data: bytes) -> None:
    for parse in PARSERS:
        parse(memoryview(data))
        parse(memoryview(HEADS.get(parse, b"") + data))


def test_a_truncated_attribute_ends_the_parsing_before_it() -> None:
    whole = attribute(3, b"eth0\0") + u32(4, 1500)
    for size in range(len(whole) + 1):
        for _, content in netlink.attributes(memoryview(whole)[:size]):
            assert bytes(content) in (b"eth0\0", struct.pack("=I", 1500))
    link = rtnetlink.parse_link(memoryview(bytes(16) + whole[:14]))
    assert link is not None
    assert (link["name"], link["mtu"]) == ("eth0", None)


def stats(index: int, counters: list[int], *, flags: int = 2, more: bytes = b"") -> bytes:
    """One RTM_NEWSTATS of a dump."""
    body = struct.pack("=BxxxII", 0, index, 1) + attribute(
        1, struct.pack(f"={len(counters)}Q", *counters)
    )
    body += more
    return struct.pack("=IHHII", 16 + len(body), 92, flags, 7, 99) + body


U64 = st.integers(0, (1 << 64) - 1)
ROW = st.tuples(st.integers(1, 1 << 31), st.lists(U64, min_size=24, max_size=24))
ODD = st.builds(
    stats,
    st.integers(1, 9),
    st.lists(U64, min_size=1, max_size=26),
    flags=st.sampled_from((0, 2, 18)),
    more=st.sampled_from((b"", attribute(5, bytes(8)))),
)


@settings(deadline=None)
@given(st.lists(ROW.map(lambda row: stats(*row)) | ODD, max_size=6), st.integers(0, 40))
def test_messages_of_one_shape_are_read_like_one_after_the_other(
    parts: list[bytes], tail: int
) -> None:
    data = memoryview(b"".join(parts) + b"\x14" * tail)
    one_by_one = [
        (flags, rtnetlink.parse_stats(body)) for _, flags, _, body in netlink.messages(data)
    ]
    found: list[rtnetlink.Stats] = []
    used = rtnetlink.parse_many_stats(data, 7, found)
    assert found == [row for _, row in one_by_one][: len(found)]
    assert all(flags == 2 for flags, _ in one_by_one[: len(found)])
    assert used == sum(map(len, parts[: len(found)]))
    assert rtnetlink.parse_many_stats(data, 8, []) == 0
    plain = [len(part) == len(stats(1, [0] * 24)) and part[6] == 2 for part in parts]
    if parts and all(plain):
        assert len(found) >= len(parts)


def test_what_the_kernel_says_beside_an_error_is_kept() -> None:
    request = struct.pack("=IHHII", 20, 1, 0, 1, 0) + bytes(4)
    message = struct.pack("=i", -errno.EINVAL) + request + attribute(1, b"no such speed\0")
    error = netlink.failure(0x200, memoryview(message))
    assert error is not None
    assert (error.errno, error.strerror) == (errno.EINVAL, "no such speed")
    assert netlink.failure(0, memoryview(bytes(20))) is None


def test_a_link_of_another_namespace_is_no_link_here() -> None:
    body = bytes(16) + attribute(3, b"veth0\0") + u32(5, 7)
    here = rtnetlink.parse_link(memoryview(body))
    away = rtnetlink.parse_link(memoryview(body + u32(37, 0)))
    assert here is not None
    assert away is not None
    assert (here["link"], away["link"]) == (7, None)


def test_statistics_have_their_standard_names() -> None:
    group = nested(4, u32(2, 1), nested(4, attribute(12, struct.pack("=Q", 1 << 40))))
    phy = nested(4, u32(2, 0), nested(4, attribute(0, struct.pack("=Q", 5))))
    assert genetlink.parse_statistics(memoryview(group + phy)) == {
        "OctetsReceivedOK": 1 << 40,
        "SymbolErrorDuringCarrier": 5,
    }


def test_fec_blocks_are_the_total_and_unknown_ones_none() -> None:
    blocks = nested(5, attribute(2, struct.pack("=3Q", 7, 3, 4)), attribute(3, b"\xff" * 8))
    data = u32(4, 50) + attribute(3, b"\0") + blocks
    table = genetlink.SIMPLE[Question.FEC][1]
    assert genetlink.parse_simple(memoryview(data), table) == {
        "modes": None,
        "auto": False,
        "active": "RS",
        "corrected": 7,
        "uncorrectable": None,
        "corrected_bits": None,
    }


def test_devlink_versions_are_kept_by_their_state() -> None:
    version = attribute(103, b"fw.psid\0") + attribute(104, b"MT_0000000008\0")
    data = attribute(1, b"pci\0") + attribute(2, b"0000:08:00.0\0") + nested(100, version)
    handle, info = genetlink.parse_devlink_info(memoryview(data))
    assert handle == "pci/0000:08:00.0"
    assert info["fixed"] == {"fw.psid": "MT_0000000008"}
    assert info["running"] == info["stored"] == {}


def test_the_nearest_pci_device_of_a_path() -> None:
    root = "/sys/devices/pci0000:00/0000:00:03.0"
    assert pci_address(f"{root}/0000:07:00.0/net/eth0") == "0000:07:00.0"
    assert pci_address(root) == "0000:00:03.0"
    assert pci_address("/sys/devices/virtual/net/veth0") is None


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
        assert features[name] is value.startswith("on"), name
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
