"""The words that readers look for, which masking must not take for names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.abc import InspectLoader
from importlib.util import find_spec
from pkgutil import walk_packages
from types import CodeType

import mlxtop.model
import mlxtop.sources
import mlxtop.system


def vocabulary() -> frozenset[str]:
    """Return the words that readers look for: where they stand for something, they stay."""
    words: set[str] = set()
    for package in (mlxtop.model, mlxtop.sources, mlxtop.system):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            spec = find_spec(module.name)
            if spec is not None and isinstance(spec.loader, InspectLoader):
                code = spec.loader.get_code(module.name)
                words.update(_words(code.co_consts if code else ()))
    return frozenset(words)


def _words(constants: Iterable[object]) -> Iterator[str]:
    """Yield the words of a module's texts, in small letters; prose is left out."""
    for constant in constants:
        if isinstance(constant, str) and "\n" not in constant and not constant.endswith("."):
            yield from re.findall("[a-z0-9]+", constant.lower())
        elif isinstance(constant, CodeType):
            yield from _words(constant.co_consts)
        elif isinstance(constant, tuple | frozenset):
            yield from _words(constant)
