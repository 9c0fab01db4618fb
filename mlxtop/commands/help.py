"""`mlxtop help [CHAPTER]`: the manual by topic; the chapters are texts of the package."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.resources import files
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from mlxtop.commands.arguments import COMMANDS, UsageError, parser
from mlxtop.commands.mending import not_among
from mlxtop.outputs import console
from mlxtop.present.text import Line, Role

if TYPE_CHECKING:
    from mlxtop.system.door import System

ORDER = (
    *("screen", "text", "json", "doctor", "heat", "health", "link-type", "load", "path"),
    *("recordings", "metrics", "hosts", "fabric", "rdma", "passport"),
    *("settings", "design", "limits"),
)
PAGE = "mlxtop manual | man -l -"
_END = ".md"
_WIDTH, _FIRST = 96, 18
"""Columns of a table, and of its first column."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name of a chapter."""
    parser.add_argument("chapter", nargs="?", metavar="CHAPTER", help="chapter or subcommand")


def run(args: argparse.Namespace, system: System, settings: Any) -> int:
    """Print a chapter, or which there are. Raises UsageError for one that there is not."""
    by_name = chapters()
    name = args.chapter
    if name is None:
        console.show(*_overview(by_name))
    elif name in by_name:
        console.show(*lines(by_name[name]))
    elif name in COMMANDS:
        with suppress(SystemExit):  # argparse ends the program after --help
            parser().parse_args([name, "--help"])
    else:
        raise UsageError(not_among("chapter", name, by_name))
    return 0


def _overview(chapters: Mapping[str, str]) -> Iterator[Line]:
    yield (("The manual, by chapter: mlxtop help CHAPTER", Role.STRONG),)
    for name, text in chapters.items():
        yield (f"  {name:<12}", Role.ACCENT), (title(text), Role.TEXT)
    yield ((f"All options: mlxtop --help, mlxtop COMMAND --help, {PAGE}", Role.TEXT),)


def chapters() -> dict[str, str]:
    """Return every chapter's text by its name, in the order in which they are read."""
    place = files("mlxtop").joinpath("share", "manual")
    texts = {file.name.removesuffix(_END): file.read_text("utf-8") for file in place.iterdir()}
    return {name: texts[name] for name in ORDER if name in texts}


def title(text: str) -> str:
    """Return the heading of a chapter.

    >>> title("# Heat: limits\\n\\nText.")
    'Heat: limits'
    """
    return text.partition("\n")[0].removeprefix("# ")


def lines(text: str) -> Iterator[Line]:
    """Yield the lines of a chapter: headings and commands stand out, tables are in columns."""
    code = False
    for line in text.rstrip().split("\n"):
        if line.startswith("```"):
            code = not code
        elif code:
            yield ((f"    {line}", Role.ACCENT),)
        elif line.startswith("#"):
            yield ((line.lstrip("# "), Role.STRONG),)
        elif line.startswith("|"):
            yield from _row(line)
        else:
            yield ((_without_marks(line), Role.TEXT),)


def _row(line: str) -> Iterator[Line]:
    """Yield the lines of a table's row, the second column wrapped."""
    head, *rest = (_without_marks(cell.strip()) for cell in line.strip("|").split("|"))
    if head.startswith("---"):
        return
    for place, part in enumerate(wrap(" ".join(rest), _WIDTH - _FIRST)):
        yield (
            (f"  {head if not place else '':<{_FIRST - 2}}", Role.ACCENT),
            (part, Role.TEXT),
        )


def _without_marks(text: str) -> str:
    return text.replace("**", "").replace("`", "")
