"""tee and sed as far as plans use them: a file from standard input, and an edit of a file's lines.

https://www.gnu.org/software/sed/manual/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from mlxtop.lab.tools.shell import Err, Machine, Running

_DELETE = re.compile(r"/(.*)/d")
_SUBSTITUTE = re.compile(r"s/(.*?)/(.*?)/")
_APPEND = "$a\\"


def tee(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`tee FILE`: write standard input to a file and to standard output."""
    try:
        machine.keep(argv[-1], stdin)
    except OSError as error:
        yield Err(f"tee: {argv[-1]}: {error.strerror}")
        return 1
    yield stdin.removesuffix("\n")
    return 0


def sed(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`sed -i -e SCRIPT … FILE` with `/x/d`, `s/x/y/` and GNU's `$a\\text`."""
    path = argv[-1]
    scripts = [word for before, word in pairwise(argv) if before == "-e"]
    text = machine.text(path)
    if text is None:
        yield Err(f"sed: can't read {path}: No such file or directory")
        return 2
    try:
        machine.keep(path, edited(text, scripts))
    except (re.error, ValueError) as error:
        yield Err(f"sed: -e expression #1, char 1: {error}")
        return 1
    return 0


def edited(text: str, scripts: Sequence[str]) -> str:
    """A text after sed's scripts; raises ValueError for one that is not simulated.

    >>> edited("a 1\\nb\\n", ["/^b/d", "s/[0-9]*$/2/", "$a\\\\c"])
    'a 2\\nc\\n'
    """
    lines, tail = text.splitlines(), []
    for script in scripts:
        if match := _DELETE.fullmatch(script):
            lines = [line for line in lines if not re.search(match[1], line)]
        elif match := _SUBSTITUTE.fullmatch(script):
            lines = [re.sub(match[1], match[2], line, count=1) for line in lines]
        elif script.startswith(_APPEND):
            tail.append(script.removeprefix(_APPEND))
        else:
            raise ValueError(f"unknown command: {script!r}")
    return "".join(f"{line}\n" for line in (*lines, *tail))
