"""Which card a line of the kernel log is about: addresses and names to functions, by sysfs.

https://docs.kernel.org/PCI/sysfs-pci.html
"""

from __future__ import annotations

from typing import Protocol

from mlxtop.model.identity import PCI_ADDRESS, pci_address, slot_of
from mlxtop.system.door import System

_DEVICES = "/sys/bus/pci/devices"
_VENDOR = "0x15b3"
_BRIDGE, _CONNECTX7 = "0x06", "0x1021"
_NAMES = ("/sys/class/net/{}", "/sys/class/infiniband/{}", "/sys/bus/auxiliary/devices/{}")
REREAD_S = 30.0
"""Seconds for which what sysfs said of addresses and names is kept."""


class Places(Protocol):
    """Where functions and names of a line belong."""

    def refresh(self, now: float) -> None:
        """Forget what was read long ago."""

    def card(self, address: str) -> str:
        """Return what all functions of a card, and the ports that lead to it alone, share."""

    def is_ours(self, address: str) -> bool:
        """Return whether an address is a function of ours, or a port above one."""

    def function(self, name: str) -> str | None:
        """Return the PCI function of a network, RDMA or auxiliary device; None where unknown."""

    def is_soldered(self, address: str) -> bool:
        """Return whether a function's slot is no slot: its power is not told, and not short."""


class CardPlaces:
    """Cards of a machine as sysfs has them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._cards: dict[str, str] | None = None
        self._functions: dict[str, str | None] = {}
        self._kept: dict[str, str] = {}
        """Also addresses that are gone: a card that fell off the bus is still the same one."""
        self._read_at: float | None = None

    def refresh(self, now: float) -> None:
        """Forget what was read long ago."""
        if self._read_at is None or not 0 <= now - self._read_at < REREAD_S:
            self._read_at = now
            self._cards = None
            self._functions.clear()

    def card(self, address: str) -> str:
        """Return the slot of the card: that of the first function below a port."""
        return self._known().get(address) or slot_of(address)

    def is_ours(self, address: str) -> bool:
        """Return whether an address is a function of ours, or a port above one."""
        return address in self._known()

    def function(self, name: str) -> str | None:
        """Return the PCI function of a network, RDMA or auxiliary device; None where unknown."""
        if name not in self._functions:
            self._functions[name] = self._find(name)
        return self._functions[name]

    def is_soldered(self, address: str) -> bool:
        """Return whether a function is that of GB10: a ConnectX-7 that is made for four lanes.

        Cards of that family have eight lanes or more.
        """
        path = f"{_DEVICES}/{address}"
        width, model = self._text(f"{path}/max_link_width"), self._text(f"{path}/device")
        return (model, width) == (_CONNECTX7, "4")

    def _find(self, name: str) -> str | None:
        if "/" in name or name in ("", ".", ".."):
            return None
        for path in _NAMES:
            try:
                return pci_address(self._system.real(path.format(name)))
            except OSError:
                continue
        return None

    def _known(self) -> dict[str, str]:
        if self._cards is None:
            self._cards = dict(self._read())
            for address, card in self._cards.items():
                self._kept.setdefault(address, card)
        return self._kept

    def _read(self) -> dict[str, str]:
        """Return every function of ours, and every port above one, with the slot of its card."""
        try:
            addresses = sorted(self._system.list(_DEVICES))
        except OSError:
            return {}
        cards: dict[str, str] = {}
        for address in addresses:
            path = f"{_DEVICES}/{address}"
            if self._text(f"{path}/vendor") != _VENDOR:
                continue
            if self._text(f"{path}/class").startswith(_BRIDGE):
                continue
            try:
                way = self._system.real(path).split("/")
            except OSError:
                way = [address]
            slot = slot_of(address)
            for one in way:
                if PCI_ADDRESS.fullmatch(one):
                    cards.setdefault(one, slot)
            cards[address] = slot
        return cards

    def _text(self, path: str) -> str:
        try:
            return self._system.read(path).decode("ascii", "replace").strip()
        except OSError:
            return ""
