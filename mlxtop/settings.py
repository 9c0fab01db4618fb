"""Settings: flags over environment over the settings file over defaults.

The directories are called mlxtop-nic, since an unrelated program for Apple's MLX also calls
itself mlxtop and owns ~/.config/mlxtop.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from mlxtop.model.named_links import NamedLink, named_links
from mlxtop.model.number import real, whole
from mlxtop.model.path import NO_PEERS, PathSettings, path_settings
from mlxtop.system.owner import base_directory, invoking_owner, rights_of

NAME = "mlxtop-nic"
PREFIX = "MLXTOP_NIC_"

MIN_INTERVAL, MAX_INTERVAL = 0.1, 60.0
MIN_WINDOW, MAX_WINDOW = 30, 86400
"""Seconds."""
MAX_HELD = 7200
"""Seconds of the past that can be held for saving at most."""
LIMIT = 1 << 18
"""Bytes of the settings file at most."""


def _flag(value: object) -> bool:
    word = value.lower() if isinstance(value, str) else value
    if word in (True, "1", "yes", "true", "on"):
        return True
    if word in (False, "0", "no", "false", "off", ""):
        return False
    raise ValueError("is neither yes nor no")


def _interval(value: object) -> float:
    seconds = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        seconds = real(value)
    if seconds is None:
        raise ValueError("is not a number of seconds")
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise ValueError(f"is not between {MIN_INTERVAL:g} and {MAX_INTERVAL:g} seconds")
    return seconds


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("is not a list of names")


def _name(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("is not a name")


def _notifications(value: object) -> str | None:
    word = str(value).lower().removeprefix("osc").strip()
    if word in ("", "0", "no", "false", "off", "none"):
        return None
    if word in ("9", "777"):
        return word
    raise ValueError("is neither 9 nor 777 nor off")


def _table(value: object) -> Mapping[str, str]:
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return dict(value)
    raise ValueError("is not a table of strings")


def _groups(value: object) -> Mapping[str, tuple[str, ...]]:
    """Return groups of machines by their names: tables with `names`."""
    if not isinstance(value, dict):
        raise ValueError("is not a table of groups")
    groups: dict[str, tuple[str, ...]] = {}
    for name, table in value.items():
        if not isinstance(table, dict) or table.keys() != {"names"}:
            raise ValueError(f'{name} is not a group, such as [hosts.{name}] names = ["a"]')
        groups[name] = _names(table["names"])
    return groups


def _seconds(value: object) -> int:
    seconds = whole(value.strip(), MAX_WINDOW) if isinstance(value, str) else value
    if isinstance(seconds, int) and MIN_WINDOW <= seconds <= MAX_WINDOW:
        return seconds
    raise ValueError(f"is not a whole number of seconds from {MIN_WINDOW} to {MAX_WINDOW}")


def _held(value: object) -> int:
    seconds = whole(value.strip(), MAX_HELD) if isinstance(value, str) else value
    if seconds == 0 and not isinstance(seconds, bool):
        return 0
    if isinstance(seconds, int) and MIN_WINDOW <= seconds <= MAX_HELD:
        return seconds
    raise ValueError(f"is neither 0 nor a whole number of seconds from {MIN_WINDOW} to {MAX_HELD}")


class Row(NamedTuple):
    """A setting: how its value is read, what it is, and its flag on the command line."""

    read: Callable[[object], object] | None
    """From the file or a variable; None for what only a flag sets."""
    help: str
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    """Of a flag with a value; others switch the setting on."""
    repeats: bool = False
    restart: bool = False
    """Whether a change is taken up at the next start only."""

    @property
    def range(self) -> str:
        """Return what can be set, in words; nothing where the help says it."""
        return _RANGES.get(self.read, "")

    @property
    def switch(self) -> bool:
        """Return whether it is either on or off."""
        return self.read is _flag


_RANGES: dict[Callable[[object], object] | None, str] = {
    _flag: "true or false",
    _interval: "a number such as 0.5",
    _seconds: f"{MIN_WINDOW} to {MAX_WINDOW}, whole seconds",
    _held: f"0, or {MIN_WINDOW} to {MAX_HELD}, whole seconds",
    _names: "names with blanks between them",
}


def _row(
    default: object,
    read: Callable[[object], object] | None,
    help: str,
    flags: str = "",
    metavar: str | None = None,
    *,
    repeats: bool = False,
    restart: bool = False,
) -> Any:
    row = {"row": Row(read, help, tuple(flags.split()), metavar, repeats, restart)}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=row)
    return field(default=default, metadata=row)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set: a row has its default, parser, help and flag."""

    interval: float = _row(
        1.0, _interval, "seconds between samples: 0.1 to 60", "-d --delay", "SECONDS"
    )
    all: bool = _row(False, _flag, "every network device but lo", "--all", restart=True)
    include: tuple[str, ...] = _row(
        *((), _names, "netdev, RDMA or PCI name; ! not", "-i --include", "GLOB"),
        repeats=True,
        restart=True,
    )
    readonly: bool = _row(
        False, _flag, "leave out all that could change", "--readonly", restart=True
    )
    ascii: bool = _row(False, _flag, "no braille and no box glyphs", "--ascii")
    theme: str | None = _row(
        None, _name, "colours of the screen: dark, light or a Textual theme", "--theme", "THEME"
    )
    bits: bool = _row(True, _flag, "rates in bit/s; false: byte/s")
    columns: tuple[str, ...] = _row((), _names, "columns of the table; none: as many as fit")
    bell: bool = _row(False, _flag, "ring once for the alarms of a moment")
    notify: str | None = _row(
        None, _notifications, "desktop notifications of alarms, by OSC 9 or OSC 777: 9, 777 or off"
    )
    window: int = _row(3600, _seconds, "seconds the charts grow to by themselves", restart=True)
    flight: int = _row(
        900, _held, "seconds of the past that are held, to be saved; 0: none", restart=True
    )
    save_on_alarm: bool = _row(
        False, _flag, "record when an alarm begins, with the past that is held", restart=True
    )
    hosts: Mapping[str, tuple[str, ...]] = _row(
        {}, _groups, "groups of machines for -H @NAME: names = [...]", restart=True
    )
    path: PathSettings = _row(  # noqa: RUF009
        NO_PEERS, path_settings, "peers and the ways to them, for mlxtop path", restart=True
    )
    links: tuple[NamedLink, ...] = _row(
        (), named_links, "pairs of ports that are the two ends of a link", restart=True
    )
    firmware: Mapping[str, str] = _row(
        {}, _table, "PSID to the newest version that you know of, for mlxtop passport", restart=True
    )
    keys: Mapping[str, str] = _row({}, _table, "action name to key, for rebinding")
    hooks: Mapping[str, str] = _row({}, _table, "event name to the path of a script", restart=True)
    debug: bool = _row(False, None, "show tracebacks", "--debug")
    file: os.stat_result | None = field(default=None, compare=False)
    """Owner and mode of the settings file, by the descriptor that was read; None without one."""


