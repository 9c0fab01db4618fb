"""A small HTTP server for scrapes: GET of `/metrics` and `/`, one answer a connection.

RFC 9110 and 9112, as far as a scraper needs them. Bounded in every way: bytes and seconds of a
request, seconds of an answer, connections at once. `Host` is checked, so that no web page can read
it under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from threading import Thread
from typing import NamedTuple

from mlxtop.outputs.openmetrics import Rendered

LONGEST_REQUEST = 8192
"""Bytes of a request's head at most."""
REQUEST_S, ANSWER_S = 5.0, 10.0
"""Seconds for a whole request, TLS included, and for a whole answer."""
CONNECTIONS = 256
"""At once; one more, and the oldest is dropped."""
PAUSE_S = 0.05
CHUNK = 1 << 16
BACKLOG = 128

Render = Callable[[str, bool], Rendered]
"""Returns the metrics for an Accept header, gzipped if asked."""

_AT_ONCE = struct.pack("ii", 1, 0)

PAGE = b"""<!DOCTYPE html><meta charset="utf-8"><title>mlxtop</title>
<p>mlxtop tells what ConnectX adapters do: <a href="/metrics">metrics</a>.</p>
"""


class Refused(Exception):
    """A request that gets no metrics."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


NOT_YET = Refused(HTTPStatus.SERVICE_UNAVAILABLE, "nothing has been read yet")
"""Raised by `Render` before the first sample."""


class Request(NamedTuple):
    """The head of a request; names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]


_LINE = re.compile(r"([A-Z]+) ([!-~]+) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")


def parse_request(head: bytes) -> Request:
    r"""Return a request by its head. Raises Refused.

    >>> parse_request(b"GET /metrics?a=b HTTP/1.1\r\nHost: a:1\r\n\r\n")
    Request(method='GET', path='/metrics', headers={'host': 'a:1'})
    """
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    match = _LINE.fullmatch(first)
    if match is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "not a request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        name = header[1].lower() if header else ""
        if header is None or (name == "host" and name in headers):
            raise Refused(HTTPStatus.BAD_REQUEST, "a header is malformed")
        headers[name] = f"{headers[name]}, {header[2]}" if name in headers else header[2]
    return Request(match[1], match[2].partition("?")[0], headers)


def is_own_host(host: str | None, names: frozenset[str]) -> bool:
    """Return whether a Host header is an address, or one of the machine's names.

    >>> [is_own_host(h, frozenset({"fry"})) for h in ("[::1]:9838", "10.0.0.3", "FRY:1", "evil.de")]
    [True, True, True, False]
    """
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host or "")
    if match is None:
        return False
    name = (match[1] or match[2]).lower().removesuffix(".")
    if name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def answer(request: Request, names: frozenset[str], render: Render) -> Rendered:
    """Return what a request gets. Raises Refused."""
    if not is_own_host(request.headers.get("host"), names):
        text = "this machine has no such name: scrape its address, or see --allow-host"
        raise Refused(HTTPStatus.MISDIRECTED_REQUEST, text)
    if request.method != "GET":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET")
    if request.path == "/":
        return Rendered("text/html; charset=utf-8", PAGE)
    if request.path != "/metrics":
        raise Refused(HTTPStatus.NOT_FOUND, "not found: the metrics are at /metrics")
    codings = request.headers.get("accept-encoding", "").split(",")
    zipped = any(re.fullmatch(r"\s*gzip(?!\s*;\s*q=0(\.0*)?\s*$).*", one) for one in codings)
    return render(request.headers.get("accept", ""), zipped)


