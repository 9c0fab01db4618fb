"""The server of scrapes bears slow, half-open and hostile clients, and many at once."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.outputs import http_server
from mlxtop.outputs.http_server import (
    NOT_YET,
    Refused,
    Server,
    answer,
    is_own_host,
    parse_request,
    tls_context,
)
from mlxtop.outputs.openmetrics import Rendered

BODY = b"mlxtop_port_up 1\n" * 40_000
"""More than a socket holds unread."""
NAMES = frozenset({"localhost", "fry"})


def render(accept: str, zipped: bool) -> Rendered:
    return Rendered("text/plain", BODY)


@pytest.fixture
def place() -> Iterator[tuple[str, int]]:
    server = Server(render, NAMES)
    yield server.start("127.0.0.1", 0)
    server.close()


def talk(place: tuple[str, int], sent: bytes) -> bytes:
    """What the server says to some bytes until it closes."""
    with socket.create_connection(place, timeout=20) as one:
        one.sendall(sent)
        return b"".join(iter(lambda: one.recv(1 << 16), b""))


GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def status(told: bytes) -> int:
    return int(told.split(b" ", 2)[1])


# ---- what is asked


def test_metrics_and_a_page_that_leads_there(place: tuple[str, int]) -> None:
    told = talk(place, GET)
    assert status(told) == 200
    assert told.endswith(b"\r\n\r\n" + BODY)
    assert f"Content-Length: {len(BODY)}".encode() in told
    page = talk(place, GET.replace(b"/metrics", b"/"))
    assert b'<a href="/metrics">' in page


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\nX: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", 431),
    ],
)
def test_everything_else_is_refused(place: tuple[str, int], request_: bytes, expected: int) -> None:
    told = talk(place, request_)
    assert status(told) == expected
    assert b"mlxtop_" not in told


@given(st.binary(max_size=300))
def test_no_head_is_more_than_refused(head: bytes) -> None:
    try:
        answer(parse_request(head), NAMES, render)
    except Refused as refused:
        assert refused.status in HTTPStatus


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:9838", "fry", "fry.:1", "10.0.0.3", "10.0.0.3:9838", "[::1]:80"],
)
def test_an_address_and_the_machines_own_names_are_taken(host: str) -> None:
    assert is_own_host(host, NAMES)


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "fry.evil.example", "1.2.3.4.evil.de", "a b", "[x]", "fry:x"]
)
def test_no_other_name_is_taken(host: str | None) -> None:
    """A page under a name of its own could be led here by its DNS."""
    assert not is_own_host(host, NAMES)


def test_gzip_is_used_where_it_is_wanted() -> None:
    asked: list[bool] = []

    def note(accept: str, zipped: bool) -> Rendered:
        asked.append(zipped)
        return Rendered("text/plain", b"")

    for codings in ("gzip", "deflate, gzip;q=0.5", "gzip;q=0", "identity", ""):
        head = f"GET /metrics HTTP/1.1\r\nHost: fry\r\nAccept-Encoding: {codings}\r\n\r\n"
        answer(parse_request(head.encode()), NAMES, note)
    assert asked == [True, True, False, False, False]


def test_before_the_first_sample_nothing_is_told() -> None:
    def nothing(accept: str, zipped: bool) -> Rendered:
        raise NOT_YET

    with closing(Server(nothing, NAMES)) as server:
        assert status(talk(server.start("127.0.0.1", 0), GET)) == 503


def test_what_goes_wrong_with_us_is_told_in_a_line_and_the_next_scrape_is_served() -> None:
    broken = [True]

    def fail(accept: str, zipped: bool) -> Rendered:
        if broken.pop() if broken else False:
            raise KeyError("secret")
        return Rendered("text/plain", BODY)

    with closing(Server(fail, NAMES)) as server:
        place = server.start("127.0.0.1", 0)
        told = talk(place, GET)
        assert status(told) == 500
        assert b"secret" not in told and b"Traceback" not in told
        assert status(talk(place, GET)) == 200


# ---- many, slow and hostile


def test_a_hundred_scrapes_at_once_are_all_served(place: tuple[str, int]) -> None:
    with ThreadPoolExecutor(100) as pool:
        told = list(pool.map(lambda _: talk(place, GET), range(100)))
    assert [status(one) for one in told] == [200] * 100
    assert all(one.endswith(BODY) for one in told)


def test_clients_that_say_nothing_hold_up_nobody(place: tuple[str, int]) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            silent = stack.enter_context(socket.create_connection(place, timeout=20))
            silent.sendall(b"GET /metr")
        assert status(talk(place, GET)) == 200


def test_a_client_that_says_nothing_is_dropped_after_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "REQUEST_S", 0.2)
    with closing(Server(render, NAMES)) as server:
        place = server.start("127.0.0.1", 0)
        with pytest.raises(ConnectionResetError):
            talk(place, b"GET /metr")


def test_a_client_that_does_not_read_is_dropped_after_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "ANSWER_S", 0.2)
    monkeypatch.setattr(http_server, "CHUNK", 4096)
    big = Rendered("text/plain", b"x" * (1 << 24))
    with closing(Server(lambda accept, zipped: big, NAMES)) as server:
        place = server.start("127.0.0.1", 0)
        with socket.create_connection(place, timeout=20) as one:
            one.sendall(GET)
            until_reset = 0
            try:
                while data := one.recv(1 << 12):
                    until_reset += len(data)
                    if until_reset == len(data):
                        _wait_for_reset(one)
            except ConnectionError:
                pass
        assert until_reset < len(big.body)


def test_a_client_that_does_not_read_holds_up_nobody(place: tuple[str, int]) -> None:
    with socket.create_connection(place, timeout=20) as one:
        one.sendall(GET)
        assert one.recv(1)
        assert status(talk(place, GET)) == 200


def _wait_for_reset(one: socket.socket) -> None:
    """Wait, without reading, until the server has given up."""
    poll = select.poll()
    poll.register(one, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    assert poll.poll(10_000), "the server still waits"


def test_of_more_than_it_bears_the_oldest_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "CONNECTIONS", 3)
    with closing(Server(render, NAMES)) as server, ExitStack() as stack:
        place = server.start("127.0.0.1", 0)
        silent = [
            stack.enter_context(socket.create_connection(place, timeout=20)) for _ in range(3)
        ]
        assert status(talk(place, GET)) == 200
        with pytest.raises(ConnectionResetError):
            silent[0].recv(1)


def test_a_client_that_resets_at_once_is_no_trouble(place: tuple[str, int]) -> None:
    for _ in range(20):
        one = socket.create_connection(place)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
    assert status(talk(place, GET)) == 200


def test_a_taken_port_is_told_with_its_place(place: tuple[str, int]) -> None:
    with pytest.raises(OSError, match="Address already in use") as raised:
        Server(render, NAMES).start(*place)
    assert raised.value.filename == f"127.0.0.1:{place[1]}"


def test_a_server_that_is_closed_serves_no_more() -> None:
    server = Server(render, NAMES)
    place = server.start("127.0.0.1", 0)
    with socket.create_connection(place, timeout=20) as half_open:
        half_open.sendall(b"GET /metr")
        assert status(talk(place, GET)) == 200
        server.close()
        with pytest.raises(ConnectionResetError):
            half_open.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place)


# ---- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost with its key, in one file."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(place / "key"), "-out", str(place / "cert")),
        ],
        check=True,
        capture_output=True,
    )
    both = place / "both.pem"
    both.write_text((place / "cert").read_text() + (place / "key").read_text())
    return both


def test_tls_is_served_and_a_handshake_that_hangs_holds_up_nobody(certificate: Path) -> None:
    ours = ssl.create_default_context(cafile=str(certificate))
    context = tls_context(str(certificate), None, None)
    with closing(Server(render, NAMES, context)) as server:
        place = server.start("127.0.0.1", 0)
        with (
            socket.create_connection(place),
            socket.create_connection(place, timeout=20) as plain,
            ours.wrap_socket(plain, server_hostname="localhost") as one,
        ):
            one.sendall(GET)
            told = b"".join(iter(lambda: one.recv(1 << 16), b""))
    assert status(told) == 200
    assert told.endswith(BODY)


def test_who_has_no_certificate_is_not_let_in_where_one_is_asked_for(certificate: Path) -> None:
    context = tls_context(str(certificate), None, str(certificate))
    ours = ssl.create_default_context(cafile=str(certificate))
    with closing(Server(render, NAMES, context)) as server:
        place = server.start("127.0.0.1", 0)

        def ask() -> bytes:
            with (
                socket.create_connection(place, timeout=20) as plain,
                ours.wrap_socket(plain, server_hostname="localhost") as one,
            ):
                one.sendall(GET)
                return b"".join(iter(lambda: one.recv(1 << 16), b""))

        try:
            told = ask()
        except (ssl.SSLError, ConnectionError):
            told = b""
        assert told == b""
        ours.load_cert_chain(certificate)
        assert status(ask()) == 200


def test_a_certificate_that_is_none_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as raised:
        tls_context(str(tmp_path / "none"), None, None)
    assert raised.value.filename == str(tmp_path / "none")
    odd = tmp_path / "odd"
    odd.write_text("x")
    with pytest.raises(OSError, match="no certificate with its key"):
        tls_context(str(odd), None, None)
