"""`mlxtop cabling`: which port goes where; saves it, and says what has become different."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from secrets import token_hex
from threading import Event
from time import localtime, strftime

from mlxtop.commands.cabling_file import dump, parse
from mlxtop.ends.cabling import Cabling, cabling_of, differences, untold
from mlxtop.model.fabric import LocalFabric
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortKind
from mlxtop.model.json_text import encode
from mlxtop.outputs import console
from mlxtop.present.cabling import check_document, check_lines, count, lines
from mlxtop.sampler.facts import IN_DOCUMENTS
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from mlxtop.settings import Settings
from mlxtop.sources.tools.fabric import read_local
from mlxtop.system.answers import parse_json
from mlxtop.system.door import FILE_LIMIT, System
from mlxtop.system.owner import invoking_owner, rights_of

PATIENCE_S = 30.0
DIFFERENT = 2
"""Exit status where something is not as it was saved."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop cabling`."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--save", metavar="FILE", help="write it into a new file")
    what = "say what differs from a saved file; exit status 2 where anything does"
    one.add_argument("--check", metavar="FILE", help=what)
    whole = "keep serial numbers of modules whole, and not as checksums"
    parser.add_argument("--no-mask", action="store_true", help=whole)


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print, save or check the cabling; 0, 1 where that cannot be done, 2 for differences."""
    try:
        before = _read(args.check) if args.check else None
        salt = before.salt if before else "" if args.no_mask else token_hex(16)
        now = _now(system, settings, salt)
        if args.save:
            _save(args.save, now)
            console.say(f"{args.save}: {count(len(now.ports))}")
            return 0
    except (OSError, ValueError) as error:
        name = args.check or args.save or ""
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        console.warn(f"mlxtop: {name}: {text}" if name else f"mlxtop: {text}")
        return 1
    if not now.ports:
        console.warn("mlxtop: no port of a card and no InfiniBand link was found")
        return 1
    return _print(args, before, now)


def _print(args: argparse.Namespace, before: Cabling | None, now: Cabling) -> int:
    columns = console.columns(160)
    if before is None:
        if args.json:
            console.say_json(dump(now, _time(now.wall)))
        else:
            console.show(*lines(now, columns))
        return 0
    changed, unknown = list(differences(before, now)), list(untold(before, now))
    if args.json:
        console.say_json(check_document(changed, unknown))
    else:
        console.show(*check_lines(changed, unknown, len(before.ports), columns))
    return DIFFERENT if changed else 0


def _now(system: System, settings: Settings, salt: str) -> Cabling:
    source = LiveSource(system, 0.5, settings.all, settings.include, calm=0.0, wants=IN_DOCUMENTS)
    stop = Event()
    fabric: LocalFabric | None = None
    try:
        with console.waiting("asking modules and neighbours"):
            with suppress(OSError):
                fabric = read_local(system)
            first: float | None = None
            for frame in frames(source, stop):
                first = frame.sample.tick if first is None else first
                if not _pending(frame) or frame.sample.tick - first >= PATIENCE_S:
                    break
        return cabling_of(frame, fabric, salt)
    finally:
        stop.set()
        source.close()


def _pending(frame: Frame) -> bool:
    """Return whether LLDP or a module is still to come."""
    return frame.sample.lldp.pending or any(
        port.now.module is None and "module" not in port.now.absent
        for port in frame.ports.values()
        if port.now.port.kind is PortKind.PHYSICAL
    )


def _time(wall: float) -> str:
    return strftime("%F %T", localtime(wall))


def _save(path: str, now: Cabling) -> None:
    """Write a new file of the person who asked. Raises OSError, for one that is there too."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    data = encode(dump(now, _time(now.wall))) + "\n"
    with rights_of(invoking_owner()):
        fd = os.open(path, flags, 0o600)
        try:
            with open(fd, "w", encoding="utf-8") as file:
                file.write(data)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise


def _read(path: str) -> Cabling:
    """Return a saved cabling. Raises OSError and ValueError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    with rights_of(invoking_owner()), open(os.open(path, flags), "rb") as file:
        data = file.read(FILE_LIMIT)
    return parse(parse_json(data.decode("utf-8", "replace")))
