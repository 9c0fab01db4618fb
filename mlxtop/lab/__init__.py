"""Simulated machines: a `System` that answers from a small physical model.

Each machine is one text file in `machines/`, in the format of captured machines, with a block
`@physics:` in TOML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from mlxtop.lab.clock import ManualClock
from mlxtop.lab.joined import join
from mlxtop.lab.physics_block import machine, merge
from mlxtop.lab.system import LabSystem
from mlxtop.system.capture import Capture
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.clock import Clock, RealClock

__all__ = ["DEFAULT", "MACHINES", "LabSystem", "ManualClock", "load_joined", "load_lab"]

DEFAULT = "pacu"
_ORDER = (
    *("pacu", "fry", "pacu-x16", "fry-x16", "cx3-hp", "tiny", "odroid"),
    *("ceph", "ceph2", "ceph3", "roce1", "roce2", "roce3", "roce4", "dgx", "hdr", "faulty"),
    *("dscp", "incast", "pfc-storm", "one-rail", "aging"),
)
MACHINE_FILES: Traversable = files(__name__) / "machines"
_ABOUT = re.compile(r'^  \| about = "(.*)"$', re.MULTILINE)

_LOOK = re.compile(r'^  \| look = "(.*)"$', re.MULTILINE)
_LOOK_JOINED = re.compile(r'^  \| look_joined\."(.*)" = "(.*)"$', re.MULTILINE)


def machine_list() -> dict[str, str]:
    """Every machine file with its line; those of `_ORDER` first."""
    abouts: dict[str, str] = {}
    for file in MACHINE_FILES.iterdir():
        about = _ABOUT.search(file.read_text("utf-8"))
        abouts[file.name.removesuffix(".txt")] = about[1] if about else ""
    return {name: abouts[name] for name in sorted(abouts, key=_place)}


def look(name: str) -> str:
    """Return what to look at on a machine, and which keys to try; empty where nothing is said.

    `a+b` are machines that cables join: the file of one of them tells of these, or of some.
    """
    names = name.split("+")
    texts = [MACHINE_FILES.joinpath(f"{one}.txt").read_text("utf-8") for one in names]
    if len(names) > 1:
        told = (pair for text in texts for pair in _LOOK_JOINED.findall(text))
        return next((look for some, look in told if set(some.split("+")) <= set(names)), "")
    line = _LOOK.search(texts[0])
    return line[1] if line else ""


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


MACHINES = machine_list()
"""Every machine and a line about it; the first is the default."""


def _read(name: str) -> tuple[Capture, dict[str, Any]]:
    """The file of a machine; a variant is laid over the machine that it is a variant of."""
    text = MACHINE_FILES.joinpath(f"{name}.txt").read_text("utf-8")
    capture = parse_capture(text)
    if capture.complaints:
        raise ValueError(f"{name}: {capture.complaints[0]}")
    physics = tomllib.loads(capture.blocks["physics"])
    base_name = physics.pop("variant_of", None)
    if base_name is None:
        return capture, physics
    base, base_physics = _read(base_name)
    for path_, node in capture.nodes.items():
        base.add(path_, node)
    base.answers |= capture.answers
    base.commands |= capture.commands
    base.properties |= capture.properties
    return base, merge(base_physics, physics)


def load_lab(
    name: str = DEFAULT, clock: Clock | None = None, seed: int = 0, *, joined: bool = False
) -> LabSystem:
    """Start a simulated machine; raises KeyError for a name that is not in `MACHINES`.

    `joined`: as it is where others are joined with it, by the table of that name in its file.
    """
    if name not in MACHINES:
        raise KeyError(name)
    capture, physics = _read(name)
    if joined:
        physics = merge(physics, physics.get("joined", {}))
    return LabSystem(machine(name, physics), capture, clock or RealClock(), seed)


def load_joined(
    names: Sequence[str], clock: Clock | None = None, seed: int = 0
) -> dict[str, LabSystem]:
    """Start simulated machines, each by its name, that cables join where they are peers."""
    clock = clock or RealClock()
    systems = {name: load_lab(name, clock, seed, joined=True) for name in names}
    join(tuple(systems.values()))
    return systems