ROWS: dict[str, Row] = {
    one.name: one.metadata["row"] for one in fields(Settings) if "row" in one.metadata
}
"""Every setting by its name."""


TABLES = ("firmware", "keys", "hooks", "hosts", "links", "path")
"""Settings that are tables of the settings file."""


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the settings file of the person who asked."""
    base = base_directory("XDG_CONFIG_HOME", ".config", invoking_owner(environ), environ)
    return Path(base) / NAME / "settings.toml"


def load(
    flags: Mapping[str, object], environ: Mapping[str, str] = os.environ
) -> tuple[Settings, list[str]]:
    """Return settings, and one line for all in file or environment that was not understood.

    `flags` holds only what was given on the command line; it is taken as checked.
    """
    complaints: list[str] = []
    values: dict[str, Any] = {}
    path = config_path(environ)
    text, file = _read(path, environ, complaints)
    table = _table_of(text, path, complaints)
    given = [(f"{path}:{_line(text, key)}", key, value) for key, value in table.items()]
    given += [
        ("environment", name.removeprefix(PREFIX).lower(), value)
        for name, value in environ.items()
        if name.startswith(PREFIX)
    ]
    for where, key, value in given:
        row = ROWS.get(key)
        if row is None or row.read is None:
            complaints.append(f"{where}: {key} is not a setting")
            continue
        try:
            values[key] = row.read(value)
        except ValueError as error:
            complaints.append(f"{where}: {key} {error}")
    return Settings(file=file, **{**values, **flags}), complaints


def in_file(environ: Mapping[str, str] = os.environ) -> tuple[dict[str, Any], list[str]]:
    """Return what the settings file holds, and why it holds nothing where it cannot be read."""
    complaints: list[str] = []
    path = config_path(environ)
    return _table_of(_read(path, environ, complaints)[0], path, complaints), complaints


def store(
    name: str, value: object, environ: Mapping[str, str] = os.environ, table: str = ""
) -> None:
    """Write one setting, or one of a table, to the settings file of the person who asked.

    Without a value (None) its line becomes a comment. Comments and other settings stay. Raises
    OSError where the file cannot be read or written, and ValueError where it holds no TOML.
    """
    from mlxtop.model.toml_text import with_value  # only where something is written
    from mlxtop.system.replace_file import replace_file

    complaints: list[str] = []
    path = config_path(environ)
    text, status = _read(path, environ, complaints)
    if complaints:
        raise OSError(complaints[0])
    data = with_value(text, name, value, table).encode()
    if len(data) > LIMIT:
        raise OSError(f"{path}: would be larger than {LIMIT >> 10} KiB")
    if data != text.encode():
        replace_file(str(path), data, invoking_owner(environ), status)


def _read(
    path: Path, environ: Mapping[str, str], complaints: list[str]
) -> tuple[str, os.stat_result | None]:
    """Return the settings file's text, owner and mode; empty and None where there is none.

    It is opened with the rights of the person who asked, since complaints quote it.
    """
    owner = invoking_owner(environ)
    try:
        with rights_of(owner):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("is not a file")
            if status.st_uid != owner.uid and not status.st_mode & stat.S_IROTH:
                raise OSError("belongs to another user")
            data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            raise OSError(f"is larger than {LIMIT >> 10} KiB")
        return data.decode("utf-8"), status
    except FileNotFoundError:
        return "", None
    except (OSError, UnicodeDecodeError) as error:
        complaints.append(f"{path}: {getattr(error, 'strerror', None) or error}")
        return "", None


def _table_of(text: str, path: Path, complaints: list[str]) -> dict[str, Any]:
    if not text:
        return {}
    import tomllib  # five milliseconds that are only wanted where there is a file

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        complaints.append(f"{path}: {error}")
        return {}
    except ValueError:  # of int()
        complaints.append(f"{path}: a number of it has thousands of digits")
        return {}


def _line(text: str, key: str) -> int:
    """Return the line of a setting, or of the table of that name; 1 where that is unclear.

    >>> _line("# all\\nall = true\\n[keys]\\n", "keys")
    3
    """
    name = rf"[\"']?{re.escape(key)}[\"']?"
    match = re.search(rf"^[ \t]*+(?:{name}\s*[.=]|\[{{1,2}}\s*{name}\s*[.\]])", text, re.MULTILINE)
    return text.count("\n", 0, match.end()) + 1 if match else 1
