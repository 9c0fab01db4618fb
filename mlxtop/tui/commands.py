"""Every command with its key, once: bindings, help, palette, key bar and rebinding read this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Screens on which a command can be given."""

    EVERYWHERE = "everywhere"
    OVERVIEW = "overview"
    WALL = "wall"
    DETAIL = "detail"
    FINDINGS = "findings"
    EXPLAINED = "a finding in plain words"
    CHARTS = "screens with charts"
    CHART = "the chart in focus"
    REPLAY = "a recording that is played"


class Command(NamedTuple):
    """A command: `id` is its name for rebinding, `keys` are Textual's key names.

    `bar` is its short name in the key bar, empty for those that are not there. `changes` marks
    what changes the machine: with `--readonly` and on captured machines it does not exist. `live`
    marks what only makes sense while the machine runs: in a replay it does not exist.
    """

    id: str
    keys: str
    title: str
    action: str
    scope: Scope = Scope.EVERYWHERE
    bar: str = ""
    changes: bool = False
    live: bool = False


_PORTS, _WALL, _PAGES = Scope.OVERVIEW, Scope.WALL, Scope.DETAIL
_FOUND, _ONE = Scope.FINDINGS, Scope.EXPLAINED
_CHARTS, _CHART, _REPLAY = Scope.CHARTS, Scope.CHART, Scope.REPLAY
_FILTER = "Show only ports that match: a name, a state, a speed"
_ALL = "All network devices, where no port of a card is"
_DEMO = "A simulated machine, where no port is"
_SORT = "Sort by rate, temperature, errors, or naturally"
_BEFORE, _NEXT = "Sort by the column before", "Sort by the next column"
_HOLDERS_LEFT = "Page 5: sort processes by the column before"
_HOLDERS = "Page 5: sort processes by the next column"
_FINDINGS = "Findings of the whole machine, explained"
_WALL_TITLE = "Small charts of all ports, the sickest first, and back"
_ALONE = "One of several machines only, and all again"
_HEAT = "Maximise the chart, and back"
_FREEZE = "Freeze the picture, to scroll back"
_LINK_TYPE = "Link type: InfiniBand or Ethernet"
_RECORD = "Save the last minutes and go on recording; again: stop"
_ACKNOWLEDGE = "Acknowledge the chosen alarm, else the most urgent"
_ROUND = "To the alarms, and round the parts"
_PLAIN = "The finding in plain words"
_OPTIONS = "Options, explained; kept in the settings file"
_PALETTE = "Palette: any command by its name"
_SUSPEND = "Suspend; the shell's fg comes back"
_TITLES = {
    "1": "traffic",
    "2": "link and module",
    "3": "PCIe path",
    "4": "errors",
    "5": "RDMA and InfiniBand",
    "6": "identity",
    "7": "congestion, by priority",
    "8": "both ends of the link",
    "9": "neighbours and fabric",
}
"""Pages by their keys."""

