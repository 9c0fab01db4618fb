"""Where metrics go: standard output or a file, once or again and again, and who scrapes them."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING

from mlxtop.outputs import console

if TYPE_CHECKING:
    from mlxtop.commands.exporter import Exporter
    from mlxtop.model.frame import Frame
    from mlxtop.outputs.openmetrics import Rendered
    from mlxtop.settings import Settings

Follow = Callable[[Event, Callable[[], None]], None]
"""Takes frames in until stopped, and calls a function after each."""


def tell_once(
    args: argparse.Namespace, frames: Iterable[Frame], exporter: Exporter, settings: Settings
) -> int:
    """Print or write what is so after the last of some frames; 1 where there is no port."""
    for frame in frames:
        exporter.take(frame, examine=False)
    exporter.close(exporter.frame)
    exporter.examine()
    if args.textfile:
        write(args.textfile, exporter.text())
    else:
        console.write(exporter.text().decode())
    return 0 if _has_ports(exporter, settings) else 1


def _has_ports(exporter: Exporter, settings: Settings) -> bool:
    """Return whether there is a port; else say so."""
    from mlxtop.outputs.headless import nothing_found

    frame = exporter.frame
    if frame is None or not frame.ports:
        absent = frame.sample.absent.get("ports") if frame else None
        console.warn(f"mlxtop: {absent or nothing_found(settings.all)}")
        return False
    return True


def write(path: str, text: bytes) -> None:
    """Replace a file as a whole, readable for all. Raises OSError; then it is as it was."""
    from mlxtop.system.owner import Owner
    from mlxtop.system.replace_file import replace_file

    path = os.path.abspath(path)
    folder = os.path.dirname(path)
    os.listdir(folder)  # a new one would be of no use: node_exporter does not look there
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    try:
        replace_file(path, text, Owner(os.geteuid(), os.getegid(), "/"), before, mode=0o644)
    except OSError as error:
        if error.errno is None or error.filename:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def write_again(path: str, text: Callable[[], bytes], follow: Follow) -> int:
    """Write after every frame, until stopped."""
    told = ""

    def write_now() -> None:
        nonlocal told
        trouble = ""
        try:
            write(path, text())
        except OSError as error:
            trouble = f"{path}: {error.strerror or error}"
        if trouble and trouble != told:
            console.warn(f"mlxtop: {trouble}")
        told = trouble

    follow(_until_signal(), write_now)
    return 0


def serve(args: argparse.Namespace, answer: Callable[[str, bool], Rendered], follow: Follow) -> int:
    """Serve scrapes until stopped."""
    from mlxtop.outputs.http_server import Server, tls_context, written

    tls = tls_context(args.cert, args.key, args.client_ca) if args.cert else None
    server = Server(answer, _names(args.allow_host or ()), tls)
    stop = _until_signal()
    address, port = server.start(*args.listen)
    place = written(address, port)
    console.warn(f"mlxtop: {'https' if tls else 'http'}://{place}/metrics")
    if not ip_address(address).is_loopback:
        who = "who has a certificate" if args.client_ca else "everybody"
        console.warn(f"mlxtop: {place} is no loopback address: {who} can read it from afar")
    try:
        follow(stop, lambda: None)
    finally:
        server.close()
    return 0


def _names(more: list[str] | tuple[()]) -> frozenset[str]:
    """Return what this machine may be called in a Host header, in small letters."""
    own = socket.gethostname()
    names = ("localhost", own, own.partition(".")[0], *more)
    return frozenset(name.lower().removesuffix(".") for name in names if name)


def _until_signal() -> Event:
    from mlxtop.sampler.source import Stop, set_by_signals

    return set_by_signals(Stop())
