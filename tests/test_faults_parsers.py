"""Every parser and decoder of the program on nonsense in its own words: none raises."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlxtop
from mlxtop.sources.module.memory import Memory
from mlxtop.system.door import Finished, KernelRecord
from mlxtop.system.genetlink import SIMPLE
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
            for name, function in inspect.getmembers(module):
                whole = function.func if isinstance(function, partial) else function
                if name.startswith(PREFIXES) and whole.__module__ == found.name:
                    yield module, name, function


PARSERS = list(parsers())
TABLES = [parse.keywords["table"] for _, parse in SIMPLE.values() if isinstance(parse, partial)]


def takes_text(parse: Callable[..., Any]) -> bool:
    """Whether a parser takes one text."""
    first, *others = inspect.signature(parse).parameters.values()
    needed = [p for p in others if p.default is inspect.Parameter.empty]
    return str(first.annotation).startswith("str") and not needed


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
    text = texts(module)
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "str": text,
        "str | None": text | st.none(),
        "Iterable[str]": st.lists(text, max_size=5),
        "Answer": answers(module),
        "bool": st.booleans(),
        "bytes": data,
        "memoryview": data.map(memoryview),
        "int": st.integers(0, (1 << 32) - 1),
        "list[Stats]": st.builds(list),
        "float": st.floats(0, 1e9),
        "Memory": st.builds(Memory, data, st.sampled_from((0, 128))),
        "Finished": st.builds(
            Finished, st.integers(-64, 255), text, text, st.booleans(), st.booleans()
        ),
        "KernelRecord": st.builds(KernelRecord, st.floats(0, 1e9), st.integers(0, 7), text),
        "Table": st.sampled_from(TABLES),
    }
    return strategies[kind]


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


LONG = 1 << 14
"""Characters: what takes time by their square takes hours for the 4 MB that a tool may print."""
PIECES = ("\n", "x ", "1.", "-", " ", "Burst ")


def stretched(module: ModuleType) -> Iterator[str]:
    """One piece over and over, with and without an end, the last ones after the module's words."""
    known = [word for word in words(module) if word and len(word) < 40 and word[0] != "^"]
    for piece in PIECES:
        long = (piece * LONG)[:LONG]
        for prefix in ("", "x", "1", *(f"{word} " for word in known if piece in PIECES[-2:])):
            yield prefix + long
            yield f"{prefix}{long}!"


@contextmanager
def seconds_of_cpu(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer, in this process's own time."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.slow
@pytest.mark.parametrize("found", [f for f in PARSERS if takes_text(f[2])], ids=ids)
def test_a_tool_that_prints_megabytes_does_not_hold_its_parser(
    found: tuple[ModuleType, str, Callable[..., Any]],
) -> None:
    module, name, parse = found
    for text in stretched(module):
        try:
            with seconds_of_cpu(0.5):
                parse(text)
        except TimeoutError:
            pytest.fail(f"{name} takes too long for {text[:40]!r} … {text[-5:]!r}")
        except OSError:
            assert "Raises" in (parse.__doc__ or "")