def _head(status: HTTPStatus, what: Rendered) -> bytes:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {what.content_type}",
        f"Content-Length: {len(what.body)}",
        *([f"Content-Encoding: {what.encoding}"] if what.encoding else []),
        *(["Allow: GET"] if status is HTTPStatus.METHOD_NOT_ALLOWED else []),
        "Connection: close",
        "Cache-Control: no-store",
        "Vary: Accept, Accept-Encoding",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'",
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Server:
    """Serves in a thread of its own from `start` to `close`."""

    def __init__(
        self, render: Render, names: frozenset[str], tls: ssl.SSLContext | None = None
    ) -> None:
        """`names`: what the machine may be called in a Host header, in small letters."""
        self._render = render
        self._names = names
        self._tls = tls
        self._loop: asyncio.AbstractEventLoop
        self._open: dict[asyncio.Task[None], None] = {}
        self._thread: Thread | None = None

    def start(self, address: str, port: int) -> tuple[str, int]:
        """Listen and serve; return the address and port. Raises OSError."""
        listener = listen(address, port)
        place = listener.getsockname()[:2]
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._serve, args=(listener,), name="metrics", daemon=True)
        self._thread.start()
        return place[0], place[1]

    def close(self) -> None:
        """Serve no more."""
        if self._thread is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5.0)

    def _serve(self, listener: socket.socket) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        listener.setblocking(False)
        loop.add_reader(listener, self._accept, listener)
        try:
            loop.run_forever()
            loop.remove_reader(listener)
            for task in tuple(self._open):
                task.cancel()
            while rest := asyncio.all_tasks(loop):
                loop.run_until_complete(asyncio.wait(rest))
            loop.run_until_complete(asyncio.sleep(0))  # transports close in the next round
        finally:
            listener.close()
            loop.close()

    def _accept(self, listener: socket.socket) -> None:
        """Take the next client; where there is no descriptor left, somewhat later."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            self._loop.remove_reader(listener)
            self._loop.call_later(PAUSE_S, self._loop.add_reader, listener, self._accept, listener)
            return
        connection.setblocking(False)
        while len(self._open) >= CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        task = self._loop.create_task(self._talk(connection))
        self._open[task] = None
        task.add_done_callback(partial(self._ended, connection))

    def _ended(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """Close what a task served, or would have served."""
        self._open.pop(task, None)
        connection.close()

    async def _talk(self, connection: socket.socket) -> None:
        """Answer one request; whatever the client does is its own loss."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(REQUEST_S):
                reader, writer = await self._open_stream(connection)
                status, what = await self._request(reader)
            async with asyncio.timeout(ANSWER_S):
                writer.write(_head(status, what))
                for place in range(0, len(what.body), CHUNK):
                    writer.write(what.body[place : place + CHUNK])
                    await writer.drain()
                await _end(reader, writer)
        except (OSError, TimeoutError, EOFError, ssl.SSLError, asyncio.CancelledError):
            with suppress(OSError):  # what it has not read is dropped too
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _open_stream(
        self, connection: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader = asyncio.StreamReader(limit=LONGEST_REQUEST)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=self._tls,
            ssl_handshake_timeout=REQUEST_S if self._tls else None,
        )
        transport.set_write_buffer_limits(CHUNK)
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    async def _request(self, reader: asyncio.StreamReader) -> tuple[HTTPStatus, Rendered]:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            return HTTPStatus.OK, answer(parse_request(head), self._names, self._render)
        except asyncio.LimitOverrunError:
            refused = Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long")
        except Refused as error:
            refused = error
        except Exception as error:  # ours, and no reason to end
            text = f"{type(error).__name__} while the metrics were written"
            refused = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, text)
        return refused.status, Rendered("text/plain; charset=utf-8", f"{refused}\n".encode())


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until all is sent and the client has closed, so that no reset overtakes the answer."""
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
        while await reader.read(CHUNK):
            pass
        return
    writer.close()  # TLS says goodbye by itself
    with suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


def tls_context(cert: str, key: str | None, client_ca: str | None) -> ssl.SSLContext:
    """Return how TLS is served; with `client_ca` only to whom it has certified. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in filter(None, (cert, key, client_ca)):
        with open(path, "rb"):  # so that what fails names its file
            pass
    try:
        context.load_cert_chain(cert, key)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except ssl.SSLError as error:
        raise OSError(f"{cert}: no certificate with its key: {error.reason or error}") from None
    return context


def written(address: str, port: int) -> str:
    """Return address and port as a URL has them.

    >>> written("::1", 9838)
    '[::1]:9838'
    """
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens at an address. Raises OSError with the place in its text."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, written(address, port)) from None
    return listener
