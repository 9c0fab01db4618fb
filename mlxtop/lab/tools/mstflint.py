"""mstflint and flint: what is in a card's flash.

Layouts of flint/subcommands.cpp of https://github.com/Mellanox/mstflint. Images are not simulated:
there is nothing to read out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlxtop.lab.ports import CardState
from mlxtop.lab.tools.shell import Machine, Running

NO_CONNECTX3 = (4, 26)


def mstflint(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`mstflint -d DEVICE query [full]`, `mstflint -v`."""
    name = argv[0]
    tools = machine.world.spec.tools
    release = tools.get(name) or tools["mstconfig" if name == "mstflint" else "mlxconfig"]
    if "-v" in argv or "--version" in argv:
        yield f"{name}, mstflint {release}, Git SHA Hash: N/A"
        return 0
    device = argv[argv.index("-d") + 1] if "-d" in argv[:-1] else ""
    yield machine.world.tool_seconds
    card = machine.card(device)
    if not machine.root or card is None:
        yield f"-E- Cannot open Device: {device}. Permission denied. MFE_ERROR"
        return 1
    number = tuple(int(part) for part in release.split(".")[:2])
    if card.spec.family.mlx4 and number >= NO_CONNECTX3:
        yield f"-E- Cannot open Device: {device}. Unsupported device"
        return 1
    if not {"q", "query"} & {*argv}:
        yield "-E- This simulated card has no image to read"
        return 1
    yield from _fs2(card) if card.spec.family.mlx4 else _fs4(card)
    return 0


def _versions(card: CardState, image: str) -> Iterator[str]:
    stored = card.spec.stored
    yield f"Image type:            {image}"
    yield f"FW Version:            {stored}"
    if card.firmware != stored:
        yield f"FW Version(Running):   {card.firmware}"


def _fs2(card: CardState) -> Iterator[str]:
    guids = [card.spec.guid + step for step in range(4)]
    yield from _versions(card, "FS2")
    yield "Rom Info:              type=PXE version=3.4.752"
    yield f"Device ID:             {card.spec.family.device}"
    yield "Description:           Node             Port1            Port2            Sys image"
    yield "GUIDs:                 " + " ".join(f"{guid:016x}" for guid in guids)
    yield "VSD:"
    yield f"PSID:                  {card.spec.psid or 'N/A'}"


def _fs4(card: CardState) -> Iterator[str]:
    yield from _versions(card, "FS4" if card.spec.family.device >= 0x1017 else "FS3")
    yield f"Product Version:       {card.spec.stored}"
    yield "Rom Info:              type=UEFI version=14.28.15 cpu=AMD64,AARCH64"
    yield "                       type=PXE version=3.6.804 cpu=AMD64"
    yield "Description:           UID                GuidsNumber"
    yield f"Base GUID:             {card.spec.guid:016x}        8"
    yield "Image VSD:             N/A"
    yield "Device VSD:            N/A"
    yield f"PSID:                  {card.spec.psid or 'N/A'}"
    yield "Security Attributes:   N/A"
