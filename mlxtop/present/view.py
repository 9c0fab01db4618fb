"""What the pages of one port are made from, and the rows they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.analysis.fields import why_empty, why_empty_card
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.incident import Incident
from mlxtop.present import units
from mlxtop.present.clean import clean, fit
from mlxtop.present.text import LABEL_WIDTH, Line, Role, Run, labelled, wrap
from mlxtop.watch.heat import HeatWatch, SensorHeat

if TYPE_CHECKING:
    from mlxtop.model.tuning import Tuning

VALUE_WIDTH = 12
"""Columns of a value in a page with one value a direction."""


class View(NamedTuple):
    """One port of a frame as a page sees it.

    `columns` is the room for a line; `highs` holds the highest rates and temperatures seen since
    the start or since `z`.
    """

    frame: Frame
    port: PortId
    columns: int = 76
    bits: bool = True
    highs: Mapping[str, float] = {}
    heat: HeatWatch | None = None
    tuning: Tuning | None = None
    events: Sequence[tuple[float, Incident]] = ()
    """What happened to the port and when (epoch seconds), the oldest first."""

    @property
    def now(self) -> PortFrame:
        """The port."""
        return self.frame.ports[self.port]

    @property
    def adapter(self) -> Adapter | None:
        """The card of the port."""
        return self.frame.adapter(self.port)

    def heat_of(self, sensor: str) -> SensorHeat | None:
        """State and forecast of a sensor; None where nobody follows it."""
        return None if self.heat is None else self.heat.of(self.port, sensor)

    @property
    def derived(self) -> PortView:
        """Throughput, capacity, PCIe and ceiling of the port."""
        return port_view(self.frame, self.port)

    def flow(self) -> Throughput:
        """Return what the port carries."""
        return self.derived.throughput

    def why(self) -> dict[str, str]:
        """Reasons of the empty fields of the port and its card."""
        card = self.adapter
        reasons = why_empty_card(self.frame, card) if card else {}
        return {**reasons, **why_empty(self.derived)}


def fact(
    label: str, value: object, reason: str = "", role: Role = Role.TEXT, note: str = ""
) -> Line:
    """A value under its label; what is unknown is a dash with its reason beside it."""
    if value is None or value == "":
        return labelled(label, units.NONE, Role.DIM, reason)
    return labelled(label, str(value), role, note)


def pair(label: str, rx: Run, tx: Run, note: str = "") -> Line:
    """A row with one value a direction, right-aligned under RX and TX."""
    return (
        (fit(label, LABEL_WIDTH), Role.DIM),
        (fit(rx[0], VALUE_WIDTH, right=True), rx[1]),
        (fit(tx[0], VALUE_WIDTH + 2, right=True), tx[1]),
        ("  " + clean(note) if note else "", Role.DIM),
    )


def pair_heading() -> Line:
    """The titles above rows of `pair`."""
    return pair("", ("RX", Role.HEAD), ("TX", Role.HEAD))


def either(value: float | None, text: str, role: Role) -> Run:
    """A cell: dim when there is nothing or zero, else in its role."""
    return (text, role if value else Role.DIM)


def prose(text: str, columns: int, role: Role = Role.DIM) -> list[Line]:
    """A paragraph."""
    return [((line, role),) for line in wrap(text, columns)]
