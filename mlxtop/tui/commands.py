"""Every command with its key, once: bindings, help, palette, key bar and rebinding read this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from textual.binding import Binding


class Scope(StrEnum):
    """Where a command can be given."""

    EVERYWHERE = "everywhere"
    OVERVIEW = "overview"
    DETAIL = "detail"


class Command(NamedTuple):
    """A command: `id` is its name for rebinding, `keys` are Textual's key names.

    `bar` is its short name in the key bar, empty for those that are not there. `changes` marks
    what changes the machine: with `--readonly` and on captured machines it does not exist.
    """

    id: str
    keys: str
    title: str
    action: str
    scope: Scope = Scope.EVERYWHERE
    bar: str = ""
    changes: bool = False


COMMANDS = (
    Command("down", "down,j", "Next port", "screen.move(1)", Scope.OVERVIEW),
    Command("up", "up,k", "Previous port", "screen.move(-1)", Scope.OVERVIEW),
    Command(
        "page-down", "pagedown,ctrl+f", "A screen of ports down", "screen.leap(1)", Scope.OVERVIEW
    ),
    Command("page-up", "pageup,ctrl+b", "A screen of ports up", "screen.leap(-1)", Scope.OVERVIEW),
    Command("first", "home,g", "First port", "screen.move(-100000)", Scope.OVERVIEW),
    Command("last", "end,G", "Last port", "screen.move(100000)", Scope.OVERVIEW),
    Command("explain-right", "right", "Explain the next cell", "screen.column(1)", Scope.OVERVIEW),
    Command("explain-left", "left", "Explain the cell before", "screen.column(-1)", Scope.OVERVIEW),
    Command("details", "enter", "Details of the port", "screen.details", Scope.OVERVIEW, "Details"),
    Command(
        "filter",
        "slash",
        "Show only ports whose names match",
        "screen.filter",
        Scope.OVERVIEW,
        "Filter",
    ),
    Command(
        "sort",
        "s",
        "Sort by rate, temperature, errors, or naturally",
        "screen.sort",
        Scope.OVERVIEW,
        "Sort",
    ),
    Command("page-1", "1", "Page: traffic", "screen.page('1')", Scope.DETAIL),
    Command("page-2", "2", "Page: link and module", "screen.page('2')", Scope.DETAIL),
    Command("page-3", "3", "Page: PCIe path", "screen.page('3')", Scope.DETAIL),
    Command("page-4", "4", "Page: errors", "screen.page('4')", Scope.DETAIL),
    Command("page-5", "5", "Page: RDMA and InfiniBand", "screen.page('5')", Scope.DETAIL),
    Command("page-6", "6", "Page: identity", "screen.page('6')", Scope.DETAIL),
    Command("scroll-down", "down,j", "Scroll down", "screen.scroll(1)", Scope.DETAIL),
    Command("scroll-up", "up,k", "Scroll up", "screen.scroll(-1)", Scope.DETAIL),
    Command("next-page", "right,l,tab", "Next page", "screen.turn(1)", Scope.DETAIL, "Next page"),
    Command("previous-page", "left,shift+tab", "Previous page", "screen.turn(-1)", Scope.DETAIL),
    Command("next-port", "n", "Next port", "screen.port(1)", Scope.DETAIL, "Next port"),
    Command("previous-port", "N", "Previous port", "screen.port(-1)", Scope.DETAIL),
    Command(
        "maximise", "M", "Maximise the chart, and back", "screen.maximise", Scope.OVERVIEW, "Chart"
    ),
    Command(
        "maximise-heat",
        "M",
        "Maximise the heat chart of page 2, and back",
        "screen.maximise",
        Scope.DETAIL,
    ),
    Command(
        "link-type",
        "L",
        "Link type: InfiniBand or Ethernet",
        "app.link_type",
        bar="Link type",
        changes=True,
    ),
    Command("doctor", "d", "Findings for the port, explained", "app.findings", bar="Doctor"),
    Command("load", "I", "Load test of the port", "app.load", bar="Load", changes=True),
    Command("events", "e", "List of events", "app.events", bar="Events"),
    Command("pause", "space,p", "Pause the display; sampling goes on", "app.pause", bar="Pause"),
    Command("units", "u", "Bits or bytes", "app.units", bar="Units"),
    Command("zero", "z", "Count totals and highs from now on", "app.zero", bar="Zero"),
    Command("slower", "plus,equals_sign", "Longer interval", "app.pace(1)"),
    Command("faster", "minus", "Shorter interval", "app.pace(-1)"),
    Command("theme", "T", "Dark or light", "app.shade"),
    Command("help", "question_mark,h,f1", "This help", "app.help", bar="Help"),
    Command("back", "escape", "Back; never quits", "app.retreat"),
    Command("quit", "q,ctrl+q,ctrl+c", "Quit", "app.quit", bar="Quit"),
)

_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "ctrl+q": "Ctrl+Q",
    "ctrl+c": "Ctrl+C",
    "ctrl+f": "Ctrl+F",
    "ctrl+b": "Ctrl+B",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "f1": "F1",
}


def bindings(scope: Scope) -> list[Binding]:
    """Bindings of a scope, for the BINDINGS of its screen."""
    return [
        Binding(command.keys, command.action, command.title, show=False, id=command.id)
        for command in COMMANDS
        if command.scope is scope
    ]


def available(*scopes: Scope, readonly: bool) -> Iterator[Command]:
    """Commands of these scopes; without those that change anything when `readonly`."""
    for command in COMMANDS:
        if command.scope in scopes and not (readonly and command.changes):
            yield command


def keys_of(command: Command, rebound: Mapping[str, str]) -> list[str]:
    """The keys of a command as people read them.

    >>> keys_of(next(c for c in COMMANDS if c.id == "help"), {})
    ['?', 'h', 'F1']
    """
    keys = rebound.get(command.id, command.keys)
    return [_WORDS.get(key.strip(), key.strip()) for key in keys.split(",")]


def misnamed(rebound: Mapping[str, str]) -> list[str]:
    """Names in the settings that are no commands."""
    known = {command.id for command in COMMANDS}
    return sorted(name for name in rebound if name not in known)
