"""The names that Textual does not promise: each is there, and none is used beside this table."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import mlxtop.tui

HERE = Path(mlxtop.tui.__file__).parent
EXTENSIONS = {"terminal_app.py", "live_app.py", "driver.py", "textual_private.py"}
"""Files that may use them: the application and the driver that we extend, and the one for the
rest."""

NAMES = {
    ("textual._compositor", "ChopsUpdate"): "a partial update is written from a widget's left edge",
    ("textual._compositor", "Compositor"): "whole widgets are drawn where one cell changed",
    ("textual._compositor", "_dirty_regions"): "the compositor cannot tell which cells changed",
    ("textual._xterm_parser", "XTermParser"): "keys are not understood",
    ("textual.app", "_batch_count"): "a frame is written in the middle of a batch",
    (
        "textual.message_pump",
        "_close_messages_no_wait",
    ): "an error does not end the program in one line",
    ("textual.app", "_driver"): "terminal title, flow control and suspension fail",
    ("textual.app", "_exception"): "the error that ended the program is not told",
    ("textual.app", "_screen_stacks"): "the style sheet is read twice at the start",
    ("textual.screen", "_compositor"): "screens keep Textual's compositor",
    ("textual.screen", "_compositor_refresh"): "an empty picture comes before the first",
    ("textual.screen", "_refresh_layout"): "the first picture has widgets without a size",
    ("textual.widget", "_clear_arrangement_cache"): "the first picture keeps an outdated layout",
    ("textual.widget", "_exchange_repaint_regions"): "the first picture is written twice",
    ("textual.widget", "_layout_required"): "the first picture is laid out twice",
    ("textual.widget", "_layout_updates"): "the first picture keeps an outdated layout",
    ("textual.widget", "_repaint_required"): "hidden widgets miss what changed meanwhile",
    ("textual.widget", "_scroll_required"): "a frame is written where its widgets stood before",
    ("textual.widget", "_set_dirty"): "a changed cell repaints its whole widget",
    ("textual.driver", "_app"): "the answer of the terminal does not reach flow control",
    ("textual.driver", "_auto_restart"): "the terminal is not given back while another has it",
    ("textual.driver", "_debug"): "input is not read",
    ("textual.driver", "_loop"): "the answer of the terminal does not reach flow control",
    ("textual.driver", "_size"): "the first picture has the size of another terminal",
    ("textual.drivers.linux_driver", "_disable_in_band_window_resize"): "resize reports stay on",
    ("textual.drivers.linux_driver", "_disable_mouse_support"): "mouse codes stay switched on",
    ("textual.drivers.linux_driver", "_file"): "nothing is written",
    ("textual.drivers.linux_driver", "_get_terminal_size"): "a huge terminal takes gigabytes",
}


@cache
def private_names(path: Path) -> frozenset[str]:
    """Return the private names that a file defines or assigns."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.ClassDef(name=name):
                found.add(name)
    return frozenset(found)


def source(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_textual_still_has_the_name(module: str, name: str) -> None:
    assert name in private_names(source(module)), f"without it {NAMES[module, name]}"


def of_a_file(path: Path) -> set[str]:
    """Return the names that a file gives to its own objects."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.FunctionDef(name=name):
                found.add(name)
    return found


def test_these_private_names_of_textual_are_used_and_no_others() -> None:
    modules = {module for module, _ in NAMES} | {"textual.dom", "textual.message_pump"}
    theirs = set().union(*(private_names(source(module)) for module in modules))
    theirs = {name for name in theirs if name.startswith("_") and not name.startswith("__")}
    listed, wrong, needed = {name for _, name in NAMES}, [], set()
    for path in HERE.rglob("*.py"):
        allowed = listed if path.name in EXTENSIONS else of_a_file(path)
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ImportFrom(module=str(module)) if "._" in module:
                    used = {alias.name for alias in node.names}
                case ast.Attribute(attr=name) if name in theirs:
                    used = {name}
                case _:
                    used = set()
            needed |= used & listed
            wrong += [f"{path.name}: {name}" for name in used - allowed]
    assert wrong == []
    assert needed == listed