COMMANDS = (
    Command("down", "down,j", "Next port", "screen.move(1)", _PORTS),
    Command("up", "up,k", "Previous port", "screen.move(-1)", _PORTS),
    Command("page-down", "pagedown,ctrl+f", "A screen of ports down", "screen.leap(1)", _PORTS),
    Command("page-up", "pageup,ctrl+b", "A screen of ports up", "screen.leap(-1)", _PORTS),
    Command("first", "home,g", "First port", "screen.move(-100000)", _PORTS),
    Command("last", "end,G", "Last port", "screen.move(100000)", _PORTS),
    Command("explain-right", "right", "Explain the next cell", "screen.column(1)", _PORTS),
    Command("explain-left", "left", "Explain the cell before", "screen.column(-1)", _PORTS),
    Command("details", "enter", "Details of the port", "screen.details", _PORTS, "Details"),
    *(
        Command(f"open-{n}", n, f"Open page: {title}", f"screen.details('{n}')", _PORTS)
        for n, title in _TITLES.items()
    ),
    Command("filter", "slash", _FILTER, "screen.filter", _PORTS, "Filter"),
    Command("all-devices", "A", _ALL, "screen.instead('all')", _PORTS, live=True),
    Command("demo", "D", _DEMO, "screen.instead('demo')", _PORTS, live=True),
    Command("sort", "s", _SORT, "screen.sort", _PORTS, "Sort"),
    Command("sort-left", "less_than_sign", _BEFORE, "screen.sort_column(-1)", _PORTS),
    Command("sort-right", "greater_than_sign", _NEXT, "screen.sort_column(1)", _PORTS),
    Command("reverse", "r", "Reverse the order", "screen.reverse", _PORTS),
    Command("columns", "f2", "Choose the columns", "screen.columns", _PORTS),
    *(
        Command(f"page-{n}", n, f"Page: {title}", f"screen.page('{n}')", _PAGES)
        for n, title in _TITLES.items()
    ),
    Command("wall-left", "left", "Chart to the left", "screen.move(-1, 0)", _WALL),
    Command("wall-right", "right,l", "Chart to the right", "screen.move(1, 0)", _WALL),
    Command("wall-up", "up,k", "Chart above", "screen.move(0, -1)", _WALL),
    Command("wall-down", "down,j", "Chart below", "screen.move(0, 1)", _WALL),
    Command(
        "wall-page-down", "pagedown,ctrl+f", "A screen of charts down", "screen.leap(1)", _WALL
    ),
    Command("wall-page-up", "pageup,ctrl+b", "A screen of them up", "screen.leap(-1)", _WALL),
    Command("wall-first", "home,g", "Sickest port", "screen.move(-100000, 0)", _WALL),
    Command("wall-last", "end,G", "Last port", "screen.move(100000, 0)", _WALL),
    Command("wall-details", "enter", "Details of the port", "screen.details", _WALL, "Details"),
    *(
        Command(f"wall-{n}", n, f"Open page: {title}", f"screen.details('{n}')", _WALL)
        for n, title in _TITLES.items()
    ),
    Command("scroll-down", "down,j", "Scroll down", "screen.scroll(1)", _PAGES),
    Command("scroll-up", "up,k", "Scroll up", "screen.scroll(-1)", _PAGES),
    Command("next-page", "right,l", "Next page", "screen.turn(1)", _PAGES, "Next page"),
    Command("previous-page", "left", "Previous page", "screen.turn(-1)", _PAGES),
    Command("next-port", "n", "Next port", "screen.port(1)", _PAGES, "Next port"),
    Command("previous-port", "N", "Previous port", "screen.port(-1)", _PAGES),
    Command("one-machine", "H", _ALONE, "app.alone", _PORTS, live=True),
    Command("holders-left", "less_than_sign", _HOLDERS_LEFT, "screen.sort_column(-1)", _PAGES),
    Command("holders-right", "greater_than_sign", _HOLDERS, "screen.sort_column(1)", _PAGES),
    Command("holders-reverse", "r", "Page 5: reverse the order", "screen.reverse", _PAGES),
    Command("maximise", "M", "Maximise the chart, and back", "screen.maximise", _PORTS, "Chart"),
    Command("maximise-heat", "M", _HEAT, "screen.maximise", _PAGES),
    Command("explain", "enter", _PLAIN, "screen.explain", _FOUND, "In plain words"),
    Command("copy", "c", "Copy what to do (OSC 52)", "screen.copy", _FOUND, "Copy"),
    Command("copy-advice", "c", "Copy what to do (OSC 52)", "screen.copy", _ONE, "Copy"),
    Command("cursor-left", "left", "Read an earlier instant", "screen.cursor(-1)", _CHART, "Read"),
    Command("cursor-right", "right", "Read a later instant", "screen.cursor(1)", _CHART),
    Command("cursor-back", "shift+left", "Ten columns back", "screen.cursor(-10)", _CHART),
    Command("cursor-on", "shift+right", "Ten columns on", "screen.cursor(10)", _CHART),
    Command("cursor-first", "home", "The oldest reading", "screen.cursor(-100000)", _CHART),
    Command("cursor-last", "end", "The newest reading", "screen.cursor(100000)", _CHART),
    Command("zoom-out", "left_square_bracket", "Look back further", "screen.zoom(1)", _CHARTS),
    Command("zoom-in", "right_square_bracket", "Look closer", "screen.zoom(-1)", _CHARTS, "Zoom"),
    Command("link-type", "L", _LINK_TYPE, "app.link_type", bar="Link type", changes=True),
    Command("keep", "K", "Keep the change on probation", "app.keep", changes=True),
    Command("take-back", "B", "Take the change on probation back", "app.take_back", changes=True),
    Command("wall", "w", _WALL_TITLE, "app.wall", bar="Wall"),
    Command("doctor", "d", _FINDINGS, "app.findings", bar="Doctor"),
    Command("load", "I", "Load test of the port", "app.load", bar="Load", changes=True),
    Command("paths", "P", "Ways to other hosts, and which one is used", "app.paths", bar="Paths"),
    Command("events", "e", "List of events", "app.events", bar="Events"),
    Command("record", "R", _RECORD, "app.record", bar="Record", live=True),
    Command("acknowledge", "a", _ACKNOWLEDGE, "app.acknowledge"),
    Command("next-part", "tab", _ROUND, "app.focus_next", bar="Alarms"),
    Command("previous-part", "shift+tab", "The same the other way", "app.focus_previous"),
    Command("pause", "space,p", _FREEZE, "app.pause", bar="Freeze", live=True),
    Command("units", "u", "Bits or bytes", "app.units", bar="Units"),
    Command("zero", "z", "Count totals and highs from now on", "app.zero", bar="Zero"),
    Command("slower", "plus,equals_sign", "Longer interval", "app.pace(1)", live=True),
    Command("faster", "minus", "Shorter interval", "app.pace(-1)", live=True),
    Command("play", "space,p", "Play, or stand still", "app.play", _REPLAY, "Play"),
    Command("quicker", "plus,equals_sign", "Play faster", "app.speed(1)", _REPLAY, "Faster"),
    Command("calmer", "minus", "Play slower", "app.speed(-1)", _REPLAY),
    Command("sample-back", "comma", "One sample back", "app.step(-1)", _REPLAY),
    Command("sample-on", "full_stop", "One sample on", "app.step(1)", _REPLAY, "Step"),
    Command("minute-back", "left_curly_bracket", "A minute back", "app.skip(-60)", _REPLAY),
    Command("minute-on", "right_curly_bracket", "A minute on", "app.skip(60)", _REPLAY, "Minute"),
    Command("event-before", "left_parenthesis", "The event before", "app.event(-1)", _REPLAY),
    Command("event-next", "right_parenthesis", "The next event", "app.event(1)", _REPLAY, "Event"),
    Command("go-to", "t", "Go to a time: 03:10, 2h ago, link down", "app.go_to", _REPLAY, "Time"),
    Command("theme", "T", "Dark or light", "app.shade"),
    Command("options", "o", _OPTIONS, "app.options", bar="Options"),
    Command("palette", "ctrl+p", _PALETTE, "app.command_palette", bar="Palette"),
    Command("help", "question_mark,h,f1", "This help", "app.help", bar="Help"),
    Command("back", "escape", "Back; never quits", "app.retreat", bar="Back"),
    Command("suspend", "ctrl+z", _SUSPEND, "app.suspend_process"),
    Command("quit", "q,f10,ctrl+q,ctrl+c", "Quit", "app.quit", bar="Quit"),
)

