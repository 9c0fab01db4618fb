"""The modes without a screen: one table or document, tables, a stream of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from threading import Event

from mlxtop.model.frame import Frame
from mlxtop.outputs import console
from mlxtop.outputs.document import document, line
from mlxtop.outputs.table import table
from mlxtop.pipeline import Source, frames


def _second(source: Source, stop: Event, totals_only: bool) -> Frame | None:
    """The first frame that has rates, or the first at all; None when stopped before."""
    found = frames(source, stop)
    first = next(found, None)
    return first if totals_only or source.captured else next(found, first)


def once(source: Source, stop: Event, *, as_json: bool, totals_only: bool, all_: bool) -> int:
    """Print one table or document; 1 when no port is selected."""
    frame = _second(source, stop, totals_only)
    if frame is None:
        return 1
    if as_json:
        console.say_json(document(frame, source.demo, since_boot=True))
    elif frame.ports or frame.sample.adapters:
        console.write(table(frame, source) + "\n")
    if not frame.ports:
        console.warn(f"mlxtop: {frame.sample.absent.get('ports') or nothing_found(all_)}")
        return 1
    return 0


def batch(source: Source, stop: Event, count: int | None) -> int:
    """Print a table at every interval, `count` of them or until stopped."""
    for frame in _with_rates(source, stop, count):
        console.write(table(frame, source) + "\n\n")
    return 0


def stream(source: Source, stop: Event, count: int | None) -> int:
    """Print a JSON object a line at every interval, `count` of them or until stopped."""
    for frame in _with_rates(source, stop, count):
        console.write(line(frame, source.demo) + "\n")
    return 0


def _with_rates(source: Source, stop: Event, count: int | None) -> Iterator[Frame]:
    """Frames from the second on, since the first has no rates; a capture has only one."""
    found = frames(source, stop)
    if not source.captured:
        next(found, None)
    return islice(found, count)


def nothing_found(everything: bool) -> str:
    """What was looked for in vain, and what to try."""
    if everything:
        return "no network device but lo is here"
    return (
        "no ConnectX port found (looked for PCI devices of vendor 15b3 with driver "
        "mlx4_core or mlx5_core, and for mlx4/mlx5 RDMA devices); try --all for every network "
        "device, or --demo for a simulated machine"
    )
