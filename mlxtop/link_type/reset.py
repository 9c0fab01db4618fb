"""Prepare a firmware reset, so that stored types take effect, or keep present types over a boot."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlxtop.change.plan import Command, Plan
from mlxtop.change.privilege import Access
from mlxtop.link_type.card import REBOOT, Card, Refused, claimed
from mlxtop.link_type.options import Change, Method, breaks_of
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.linktype import LinkType
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.sources.tools import mstfwreset
from mlxtop.sources.tools.card_tool import explain, failure, installed
from mlxtop.sources.tools.mstfwreset import PCI_RESET, WARM_REBOOT, Level, parse_levels
from mlxtop.system.door import System

MODPROBE = "/etc/modprobe.d"
MODPROBE_FILE = f"{MODPROBE}/mlxtop-mlx4.conf"
MLX4_CONF = "/etc/rdma/mlx4.conf"
_ARRAY = re.compile(r"^[ \t]*+options[ \t]++mlx4_core\b.*\bport_type_array=([0-9,]+)", re.MULTILINE)
_SETUP_SCRIPTS = ("/usr/libexec/mlx4-setup.sh", "/usr/libexec/rdma/mlx4-setup.sh")


def read_levels(
    system: System, card: Card, rights: Access, ask: bool = False
) -> tuple[str, tuple[Level, ...]]:
    """Return the tool for firmware resets, and the levels that reload this card's configuration.

    Raises Refused, NotAllowed and OSError.
    """
    tool = installed(system, mstfwreset.TOOLS)
    if tool is None:
        raise Refused("neither mstfwreset (package mstflint) nor mlxfwreset (MFT) is installed")
    with claimed(system, card, rights, ask) as root:
        finished = root.query((tool, "-d", card.device, "query"))
    offered = parse_levels(finished.stdout)
    useful = (PCI_RESET,) if card.adapter.is_dpu else (PCI_RESET, WARM_REBOOT)
    levels = tuple(x for n in useful for x in offered if x.number == n)
    if not levels:
        why = explain(system, failure(finished) or "it names no reset level")
        raise Refused(f"{tool}: {why}; {card.restart}")
    return tool, levels


def choose_level(levels: Sequence[Level], number: int | None, restart: str = REBOOT) -> Level:
    """Return the level of that number, else the gentlest that is supported. Raises Refused."""
    wanted = [level for level in levels if number in (None, level.number)]
    level = next((level for level in wanted if level.supported), None)
    if level is None:
        each = ", ".join(f"{x.number} ({x.text}): {'yes' if x.supported else 'no'}" for x in levels)
        raise Refused(f"this reset level is not supported now; {each}; {restart}")
    return level


def prepare_reset(survey: LinkTypeSurvey, card: Card, tool: str, level: Level) -> Change:
    """Return the firmware reset with which stored types take effect now. Raises Refused.

    Never on a card with a hazard, whatever anybody types.
    """
    affected = tuple(port.id for port in card.ports)
    hazards = survey.uses.of(affected)
    if hazards:
        raise Refused("no firmware reset: " + "; ".join(hazard.text for hazard in hazards))
    if not level.supported:
        raise Refused(f"reset level {level.number} ({level.text}) is not supported here")
    step = Command((tool, "-d", card.device, "-l", str(level.number), "-y", "reset"), level.text)
    breaks = ("the whole machine reboots",) if level.number == WARM_REBOOT else ()
    plan = Plan(
        f"firmware reset of {card.adapter.family} {card.device}, level {level.number}",
        (step,),
        (*breaks, *breaks_of(survey, card, affected, {})),
        takes_effect="at once: the machine reboots" if breaks else "at once, after 10 to 60 s",
        notes=("there is no way back but to store the old types and reset again",),
    )
    return Change(plan, card, Method.RESET, {}, affected)


def persist(system: System, survey: LinkTypeSurvey, card: Card) -> Change:
    """Return the change that keeps the present types of an mlx4 card over a boot. Raises Refused.

    Where rdma-core's scripts set types, it writes a line of /etc/rdma/mlx4.conf; else the module
    parameter of the driver, which holds for every mlx4 card of the machine.
    """
    wanted = {port.id: port.configured for port in card.ports if port.configured is not None}
    if not card.mlx4 or len(wanted) < len(card.ports):
        raise Refused("only mlx4 cards take their types from a settings file")
    ordered = [wanted[port] for port in sorted(wanted)]
    scripts = any(read_text(system, path) is not None for path in _SETUP_SCRIPTS)
    if scripts and read_text(system, MLX4_CONF) is not None:
        delete = ("sed", "-i", "-e", f"/^{card.device} /d")
        append = ("-e", f"$a\\{' '.join([card.device, *ordered])}")
        purpose = "a line for this card, in place of one that is there"
        step = Command((*delete, *append, MLX4_CONF), purpose)
        undo = Command((*delete, MLX4_CONF), "without that line")
    else:
        step, undo = _module_option(system, survey, card, ordered)
    plan = Plan(
        f"keep the types of {card.device} over a boot",
        (step,),
        undo=(undo,),
        takes_effect="at the next start of the mlx4 driver",
        notes=("if the initramfs holds mlx4_core, rebuild it: update-initramfs -u or dracut -f",),
    )
    return Change(plan, card, Method.PERSIST, wanted, ())


def _module_option(
    system: System, survey: LinkTypeSurvey, card: Card, kinds: Sequence[LinkType]
) -> tuple[Command, Command]:
    """Return the command that sets the module parameter, where it is set already, and its undo."""
    others = [a for a in survey.inventory.adapters if a.key != card.adapter.key]
    if any((other.driver or "").startswith("mlx4") for other in others):
        why = "would hold for every mlx4 card of this machine, and there are several"
        raise Refused(f"the module parameter {why}; mstconfig sets one card")
    array = ",".join("0" if kind is LinkType.AUTO else str(kind.number) for kind in kinds)
    for path in (f"{MODPROBE}/{name}" for name in sorted(names(system, MODPROBE))):
        match = _ARRAY.search(read_text(system, path) or "")
        if match and path != MODPROBE_FILE and path.endswith(".conf"):
            edit = "s/port_type_array={}/port_type_array={}/"
            argv = ("sed", "-i", "-e", edit.format("[0-9,]*", array), path)
            back = ("sed", "-i", "-e", edit.format(array, match[1]), path)
            return Command(argv, "the parameter that is set there"), Command(back, "as before")
    about = "# by mlxtop: 0 as the card has it, 1 InfiniBand, 2 Ethernet"
    text = f"{about}\noptions mlx4_core port_type_array={array}\n"
    step = Command(("tee", MODPROBE_FILE), "a parameter of the driver", text)
    return step, Command(("rm", MODPROBE_FILE), "as before")
