"""What the rows of a printed table leave out: verdicts, links that are down, and hidden errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.faults import severe_since_boot, severe_since_start
from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import IDLE, NOT_MEASURED, Verdict
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import LinkState
from mlxtop.present.link import ADVICE
from mlxtop.present.overview import columns_of, entries
from mlxtop.present.text import clean, wrap


def port_notes(
    frame: Frame, verdicts: Mapping[PortId, Verdict], columns: int, *, since_boot: bool
) -> list[str]:
    """Return a paragraph for each thing that is to be said of ports; those alike are together."""
    rows = entries(frame)
    shown = {column.id for column in columns_of(frame, rows, columns)}
    owners: dict[str, list[str]] = {}
    for port in (row.port for row in rows if row.port):
        now = frame.ports[port]
        if now.now.port.kind is not PortKind.PHYSICAL:
            continue
        verdict = verdicts.get(port) or port_view(frame, port).ceiling.verdict
        hidden = () if "errors" in shown else _errors(now, since_boot)
        for text in (*_state(now, verdict), *hidden):
            owners.setdefault(text, []).append(now.now.port.name)
    lines: list[str] = []
    for text, names in owners.items():
        first, *others = wrap(f"{', '.join(names)}: {text}", max(20, columns - 2))
        lines += [first, *(f"  {line}" for line in others)]
    return lines


def _state(now: PortFrame, verdict: Verdict) -> Iterator[str]:
    """Yield what limits a port, or why its link is down."""
    link = now.now.link
    if link.state is LinkState.UP:
        if verdict.cause not in (IDLE, NOT_MEASURED):
            yield verdict.text
        return
    words = str(link.state) + (f" ({clean(link.detail)})" if link.detail else "")
    advice = ADVICE.get(link.state, "").format(name=clean(now.now.port.name))
    yield f"{words}. {advice}" if advice else words


def _errors(now: PortFrame, since_boot: bool) -> Iterator[str]:
    count = severe_since_boot(now) if since_boot else severe_since_start(now)[0]
    if count:
        yield f"{count} errors since {'the boot' if since_boot else 'mlxtop started'}"
