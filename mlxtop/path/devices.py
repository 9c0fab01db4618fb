"""The devices of ways by their present names: one may be renamed, or come back as another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlxtop.sources.kernel.net import NetLink


@dataclass(slots=True)
class Device:
    """A device of the settings as it is now."""

    named: str
    """Its name in the settings."""
    link: NetLink | None = None
    """None where it is not there."""
    last: NetLink | None = None
    """As it was when it was last there."""

    @property
    def name(self) -> str:
        """Return its present name; the last one where it is not there."""
        return self.last.name if self.last else self.named

    @property
    def fault(self) -> str | None:
        """Return why nothing can leave by it; None while something can."""
        if self.link is None:
            return "no such network device"
        if not self.link.up:
            return "switched off"
        return None if self.link.carrier else "no carrier"

    @property
    def index(self) -> int:
        """Return the number of the device that it is now; 0 for none."""
        return self.link.index if self.link else 0

    @property
    def carrier_changes(self) -> int:
        """Return how often it lost or got its carrier: one that was lost in between counts too."""
        return (self.link.carrier_changes or 0) if self.link else 0


class Devices:
    """Follows the devices of ways."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known = {name: Device(name) for name in names}

    def __getitem__(self, named: str) -> Device:
        return self._known[named]

    def all(self) -> Iterable[Device]:
        """Return all of them."""
        return self._known.values()

    def take(self, links: Sequence[NetLink]) -> list[str]:
        """Take the links of the machine in; return a sentence for each new name."""
        sentences = []
        for device in self._known.values():
            before = device.name
            device.link = self._find(device, links)
            device.last = device.link or device.last
            if device.name != before:
                sentences.append(f"{before} is called {device.name} now")
        return sentences

    def _find(self, device: Device, links: Sequence[NetLink]) -> NetLink | None:
        """Return the link that a device is: by number, by name, by its hardware address.

        A number alone is not enough: the kernel gives it again in another namespace.
        """
        last = device.last
        mine = [link for link in links if last and link.index == last.index]
        named = [link for link in links if link.name == device.named]
        others = {one.named for one in self._known.values() if one is not device}
        same = [
            link
            for link in links
            if last is not None
            and link.address == last.address
            and link.address
            and (link.parent, link.kind) == (last.parent, last.kind)
            and link.name not in others
        ]
        if mine and last is not None and mine[0].address == last.address:
            return mine[0]
        return next(iter((*named, *same)), None)
