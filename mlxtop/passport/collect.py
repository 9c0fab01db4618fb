"""The passport of a card, read once: devlink and sysfs for everyone, the rest for root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from mlxtop.model.identity import Adapter, Port
from mlxtop.model.module import Identity
from mlxtop.passport.support import crossflashed, knows, support_of
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.kernel.pci import card_lock, read_devlink
from mlxtop.sources.kernel.vpd import Vpd, read_vpd
from mlxtop.sources.module.reader import explain, read_module
from mlxtop.sources.tools import fwmanager, mstfwreset
from mlxtop.sources.tools.card_tool import installed
from mlxtop.sources.tools.flint import TOOLS, Flash, numbers, parse_tool_version, read_query
from mlxtop.system.answers import reason
from mlxtop.system.door import System

LOCK_SECONDS = 30.0
"""Time to wait for another tool to be done with a card."""
NEEDS_ROOT = "needs root: sudo mlxtop passport"


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
    newer: tuple[str, ...] = ()
    """Newer firmware than the stored one, in words, from what the person has given."""
    others: tuple[str, ...] = ()
    """Cards of this machine with the same PSID that run another version, in words."""
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
    def pending(self) -> bool:
        """Return whether a reset would start another version than the one that runs."""
        running, stored = numbers(self.running or "x"), numbers(self.stored or "x")
        return running is not None and stored is not None and running != stored


@contextmanager
def alone(system: System, adapter: Adapter) -> Iterator[None]:
    """Be the only tool on a card. Raises BlockingIOError with who is."""
    slots = sorted({card_lock(system, function.address) for function in adapter.functions})
    with ExitStack() as stack:
        for slot in slots:
            stack.enter_context(system.claim(slot, LOCK_SECONDS))
        yield


def collect(
    system: System,
    inventory: Inventory,
    adapters: Sequence[Adapter],
    wanted: Mapping[str, str],
    images: Sequence[tuple[str, Flash]] = (),
) -> list[Passport]:
    """Return the passports of cards; `wanted` has versions by PSID, `images` those of files."""
    devlink = read_devlink(system)
    ports = {port.id: port for port in inventory.ports}
    found = []
    for adapter in adapters:
        device = adapter.place
        infos = [devlink[f.address] for f in adapter.functions if f.address in devlink]
        mine = tuple(ports[one] for one in adapter.ports if one in ports)
        serial = next((one.serial for one in infos if one.serial), None)
        card = Passport(adapter, mine, device, serial, others=_others(inventory, adapter))
        found.append(_compared(_read(system, card), wanted, images))
    return found


def _others(inventory: Inventory, adapter: Adapter) -> tuple[str, ...]:
    return tuple(
        f"{other.firmware} at {other.place}"
        for other in inventory.adapters
        if adapter.psid
        and other.psid == adapter.psid
        and None not in (other.firmware, adapter.firmware)
        and other.firmware != adapter.firmware
    )


def _read(system: System, card: Passport) -> Passport:
    """Add what VPD, flash and modules tell."""
    absent = dict(card.adapter.absent)
    support = support_of(card.adapter.family)
    if support is not None:
        card = card._replace(last_tool=support.text, source=support.source)
    card = card._replace(tool=_tool(system, card.adapter.family, absent))
    if not (system.root or system.captured):
        return card._replace(absent={**absent, "vpd": NEEDS_ROOT, "flash": NEEDS_ROOT})
    try:
        with alone(system, card.adapter):
            card = _from_card(system, card, absent)
    except OSError as error:
        absent["flash"] = absent["vpd"] = reason(error, system.captured)
    modules = {}
    for port in card.ports:
        try:
            if port.netdev:
                modules[port.name] = read_module(system, port.netdev).identity
        except OSError as error:
            absent[f"module {port.name}"] = explain(error)
    return card._replace(modules=modules, absent=absent)


def _tool(system: System, family: str, absent: dict[str, str]) -> Tool | None:
    name = installed(system, TOOLS)
    if name is None:
        absent["tool"] = "neither mstflint nor flint (NVIDIA MFT) is installed"
        return None
    try:
        version = parse_tool_version(system.run((name, "-v"), timeout=10.0).stdout)
    except OSError:
        version = None
    return Tool(name, version, knows(family, version) if version else None)


def _from_card(system: System, card: Passport, absent: dict[str, str]) -> Passport:
    """Ask the card itself, its lock held."""
    try:
        vpd = read_vpd(system, card.device)
        card = card._replace(vpd=vpd, serial=card.serial or vpd.serial)
    except OSError as error:
        absent["vpd"] = reason(error, system.captured)
    if card.tool is None:
        absent["flash"] = absent["tool"]
    else:
        try:
            flash = read_query(system, card.tool.name, ("-d", card.device))
            card = card._replace(flash=flash)
        except OSError as error:
            absent["flash"] = _why(card, reason(error, system.captured))
    manager = installed(system, fwmanager.TOOLS)
    if card.flash is None and manager is not None:
        with suppress(OSError):  # why flint did not answer is told already
            card = card._replace(flash=fwmanager.read_report(system, manager, card.device))
    return card._replace(resets=_resets(system, card)) if card.pending else card


def _why(card: Passport, words: str) -> str:
    """Return why the tool did not answer, with what would help where it is too new."""
    assert card.tool is not None
    help_ = f"; {card.last_tool}" if card.tool.knows_card is False else ""
    return f"{card.tool.name}: {words}{help_}"


def _resets(system: System, card: Passport) -> tuple[str, ...]:
    tool = installed(system, mstfwreset.TOOLS)
    if tool is None:
        return ()
    try:
        finished = system.run((tool, "-d", card.device, "query"), timeout=20.0)
    except OSError:
        return ()
    levels = mstfwreset.parse_levels(finished.stdout)
    return tuple(
        f"level {one.number}: {one.text}{' (default)' if one.default else ''}"
        for one in levels
        if one.supported
    )


def _compared(
    card: Passport, wanted: Mapping[str, str], images: Sequence[tuple[str, Flash]]
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
