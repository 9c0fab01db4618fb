"""The table of commands."""

from __future__ import annotations

import pytest

from mlxtop.present.pages import PAGES
from mlxtop.tui.commands import (
    BAR_END,
    BAR_ORDER,
    BY_ID,
    COMMANDS,
    Scope,
    available,
    in_bar,
    keys_of,
    misnamed,
    together,
)

REPLAY = Scope.REPLAY


def test_commands_have_one_name_and_one_key_each() -> None:
    names = [command.id for command in COMMANDS]
    assert len(set(names)) == len(names)
    assert misnamed({"help": "x", "hlep": "y"}) == ["hlep"]
    for scope in {command.scope for command in COMMANDS}:
        keys = [
            key
            for command in COMMANDS
            if command.scope in (scope, "everywhere") and not (scope is REPLAY and command.live)
            for key in command.keys.split(",")
        ]
        assert len(set(keys)) == len(keys), f"two commands on one key in {scope}"


def test_a_readonly_screen_has_no_command_that_changes_anything() -> None:
    scopes = [command.scope for command in COMMANDS]
    assert all(not command.changes for command in available(*scopes, readonly=True))


def test_a_replay_has_no_command_of_a_live_machine_and_its_own_are_nowhere_else() -> None:
    scopes = [command.scope for command in COMMANDS]
    replayed = list(available(*scopes, readonly=True, replay=True))
    assert all(not command.live and not command.changes for command in replayed)
    assert {"play", "go-to", "event-next"} <= {command.id for command in replayed}
    live = list(available(*scopes, readonly=False))
    assert all(command.scope is not REPLAY for command in live)
    assert {"pause", "record"} <= {command.id for command in live}


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("play", "pause", False),
        ("play", "quit", True),
        ("play", "sort", True),
        ("sort", "wall-left", False),
        ("sort", "quit", True),
    ],
)
def test_keys_tell_commands_apart_that_can_be_given_on_one_screen(
    one: str, other: str, shared: bool
) -> None:
    assert together(BY_ID[one], BY_ID[other]) is together(BY_ID[other], BY_ID[one]) is shared


def test_every_page_has_a_command_with_its_key() -> None:
    pages = [(command.keys, command.action) for command in COMMANDS if "page(" in command.action]
    assert pages == [(page.key, f"screen.page('{page.key}')") for page in PAGES]


def test_the_key_bar_has_its_commands_by_their_use() -> None:
    names = [*BAR_ORDER, *BAR_END]
    assert len(set(names)) == len(names)
    assert {command.id for command in COMMANDS if command.bar} <= set(names)
    live = [command for command in COMMANDS if command.scope is not REPLAY]
    first, last = in_bar([*reversed(live), BY_ID["details"]._replace(id="new")])
    assert [command.id for command in first[:3]] == ["details", "explain", "copy"]
    assert first[-1].id == "new"
    assert in_bar(COMMANDS)[0][0].id == "play"
    assert [command.id for command in last] == ["back", "help", "quit"]


def test_arrow_keys_have_names_where_arrows_cannot_be_drawn() -> None:
    assert keys_of(BY_ID["explain-left"], {}, ascii_only=True) == ["Left"]
    assert keys_of(BY_ID["sort-left"], {}, ascii_only=True) == ["<"]
    every = [key for command in COMMANDS for key in keys_of(command, {}, ascii_only=True)]
    assert all(key.isascii() for key in every)
