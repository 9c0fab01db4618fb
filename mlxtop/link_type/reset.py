"""Make stored types true now by a firmware reset, or present types last over a boot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlxtop.change.plan import Command, Plan, Step, WriteFile
from mlxtop.change.privilege import Access, query
from mlxtop.link_type.plan import Change, LinkTypeSurvey, Method, Refused, breaks_of
from mlxtop.link_type.survey import Card, at_work, claimed, sudo_locks
from mlxtop.model.linktype import LinkType
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.sources.tools import mstfwreset
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
    """The tool for firmware resets, and the levels of this card that reload its configuration.

    Raises Refused, NotAllowed and OSError.
    """
    tool = next((tool for tool in mstfwreset.TOOLS if system.which(tool)), None)
    if tool is None:
        raise Refused("neither mstfwreset (package mstflint) nor mlxfwreset (MFT) is installed")
    try:
        with claimed(system, card):
            locks = sudo_locks(system, card, rights)
            words = (tool, "-d", card.device, "query")
            finished = query(system, words, rights, ask, locks=locks)
    except BlockingIOError as error:
        raise Refused(at_work(error)) from None
    answer = parse_levels(finished.stdout)
    found = [answer.level(number) for number in (PCI_RESET, WARM_REBOOT)]
    levels = tuple(level for level in found if level is not None)
    if answer.error or not levels:
        why = answer.error or finished.stderr.strip() or "no reset level is told"
        raise Refused(f"{tool}: {why}; a reboot does the same")
    return tool, levels


def choose_level(levels: Sequence[Level], number: int | None) -> Level:
    """The level of that number, else the gentlest that is supported. Raises Refused."""
    wanted = [level for level in levels if number in (None, level.number)]
    level = next((level for level in wanted if level.supported), None)
    if level is None:
        told = ", ".join(f"{x.number} ({x.text}): {'yes' if x.supported else 'no'}" for x in levels)
        raise Refused(f"this reset level is not supported now; {told}; a reboot does the same")
    return level


def prepare_reset(scene: LinkTypeSurvey, card: Card, tool: str, level: Level) -> Change:
    """The firmware reset that makes stored types true now. Raises Refused.

    Never on a card that the guard names, whatever anybody types.
    """
    affected = tuple(port.id for port in card.ports)
    hazards = scene.uses.of(affected)
    if hazards:
        raise Refused("no firmware reset: " + "; ".join(hazard.text for hazard in hazards))
    if not level.supported:
        raise Refused(f"reset level {level.number} ({level.text}) is not supported here")
    step = Command((tool, "-d", card.device, "-l", str(level.number), "-y", "reset"), level.text)
    reboots = level.number == WARM_REBOOT
    effect = "at once: the machine reboots" if reboots else "at once, after 10 to 60 s"
    breaks = ("the whole machine reboots",) if reboots else ()
    plan = Plan(
        f"firmware reset of {card.adapter.family} {card.device}, level {level.number}",
        (step,),
        (*breaks, *breaks_of(scene, card, affected, {})),
        takes_effect=effect,
        notes=("there is no way back but to store the old types and reset again",),
    )
    return Change(plan, card, Method.RESET, {}, affected)


def persist(system: System, scene: LinkTypeSurvey, card: Card) -> Change:
    """The settings file that keeps the present types of an mlx4 card over a boot. Raises Refused.

    Where rdma-core's scripts set types, a line of /etc/rdma/mlx4.conf; else the parameter of the
    driver, which holds for every mlx4 card of the machine.
    """
    kinds = {p.id.number: p.configured for p in card.ports}
    if not card.mlx4 or None in kinds.values():
        raise Refused("only mlx4 cards take their types from a settings file")
    ordered = [kind for _, kind in sorted(kinds.items()) if kind is not None]
    step: Step
    if _has_setup_script(system):
        words = " ".join([card.device, *ordered])
        step = Command(
            ("sed", "-i", "-e", f"/^{card.device} /d", "-e", f"$a\\{words}", MLX4_CONF),
            "a line for this card, in place of one that is there",
        )
        undo: Step = Command(
            ("sed", "-i", "-e", f"/^{card.device} /d", MLX4_CONF), "without that line"
        )
    else:
        step, undo = _module_option(system, scene, card, ordered)
    plan = Plan(
        f"keep the types of {card.device} over a boot",
        (step,),
        undo=(undo,),
        takes_effect="at the next start of the mlx4 driver",
        notes=(
            "where the initramfs holds mlx4_core, make it anew: update-initramfs -u or dracut -f",
        ),
    )
    wanted = {p.id: p.configured for p in card.ports if p.configured is not None}
    return Change(plan, card, Method.PERSIST, wanted, ())


def _has_setup_script(system: System) -> bool:
    return read_text(system, MLX4_CONF) is not None and any(
        read_text(system, path) is not None for path in _SETUP_SCRIPTS
    )


def _set_elsewhere(system: System) -> Iterator[tuple[str, str]]:
    """Files of modprobe that set the parameter already, with its value."""
    for name in sorted(names(system, MODPROBE)):
        path = f"{MODPROBE}/{name}"
        found = _ARRAY.search(read_text(system, path) or "")
        if found and path != MODPROBE_FILE and name.endswith(".conf"):
            yield path, found[1]


def _module_option(
    system: System, scene: LinkTypeSurvey, card: Card, kinds: Sequence[LinkType]
) -> tuple[Step, Step]:
    others = [a for a in scene.inventory.adapters if a.key != card.adapter.key]
    if any((other.driver or "").startswith("mlx4") for other in others):
        raise Refused(
            "the module parameter would hold for every mlx4 card of this machine, and there are "
            "several; mstconfig sets one card"
        )
    array = ",".join("0" if kind is LinkType.AUTO else str(kind.number) for kind in kinds)
    for path, old in _set_elsewhere(system):
        edit = "s/port_type_array={}/port_type_array={}/"
        argv = ("sed", "-i", "-e", edit.format("[0-9,]*", array), path)
        back = ("sed", "-i", "-e", edit.format(array, old), path)
        return Command(argv, "the parameter that is set there"), Command(back, "as before")
    about = "# by mlxtop: 0 as the card has it, 1 InfiniBand, 2 Ethernet"
    text = f"{about}\noptions mlx4_core port_type_array={array}\n"
    step = WriteFile(MODPROBE_FILE, text, "a parameter of the driver")
    return step, Command(("rm", MODPROBE_FILE), "as before")
