"""Lines of roles drawn with the Line API, and widgets of them: only what changed is painted.

A line is made into a Strip once; runs of the same role are joined and blanks join their
neighbours, since every change of style costs more bytes than the text itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Offset, Region
from textual.markup import escape
from textual.message import Message
from textual.strip import Strip

from mlxtop.present.text import EMPTY, Line, Role, Run, crop, cut, line_width, to_ascii, width
from mlxtop.tui.commands import unlisted
from mlxtop.tui.textual_private import DirectWidget

ROLE_CLASSES = {f"run--{role}" for role in Role} | {"run--cursor"}
"""Component classes of the application: were they each widget's, the style sheet would be applied
to a hundred nodes before the first screen, and at each change of its size."""


def joined(line: Line) -> Line:
    """Return the line with as few runs as it can have."""
    runs: list[Run] = []
    for text, role in line:
        if not text:
            continue
        if runs and (runs[-1][1] is role or text.isspace()):
            runs[-1] = (runs[-1][0] + text, runs[-1][1])
        elif runs and runs[-1][0].isspace():
            runs[-1] = (runs[-1][0] + text, role)
        else:
            runs.append((text, role))
    return tuple(runs)


def difference(old: Line, new: Line) -> tuple[int, int] | None:
    """Return first column and width of what differs in two lines; None where they are equal."""
    if old == new:
        return None
    first, last = 0, 0
    shared = min(len(old), len(new))
    while first < shared and old[first] == new[first]:
        first += 1
    start = line_width(new[:first])
    columns = line_width(new)
    if columns != line_width(old):
        return start, max(columns, line_width(old)) - start
    while last < shared - first and old[-1 - last] == new[-1 - last]:
        last += 1
    end = columns - line_width(new[len(new) - last :])
    if first < shared - last:
        start += _equal_columns(old[first], new[first])
        end -= _equal_columns(_mirrored(old[-1 - last]), _mirrored(new[-1 - last]))
    return (start, end - start) if start < end else None


def _equal_columns(one: Run, other: Run) -> int:
    """Return the columns at the beginning of two runs that are the same."""
    (text, role), (others, another) = one, other
    if role is not another:
        return 0
    pairs = enumerate(zip(text, others, strict=False))
    equal = next((n for n, (a, b) in pairs if a != b), min(len(text), len(others)))
    return width(text[:equal])


def _mirrored(run: Run) -> Run:
    return run[0][::-1], run[1]


def changes(old: Sequence[Line], new: Sequence[Line], places: range) -> list[Region]:
    """Return what differs between lines, with the first of `places` on row 0."""
    regions = []
    for y, place in enumerate(places):
        before, after = (lines[place] if place < len(lines) else EMPTY for lines in (old, new))
        if (span := difference(before, after)) is not None:
            regions.append(Region(span[0], y, span[1], 1))
    return regions


class Styled(DirectWidget):
    """Makes Strips of lines in the styles of the theme."""

    ascii = False
    _roles: dict[tuple[Role, bool], Style] | None = None
    _finished: dict[tuple[Role, bool], Style]
    """Styles after the filters that the application has for lines."""
    _filters: Sequence[LineFilter] | None = None
    _unadorned: bool | None = None
    _labels = ("", "")
    _offset: Offset | None = None
    _ground, _base = Color(0, 0, 0, 0), Style.null()

    def notify_style_update(self) -> None:
        self._roles = self._unadorned = self._filters = self._offset = None
        super().notify_style_update()

    def role_style(self, role: Role, cursor: bool = False) -> Style:
        """Return the style of a role on this widget's background, or on the cursor's."""
        if self._roles is None:
            self._roles = {}
            self._ground, self._base = self.background_colors[1], self.rich_style
        style = self._roles.get((role, cursor))
        if style is None:
            styles = self.app.get_component_styles(f"run--{role}")
            ground = self._ground + styles.background
            colours = Style.from_color((ground + styles.color).rich_color, ground.rich_color)
            style = self._base + styles.text_style + colours
            if cursor:
                style += self.app.get_component_styles("run--cursor").partial_rich_style
            self._roles[role, cursor] = style
        return style

    @property
    def content_offset(self) -> Offset:
        if self._offset is None:
            self._offset = super().content_offset
        return self._offset

    @property
    def unadorned(self) -> bool:
        if self._unadorned is None:
            styles = self.styles
            self._unadorned = (
                self.opacity == styles.text_opacity == 1.0
                and not styles.tint.a
                and not styles.has_rule("hatch")
                and not any(edge for edge, _ in styles.outline)
            )
        return self._unadorned

    def label(self, title: str, subtitle: str = "") -> None:
        """Write a title into the frame, and another one below; what is the same stays."""
        if (title, subtitle) != self._labels:
            self._labels = title, subtitle
            if self.ascii:
                title, subtitle = to_ascii(title), to_ascii(subtitle)
            self.border_title, self.border_subtitle = escape(title), escape(subtitle)

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        """Return a line of the content, and whether the cursor is on it."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        columns = self.size.width
        line, cursor = self.line_at(y, columns)
        return self.strip(line, columns, cursor)

    def content(self, area: Region, columns: int) -> list[Strip]:
        filters = self.get_line_filters()
        if filters != self._filters:
            self._filters, self._finished = filters, {}
        drawn = []
        for y in area.line_range:
            line, cursor = self.line_at(y, columns)
            part = cut(self._glyphs(crop(line, columns)), area.x, area.right)
            drawn.append(Strip(self._segments(part, cursor, self._finish), area.width))
        return drawn

    def _finish(self, role: Role, cursor: bool) -> Style:
        """Return the style of a role as the terminal gets it."""
        style = self._finished.get((role, cursor))
        if style is None:
            style = self.role_style(role, cursor)
            for line_filter in self._filters or ():
                style = line_filter.apply([Segment("", style)], self._ground)[0].style or style
            self._finished[role, cursor] = style
        return style

    def strip(self, line: Line, columns: int, cursor: bool = False) -> Strip:
        """Return a line in exactly so many columns."""
        return Strip(
            self._segments(self._glyphs(crop(line, columns)), cursor, self.role_style), columns
        )

    def _glyphs(self, line: Line) -> Line:
        """Return a line in the characters of the terminal, with as few runs as it can have.

        Runs are turned into ASCII one by one: each of them keeps its width.
        """
        return joined(tuple((to_ascii(text), role) for text, role in line) if self.ascii else line)

    def _segments(
        self, line: Line, cursor: bool, style: Callable[[Role, bool], Style]
    ) -> list[Segment]:
        return [Segment(text, style(role, cursor)) for text, role in line]


