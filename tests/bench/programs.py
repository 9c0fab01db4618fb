"""The programs that are measured side by side."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping

from tests.bench.cost import Program
from tests.bench.ports import inside

BARE = "bare Textual app"
TWO = "mlxtop, two ports"
TABLE = "mlxtop, two ports, no room for charts"
FAST = "mlxtop, two ports, -d 0.1"
DGX = "mlxtop, 12 ports of a DGX"
DEMO = "mlxtop --demo dgx"
PACU = "mlxtop --demo"
FEW, MANY, CROWD = "mlxtop --all, 2 veth", "mlxtop --all, 200 veth", "mlxtop --all, 2000 veth"

PEERS = {
    "btop": Program("btop", ["btop"], "cpu", ("\x1b[B", "\x1b[A")),
    "htop": Program("htop", ["htop"], "Tasks", ("\x1b[B", "\x1b[A")),
    "s-tui": Program("s-tui", ["s-tui"], "Frequency", ("\x1b[B", "\x1b[A")),
}


def catalogue(frozen: str, spaces: Mapping[int, str], home: str) -> list[Program]:
    """Everything that runs here; peers only where they are on PATH."""
    environ = {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
    python = sys.executable
    mlxtop = [python, "-m", "mlxtop"]
    moving = [python, "-m", "tests.bench.moving", frozen]
    two = [*moving, "-i", "0000:30:*"]
    rates = r"[\d.]+ [GMkb]?b/s"

    def program(
        name: str,
        argv: list[str],
        ready: str,
        size: tuple[int, int] = (120, 40),
        keys: tuple[str, ...] = ("\x1b[B", "\x1b[A"),
    ) -> Program:
        return Program(name, argv, ready, keys, size=size, environ=environ)

    def all_of(count: int) -> list[str]:
        return inside(spaces[count], *mlxtop, "--all")

    found = [
        Program(BARE, [python, "-m", "tests.bench.bare"], "keys"),
        program(TWO, two, "enp48s0f0np0"),
        program(TABLE, two, "enp48s0f0np0", (120, 12)),
        program(FAST, [*two, "-d", "0.1"], rates),
        program(DGX, moving, "ibp24s0"),
        program(PACU, [*mlxtop, "--demo"], "enp67s0np0", keys=("u", "u")),  # there is one port
        program(DEMO, [*mlxtop, "--demo", "dgx"], "ibp24s0"),
        program(FEW, all_of(2), "a0 "),
        program(MANY, all_of(200), "a0 "),
        program(CROWD, all_of(2000), "a0 "),
    ]
    return found + [peer for name, peer in PEERS.items() if shutil.which(name)]
