"""Which port goes where: what was once right, what is now, and what differs.

A difference is told only where both times told it: what cannot be read now says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.fabric import LocalFabric
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortKind
from mlxtop.model.lldp import LldpNeighbour
from mlxtop.model.sample import LinkState, PortSample

_DIGITS = 16
"""Hexadecimal digits that stand for a serial number."""


class FarEnd(NamedTuple):
    """A port at the other end."""

    device: str
    """GUID of the node's port in a fabric, else the chassis by LLDP."""
    port: str
    name: str = ""
    """What people call the device; not compared."""

    @property
    def key(self) -> tuple[str, str]:
        return self.device, self.port

    @property
    def title(self) -> str:
        return f"{self.name or self.device} port {self.port}" if self.port else self.name


class Plug(NamedTuple):
    """A module, or the end of a cable."""

    vendor: str = ""
    part: str = ""
    serial: str = ""
    """Masked by `sealed`, unless the whole one was asked for."""
    metres: float | None = None

    @property
    def title(self) -> str:
        length = f"{self.metres:g} m" if self.metres else ""
        return " ".join(filter(None, (self.vendor, self.part, length)))


class Cabled(NamedTuple):
    """A port and what it is cabled to; None is what was not told."""

    place: str
    """PCI address and number of the port."""
    name: str
    is_up: bool
    far: tuple[FarEnd, ...] | None = None
    plug: Plug | None = None
    is_empty: bool = False
    """The cage is known to be empty."""


class Cabling(NamedTuple):
    """All ports of a machine at one time."""

    host: str
    wall: float
    salt: str
    """Empty: serial numbers are whole."""
    ports: tuple[Cabled, ...]


class Kind(StrEnum):
    """What differs."""

    GONE = "port gone"
    UNPLUGGED = "unplugged"
    DOWN = "link down"
    SWAPPED = "swapped"
    ELSEWHERE = "goes elsewhere"
    OTHER_MODULE = "other module"
    OTHER_LENGTH = "other length"


class Difference(NamedTuple):
    """One difference at a port."""

    port: str
    kind: Kind
    before: str
    now: str


def sealed(serial: str, salt: str) -> str:
    """Return what stands for a serial number: the same for the same one; the whole without salt."""
    if not salt or not serial:
        return serial
    return hashlib.sha256(f"{salt}:{serial}".encode()).hexdigest()[:_DIGITS]


def cabling_of(frame: Frame, fabric: LocalFabric | None, salt: str) -> Cabling:
    """Return which port of a machine goes where now, InfiniBand ports of other makers' too."""
    sample = frame.sample
    own = {(one.device, one.port): one.link for one in fabric.links} if fabric else {}
    ports = []
    for port_id, view in frame.ports.items():
        now = view.now
        if now.port.kind is not PortKind.PHYSICAL:
            continue
        heard = (sample.lldp.value or {}).get(port_id)
        far = tuple(_heard(heard or ())) or None
        link = own.pop((now.port.rdma or "", now.port.rdma_port or 0), None)
        if link is not None and link.b is not None:
            far = (FarEnd(link.b.guid or link.b.node, str(link.b.port), link.b.name),)
        is_empty = now.link.state is LinkState.NO_MODULE
        is_up = now.link.state is LinkState.UP
        plug = None if is_empty else _plug(now, salt)
        ports.append(Cabled(str(port_id), now.port.name, is_up, far, plug, is_empty))
    for (device, number), link in own.items():
        there = (
            (FarEnd(link.b.guid or link.b.node, str(link.b.port), link.b.name),) if link.b else None
        )
        name = f"{device or link.a.name} {number}"
        ports.append(Cabled(f"{link.a.guid}/{number}", name, link.is_up, there))
    return Cabling(sample.host.name, sample.wall, salt, tuple(ports))


def _heard(neighbours: Iterable[LldpNeighbour]) -> Iterator[FarEnd]:
    for one in neighbours:
        if one.chassis:
            yield FarEnd(one.chassis, one.port or one.port_description or "", one.title)


def _plug(now: PortSample, salt: str) -> Plug | None:
    if now.module is None:
        return None
    who = now.module.identity
    serial = sealed((who.serial or "").strip(), salt)
    metres = who.lengths.get("cable")
    return Plug((who.vendor or "").strip(), (who.part or "").strip(), serial, metres)


