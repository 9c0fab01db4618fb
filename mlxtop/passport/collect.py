"""The passports of cards here, read once: devlink and sysfs for everyone, the rest for root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlxtop.model.flash import Flash
from mlxtop.model.identity import Adapter
from mlxtop.passport.card import Passport, compared, with_flash, with_others
from mlxtop.sampler.card_flash import alone, read_card_flash
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.kernel.pci import read_devlink
from mlxtop.sources.module.reader import explain, read_module
from mlxtop.sources.tools import mstfwreset
from mlxtop.sources.tools.card_tool import installed
from mlxtop.system.answers import reason
from mlxtop.system.door import System


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
    passports = []
    for adapter in adapters:
        infos = [devlink[f.address] for f in adapter.functions if f.address in devlink]
        mine = tuple(ports[one] for one in adapter.ports if one in ports)
        serial = next((one.serial for one in infos if one.serial), None)
        links = ((port.name, inventory.links.get(port.ifindex or 0)) for port in mine)
        addresses = {name: link.address for name, link in links if link and link.address}
        card = with_flash(
            Passport(adapter, mine, adapter.place, serial=serial, addresses=addresses),
            read_card_flash(system, adapter),
        )
        passports.append(compared(_with_modules(system, card), wanted, images))
    beside = [Passport(one, (), one.place) for one in inventory.adapters if one not in adapters]
    return with_others(passports, beside)


def _with_modules(system: System, card: Passport) -> Passport:
    """Add what only tools and modules tell, where they may be asked."""
    if not (system.root or system.captured):
        return card
    absent, modules = dict(card.absent), {}
    if card.pending:
        try:
            with alone(system, card.adapter):
                card = card._replace(resets=_resets(system, card))
        except OSError as error:
            absent["resets"] = reason(error, system.captured)
    for port in card.ports:
        try:
            if port.netdev:
                modules[port.name] = read_module(system, port.netdev).identity
        except OSError as error:
            absent[f"module {port.name}"] = explain(error)
    return card._replace(modules=modules, absent=absent)


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
