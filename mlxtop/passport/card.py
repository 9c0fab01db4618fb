"""The passport of a card as a value: of a Sample, compared with what is wanted and with others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.flash import NEEDS_ROOT, CardFlash, Flash, Vpd
from mlxtop.model.identity import Adapter, Port
from mlxtop.model.module import Identity
from mlxtop.model.sample import UNREAD, Sample
from mlxtop.passport.support import crossflashed, knows, support_of
from mlxtop.sources.tools.flint import numbers

NOT_READ = "not read yet: a tool asks the card while this is shown"
_GAPS = re.compile("[:-]")


class Tool(NamedTuple):
    """The tool that reads the flash, as it is installed."""

    name: str
    version: str | None
    knows_card: bool | None
    """None where it is not certain."""


class Passport(NamedTuple):
    """A card; `absent` has the reason for what is None."""

    adapter: Adapter
    ports: tuple[Port, ...]
    device: str
    """PCI address to give to tools."""
    host: str = ""
    """Where it is; empty for this machine."""
    serial: str | None = None
    vpd: Vpd | None = None
    flash: Flash | None = None
    tool: Tool | None = None
    last_tool: str | None = None
    """The last release of the tools for this chip, in words; None where new ones know it."""
    source: str | None = None
    """Where that is told."""
    resets: tuple[str, ...] = ()
    """What activates the firmware that is stored, as the tool tells it."""
    modules: Mapping[str, Identity] = {}
    """By the name of the port."""
    addresses: Mapping[str, str] = {}
    """Hardware addresses of the network devices, by the name of the port."""
    newer: tuple[str, ...] = ()
    """Newer firmware than the stored one, in words, from what the person has given."""
    others: tuple[str, ...] = ()
    """What other cards with the same PSID run, in words."""
    crossflashed: str | None = None
    absent: Mapping[str, str] = {}

    @property
    def part(self) -> str | None:
        return self.adapter.part or (self.vpd and self.vpd.part)

    @property
    def psid(self) -> str | None:
        return self.adapter.psid or (self.flash and self.flash.psid)

    @property
    def running(self) -> str | None:
        flash = self.flash
        return self.adapter.firmware or (flash and (flash.running or flash.version))

    @property
    def stored(self) -> str | None:
        return (self.flash and self.flash.version) or self.adapter.firmware_stored

    @property
    def guids(self) -> tuple[str, ...]:
        """Return the GUIDs in flash; where that was not read, those that the kernel knows."""
        if self.flash and (self.flash.guids or self.flash.blank):
            return self.flash.guids
        system = [self.adapter.key] if len(self.adapter.key) == len("248a:0703:00a1:b2c0") else []
        ports = [one[-23:] for one in self.addresses.values() if len(one) == len(":00" * 20) - 1]
        return tuple(_GAPS.sub("", guid) for guid in (*system, *ports))

    @property
    def macs(self) -> tuple[str, ...]:
        """Return the MAC addresses in flash, else those of the network devices."""
        if self.flash and self.flash.macs:
            return self.flash.macs
        addresses = self.addresses.values()
        return tuple(_GAPS.sub("", one) for one in addresses if len(one) == len(":00" * 6) - 1)

    @property
    def pending(self) -> bool:
        """Return whether a reset would start another version than the one that runs."""
        running, stored = numbers(self.running or "x"), numbers(self.stored or "x")
        return running is not None and stored is not None and running != stored


def of_sample(sample: Sample, card: Adapter, wanted: Mapping[str, str], host: str = "") -> Passport:
    """Return the passport of a card as far as a Sample has it."""
    ports = [sample.ports[port] for port in card.ports if port in sample.ports]
    contents, _, why = sample.flash.get(card.key) or (None, None, None)
    if contents is None:
        if why in (None, UNREAD.absent):
            why = NOT_READ if sample.host.root else NEEDS_ROOT
        assert why is not None
        contents = CardFlash(absent={"vpd": why, "flash": why})
    own = tuple(one.port for one in ports)
    addresses = {one.port.name: one.link.address for one in ports if one.link.address}
    passport = with_flash(Passport(card, own, card.place, host, addresses=addresses), contents)
    modules = {one.port.name: one.module.identity for one in ports if one.module is not None}
    reasons = {f"module {one.port.name}": one.absent.get("module", "") for one in ports}
    absent_too = {**passport.absent, **{name: text for name, text in reasons.items() if text}}
    return compared(passport._replace(modules=modules, absent=absent_too), wanted)


def with_flash(card: Passport, contents: CardFlash) -> Passport:
    """Return a passport with label and flash, and with the tools that know the card."""
    family, absent = card.adapter.family, {**card.adapter.absent, **contents.absent}
    support = support_of(family)
    if support is not None:
        card = card._replace(last_tool=support.text, source=support.source)
    version, tool = contents.tool_version, None
    if contents.tool is not None:
        tool = Tool(contents.tool, version, knows(family, version) if version else None)
    if tool is not None and tool.knows_card is False and contents.flash is None:
        absent["flash"] = f"{absent.get('flash', '')}; {card.last_tool}"
    serial = card.serial or (contents.vpd and contents.vpd.serial)
    return card._replace(
        serial=serial, vpd=contents.vpd, flash=contents.flash, tool=tool, absent=absent
    )


def compared(
    card: Passport, wanted: Mapping[str, str], images: Sequence[tuple[str, Flash]] = ()
) -> Passport:
    """Add what is newer, and whether the firmware is another maker's."""
    psid, stored = card.psid, numbers(card.stored or "x")
    given = [("settings", wanted[psid])] if psid and psid in wanted else []
    given += [(name, one.version) for name, one in images if one.psid == psid and one.version]
    newer = []
    for name, version in given:
        number = numbers(version)
        if stored is not None and number is not None and number[:1] == stored[:1]:
            newer += [f"{version} ({name})"] if number > stored else []
    part, original = card.vpd and card.vpd.part, card.flash and card.flash.original_psid
    odd = crossflashed(part or card.adapter.part, psid, original)
    return card._replace(newer=tuple(newer), crossflashed=odd)


def with_others(cards: Sequence[Passport], beside: Iterable[Passport] = ()) -> list[Passport]:
    """Add to each card what the others of its PSID run, also those `beside` them.

    Cards of the same machine are named only where they run something else.
    """
    every = (*cards, *beside)
    return [card._replace(others=_others(card, every)) for card in cards]


def _others(card: Passport, every: Sequence[Passport]) -> tuple[str, ...]:
    """Return versions with the places where they run, the newest first."""
    places: dict[str, list[str]] = {}
    for other in every:
        itself = (other.host, other.adapter.key) == (card.host, card.adapter.key)
        same = other.running == card.running and other.host == card.host
        if card.psid and other.psid == card.psid and other.running and not (itself or same):
            place = f"{other.host} {other.device}".strip()
            places.setdefault(other.running, []).append(place)
    order = sorted(places, key=lambda version: numbers(version) or (), reverse=True)
    return tuple(f"{_beside(card, version)} at {', '.join(places[version])}" for version in order)


def _beside(card: Passport, version: str) -> str:
    """Return a version with how it stands to the one that runs here: `12.28.2006 (newer)`."""
    ours, theirs = numbers(card.running or "x"), numbers(version)
    if version == card.running:
        return f"{version} (the same)"
    if ours is None or theirs is None:
        return version
    return f"{version} ({'newer' if theirs > ours else 'older'})"