class Lines(Styled):
    """Some lines that fit the widget; no scrolling."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; what is the same is not painted again."""
        old, self._lines = self._lines, lines
        if regions := changes(old, lines, range(max(len(old), len(lines)))):
            self.repaint(*regions)

    def line_at(self, y: int, columns: int) -> tuple[Line, bool]:
        return self._lines[y] if y < len(self._lines) else EMPTY, False

    def role_at(self, x: int, y: int = 0) -> Role:
        """Return what the text at a place means; blanks beside it are a part of it."""
        at = 0
        for text, role in self._lines[y] if y < len(self._lines) else EMPTY:
            at += line_width(((text, role),))
            if x < at:
                return role
        return Role.TEXT


class Clickable(Lines):
    """One line of labels that can be clicked, each standing for an action."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._spans: list[tuple[int, int, str]] = []

    def present(self, labels: Sequence[tuple[Line, str]], gap: int = 2) -> None:
        """Show labels side by side, as many as fit, with the actions behind them."""
        runs: list[Run] = []
        self._spans = []
        at, room = 0, self.size.width
        for label, action in labels:
            columns = line_width(label)
            if at + columns > room:
                break
            self._spans.append((at, at + columns, action))
            runs.extend((*label, (" " * gap, Role.TEXT)))
            at += columns + gap
        self.show([crop(tuple(runs), max(1, room))])

    async def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x - self.gutter.left < end and action:
                await self.screen.run_action(action)


class Choice(Lines, can_focus=True):
    """A field whose value is one of its options."""

    BINDINGS = unlisted(("right,space,l", "turn(1)"), ("left", "turn(-1)"))

    class Changed(Message):
        """Another option was chosen."""

    def __init__(self, options: Sequence[str], *, id: str) -> None:
        super().__init__(id=id)
        self._options = tuple(options)
        self._place = 0

    @property
    def value(self) -> str:
        return self._options[self._place]

    @value.setter
    def value(self, value: str) -> None:
        self._place = self._options.index(value)
        self._draw(self.has_focus)

    def _draw(self, lit: bool = False) -> None:
        role = Role.ACCENT if lit else Role.TEXT
        left, right = ("‹ ", " ›") if lit else ("  ", "  ")
        self.show([((left, Role.DIM), (self.value, role), (right, Role.DIM))])

    def on_mount(self) -> None:
        self._draw(self.has_focus)

    def on_focus(self) -> None:
        self._draw(lit=True)

    def on_blur(self) -> None:
        self._draw()  # `has_focus` still says that it has it

    def action_turn(self, steps: int) -> None:
        self._place = (self._place + steps) % len(self._options)
        self._draw(self.has_focus)
        self.post_message(self.Changed())

    def on_click(self, _: events.Click) -> None:
        self.action_turn(1)
