"""The servers that a far side starts: known commands alone, and word of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event
from typing import Any

import pytest

from mlxtop.hosts import far_server, serve
from mlxtop.hosts.serve import ServeOrder, ServerSet, command, listens, parse_order
from mlxtop.model.load import Tool
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished

IPERF = ServeOrder(Tool.IPERF, "10.0.0.3", 5001, number=7)
WRITE = ServeOrder(Tool.IB_WRITE_BW, "10.0.0.3", 18515, True, ("-D", "6", "-F"), "mlx5_0", 2)
GIDS = """
/sys/class/infiniband/mlx5_0/ports/2/gids/5 = 0000:0000:0000:0000:0000:ffff:0a00:0003
/sys/class/infiniband/mlx5_0/ports/2/gid_attrs/types/5 = RoCE v2
"""
OLD, NEW = "  -F\n      --source_ip  Source IP of\n", "      --bind_source_ip  Source IP of\n"


class Host(CapturedSystem):
    """A machine whose servers end when they are told to, or at once with a status."""

    def __init__(self, text: str = "", helps: str = "", ends: Finished | None = None) -> None:
        capture = parse_capture(f"{HEADER}\n{text}")
        super().__init__("host", capture, capture)
        self.helps, self.ends = helps, ends
        self.started: SimpleQueue[list[str]] = SimpleQueue()

    def run(
        self, argv: Sequence[str], *, timeout: float = 5.0, stdin: str = "", change: bool = False
    ) -> Finished:
        return Finished(0, self.helps, "")

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        self.started.put(list(argv))
        if self.ends is None:
            stop.wait(20)
        return self.ends or Finished(-15, "", "")


def sockets(*rows: dict[str, object]) -> str:
    return f"? sockets = {json.dumps(rows)}\n"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (IPERF._replace(tool=Tool.IPERF3), "iperf3 -s -1 -B 10.0.0.3 -p 5001 --forceflush"),
        (
            IPERF._replace(tool=Tool.IPERF3, once=False),
            "iperf3 -s -B 10.0.0.3 -p 5001 --forceflush",
        ),
        (IPERF._replace(words=("-u",)), "iperf -s -u -B 10.0.0.3 -p 5001"),
        (IPERF._replace(address="fd00::3"), "iperf -s -V -B fd00::3 -p 5001"),
        (IPERF._replace(tool=Tool.NUTTCP), "nuttcp -1 --nofork -P 5001"),
        (IPERF._replace(tool=Tool.NUTTCP, once=False), "nuttcp -S --nofork -P 5001"),
        (IPERF._replace(tool=Tool.QPERF), "qperf -lp 5001"),
    ],
)
def test_a_server_is_bound_to_the_links_address_where_the_tool_can(
    order: ServeOrder, words: str
) -> None:
    assert command(Host(), order) == words.split()
    assert parse_order(order.text().partition(" ")[2]) == order


@pytest.mark.parametrize(
    ("helps", "bind"), [(OLD, "--source_ip"), (NEW, "--bind_source_ip"), ("", None)]
)
def test_perftest_listens_at_the_address_with_its_gid(helps: str, bind: str | None) -> None:
    at = [bind, "10.0.0.3"] if bind else []
    argv = ["ib_write_bw", "-d", "mlx5_0", "-i", "2", "-D", "6", "-F", "-x", "5"]
    assert command(Host(GIDS, helps), WRITE) == [*argv, *at, "-p", "18515"]


def test_rdma_cm_finds_its_gid_itself_and_no_device_is_told() -> None:
    words = command(Host(GIDS), WRITE._replace(words=("-R",)))
    assert words == ["ib_write_bw", "-d", "mlx5_0", "-i", "2", "-R", "-p", "18515"]
    with pytest.raises(ValueError, match="no RDMA device there"):
        command(Host(), WRITE._replace(device=None))
    with pytest.raises(ValueError, match="ping needs no server"):
        command(Host(), WRITE._replace(tool=Tool.PING))


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "sh"},
        {"address": "fry"},
        {"port": 0},
        {"port": 65536},
        {"words": ["--logfile"]},
        {"words": ["-D", "/etc/passwd"]},
        {"words": ["6"]},
        {"words": ["-F", "6"]},
        {"words": [["-F"]]},
        {"device": "-x"},
        {"device": "../x"},
        {"device_port": 0},
        {"number": -1},
        {"more": 1},
    ],
    ids=str,
)
def test_whatever_is_not_a_known_server_is_refused(change: dict[str, object]) -> None:
    values = {**WRITE._asdict(), **change}
    with pytest.raises(ValueError, match=r"no server is known by|is not allowed"):
        parse_order(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "[" * 1000])
def test_an_order_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no server is known by"):
        parse_order(text)


@pytest.mark.parametrize(
    ("row", "there"),
    [
        ({"local": "10.0.0.3", "local_port": 5001}, True),
        ({"local": "0.0.0.0", "local_port": 5001}, True),
        ({"local": "::", "local_port": 5001}, True),
        ({"local": "10.9.9.9", "local_port": 5001}, False),
        ({"local": "10.0.0.3", "local_port": 5002}, False),
        ({"local": "10.0.0.3", "local_port": 5001, "remote": "10.0.0.2"}, False),
    ],
    ids=str,
)
def test_a_listening_socket_of_that_port_tells_that_a_server_is_ready(
    row: dict[str, object], there: bool
) -> None:
    assert listens(Host(sockets(row)), IPERF) is there


@pytest.mark.parametrize(("port", "there"), [("1389", True), ("138A", False)])
def test_a_server_of_udp_is_in_its_own_table(port: str, there: bool) -> None:
    head = "   sl  local_address rem_address   st tx_queue rx_queue"
    row = f"  912: 0300000A:{port} 00000000:0000 07 00000000:00000000"
    text = f"/proc/net/udp:\n  | {head}\n  | {row}\n"
    assert listens(Host(text), IPERF._replace(words=("-u",))) is there


def told(host: Host, order: ServeOrder | str) -> tuple[ServerSet, SimpleQueue[dict[str, Any]]]:
    answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
    servers = ServerSet(host, lambda **values: answers.put(values))
    text = order if isinstance(order, str) else order.text().partition(" ")[2]
    servers.start(text)
    return servers, answers


def test_it_is_told_when_a_server_listens_and_when_it_has_been_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Host()
    monkeypatch.setattr(serve, "LOOK_S", 0.001)
    monkeypatch.setattr(serve, "listens", lambda *_: not host.started.empty())
    servers, answers = told(host, IPERF)
    assert answers.get(timeout=20) == {"server": 7, "listening": True}
    servers.end()
    assert answers.get(timeout=20) == {"server": 7, "ended": True, "text": ""}


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (Host(ends=Finished(1, "", "a\nbind failed: in use\n")), "iperf: bind failed: in use"),
        (Host(ends=Finished(1, "", "")), "iperf: ended with status 1"),
        (Host(ends=Finished(0, "", "")), ""),
        (
            Host(sockets({"local": "::", "local_port": 5001})),
            "iperf: port 5001 is in use there",
        ),
    ],
)
def test_it_is_told_why_a_server_has_ended(
    host: Host, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "FREE_S", 0.0)
    monkeypatch.setattr(serve, "LOOK_S", 0.001)
    _, answers = told(host, IPERF)
    assert answers.get(timeout=20) == {"server": 7, "ended": True, "text": text}


def test_the_server_before_has_a_moment_to_give_its_port_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, looks = Host(), iter((True, True, False, True))
    monkeypatch.setattr(serve, "LOOK_S", 0.001)
    monkeypatch.setattr(serve, "listens", lambda *_: next(looks))
    servers, answers = told(host, IPERF)
    assert answers.get(timeout=20) == {"server": 7, "listening": True}
    servers.end()


def test_an_order_that_makes_no_sense_is_answered() -> None:
    _, answers = told(Host(), "{}")
    assert answers.get(timeout=20)["text"].startswith("no server is known by {}")


def test_a_server_of_one_test_is_started_again_as_long_as_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "AGAIN_S", 0.0)
    host = Host(ends=Finished(1, "", "client went away"))
    servers, answers = told(host, IPERF._replace(once=False))
    assert host.started.get(timeout=20) == host.started.get(timeout=20)
    servers.end()
    assert answers.get(timeout=20) == {"server": 7, "ended": True, "text": ""}


class Source:
    """What is sent to a far side, and its answers."""

    def __init__(self, *answers: dict[str, object]) -> None:
        self._answers = answers
        self.sent: list[str] = []
        self.answered: Callable[[dict[str, object]], None] = lambda _: None
        self.orders = self

    def append(self, order: str) -> None:
        self.sent.append(order)
        if order.startswith("serve "):
            for one in self._answers:
                self.answered(one)


ENDED = {"server": 1, "ended": True, "text": "iperf: not installed"}


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        (({"server": 1, "listening": True},), None),
        (({"server": 0, "ended": True, "text": ""}, {"server": 1, "listening": True}), None),
        ((ENDED,), "the server at 10.0.0.3 ended: iperf: not installed"),
        (({"server": -1, "ended": True, "text": "no"},), "the server at 10.0.0.3 ended: no"),
        (({"server": [1], "listening": True}, {"server": 2, "listening": True}), "has answered"),
    ],
)
def test_the_near_side_waits_for_its_own_server(
    answers: tuple[dict[str, object], ...],
    failure: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(far_server, "ANSWER_S", 0.001)
    source = Source(*answers)
    server = far_server.RemoteServer(source, "10.0.0.3", ("mlx5_0", 2))  # type: ignore[arg-type]
    why = server.start(Tool.IPERF, range(5001, 5002), ("-u",), once=True)
    assert why == failure or (failure is not None and failure in (why or ""))
    order = parse_order(source.sent[0].partition(" ")[2])
    assert order == ServeOrder(Tool.IPERF, "10.0.0.3", 5001, True, ("-u",), "mlx5_0", 2, 1)
    server.stop()
    assert source.sent[-1] == "unserve"
