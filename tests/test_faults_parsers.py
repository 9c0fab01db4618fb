"""Every parser and decoder of the program on nonsense in its own words: none raises."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlxtop
from tests.hostile import BYTES, VALUES

PREFIXES = ("parse_", "decode_")
NOISE = [
    *("\n", " ", ":", ",", "=", "/", "|", "(", ")", "[", "]", "{", "}", '"', "-", ".", "0x", "%"),
    *("0", "1", "4", "15", "100", "-7", "2.5", "1e999", "nan", "inf", "9" * 25, "9" * 400),
    *("9" * 5000, "१२", "²", "true", "null", "N/A", "Unknown", "\x1b[31m", "\udcff", "\0", "é"),
]


def parsers() -> Iterator[tuple[ModuleType, str, Callable[..., Any]]]:
    """Every public parser of a package below the front ends."""
    for found in pkgutil.walk_packages(mlxtop.__path__, "mlxtop."):
        package = found.name.split(".")[1]
        if package in ("model", "system", "sources", "analysis", "present"):
            module = import_module(found.name)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if name.startswith(PREFIXES) and function.__module__ == found.name:
                    yield module, name, function


PARSERS = list(parsers())


def words(module: ModuleType) -> list[str]:
    """Texts that a module looks for, split at blanks too."""
    tree = ast.parse(inspect.getsource(module))
    found = {
        word
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for word in (node.value, *node.value.split())
        if len(word) < 80
    }
    return sorted(found)


def texts(module: ModuleType) -> st.SearchStrategy[str]:
    """Text made of what the module looks for, of noise, and of anything."""
    known = words(module)
    piece = st.sampled_from(NOISE) | st.text(max_size=5)
    if known:
        piece = st.sampled_from(known) | piece
    return st.lists(piece, max_size=30).map("".join)


def answers(module: ModuleType) -> st.SearchStrategy[Any]:
    """What a door might answer: JSON with the names that the module looks for."""
    name = st.sampled_from([*words(module), "0", "7", "x"])
    leaf = (
        st.sampled_from((*VALUES, 10**400, float("nan"), float("inf")))
        | st.integers(-(1 << 63), (1 << 64) - 1)
        | name
    )
    return st.recursive(
        leaf, lambda below: st.lists(below, max_size=4) | st.dictionaries(name, below, max_size=6)
    )


def argument(module: ModuleType, parameter: inspect.Parameter) -> st.SearchStrategy[Any]:
    """Values of a parameter by its annotation."""
    kind = str(parameter.annotation)
    data = st.binary(max_size=300) | st.sampled_from(BYTES)
    if kind.startswith("str"):
        return texts(module)
    if kind == "Answer":
        return answers(module)
    if kind == "bytes":
        return data
    if kind == "memoryview":
        return data.map(memoryview)
    return {"int": st.integers(0, 1 << 32), "float": st.floats(0, 1e9)}.get(kind, st.nothing())


def ids(found: tuple[ModuleType, str, Callable[..., Any]]) -> str:
    return f"{found[0].__name__.removeprefix('mlxtop.')}.{found[1]}"


@pytest.mark.parametrize("found", PARSERS, ids=ids)
def test_no_parser_raises(found: tuple[ModuleType, str, Callable[..., Any]]) -> None:
    module, _, parse = found
    wanted = [
        p
        for p in inspect.signature(parse).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    strategies = [argument(module, parameter) for parameter in wanted]
    if any(strategy.is_empty for strategy in strategies):
        pytest.skip("takes what other parsers made")

    @given(st.tuples(*strategies))
    def holds(arguments: tuple[Any, ...]) -> None:
        try:
            result = parse(*arguments)
        except OSError:
            assert "Raises" in (parse.__doc__ or "")
            return
        if inspect.isgenerator(result):
            for _ in result:
                pass

    holds()
