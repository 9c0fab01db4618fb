"""Label and flash of a card, read as root while no other tool is at work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from mlxtop.model.flash import NEEDS_ROOT, CardFlash
from mlxtop.model.identity import Adapter
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.kernel.vpd import read_vpd
from mlxtop.sources.tools import fwmanager
from mlxtop.sources.tools.card_tool import installed
from mlxtop.sources.tools.flint import TOOLS, parse_tool_version, read_query
from mlxtop.system.answers import reason
from mlxtop.system.door import System

LOCK_SECONDS = 30.0
"""Time to wait for another tool to be done with a card."""


@contextmanager
def alone(system: System, adapter: Adapter) -> Iterator[None]:
    """Be the only tool on a card. Raises BlockingIOError with who is."""
    slots = sorted({card_lock(system, function.address) for function in adapter.functions})
    with ExitStack() as stack:
        for slot in slots:
            stack.enter_context(system.claim(slot, LOCK_SECONDS))
        yield


def read_card_flash(system: System, adapter: Adapter) -> CardFlash:
    """Return what VPD and flash tell; nothing is written to the card, and nothing raised."""
    contents = _tool(system)
    if not (system.root or system.captured):
        return _without(contents, vpd=NEEDS_ROOT, flash=NEEDS_ROOT)
    try:
        with alone(system, adapter):
            return _ask(system, adapter.place, contents)
    except OSError as error:
        why = reason(error, system.captured)
        return _without(contents, vpd=why, flash=why)


def _tool(system: System) -> CardFlash:
    name = installed(system, TOOLS)
    if name is None:
        why = "neither mstflint nor flint (NVIDIA MFT) is installed"
        return CardFlash(absent={"tool": why})
    try:
        version = parse_tool_version(system.run((name, "-v"), timeout=10.0).stdout)
    except OSError:
        version = None
    return CardFlash(tool=name, tool_version=version)


def _without(contents: CardFlash, **reasons: str) -> CardFlash:
    return contents._replace(absent={**contents.absent, **reasons})


def _ask(system: System, device: str, contents: CardFlash) -> CardFlash:
    """Ask the card itself, its lock held."""
    try:
        contents = contents._replace(vpd=read_vpd(system, device))
    except OSError as error:
        contents = _without(contents, vpd=reason(error, system.captured))
    if contents.tool is None:
        contents = _without(contents, flash=contents.absent["tool"])
    else:
        try:
            return contents._replace(flash=read_query(system, contents.tool, ("-d", device)))
        except OSError as error:
            contents = _without(
                contents, flash=f"{contents.tool}: {reason(error, system.captured)}"
            )
    manager = installed(system, fwmanager.TOOLS)
    if manager is not None:
        with suppress(OSError):  # why flint did not answer is told already
            contents = contents._replace(flash=fwmanager.read_report(system, manager, device))
    return contents
