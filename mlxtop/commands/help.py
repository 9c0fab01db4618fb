"""`mlxtop help [CHAPTER]`: the manual by topic; the chapters are texts of the package."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from mlxtop.commands.arguments import COMMANDS, UsageError, parser
from mlxtop.commands.mending import not_among
from mlxtop.outputs import console
from mlxtop.present.text import Line, Role, width
from mlxtop.present.text import wrap as fold

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
_EXAMPLE = re.compile(r"( *[^ ].*? {2,})([^ #].*)")
"""A command and what it does."""
_LEAST = 20
"""Columns that what a command does needs at least beside it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name of a chapter."""
    parser.add_argument("chapter", nargs="?", metavar="CHAPTER", help="chapter or subcommand")


def run(args: argparse.Namespace, system: System, settings: Any) -> int:
    """Print a chapter, or which there are. Raises UsageError for one that there is not."""
    by_name = chapters()
    name = args.chapter
    if name is None:
        console.show(*_overview(by_name, console.all_columns()))
    elif name in by_name:
        console.show(*lines(by_name[name], console.all_columns()))
    elif name in COMMANDS:
        with suppress(SystemExit):  # argparse ends the program after --help
            parser().parse_args([name, "--help"])
    else:
        raise UsageError(not_among("chapter", name, by_name))
    return 0


def _overview(chapters: Mapping[str, str], columns: int) -> Iterator[Line]:
    yield (("The manual, by chapter: mlxtop help CHAPTER", Role.STRONG),)
    for name, text in chapters.items():
        for place, part in enumerate(wrap(title(text), columns - 14)):
            yield (f"  {'' if place else name:<12}", Role.ACCENT), (part, Role.TEXT)
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


def lines(text: str, columns: int) -> Iterator[Line]:
    """Yield the lines of a chapter: headings and commands stand out, tables are in columns."""
    code, prose = False, list[str]()
    for line in text.rstrip().split("\n"):
        is_prose = not code and line != "" and not line.startswith(("#", "|", "```"))
        if prose and (not is_prose or line.startswith(("* ", "**"))):
            yield from _paragraph(prose, columns)
            prose.clear()
        if is_prose:
            prose.append(line)
        elif line.startswith("```"):
            code = not code
        elif code:
            yield from (((part, Role.ACCENT),) for part in _command(f"    {line}", columns))
        elif line.startswith("|"):
            yield from _row(line, columns)
        else:
            parts = fold(line.lstrip("# "), columns) or [""]
            yield from (((part, Role.STRONG),) for part in parts)
    if prose:
        yield from _paragraph(prose, columns)


def _paragraph(prose: Sequence[str], columns: int) -> Iterator[Line]:
    """Yield lines as they are written where they fit, else broken anew."""
    texts = [_without_marks(line) for line in prose]
    if max(map(width, texts)) > columns:
        indent = "* " if texts[0].startswith("* ") else ""
        texts = fold(" ".join(texts).removeprefix(indent), columns, indent)
    yield from (((text, Role.TEXT),) for text in texts)


def _command(line: str, columns: int) -> list[str]:
    """Return an example, with what it does below itself where that is too long."""
    parts = _EXAMPLE.fullmatch(line)
    if width(line) <= columns or parts is None or width(parts[1]) > columns - _LEAST:
        return [line]
    return fold(parts[2], columns, parts[1])


def _row(line: str, columns: int) -> Iterator[Line]:
    """Yield the lines of a table's row, the second column wrapped."""
    head, *rest = (_without_marks(cell.strip()) for cell in line.strip("|").split("|"))
    if head.startswith("---"):
        return
    for place, part in enumerate(wrap(" ".join(rest), min(_WIDTH, columns) - _FIRST)):
        yield (
            (f"  {head if not place else '':<{_FIRST - 2}}", Role.ACCENT),
            (part, Role.TEXT),
        )


def _without_marks(text: str) -> str:
    return text.replace("**", "").replace("`", "")
