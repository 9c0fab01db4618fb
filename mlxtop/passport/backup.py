"""A copy of a card's firmware and configuration, read out and checked; nothing is burned.

The tools write into a folder of root's own, and only what has been checked is copied from there:
into new files, mode 0600, never over one that is there. `ri` and `verify` are of
flint/subcommands.cpp of https://github.com/Mellanox/mstflint; `backup` and `set_raw`:
https://docs.nvidia.com/networking/display/MFT/mlxconfig+Commands
"""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlxtop.passport.card import Passport
from mlxtop.sampler.card_flash import alone
from mlxtop.sources.tools import mstconfig
from mlxtop.sources.tools.card_tool import ToolFailed, failure, installed
from mlxtop.sources.tools.flint import VERIFIED, parse_query
from mlxtop.system.answers import reason
from mlxtop.system.door import Finished, System

READ_S = 900.0
"""Time to read an image: 32 MiB through configuration space take minutes."""
QUERY_S = 60.0
OWN = "/var/tmp"
"""Where the tools write to: nobody else can put anything in place of a folder of root's there."""
SMALLEST = 1 << 16
"""Bytes of an image at least; those of ConnectX-2 have some hundred kilobytes."""


class NoBackup(Exception):
    """There is no backup; the text says why and what would help."""


@dataclass(slots=True)
class Backup:
    """What was written, and what could not be read."""

    image: bool = False
    """The firmware is there, and was verified."""
    files: list[tuple[str, int, str]] = field(default_factory=list)
    """Name, bytes and SHA-256."""
    missing: list[str] = field(default_factory=list)


def back_up(system: System, card: Passport, folder: str) -> Backup:
    """Write image, configuration, checksums and a note. Raises NoBackup and OSError."""
    if system.demo or system.captured:
        raise NoBackup("only a real card has a flash to read out")
    if not system.root:
        raise NoBackup("reading the flash needs root: sudo mlxtop passport --backup DIR")
    if card.tool is None:
        raise NoBackup(card.absent.get("tool", "no tool"))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(system.wall()))
    return _Copies(system, card, folder, f"{card.device.replace(':', '-')}-{stamp}").make()


class _Copies:
    """The files of one backup; all begin with `stem`."""

    def __init__(self, system: System, card: Passport, folder: str, stem: str) -> None:
        self._system, self._card, self._folder, self._stem = system, card, folder, stem
        self._made = Backup()
        self._back: list[str] = []
        """Commands that bring everything back."""

    def make(self) -> Backup:
        made = self._made
        Path(self._folder).mkdir(mode=0o700, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="mlxtop-", dir=OWN) as own,
            alone(self._system, self._card.adapter),
        ):
            for read in (self._image, self._configuration):
                try:
                    read(Path(own))
                except FileExistsError:
                    raise
                except OSError as error:
                    made.missing.append(reason(error))
        if made.files:
            sums = "".join(f"{digest}  {name}\n" for name, _, digest in made.files)
            self._keep(".sha256", sums.encode())
            self._keep(".txt", self._note().encode())
        return made

    def _image(self, own: Path) -> None:
        """Read the image, have the tool verify it, and see that it is of this card."""
        card, tool = self._card, self._card.tool
        assert tool is not None
        path = own / "image.bin"
        self._run((tool.name, "-d", card.device, "ri", str(path)), READ_S)
        data = path.read_bytes()
        if len(data) < SMALLEST or len(set(data)) < 2:
            raise ToolFailed(0, f"{tool.name} ri: {len(data)} bytes are no image; not kept")
        verified = self._run((tool.name, "-i", str(path), "verify"), READ_S)
        if VERIFIED not in verified.stdout:
            raise ToolFailed(0, f"{tool.name} does not verify the image that it read; not kept")
        image = parse_query(self._run((tool.name, "-i", str(path), "query"), QUERY_S).stdout)
        for what, of_image, of_card in (
            ("PSID", image.psid, card.flash and card.flash.psid),
            ("version", image.version, card.flash and card.flash.version),
        ):
            if of_card and of_image != of_card:
                text = f"the image's {what} is {of_image or 'unknown'}, the card's {of_card}"
                raise ToolFailed(0, f"{text}; not kept")
        name = self._keep(".bin", data)
        self._made.image = True
        self._back.append(shlex.join((tool.name, "-d", card.device, "-i", name, "burn")))

    def _configuration(self, own: Path) -> None:
        """Read the configuration of every function: raw, to be set again, and as text."""
        tool = installed(self._system, mstconfig.TOOLS)
        if tool is None:
            self._made.missing.append("configuration: neither mstconfig nor mlxconfig is installed")
            return
        for function in self._card.adapter.functions:
            end, path = function.address.rpartition(".")[2], own / f"{function.address}.conf"
            words = (tool, "-d", function.address)
            try:
                self._run((*words, "-f", str(path), "backup"), QUERY_S)
                name = self._keep(f"-{end}.conf", path.read_bytes())
                self._back.append(shlex.join((*words, "-f", name, "set_raw")))
            except FileExistsError:
                raise
            except OSError as error:
                self._made.missing.append(f"{function.address}, {tool} backup: {reason(error)}")
            try:
                text = self._run((*words, "query"), QUERY_S).stdout
                self._keep(f"-{end}.config.txt", text.encode())
            except FileExistsError:
                raise
            except OSError as error:
                self._made.missing.append(f"{function.address}, {tool} query: {reason(error)}")

    def _run(self, argv: Sequence[str], seconds: float) -> Finished:
        """Run a tool that only reads. Raises OSError with its words."""
        finished = self._system.run(argv, timeout=seconds)
        if finished.status or finished.timed_out:
            raise ToolFailed(0, failure(finished) or f"{argv[0]} failed")
        return finished

    def _keep(self, end: str, data: bytes) -> str:
        """Write a new file and read it again; return its name. Raises FileExistsError, OSError."""
        name = self._stem + end
        path = os.path.join(self._folder, name)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(path, flags, 0o600), "w+b") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.sha256(file.read()).hexdigest()
        if digest != hashlib.sha256(data).hexdigest():
            raise OSError(0, f"{path} was not written as it was read")
        self._made.files.append((name, len(data), digest))
        return name

    def _note(self) -> str:
        card, made = self._card, self._made
        firmware = f"{card.psid or 'PSID unknown'}, firmware {card.stored or 'unknown'}"
        lines = [
            f"{card.adapter.family} at {card.device}: {firmware}.",
            "Read out by mlxtop, which has burned nothing.",
            "",
            f"Check first:  sha256sum -c {self._stem}.sha256",
            "",
            "To go back, on this very card only (the image holds its addresses), as root, in this",
            "folder, while the machine can be without the card; a burn must not be interrupted:",
            *(f"  {line}" for line in self._back),
            "Then restart the machine.",
            *(["", "Not read:", *(f"  {text}" for text in made.missing)] if made.missing else []),
        ]
        return "\n".join(lines) + "\n"
