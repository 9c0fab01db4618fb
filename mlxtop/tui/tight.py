"""Updates that draw and write no more than the cells that changed.

Textual renders every widget between the first and the last change, and writes a changed part of a
line from the left edge of its widget on (`ChopsUpdate`, "TODO: crop to x extents"); over SSH that
is most of what a monitor sends, and half of what it computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mlxtop.tui.widgets.lines import Styled

Patch: TypeAlias = tuple[int, int, Strip]
"""Column, row, and what stands there."""


class TightUpdate(ChopsUpdate):
    """A partial update of patches."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        super().__init__((), [], [])
        self.patches = list(patches)

    def render_segments(self, console: Console) -> str:
        """The text and escapes for the terminal."""
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for x, y, strip in self.patches
        )


def _cropped(update: ChopsUpdate) -> Iterator[Patch]:
    """Textual's update, cropped at both ends."""
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x >= x2 or end <= x1:
                continue
            left, right = max(x, x1), min(end, x2)
            part = strip if (left, right) == (x, end) else strip.crop(left - x, right - x)
            yield left, y, part


class TightCompositor(Compositor):
    """Puts widgets together like Textual's own."""

    def __init__(self) -> None:
        super().__init__()
        self._visible: dict[Widget, tuple[Region, Region]] = {}
        self._placed: list[tuple[Widget, Region, Region, Region]] = []

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update."""
        patches: list[Patch] = []
        for dirty in self._dirty_regions:
            own = self._of_one_widget(dirty.intersection(self.size.region))
            if own is None:  # a border between two widgets, or one widget over another
                update = super().render_partial_update()
                return update and TightUpdate(_cropped(update))
            patches += own
        self._dirty_regions.clear()
        return TightUpdate(patches) if patches else None

    def _of_one_widget(self, dirty: Region) -> list[Patch] | None:
        """The part of the screen as the foremost widget draws it; None where it is not alone."""
        for widget, region, seen, inside in self._places():
            if not seen.overlaps(dirty):
                continue
            if not seen.contains_region(dirty):
                return None
            if isinstance(widget, Styled) and inside.contains_region(dirty) and widget.unadorned:
                area = dirty.translate((-inside.x, -inside.y))
                strips = widget.content(area, inside.width)
                return [(dirty.x, y, strip) for y, strip in enumerate(strips, dirty.y)]
            # Whole lines, since those are what widgets keep.
            lines = Region(seen.x - region.x, dirty.y - region.y, seen.width, dirty.height)
            start, end = dirty.x - seen.x, dirty.right - seen.x
            whole = (start, end) == (0, seen.width)
            return [
                (dirty.x, y, strip if whole else strip.crop(start, end))
                for y, strip in enumerate(widget.render_lines(lines), dirty.y)
            ]
        return []

    def _places(self) -> list[tuple[Widget, Region, Region, Region]]:
        """The widgets from the foremost on: all of each, what is seen, and what it holds."""
        visible = self.visible_widgets
        if visible is not self._visible:
            self._visible = visible
            self._placed = [
                (widget, region, region.intersection(clip), region.shrink(widget.gutter))
                for widget, (region, clip) in visible.items()
            ]
        return self._placed