def differences(before: Cabling, now: Cabling) -> Iterator[Difference]:
    """Yield what differs, port by port in the order of the earlier time."""
    ports = _paired(before, now)
    names = {one.place: one.name for one in now.ports}
    far_was = {end.key: one.place for one in before.ports for end in one.far or ()}
    serial_was = {
        one.plug.serial: one.place for one in before.ports if one.plug and one.plug.serial
    }
    for old in before.ports:
        new = ports.get(old.place)
        if new is None:
            yield Difference(old.name, Kind.GONE, "there", "no such port")
            continue
        told = list(_of_far_end(old, new, far_was, names))
        told += _of_plug(old, new, serial_was, names)
        swapped = [one for one in told if one.kind is Kind.SWAPPED]
        yield from swapped[:1] or told
        if not told and old.is_up and not new.is_up:
            yield Difference(old.name, Kind.DOWN, "up", "down: nothing tells why")


def _paired(before: Cabling, now: Cabling) -> Mapping[str, Cabled]:
    """Return ports as they are now by their earlier place; a renumbered one by its name."""
    places = {one.place: one for one in now.ports}
    names = {one.name: one for one in now.ports}
    pairs = ((one.place, places.get(one.place) or names.get(one.name)) for one in before.ports)
    return {place: cabled for place, cabled in pairs if cabled is not None}


def _of_far_end(
    old: Cabled, new: Cabled, was: Mapping[tuple[str, str], str], names: Mapping[str, str]
) -> Iterator[Difference]:
    if not old.far or not new.far:
        return
    before, now = ({end.key for end in ends} for ends in (old.far, new.far))
    if before & now:
        return
    told = old.far[0].title, new.far[0].title
    owner = next((was[end] for end in now if was.get(end, old.place) != old.place), None)
    if owner is not None:
        text = f"{told[1]}, where {names.get(owner, owner)} went"
        yield Difference(old.name, Kind.SWAPPED, told[0], text)
    else:
        yield Difference(old.name, Kind.ELSEWHERE, *told)


def _of_plug(
    old: Cabled, new: Cabled, was: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[Difference]:
    if new.is_empty and not old.is_empty:
        yield Difference(old.name, Kind.UNPLUGGED, _plugged(old), "nothing is plugged in")
    if old.plug is None or new.plug is None:
        return
    before, now = old.plug, new.plug
    length = before.metres, now.metres
    same_part = (before.vendor, before.part) == (now.vendor, now.part)
    if before.serial and now.serial and before.serial != now.serial:
        owner = was.get(now.serial, old.place)
        if owner != old.place:
            text = f"the one of {names.get(owner, owner)}"
            yield Difference(old.name, Kind.SWAPPED, before.title, text)
        elif same_part:
            yield Difference(old.name, Kind.OTHER_MODULE, before.title, "another of the same part")
        else:
            yield Difference(old.name, Kind.OTHER_MODULE, before.title, now.title)
    elif not same_part:
        yield Difference(old.name, Kind.OTHER_MODULE, before.title, now.title)
    if None not in length and length[0] != length[1]:
        yield Difference(old.name, Kind.OTHER_LENGTH, f"{length[0]:g} m", f"{length[1]:g} m")


def _plugged(old: Cabled) -> str:
    return (old.plug and old.plug.title) or (old.far and old.far[0].title) or "plugged in"


def untold(before: Cabling, now: Cabling) -> Iterator[tuple[str, str]]:
    """Yield ports that cannot be compared, with the reason: `where it goes is not told now`."""
    ports = _paired(before, now)
    for old in before.ports:
        new = ports.get(old.place)
        if new is None or new.is_empty:
            continue
        lacking = ["where it goes"] if old.far and not new.far else []
        lacking += ["its module"] if old.plug and new.plug is None else []
        if lacking:
            yield old.name, f"{' and '.join(lacking)} cannot be told now"
    known = {one.place for one in ports.values()}
    for one in now.ports:
        if one.place not in known and one.name not in {old.name for old in before.ports}:
            yield one.name, "was not there when this was saved"
