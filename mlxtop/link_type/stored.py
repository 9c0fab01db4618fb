"""Ask with root's rights what a card stores: link types, and what bears on speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlxtop.change.privilege import Access, query
from mlxtop.sources.tools.mstconfig import (
    Column,
    ConfigReport,
    Trouble,
    parse_mstconfig,
    parse_mstconfig_json,
)
from mlxtop.system.door import Finished, System

NAMES = ("LINK_TYPE_P1", "LINK_TYPE_P2")
SPEED = ("CQE_COMPRESSION", "MAX_ACC_OUT_READ", "PCI_WR_ORDERING")
"""Parameters that guides for fast links mention; older firmware lacks some, mlx4 all."""
_FINAL = (Trouble.UNSUPPORTED, Trouble.NO_ACCESS)


def read_config(
    system: System,
    tool: str,
    device: str,
    rights: Access,
    ask: bool = False,
    *,
    locks: Sequence[str] = (),
) -> ConfigReport:
    """LINK_TYPE of both ports; a card of one port has no LINK_TYPE_P2 and refuses the question.

    Firmware that has no default and current values to tell is asked without them, and a layout
    that is not understood as JSON. `locks`: see `query`. Raises NotAllowed, TimeoutError
    and OSError.
    """
    report = ConfigReport()
    for verbose, names in ((True, NAMES), (True, NAMES[:1]), (False, NAMES), (False, NAMES[:1])):
        words = [tool, "-d", device, *(["-e"] if verbose else []), "q", *names]
        report = _report(tool, query(system, words, rights, ask, locks=locks))
        if report.parameters or report.trouble in _FINAL:
            break
        if report.trouble is Trouble.NO_PARAMETER and names == NAMES[:1]:
            break
        if report.trouble is None:
            words = [tool, "-d", device, "-e"]
            report = _ask_json(system, words, names, rights, ask, locks=locks)
            break
    if report.device is not None and not report.device.endswith(device.removeprefix("0000:")):
        return replace(report, parameters={}, errors=(f"answered for {report.device}",))
    return report


def read_values(system: System, tool: str, device: str, rights: Access) -> dict[str, str]:
    """The values of the next start that bear on speed; without those this firmware has not.

    A question with a name that is not known gets no answer at all: then everything is asked for.
    Raises NotAllowed, TimeoutError and OSError.
    """
    words = [tool, "-d", device, "q"]
    report = _report(tool, query(system, [*words, *SPEED], rights, False))
    if report.trouble is Trouble.NO_PARAMETER:
        report = _report(tool, query(system, words, rights, False))
    values = {name: row.values.get(Column.NEXT) for name, row in report.parameters.items()}
    return {name: value for name in SPEED if (value := values.get(name))}


def _report(tool: str, finished: Finished) -> ConfigReport:
    if finished.timed_out:
        raise TimeoutError("did not answer in time; the firmware may be busy")
    report = parse_mstconfig(finished.stdout)
    if finished.status != 0 and report.error is None:
        said = (finished.stderr or finished.stdout).strip().splitlines()
        text = said[-1] if said else f"{tool} ended with status {finished.status}"
        return replace(report, parameters={}, errors=(text,))
    return report if report.error is None else replace(report, parameters={})


def _ask_json(
    system: System,
    words: list[str],
    names: tuple[str, ...],
    rights: Access,
    ask: bool,
    *,
    locks: Sequence[str],
) -> ConfigReport:
    """The same as a JSON file, which mstflint 4.31 and later can write."""
    try:
        folder = system.run(("mktemp", "-d")).stdout.strip()
    except OSError:
        return ConfigReport()
    if not folder.startswith("/"):
        return ConfigReport()
    file = f"{folder}/link.json"
    try:
        finished = query(system, [*words, "-j", file, "q", *names], rights, ask, locks=locks)
        if finished.status != 0:
            return ConfigReport()
        return parse_mstconfig_json(system.read(file).decode("utf-8", "replace"))
    except FileNotFoundError:
        return ConfigReport()
    finally:
        system.run(("rm", "-r", "--", folder))
