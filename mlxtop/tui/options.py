"""What can be set on the screen: every row of the settings, every key and every hook as an option.

A value is text here, as a person types it; the settings parse it as they parse the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from mlxtop.settings import PREFIX, ROWS, TABLES, Settings
from mlxtop.tui.commands import BY_ID, COMMANDS, keys_of, together
from mlxtop.watch.hooks import EVENTS

SWITCH = ("false", "true")
_KEY_RANGE = "names of keys with commas between them: x, f2, ctrl+t, question_mark"
_HOOK_RANGE = "path of a program; ~/ is your home"


class Option(NamedTuple):
    """A setting, or an entry of one that is a table."""

    name: str
    table: str
    help: str
    range: str
    restart: bool
    """Whether a change is taken up at the next start only."""
    choices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def variable(self) -> str | None:
        """Return the environment variable that goes before the file."""
        return None if self.table else PREFIX + self.name.upper()


def options(themes: Iterable[str]) -> list[Option]:
    """Return everything that can be set; `themes` are the names of all there are."""
    options = []
    for name, row in ROWS.items():
        if row.read is None or name in TABLES:
            continue
        choices: tuple[str, ...] = SWITCH if row.switch else ()
        if name == "theme":
            choices = ("", "dark", "light", *sorted(themes))
        options.append(Option(name, "", row.help, row.range, row.restart, choices))
    for kind in EVENTS:
        restart, about = ROWS["hooks"].restart, f"program that is run at the event {kind}"
        options.append(Option(kind, "hooks", about, _HOOK_RANGE, restart))
    for command in COMMANDS:
        about = f"{command.title} ({command.scope})"
        options.append(Option(command.id, "keys", about, _KEY_RANGE, ROWS["keys"].restart))
    return options


def text_of(option: Option, settings: Settings) -> str:
    """Return a value as it is typed.

    >>> text_of(Option("interval", "", "", "", False), Settings(interval=0.5))
    '0.5'
    """
    if option.table:
        held: Mapping[str, str] = getattr(settings, option.table)
        default = BY_ID[option.name].keys if option.table == "keys" else ""
        return held.get(option.name, default)
    return _typed(getattr(settings, option.name))


def shown(option: Option, settings: Settings) -> str:
    """Return a value as people read it: keys by what is printed on them."""
    if option.table == "keys":
        return "  ".join(keys_of(BY_ID[option.name], settings.keys, settings.ascii))
    return text_of(option, settings)


def _typed(value: object) -> str:
    if isinstance(value, bool):
        return SWITCH[value]
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def parse(option: Option, text: str, settings: Settings) -> object:
    """Return the value that a text means; None for the default. Raises ValueError."""
    text = text.strip()
    if option.table == "keys":
        return _keys(option, text, settings)
    row = ROWS[option.table or option.name]
    if not text or row.read is None or option.table:
        return text or None
    value = row.read(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _keys(option: Option, text: str, settings: Settings) -> str | None:
    """Return names of keys, none of which has another command on the same screens."""
    here = BY_ID[option.name]
    keys = {key.strip() for key in text.split(",") if key.strip()}
    for other in COMMANDS:
        if other is here or not together(here, other):
            continue
        taken = settings.keys.get(other.id, other.keys).split(",")
        if both := keys.intersection(key.strip() for key in taken):
            raise ValueError(f"{both.pop()} is the key of {other.id}")
    return text if keys else None


def with_option(settings: Settings, option: Option, value: object) -> Settings:
    """Return settings in which an option has a value, or its default for None."""
    changed: dict[str, Any]
    if option.table:
        held = {**getattr(settings, option.table), option.name: value}
        changed = {option.table: {key: one for key, one in held.items() if one is not None}}
    else:
        default = getattr(Settings(), option.name)
        changed = {option.name: default if value is None else value}
    return replace(settings, **changed)


def in_file(option: Option, held: Mapping[str, object]) -> str | None:
    """Return what the settings file says, as it is typed; None where it says nothing."""
    table = held.get(option.table) if option.table else held
    if not isinstance(table, Mapping) or option.name not in table:
        return None
    return _typed(table[option.name])
