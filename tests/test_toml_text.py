"""One value of a TOML file changes; comments, order and everything else stay."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.toml_text import with_value

FILE = """\
# how I like it
interval = 2.0  # calm

columns = [
  "link",  # state
  "rx",
] # mine
bits = false

# keys of my old editor
[keys]
columns = "f5"
"""


def test_a_value_of_several_lines_is_replaced_and_comments_stay() -> None:
    text = with_value(FILE, "columns", ("tx",))
    assert text == FILE.replace('[\n  "link",  # state\n  "rx",\n] # mine', '["tx"] # mine')
    assert with_value(FILE, "interval", 0.5) == FILE.replace("2.0  # calm", "0.5  # calm")


def test_a_new_value_comes_behind_the_last_one_and_before_the_tables() -> None:
    text = with_value(FILE, "bell", True)
    assert text == FILE.replace("bits = false\n", "bits = false\nbell = true\n")
    assert with_value("", "bell", True) == "bell = true\n"
    assert with_value("# x", "bell", True) == "bell = true\n# x\n"
    assert with_value('[keys]\nhelp = "x"\n', "bell", True) == 'bell = true\n[keys]\nhelp = "x"\n'


@pytest.mark.parametrize("text", ["interval = \n", "a = 1\na = 2\n", '[keys]\nhelp = "x"\n'])
def test_what_cannot_be_changed_safely_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError):
        with_value(text, "keys", True)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "columns", "z"]), st.integers(0, 9)),
    st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8)),
)
def test_every_text_is_read_back(before: dict[str, int], value: list[str]) -> None:
    text = "".join(f"{key} = {number} # {key}\n" for key, number in before.items())
    after = with_value(text, "columns", value)
    assert tomllib.loads(after) == {**before, "columns": value}
    assert all(f"# {key}" in after for key in before)
