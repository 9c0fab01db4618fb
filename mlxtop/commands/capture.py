"""`mlxtop capture FILE`: what the readers read, as one reviewable text file."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event

from mlxtop.commands.vocabulary import vocabulary
from mlxtop.doctor.inspect import watch
from mlxtop.link_type.survey import read_stored
from mlxtop.outputs import console
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.settings import SERVICES
from mlxtop.settings import Settings
from mlxtop.sources.module.reader import read_module
from mlxtop.sources.tools import mlxlink, mlxlink_pcie
from mlxtop.sources.tools.card_tool import installed
from mlxtop.system.capture import Capture, Node, dump_capture
from mlxtop.system.capture_recorder import UNREAD, CaptureRecorder
from mlxtop.system.door import System
from mlxtop.system.masking import mask as masked
from mlxtop.system.owner import invoking_owner, rights_of

INTERVAL = 0.5
"""Seconds between samples, which are taken until the slow readers have answered too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file and whether to mask."""
    parser.add_argument("file", metavar="FILE", help="file to write, which may not exist; - prints")
    parser.add_argument(
        "--no-mask", action="store_true", help="keep MAC addresses, GUIDs, serials and host name"
    )


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Write the capture; 0 when it is there."""
    read = partial(_read_everything, settings)
    text = capture(system, read, mask=not args.no_mask)
    if system.demo:
        text = text.replace("\n", "\n# DEMO: a simulated machine\n", 1)
    if args.file == "-":
        console.write(text)
        return 0
    try:
        with open(_new_file(args.file), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:  # of a full disk, which does not say whose
        raise OSError(error.errno, error.strerror, args.file) from error
    lines = text.count("\n")
    console.warn(f"{args.file}: {lines} lines; read it before you give it away")
    return 0


def _new_file(path: str) -> int:
    """Create a file of the person who asked where they may write. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with rights_of(invoking_owner()):
            return os.open(path, flags, 0o600)
    except PermissionError:
        return os.open(path, flags, 0o600)  # root's place, through sudo


def _read_everything(settings: Settings, system: System) -> None:
    """Read samples, and what the screen, doctor and the dialogs read beside them."""
    source = LiveSource(
        system,
        INTERVAL,
        settings.all,
        settings.include,
        incidents=True,
        wants=EVERYTHING,
        ask_card=read_stored,
    )
    stop = Event()
    *_, frame = watch(source, stop, lambda frame: frame.ports)
    tool = installed(system, mlxlink.TOOLS)
    for port in (one.now.port for one in frame.ports.values()):
        with suppress(OSError):
            if port.netdev is not None:
                read_module(system, port.netdev)
        with suppress(OSError):
            if port.function is not None and tool is not None:
                mlxlink.read_link_report(system, port.function, tool)
                mlxlink_pcie.read_pcie_report(system, port.function, tool)
    stop.set()


def capture(system: System, read_everything: Callable[[System], None], mask: bool) -> str:
    """Return the text of a capture of `system`, which `load_captured` reads back.

    `read_everything` reads what is to be kept. With `mask` the host's name, hardware addresses
    and serial numbers are replaced, the same one always by the same.
    """
    recording = CaptureRecorder(system)
    read_everything(recording)
    files = _without_strangers(recording.finish())
    return dump_capture(masked(files, vocabulary()) if mask else files)


def _without_strangers(whole: Capture) -> Capture:
    """Leave out what of /proc was only listed, and the processes that are no service."""
    services = {f"{service}\n".encode() for service in SERVICES}
    kept = Capture({}, whole.answers, whole.commands, whole.properties, whole.blocks)
    for path, node in whole.nodes.items():
        _, top, *rest = path.split("/")
        process = bool(rest) and rest[0].isdecimal()
        strange = node in (Node(), UNREAD) or (process and node.content not in services)
        if top != "proc" or not strange:
            kept.add(path, node)
    return kept
