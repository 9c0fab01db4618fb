"""The `mlx4_portN` files of a card and its lock, for the program that writes them and takes back.

Standard library only. drivers/net/ethernet/mellanox/mlx4/main.c: the driver remembers a refused
type, and would set it with the next change of the other port; so the old one is written over it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Mapping

PCI_DEVICES = "/sys/bus/pci/devices"
TYPES = ("ib", "eth", "auto")
TRIES = 5
"""Attempts to write the old types back, a second apart."""
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


class Failed(Exception):
    """A change that was not begun; the text says why."""


def write_once(path: str, text: str, flags: int = 0) -> None:
    """Write to a file that exists, in one write as the kernel wants it. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class Card:
    """The `mlx4_portN` files of a card."""

    def __init__(self, device: str, base: str = PCI_DEVICES) -> None:
        if not _ADDRESS.fullmatch(device):
            raise Failed(f"{device!r} is no PCI address")
        self.device = device
        self._base = base

    def path(self, port: int) -> str:
        return f"{self._base}/{self.device}/mlx4_port{port}"

    def read(self, port: int) -> str | None:
        """Return the configured type; None where it cannot be read."""
        try:
            with open(self.path(port), encoding="ascii", errors="replace") as file:
                word = file.read(64).split(" ")[0].strip()
        except OSError:
            return None
        return word if word in TYPES else None

    def write(self, port: int, kind: str) -> str | None:
        """Write a type and its newline in one write; return the error as a sentence, else None."""
        try:
            write_once(self.path(port), f"{kind}\n", os.O_NOFOLLOW)
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0)
            return f"port {port}: {kind}: {error.strerror} ({name})"
        return None

    def writable(self, port: int) -> bool:
        """Return True where the driver takes types; it does not with SR-IOV."""
        return bool(os.stat(self.path(port)).st_mode & stat.S_IWUSR)

    def put(self, types: Mapping[int, str]) -> list[str]:
        """Write types, read them back and return what differs, a sentence each.

        A card that takes only equal types refuses the first of two ports, and sets both with the
        second: so the files decide, not the errors.
        """
        errors = [text for port, kind in types.items() if (text := self.write(port, kind))]
        wrong = {port for port, kind in types.items() if self.read(port) != kind}
        if not wrong:
            return []
        return errors or [f"port {port} is not {types[port]} afterwards" for port in sorted(wrong)]


def claim(run: str, device: str) -> int:
    """Return the descriptor of a card's lock, which forked processes share; for root only.

    The lock is held until the change is kept or taken back, or all its holders have ended. Raises
    Failed where an earlier change holds it, and OSError.
    """
    mask = os.umask(0o022)
    os.makedirs(run, exist_ok=True)
    os.umask(mask)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(f"{run}/lock-{device}", flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        waits = "an earlier change of this card still waits to be kept or taken back"
        raise Failed(waits) from None
    return lock


def before(card: Card, wanted: Mapping[int, str]) -> dict[int, str]:
    """Return the present types, to go back to. Raises Failed where they cannot be changed."""
    types = {}
    for port in wanted:
        kind = card.read(port)
        if kind is None:
            raise Failed(f"{card.path(port)} cannot be read")
        if not card.writable(port):
            raise Failed(f"{card.path(port)} is read-only: the driver does not change types")
        types[port] = kind
    return types


def take_back(card: Card, old: Mapping[int, str]) -> list[str]:
    """Write the old types until they are read back; return what still differs at last."""
    wrong: list[str] = []
    for _ in range(TRIES):
        try:
            wrong = card.put(old)
        except Exception as error:  # whatever it is, the next attempt may succeed
            wrong = [str(error)]
        if not wrong:
            return []
        time.sleep(1.0)
    return wrong
