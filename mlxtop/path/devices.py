"""The devices of ways by their present names: one may be renamed, or come back as another.

And the kernel's settings that let nothing through them (Documentation/networking/ip-sysctl.rst).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlxtop.model.path import Peer, third_host
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.sysfs import read_count
from mlxtop.system.door import System

_STRICT = 1
"""Of rp_filter: what comes by another device than the route back is dropped."""
_FORWARD = {False: "net/ipv4/ip_forward", True: "net/ipv6/conf/all/forwarding"}
"""By whether it is about IPv6."""


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


def obstacles(system: System, peers: tuple[Peer, ...], names: Mapping[str, str]) -> list[str]:
    """Return sentences on settings of this host by which ways through a third host fail.

    `names` has the present names of devices. Nothing for peers without such ways.
    """
    through = [
        (peer.is_ipv6, names.get(way.dev, way.dev))
        for peer in peers
        for way in peer.ways
        if third_host(peers, peer, way) is not None
    ]
    sentences = []
    strict = dict.fromkeys(dev for ipv6, dev in through if not ipv6 and _is_strict(system, dev))
    if strict:
        sentences.append(
            f"rp_filter is 1 (strict) on {', '.join(strict)}: what peers send here through a third"
            " host is dropped, so that such ways look dead to them. Loose is enough, on every host:"
            " sysctl -w net.ipv4.conf.all.rp_filter=2"
        )
    for ipv6 in sorted({ipv6 for ipv6, _ in through}):
        if read_count(system, f"/proc/sys/{_FORWARD[ipv6]}") == 0:
            setting = _FORWARD[ipv6].replace("/", ".")
            sentences.append(f"{setting} is 0: no way of another host can lead through this one")
    return sentences


def _is_strict(system: System, device: str) -> bool:
    """Return whether the larger of the two settings, which counts, is strict."""
    base = "/proc/sys/net/ipv4/conf"
    values = (read_count(system, f"{base}/{name}/rp_filter") for name in ("all", device))
    return max((value for value in values if value is not None), default=None) == _STRICT
