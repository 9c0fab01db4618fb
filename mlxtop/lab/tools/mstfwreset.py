"""mstfwreset, mlxfwreset, mstmget_temp and mget_temp.

Texts of small_utils/mstfwreset.py and mget_temp of https://github.com/Mellanox/mstflint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlxtop.lab.drivers import RESET
from mlxtop.lab.ports import CardState
from mlxtop.lab.tools.shell import Machine, Running

_LEVELS = (
    (0, 'Driver, PCI link, network link will remain up ("live-Patch")', False),
    (3, "Driver restart and PCI reset", True),
    (4, "Warm Reboot", True),
)


def _option(argv: Sequence[str], *names: str) -> str:
    """The value after an option; empty where it is not given."""
    for position, word in enumerate(argv[:-1]):
        if word in names:
            return argv[position + 1]
    return ""


def mstfwreset(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`mstfwreset -d DEVICE [-l LEVEL] [-y] query|reset`."""
    device = _option(argv, "-d", "--device")
    if not machine.root:
        yield "-E- Only root user can run this tool."
        return 1
    card = machine.card(device)
    if card is None:
        yield f"-E- Failed to Identify Device: {device}, mopen: No such file or directory"
        return 1
    if card.spec.family.mlx4:
        yield "-E- Device is not supported."
        return 1
    yield machine.world.tool_seconds
    yield ""
    if argv[-1] in ("q", "query"):
        yield from _levels()
        return 0
    level = int(_option(argv, "-l", "--level") or 3)
    words = {number: text for number, text, offered in _LEVELS if offered}
    if level not in words:
        yield f"-E- Requested reset level {level} is not supported"
        return 1
    yield f"Requested reset level for device, {device}:"
    yield ""
    yield f"{level}: {words[level]}"
    answer = "y" if "-y" in argv or "--yes" in argv else stdin.strip().lower()
    yield f"Continue with reset?[y/N] {answer}"
    if answer not in ("y", "yes"):
        yield "-E- Aborted by user."
        return 1
    yield from _reset(machine, card) if level == 3 else _reboot()
    return 0


def _levels() -> Iterator[str]:
    yield "Reset-levels:"
    for number, text, offered in _LEVELS:
        default = "    (default)" if number == 3 else ""
        state = "Supported" if offered else "Not Supported"
        yield f"{number}: {text:62}-{state}{default}"
    yield ""


def _reset(machine: Machine, card: CardState) -> Iterator[str | float]:
    yield 0.4
    yield f"-I- {'Sending Reset Command To Fw':40}-Done"
    machine.drivers.reset(card)
    yield 1.5
    yield f"-I- {'Stopping Driver':40}-Done"
    yield RESET - 4.0
    yield f"-I- {'Resetting PCI':40}-Done"
    yield 2.0
    yield f"-I- {'Starting Driver':40}-Done"
    yield f"-I- {'Restarting MST':40}-Skipped"
    yield "-I- FW was loaded successfully."


def _reboot() -> Iterator[str | float]:
    yield 0.4
    yield f"-I- {'Sending Reset Command To Fw':40}-Done"
    yield f"-I- {'Sending reboot command to machine':40}-Done"


def mget_temp(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`mget_temp -d DEVICE`: the hottest sensor of the ASIC, whole degrees."""
    device = _option(argv, "-d", "--device")
    card = machine.card(device)
    if "--no-modules" in argv and not _reads_modules(machine.world.spec.tools[argv[0]]):
        yield f"Usage : {argv[0]} -d <device> [OPTIONS]"
        return 1
    yield machine.world.tool_seconds / 2
    if not machine.root or card is None:
        yield f"-E- Failed to open device: {device}"
        return 1
    if card.spec.family.mlx4 and argv[0].startswith("mst"):
        yield "-E- Unsupported device"
        return 1
    yield f"{round(machine.world.heats[card.index].asic.celsius)} "
    return 0


def _reads_modules(version: str) -> bool:
    """Return whether the tool reads modules too, from 4.36 on, and knows how not to."""
    number = tuple(int(part) for part in version.partition("-")[0].split(".")[:2])
    return number >= (4, 36)
