"""Drawing and writing no more than the cells that changed, by private names of Textual.

Textual renders every widget between the first and the last change, and writes a changed part of a
line from the left edge of its widget on: over SSH most of what a monitor sends, and half of what
it computes. Names that Textual does not promise are used here alone, apart from those of its
driver and application; `tests/test_textual_private.py` says of each what breaks without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from mlxtop.tui.app import MlxtopApp

Patch: TypeAlias = tuple[int, int, Strip]
"""Column, row, and what stands there."""


class DirectWidget(Widget):
    """A widget whose content can be had without Textual's way through borders."""

    @property
    def unadorned(self) -> bool:
        """Return whether nothing shines through the content or lies over it."""
        raise NotImplementedError

    def content(self, area: Region, columns: int) -> Sequence[Strip]:
        """Return a part of the content, which has so many columns, as the terminal gets it."""
        raise NotImplementedError

    def repaint(self, *regions: Region) -> None:
        """Paint parts again: at the end of the frame that is being drawn, else soon."""
        gathered: set[Widget] | None = getattr(self.app, "gathered", None)
        if gathered is None or not self.is_mounted:
            self.refresh(*regions)
        else:
            self._set_dirty(*regions)
            gathered.add(self)


class CroppedUpdate(ChopsUpdate):
    """A partial update of patches."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        super().__init__((), [], [])
        self.patches = list(patches)

    def render_segments(self, console: Console) -> str:
        return "".join(
            Control.move_to(x, y).segment.text + strip.render(console)
            for x, y, strip in self.patches
        )


def _cropped(update: ChopsUpdate) -> Iterator[Patch]:
    """Yield Textual's update, cropped at both ends."""
    for y, x1, x2 in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x >= x2 or end <= x1:
                continue
            left, right = max(x, x1), min(end, x2)
            part = strip if (left, right) == (x, end) else strip.crop(left - x, right - x)
            yield left, y, part


class CroppedCompositor(Compositor):
    """Puts widgets together like Textual's own."""

    def __init__(self) -> None:
        super().__init__()
        self._visible: dict[Widget, tuple[Region, Region]] = {}
        self._placed: list[tuple[Widget, Region, Region, Region]] = []

    def render_partial_update(self) -> ChopsUpdate | None:
        patches: list[Patch] = []
        for dirty in self._dirty_regions:
            own = self._of_one_widget(dirty.intersection(self.size.region))
            if own is None:  # a border between two widgets, or one widget over another
                update = super().render_partial_update()
                return update and CroppedUpdate(_cropped(update))
            patches += own
        self._dirty_regions.clear()
        return CroppedUpdate(patches) if patches else None

    def _of_one_widget(self, dirty: Region) -> list[Patch] | None:
        """Return the part as the foremost widget draws it; None where it is not alone."""
        for widget, region, shown, inside in self._places():
            if not shown.overlaps(dirty):
                continue
            if not shown.contains_region(dirty):
                return None
            if (
                isinstance(widget, DirectWidget)
                and inside.contains_region(dirty)
                and widget.unadorned
            ):
                area = dirty.translate((-inside.x, -inside.y))
                strips = widget.content(area, inside.width)
                return [(dirty.x, y, strip) for y, strip in enumerate(strips, dirty.y)]
            # Whole lines, since those are what widgets keep.
            lines = Region(shown.x - region.x, dirty.y - region.y, shown.width, dirty.height)
            start, end = dirty.x - shown.x, dirty.right - shown.x
            whole = (start, end) == (0, shown.width)
            return [
                (dirty.x, y, strip if whole else strip.crop(start, end))
                for y, strip in enumerate(widget.render_lines(lines), dirty.y)
            ]
        return []

    def _places(self) -> list[tuple[Widget, Region, Region, Region]]:
        """Return the widgets from the foremost on: all of each, what is shown, its content."""
        visible = self.visible_widgets
        if visible is not self._visible:
            self._visible = visible
            self._placed = [
                (widget, region, region.intersection(clip), region.shrink(widget.gutter))
                for widget, (region, clip) in visible.items()
            ]
        return self._placed


class PaintedScreen(Screen[None]):
    """A screen that writes what is drawn in one go, when it is complete."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = CroppedCompositor()

    @property
    def watch_app(self) -> MlxtopApp:
        return cast("MlxtopApp", self.app)

    def draw(self) -> None:
        """Give every widget what it shows."""
        raise NotImplementedError

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Write what is drawn in here at once; Textual would after three messages a widget."""
        app = self.watch_app
        if app.gathered is not None:
            yield
            return
        app.gathered = set()
        try:
            yield
        finally:
            widgets, app.gathered = app.gathered, None
            self._write(widgets)

    def _write(self, widgets: set[Widget]) -> None:
        placed = not (self._layout_required or self._scroll_required or self._repaint_required)
        if not placed or not self.is_current or self.app._batch_count:
            later = widgets
        else:
            later = widgets - self._compositor.visible_widgets.keys()
            if widgets > later:
                self._compositor.update_widgets(widgets - later)
                self._compositor_refresh()
        for widget in later:
            widget._repaint_required = True
            widget.check_idle()

    def place(self) -> None:
        """Draw and lay out all at once; Textual would write the first picture three times."""
        app = self.watch_app
        widgets = self.walk_children(Widget, with_self=True)
        app.gathered = set()
        self.draw()
        for widget in widgets:
            widget._clear_arrangement_cache()
            widget._layout_updates += 1
        self._refresh_layout()
        self.draw()  # as wide and high as everything is now
        app.gathered = None
        for widget in widgets:
            widget._layout_required = widget._repaint_required = False
            widget._exchange_repaint_regions()

    def write_all(self) -> None:
        """Write all of the picture."""
        self._compositor._dirty_regions.add(self.size.region)
        self._compositor_refresh()

    def _compositor_refresh(self) -> None:
        """Write, but nothing before the first picture."""
        if self.watch_app.open:
            super()._compositor_refresh()
