"""Streams are the connections that move data, each on the port its route takes."""

from __future__ import annotations

import json

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.sources.kernel.proc import Process
from mlxtop.sources.kernel.tcp import (
    Connection,
    by_port,
    has_session,
    moved,
    parse_sshd_ports,
    parse_unit_ports,
    read_moved,
    streams,
)
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.sock_diag import parse_socket

PORT = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="p1")


def connection(number: int, amount: int | None, remote: str = "10.0.0.3") -> Connection:
    return Connection("10.0.0.2", 40000 + number, remote, 5201, sent=amount, received=0)


def test_the_control_connection_and_idle_logins_are_no_streams() -> None:
    before = moved([connection(n, 1000) for n in range(6)])
    now = moved(
        [
            *(connection(n, 1000 + 10**9) for n in range(4)),
            connection(4, 1000 + 5000),
            connection(5, 1000),
        ]
    )
    assert streams(before, now) == {"10.0.0.3": 4}


def test_connections_that_are_new_or_inside_or_untold_do_not_count() -> None:
    inside = Connection("10.0.0.2", 1, "127.0.0.1", 2, sent=10**9, received=0)
    assert moved([inside, connection(1, None)]) == {}
    assert streams({}, moved([connection(1, 10**9)])) == {}
    assert streams({}, {}) == {}


def test_streams_belong_to_the_port_of_their_route() -> None:
    route = json.dumps({"dev": "p1", "via": None, "src": "10.0.0.2", "local": False})
    capture = parse_capture(f"{HEADER}\n? route 10.0.0.3 = {route}\n? links = []\n")
    system = CapturedSystem("x", capture, capture)
    before, now = moved([connection(1, 0)]), moved([connection(1, 10**9)])
    assert by_port(system, [PORT], streams(before, now)) == {PORT.id: 1}
    elsewhere = streams(
        moved([connection(1, 0, "10.9.9.9")]), moved([connection(1, 9, "10.9.9.9")])
    )
    assert by_port(system, [PORT], elsewhere) == {}
    assert read_moved(system) == {}


def test_the_kernels_own_amounts_are_read_from_the_attribute() -> None:
    head = bytes([2, 1, 0, 0]) + bytes(68)
    info = bytes(120) + (7).to_bytes(8, "little") + (9).to_bytes(8, "little")
    attribute = (4 + len(info)).to_bytes(2, "little") + (2).to_bytes(2, "little") + info
    found = parse_socket(memoryview(head + attribute))
    assert found is not None
    assert (found["sent"], found["received"]) == (7, 9)
    bare = parse_socket(memoryview(head))
    assert bare is not None
    assert bare["sent"] is None


def test_ports_of_sshd_are_read_from_its_configuration() -> None:
    text = "# Port 1\nPort 22\n port=2200\nListenAddress 0.0.0.0:2201\nListenAddress ::\n"
    assert parse_sshd_ports(text) == {22, 2200, 2201}
    assert parse_unit_ports("ListenStream=\nListenStream=[::]:2022\nListenStream=/run/x\n") == {
        2022
    }


def test_sessions_are_told_from_the_waiting_server() -> None:
    listener = Process(1, "sshd", ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",))
    assert not has_session([listener])
    assert has_session([Process(2, "sshd", ("sshd: ed [priv]",))])
    assert has_session([Process(2, "sshd-session", ("sshd-session: ed@pts/1",))])