BY_ID = {command.id: command for command in COMMANDS}

BAR_ORDER = (
    *("play", "event-next", "quicker", "go-to", "sample-on", "minute-on"),
    *("details", "explain", "copy", "copy-advice", "cursor-left", "next-page", "next-port"),
    *("wall-details", "doctor", "filter", "wall", "sort", "events", "load", "options", "zoom-in"),
    *("pause", "next-part", "paths", "maximise", "palette", "link-type", "units", "zero", "record"),
)
"""Commands in the key bar, the most useful first; those at the end go on narrow screens.

Others come behind them.
"""
BAR_END = ("back", "help", "quit")
"""Commands that stand at the end of the key bar and go last."""
_ALWAYS = frozenset({"suspend", "keep", "take-back"})

_WORDS = {
    "question_mark": "?",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "left": "←",
    "right": "→",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "escape": "Esc",
    "comma": ",",
    "full_stop": ".",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "pageup": "PgUp",
    "pagedown": "PgDn",
}


def _word(key: str, ascii_only: bool = False) -> str:
    """Return a key as people read it; in ASCII an arrow would look like `<` or `v`.

    >>> _word("shift+tab"), _word("escape"), _word("f1"), _word("left"), _word("left", True)
    ('Shift+Tab', 'Esc', 'F1', '←', 'Left')
    """
    if len(key) == 1:
        return key
    word = _WORDS.get(key, "")
    if word and (word.isascii() or not ascii_only):
        return word
    return "+".join(part.capitalize() for part in key.split("+"))


