"""Settings that make no sense are told in a line each, and the program runs with defaults."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlxtop
from mlxtop import settings as module
from mlxtop.present.text import clean
from mlxtop.settings import LIMIT, Settings, config_path, load, store
from mlxtop.system.owner import invoking_owner

REPOSITORY = Path(mlxtop.__file__).parent.parent

READABLE = {name for name, row in module.ROWS.items() if row.read is not None}
"""Settings that file and variables may have."""


def given_file(tmp_path: Path, content: bytes) -> dict[str, str]:
    """The environment of a user with such a settings file."""
    place = tmp_path / "mlxtop-nic" / "settings.toml"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('all = true\ninterval = "often"\n', 2, "interval is not a number of seconds"),
        ("interval = 0.001\n", 1, "interval is not between 0.1 and 60 seconds"),
        ("interval = nan\n", 1, "interval is not a number of seconds"),
        ("# why\n\ncolour = 1\n", 3, "colour is not a setting"),
        ("notify = 8\n", 1, "notify is neither 9 nor 777 nor off"),
        ("window = 1e99\n", 1, "window is not a whole number of seconds"),
        ("\n[keys]\nquit = 7\n", 2, "keys is not a table of strings"),
        ("include = 7\n", 1, "include is not a list of names"),
        ("bell = 3\n", 1, "bell is neither yes nor no"),
        ("hooks.alarm = true\n", 1, "hooks is not a table of strings"),
    ],
)
def test_a_complaint_says_line_and_key(text: str, line: int, words: str, tmp_path: Path) -> None:
    found, complaints = load({}, given_file(tmp_path, text.encode()))
    assert len(complaints) == 1
    assert f"settings.toml:{line}: {words}" in complaints[0]
    assert (found.interval, found.window, found.keys) == (1.0, 3600, {})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"interval = \n", "line 1"),
        (b"\xff\xfe", "utf-8"),
        (b"a" * (LIMIT + 1), "larger than"),
        (b"a = " + b"[" * 50_000, "settings.toml: "),
    ],
)
def test_a_file_that_is_no_toml_is_told_in_a_line(
    content: bytes, words: str, tmp_path: Path
) -> None:
    found, complaints = load({}, given_file(tmp_path, content))
    assert found == Settings()
    assert len(complaints) == 1
    assert words in complaints[0]
    assert "\n" not in clean(complaints[0])


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "mlxtop-nic" / "settings.toml"
    place.parent.mkdir()
    os.mkfifo(place)
    assert load({}, {"XDG_CONFIG_HOME": str(tmp_path)})[1] == [f"{place}: is not a file"]
    place.unlink()
    place.symlink_to("/dev/zero")
    assert load({}, {"XDG_CONFIG_HOME": str(tmp_path)})[1] == [f"{place}: is not a file"]
    place.unlink()
    place.mkdir()
    assert len(load({}, {"XDG_CONFIG_HOME": str(tmp_path)})[1]) == 1


VALUES = st.recursive(
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


def toml(value: object) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(c):08X}" for c in value if not 0xD800 <= ord(c) < 0xE000) + '"'
        )
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return str(value)


@given(
    st.dictionaries(st.sampled_from([*READABLE, "odd"]) | st.text(max_size=4), VALUES, max_size=5)
)
def test_no_values_make_reading_raise(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]
) -> None:
    text = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in values.items())
    environ = given_file(tmp_path_factory.getbasetemp(), text.encode())
    found, complaints = load({}, environ)
    assert 0.1 <= found.interval <= 60
    assert 30 <= found.window <= 86400
    try:
        wrong = set(tomllib.loads(text)) - READABLE
    except tomllib.TOMLDecodeError:
        return
    assert len(complaints) >= len(wrong)


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_no_bytes_make_reading_raise(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    load({}, given_file(tmp_path_factory.getbasetemp(), content))


def test_a_strange_environment_is_told_too(tmp_path: Path) -> None:
    environ = {
        "XDG_CONFIG_HOME": str(tmp_path),
        "MLXTOP_NIC_INTERVAL": "soon",
        "MLXTOP_NIC_": "",
        "MLXTOP_NIC_COLOUR": "\x1b[2J",
        "MLXTOP_NIC_ALL": "yes",
    }
    found, complaints = load({}, environ)
    assert found.all
    assert len(complaints) == 3


def test_no_escape_of_a_settings_file_reaches_the_terminal(tmp_path: Path) -> None:
    environ = given_file(tmp_path, b'"\\u001b[2Jred" = 1\n')
    done = subprocess.run(
        [sys.executable, "-m", "mlxtop", "--demo", "--once", "-d", "0"],
        capture_output=True,
        cwd=REPOSITORY,
        env={**os.environ, **environ},
        check=True,
    )
    assert b"is not a setting" in done.stderr
    assert b"\x1b" not in done.stderr + done.stdout


def test_under_sudo_the_settings_are_those_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, os.getuid()))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    environ = {"SUDO_UID": str(caller.pw_uid), "HOME": "/root"}
    assert invoking_owner(environ).home == caller.pw_dir
    assert str(config_path(environ)).startswith(caller.pw_dir)
    for odd in ("", "x", "-1", "9" * 40, "4000000123"):
        assert invoking_owner({"SUDO_UID": odd, "HOME": "/root"}).home == "/root"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert invoking_owner(environ).home == "/root"


def test_a_user_without_a_home_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_123)
    assert load({}, {})[0] == Settings()


LONG = "9" * 5000


@pytest.mark.parametrize(
    "text",
    [
        f"{key} = {digits}"
        for key in ("interval", "window", "all", "theme")
        for digits in (LONG, f"0x{LONG}")
    ],
    ids=lambda text: text[:16],
)
def test_a_number_of_any_length_is_told_and_ignored(text: str, tmp_path: Path) -> None:
    found, complaints = load({}, given_file(tmp_path, text.encode()))
    assert found == Settings()
    assert len(complaints) == 1
    assert "set_int_max_str_digits" not in complaints[0]


@pytest.mark.parametrize("key", ["INTERVAL", "WINDOW", "ALL"])
def test_a_variable_of_any_length_is_told_and_ignored(key: str) -> None:
    found, complaints = load({}, {f"MLXTOP_NIC_{key}": LONG})
    assert (found.interval, found.window, found.all) == (1.0, 3600, False)
    assert len(complaints) == 1


def test_a_setting_is_stored_beside_the_others_with_the_rights_of_the_file(tmp_path: Path) -> None:
    environ = given_file(tmp_path, b"# calm\ninterval = 2.0\n")
    target = tmp_path / "elsewhere.toml"
    file = config_path(environ)
    os.rename(file, target)
    os.symlink(target, file)
    os.chmod(target, 0o640)
    store("columns", ("rx", "tx"), environ)
    assert file.is_symlink()
    assert target.read_text() == '# calm\ninterval = 2.0\ncolumns = ["rx", "tx"]\n'
    assert target.stat().st_mode & 0o777 == 0o640
    assert load({}, environ)[0].columns == ("rx", "tx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere.toml", "mlxtop-nic"]


def test_the_first_setting_makes_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "new")}
    store("bell", True, environ)
    assert config_path(environ).read_text() == "bell = true\n"
    assert config_path(environ).stat().st_mode & 0o777 == 0o600
    assert load({}, environ)[0].bell


def test_a_file_that_is_not_understood_is_left_as_it_is(tmp_path: Path) -> None:
    environ = given_file(tmp_path, b"interval = \n")
    with pytest.raises(ValueError):
        store("bell", True, environ)
    assert config_path(environ).read_bytes() == b"interval = \n"
    config_path(environ).write_bytes(b"\xff")
    with pytest.raises(OSError):
        store("bell", True, environ)


@pytest.mark.parametrize(
    ("value", "read"),
    [("9", "9"), ("777", "777"), ('"osc9"', "9"), ("false", None), ('"off"', None)],
)
def test_notifications_are_by_one_of_two_sequences_or_off(
    tmp_path: Path, value: str, read: str | None
) -> None:
    found, complaints = load({}, given_file(tmp_path, f"notify = {value}\n".encode()))
    assert (found.notify, complaints) == (read, [])
