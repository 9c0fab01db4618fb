"""Change a module in one place after another, and list the changes that its tests do not notice.

    python -m tests.mutants [--tests FILE ...] MODULE.py ...

A comparison, an operator, a condition or a number is changed at a time, in memory only. The
tests are the quick ones that `test_names` knows by the module's name or that import it.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis  # noqa: F401 (once, before the forks)
import pytest
import textual.pilot  # noqa: F401

from tests.test_names import names

TESTS = Path(__file__).parent
CPU_S, WALL_S = 60, 600
"""What the tests of one change may take."""

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
"""What stands for what."""


class Mutant(NamedTuple):
    """A changed module, and where and how it was changed."""

    line: int
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every change of a module.

    >>> [one.source for one in mutants("b = not a < 2")]
    ['b = not not a < 2', 'b = not a <= 2', 'b = not a < 3']
    """
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for number, _ in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            one = next(node for at, node in enumerate(ast.walk(changed)) if at == place)
            before = ast.unparse(one)
            list(_changes(one))[number]()
            after = ast.unparse(one)
            yield Mutant(getattr(one, "lineno", 0), f"{before} -> {after}", ast.unparse(changed))


def _changes(node: Any) -> Iterator[Callable[[], None]]:
    """Yield what changes a node in place."""
    match node:
        case ast.Compare(ops=ops):
            for at, sign in enumerate(ops):
                if type(sign) in SWAPPED:
                    yield partial(ops.__setitem__, at, SWAPPED[type(sign)]())
        case ast.BoolOp() | ast.BinOp() if type(node.op) in SWAPPED:
            yield lambda: setattr(node, "op", SWAPPED[type(node.op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
        case ast.Constant(value=bool()):
            yield lambda: setattr(node, "value", not node.value)
        case ast.Constant(value=int() as value):
            yield lambda: setattr(node, "value", value + 1)
        case ast.Constant(value=float() as value):
            yield lambda: setattr(node, "value", value * 2 or 1.0)


def files_of(module: Path) -> list[str]:
    """Return the files that hold a module's tests, itself for its doctests."""
    dotted = ".".join(module.relative_to(TESTS.parent).with_suffix("").parts)
    found = {path for path in TESTS.glob("test_*.py") if f"{dotted} " in path.read_text("utf-8")}
    found |= {path for name in names(module) if (path := TESTS / f"{name}.py").exists()}
    return [*map(str, sorted(found)), str(module)]


def survives(module: Path, source: str, tests: list[str]) -> bool:
    """Return whether tests pass in a process where a module has another source."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    signal.alarm(WALL_S)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    get_code = importlib.machinery.SourceFileLoader.get_code

    def get_changed(loader: Any, name: str) -> Any:
        if Path(loader.path) == module:
            return compile(source, loader.path, "exec")
        return get_code(loader, name)

    setattr(importlib.machinery.SourceFileLoader, "get_code", get_changed)  # noqa: B010 (mypy)
    os._exit(pytest.main(["-x", "-n0", "--assert=plain", "-p", "no:cacheprovider", *tests]))


def main() -> int:
    """Return 1 where a change survives."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tests", action="append", default=[], metavar="FILE")
    options.add_argument("modules", nargs="+", type=Path, metavar="MODULE.py")
    args = options.parse_args()
    survivors = 0
    for module in map(Path.resolve, args.modules):
        tests, source = args.tests or files_of(module), module.read_text("utf-8")
        if not survives(module, source, tests):
            sys.exit(f"{module}: its tests fail without any change")
        every, alive = list(mutants(source)), 0
        for one in every:
            if survives(module, one.source, tests):
                alive += 1
                print(f"{module.name}:{one.line}: {one.what}", flush=True)
        print(f"{module.name}: {alive} of {len(every)} changes survive", flush=True)
        survivors += alive
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