def spelled(text: str, ascii_only: bool) -> str:
    """Return a text that names arrow keys; in ASCII by words.

    >>> spelled("← → choose", True)
    'Left Right choose'
    """
    if not ascii_only:
        return text
    arrows = {ord(word): key.capitalize() for key, word in _WORDS.items() if not word.isascii()}
    return text.translate(arrows)


def bindings(scope: Scope) -> list[BindingType]:
    """Return the bindings of a scope, for the BINDINGS of its screen."""
    return [
        Binding(command.keys, command.action, command.title, show=False, id=command.id)
        for command in COMMANDS
        if command.scope is scope
    ]


def in_bar(commands: Iterable[Command]) -> tuple[list[Command], list[Command]]:
    """Return the commands of the key bar by their use, and those that stay at its end."""
    shown = [command for command in commands if command.bar]
    places = {name: place for place, name in enumerate(BAR_ORDER)}
    first = [command for command in shown if command.id not in BAR_END]
    last = [command for command in shown if command.id in BAR_END]
    first.sort(key=lambda command: places.get(command.id, len(places)))
    return first, sorted(last, key=lambda command: BAR_END.index(command.id))


def always() -> list[BindingType]:
    """Return the bindings that hold in dialogs too, where those of the application do not."""
    return [
        one for one in bindings(Scope.EVERYWHERE) if isinstance(one, Binding) and one.id in _ALWAYS
    ]


def unlisted(*actions: tuple[str, str]) -> list[BindingType]:
    """Return bindings of keys to actions that hold in one place alone."""
    return [Binding(keys, action, show=False) for keys, action in actions]


def available(*scopes: Scope, readonly: bool, replay: bool = False) -> Iterator[Command]:
    """Yield the commands of these scopes that there are on a screen.

    `readonly`: without those that change anything. `replay`: without those of a live machine; else
    without those of a recording.
    """
    for command in COMMANDS:
        other = command.live if replay else command.scope is Scope.REPLAY
        if command.scope in scopes and not other and not (readonly and command.changes):
            yield command


def together(one: Command, other: Command) -> bool:
    """Return whether two commands can be given on the same screen, so that keys tell them apart."""
    if Scope.REPLAY in (one.scope, other.scope):
        return not (one.live or other.live)
    return one.scope is other.scope or Scope.EVERYWHERE in (one.scope, other.scope)


def keys_of(command: Command, rebound: Mapping[str, str], ascii_only: bool = False) -> list[str]:
    """Return the keys of a command as people read them."""
    keys = rebound.get(command.id, command.keys)
    return [_word(key.strip(), ascii_only) for key in keys.split(",")]


def misnamed(rebound: Mapping[str, str]) -> list[str]:
    """Return names in the settings that are no commands."""
    return sorted(rebound.keys() - {command.id for command in COMMANDS})
