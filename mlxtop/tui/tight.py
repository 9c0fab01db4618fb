"""Updates that write no more than the cells that changed.

Textual writes a changed part of a line from the left edge of its widget on (`ChopsUpdate`, "TODO:
crop to x extents"); over SSH that is most of what a monitor sends.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor


class TightUpdate(ChopsUpdate):
    """A partial update cropped at both ends."""

    def render_segments(self, console: Console) -> str:
        """The text and escapes for the terminal."""
        written: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= x2 or end <= x1:
                    continue
                left, right = max(x, x1), min(end, x2)
                part = strip if (left, right) == (x, end) else strip.crop(left - x, right - x)
                written.append(Control.move_to(left, y).segment.text)
                written.append(part.render(console))
        return "".join(written)


class TightCompositor(Compositor):
    """Puts widgets together like Textual's own."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last update."""
        update = super().render_partial_update()
        return update and TightUpdate(update.chops, update.spans, update.chop_ends)
