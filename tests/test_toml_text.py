"""One value of TOML changes; what else a person wrote stays, letter by letter."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.toml_text import with_value

FILE = """\
# for the rack at the window

interval = 0.5   # seconds
theme = "light"
include = [ # two
  "enp*", # all
  "!ibp*",
]
future = 2024-05-01
"odd key" = {a = 1, b = "x = [#]"}
note = '''
[keys]
bell = true
'''

# keys
[keys]
quit = 'x'  # as at home
"help" = "F1"

[hooks]
alarm = "/home/me/bin/sms"

[[later]]
bell = 3
"""


@pytest.mark.parametrize(
    ("name", "value", "table", "old", "new"),
    [
        ("interval", 2.0, "", "interval = 0.5   # seconds", "interval = 2.0   # seconds"),
        ("theme", "dark", "", '"light"', '"dark"'),
        ("quit", "q,x", "keys", "quit = 'x'  #", 'quit = "q,x"  #'),
        ("help", "h", "keys", '"F1"', '"h"'),
        ("alarm", "/bin/y", "hooks", '"/home/me/bin/sms"', '"/bin/y"'),
        ("bell", True, "", "[keys]\nbell = true\n'''\n", "[keys]\nbell = true\n'''\nbell = true\n"),
        ("sort", "S", "keys", '"help" = "F1"\n', '"help" = "F1"\nsort = "S"\n'),
        ("theme", None, "", 'theme = "light"', '# theme = "light"'),
        ("quit", None, "keys", "quit = 'x'", "# quit = 'x'"),
        ("a", 5, "odd key", '{a = 1, b = "x = [#]"}', '{ a = 5, b = "x = [#]" }'),
        ("window", None, "", "", ""),
    ],
)
def test_only_the_value_changes(name: str, value: object, table: str, old: str, new: str) -> None:
    assert with_value(FILE, name, value, table) == FILE.replace(old, new, 1)


def test_a_list_over_lines_becomes_one_or_a_comment() -> None:
    lines = FILE.splitlines()
    assert lines[4:8] == ["include = [ # two", '  "enp*", # all', '  "!ibp*",', "]"]
    shorter = with_value(FILE, "include", ["a"]).splitlines()
    assert shorter == [*lines[:4], 'include = ["a"]', *lines[8:]]
    without = with_value(FILE, "include", None).splitlines()
    assert without == [*lines[:4], *("# " + line for line in lines[4:8]), *lines[8:]]


@pytest.mark.parametrize(
    ("text", "table", "result"),
    [
        ("", "", "bell = true\n"),
        ("", "keys", "[keys]\nbell = true\n"),
        ("a = 1", "", "a = 1\nbell = true\n"),
        ("a = 1", "keys", "a = 1\n\n[keys]\nbell = true\n"),
        ("# mine\n\n# keys\n[keys]\n", "", "# mine\n\nbell = true\n# keys\n[keys]\n"),
        ("[keys]", "keys", "[keys]\nbell = true\n"),
        ("[keys]\n\n[hooks]\n", "keys", "[keys]\nbell = true\n\n[hooks]\n"),
        ("keys.a = 'x'\nb = 1\n", "keys", "keys.a = 'x'\nkeys.bell = true\nb = 1\n"),
        ("keys = {}\n", "keys", "keys = { bell = true }\n"),
        ("[keys.x]\na = 1\n[keys]\n", "keys", "[keys.x]\na = 1\n[keys]\nbell = true\n"),
        ("[keys]\n[keys.x]\na = 1\n", "keys", "[keys]\nbell = true\n[keys.x]\na = 1\n"),
        ("a = 1\r\n[keys]\r\n", "", "a = 1\r\nbell = true\r\n[keys]\r\n"),
        ("bell = false # ü\r\n", "", "bell = true # ü\r\n"),
        ("x = nan\n", "", "x = nan\nbell = true\n"),
    ],
)
def test_a_new_value_stands_where_it_belongs(text: str, table: str, result: str) -> None:
    assert with_value(text, "bell", True, table) == result


@pytest.mark.parametrize(
    ("text", "table"),
    [("a =", ""), ("bell = 1\nbell = 2", ""), ("keys = 3", "keys"), ("[[keys]]\n", "keys")],
)
def test_what_cannot_be_changed_is_refused(text: str, table: str) -> None:
    with pytest.raises(ValueError):
        with_value(text, "bell", True, table)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.one_of(st.booleans(), st.integers(0, 99), TEXTS, st.lists(TEXTS, max_size=3))


@given(TEXTS, VALUES, st.sampled_from(["", "keys", "new table"]))
def test_any_value_can_be_written_and_taken_back(name: str, value: object, table: str) -> None:
    written = with_value(FILE, name, value, table)
    held = tomllib.loads(written)
    assert (held[table] if table else held)[name] == value
    again = with_value(written, name, None, table)
    kept = tomllib.loads(again)
    if table == "new table":
        assert kept.pop(table) == {}
    assert kept == tomllib.loads(FILE)
    assert again.startswith("# for the rack at the window\n")
