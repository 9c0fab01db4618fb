"""Settings files from which the mlx4 driver takes port types when it starts.

The module parameter `port_type_array` holds for every mlx4 card of a machine: 0 is the type that
the card has stored, 1 InfiniBand, 2 Ethernet. A line of rdma-core's `/etc/rdma/mlx4.conf` holds
for one card. What they name wins over what the card has stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mlxtop.change.plan import Command, Plan
from mlxtop.link_type.card import Card, Refused
from mlxtop.link_type.options import Change, Method, NothingToDo
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.system.door import System

MODPROBE = "/etc/modprobe.d"
MODPROBE_FILE = f"{MODPROBE}/mlxtop-mlx4.conf"
MLX4_CONF = "/etc/rdma/mlx4.conf"
ABOUT = "# by mlxtop: 0 as the card has it, 1 InfiniBand, 2 Ethernet"
_ARRAY = re.compile(r"^[ \t]*+options[ \t]++mlx4_core\b.*\bport_type_array=([0-9,]+)", re.MULTILINE)
_SETUP_SCRIPTS = ("/usr/libexec/mlx4-setup.sh", "/usr/libexec/rdma/mlx4-setup.sh")
_NUMBERS = {"0": LinkType.AUTO, "1": LinkType.IB, "2": LinkType.ETH}


class SettingsFile(NamedTuple):
    """The file that sets the types of a card at the driver's start."""

    path: str
    present: tuple[LinkType, ...] = ()
    """Types that it sets, in the order of the ports; empty where it sets none."""
    array: str = ""
    """Value of `port_type_array` in it."""


def settings_file(system: System, card: Card) -> SettingsFile:
    """Return the file that sets the types of an mlx4 card, or that would be written to.

    Of several in modprobe.d the last in the order of their names wins.
    """
    scripts = any(read_text(system, path) is not None for path in _SETUP_SCRIPTS)
    conf = read_text(system, MLX4_CONF) if scripts else None
    if conf is not None:
        return SettingsFile(MLX4_CONF, parse_mlx4_conf(conf, card.device))
    last = SettingsFile(MODPROBE_FILE)
    for name in sorted(names(system, MODPROBE)):
        path = f"{MODPROBE}/{name}"
        match = _ARRAY.search(read_text(system, path) or "") if name.endswith(".conf") else None
        if match:
            last = SettingsFile(path, _types_of(match[1]), match[1])
    return last


def parse_mlx4_conf(text: str, device: str) -> tuple[LinkType, ...]:
    """Return the types that `/etc/rdma/mlx4.conf` gives the ports of a card.

    >>> parse_mlx4_conf("# x\\n0000:05:00.0 ib eth\\n", "0000:05:00.0")
    (<LinkType.IB: 'ib'>, <LinkType.ETH: 'eth'>)
    """
    for line in text.splitlines():
        address, *kinds = line.split() or [""]
        if address == device and all(kind in set(LinkType) for kind in kinds):
            return tuple(map(LinkType, kinds))
    return ()


def _types_of(array: str) -> tuple[LinkType, ...]:
    """Return the types of a `port_type_array`; none where it holds another number."""
    numbers = array.split(",")
    return tuple(_NUMBERS[n] for n in numbers) if all(n in _NUMBERS for n in numbers) else ()


def decides(file: SettingsFile) -> bool:
    """Return True where a settings file, and not the card, decides the types at the next start."""
    return any(kind is not LinkType.AUTO for kind in file.present)


def persist(
    system: System,
    survey: LinkTypeSurvey,
    card: Card,
    wanted: Mapping[PortId, LinkType] | None = None,
) -> Change:
    """Return the change by which an mlx4 card has types at every start of the driver.

    `wanted` are the types of some ports, None for the present ones of all. A port that is not
    wanted keeps what the file sets for it, else its present type. Raises Refused.
    """
    present = {port.id: port.configured for port in card.ports if port.configured is not None}
    if not card.mlx4 or len(present) < len(card.ports):
        raise Refused("only mlx4 cards take their types from a settings file")
    file = settings_file(system, card)
    ports = sorted(present)
    kinds = [present[port] for port in ports]
    if wanted is not None:
        for place, port in enumerate(ports):
            set_there = file.present[place] if place < len(file.present) else kinds[place]
            kinds[place] = wanted.get(port, set_there)
    if list(file.present[: len(kinds)]) == kinds:
        raise NothingToDo(f"{file.path} sets these types already")
    by_line = file.path == MLX4_CONF
    steps = _conf_line(card, file, kinds) if by_line else _module_option(survey, card, file, kinds)
    words = " and ".join(dict.fromkeys(kind.words for kind in kinds))
    what = "keep the types of" if wanted is None else f"{words} for"
    plan = Plan(
        f"{what} {card.device} over a boot",
        (steps[0],),
        undo=(steps[1],),
        takes_effect="at the next start of the mlx4 driver",
        notes=("if the initramfs holds mlx4_core, rebuild it: update-initramfs -u or dracut -f",),
    )
    types = dict(zip(ports, kinds, strict=True))
    changed = tuple(port for port, kind in types.items() if kind is not present[port])
    return Change(plan, card, Method.PERSIST, types, changed, survey.uses.of(changed))


def _conf_line(
    card: Card, file: SettingsFile, kinds: Sequence[LinkType]
) -> tuple[Command, Command]:
    """Return the command that sets a card's line, and its undo."""
    delete = ("sed", "-i", "-e", f"/^{card.device} /d")
    line, before = (" ".join([card.device, *types]) for types in (kinds, file.present))
    purpose = "a line for this card, in place of one that is there"
    step = Command((*delete, "-e", f"$a\\{line}", MLX4_CONF), purpose, file=MLX4_CONF, holds=line)
    again = ("-e", f"$a\\{before}") if file.present else ()
    return step, Command((*delete, *again, MLX4_CONF), "as before")


def _module_option(
    survey: LinkTypeSurvey, card: Card, file: SettingsFile, kinds: Sequence[LinkType]
) -> tuple[Command, Command]:
    """Return the command that sets the module parameter, where it is set already, and its undo."""
    others = [a for a in survey.inventory.adapters if a.key != card.adapter.key]
    if any(other.is_mlx4 for other in others):
        why = "would hold for every mlx4 card of this machine, and there are several"
        raise Refused(f"the module parameter {why}; mstconfig sets one card")
    array = ",".join("0" if kind is LinkType.AUTO else str(kind.number) for kind in kinds)
    holds = f"port_type_array={array}"
    if file.array and file.path != MODPROBE_FILE:
        edit = "s/port_type_array={}/port_type_array={}/"
        argv = ("sed", "-i", "-e", edit.format("[0-9,]*", array), file.path)
        back = ("sed", "-i", "-e", edit.format(array, file.array), file.path)
        step = Command(argv, "the parameter that is set there", file=file.path, holds=holds)
        return step, Command(back, "as before")
    text = f"{ABOUT}\noptions mlx4_core {holds}\n"
    step = Command(("tee", MODPROBE_FILE), "a parameter of the driver", text, file.path, holds)
    if file.array:
        old = f"{ABOUT}\noptions mlx4_core port_type_array={file.array}\n"
        return step, Command(("tee", MODPROBE_FILE), "as before", old)
    return step, Command(("rm", MODPROBE_FILE), "as before")
