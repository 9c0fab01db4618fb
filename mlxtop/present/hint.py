"""The lines below the table of ports: what limits one, what a cell means, why none is there."""

from __future__ import annotations

from mlxtop.analysis.fields import why_empty
from mlxtop.analysis.port_view import PortView
from mlxtop.analysis.verdict import Verdict
from mlxtop.present import units
from mlxtop.present.ceiling import ceiling_lines
from mlxtop.present.columns import Column
from mlxtop.present.text import Line, Role
from mlxtop.present.view import prose


def hint_lines(
    view: PortView, column: Column | None, verdict: Verdict | None, width: int
) -> list[Line]:
    """Return what a port can carry, or what a `column` means and why its cell is empty or old."""
    if column is None:
        return ceiling_lines(view.ceiling, width, verdict)
    name, reason = column.title or "bar", why_empty(view).get(column.field)
    meaning: Line = ((f"{name}: ", Role.ACCENT), (column.help, Role.TEXT))
    below = prose(f"– {reason}", width, Role.WARNING) if reason else []
    below = below or _age(view, column.field, width) or ceiling_lines(view.ceiling, width)[1:]
    return [meaning, *below[:1]]


def _age(view: PortView, field: str, width: int) -> list[Line]:
    """Return why the value of a sensor is marked as old; nothing where it is not."""
    sensor = view.now.now.sensor(field.removesuffix("_c"))
    if sensor is None or not sensor.stale:
        return []
    ago = units.duration(round(view.frame.sample.tick - sensor.tick))
    return prose(f"? {sensor.problem or 'no answer'}; the value is {ago} old", width, Role.WARNING)


def no_port_lines(pattern: str, absent: str | None, replay: bool, width: int) -> list[Line]:
    """Return why no port is shown: by a filter, for a reason of the machine, or there is none."""
    if pattern:
        text = f"No port matches “{pattern}” by name, state, layer or speed. Esc shows all."
    elif absent is not None:
        text = f"{absent}."
    elif replay:
        text = "There was no port at that time."
    else:
        text = (
            "No ConnectX adapter found: no network card of PCI vendor 15b3. "
            "A shows every network device (mlxtop --all), D a simulated machine (--demo)."
        )
    return prose(text, width, Role.WARNING)
