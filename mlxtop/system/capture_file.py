"""The text format of a captured machine, one entry a line or block, any order, `#` comments:

mlxtop capture 1
@label pacu                             a property: label, time (epoch seconds), root (yes, no),
                                        commands (installed ones, by name)
/sys/class/net/lo/mtu = 65536           a file of one line, its newline implied
/sys/x = "no newline \\u0000"            a file with exactly this content, a JSON string
/sys/class/net/lo -> ../../devices/…    a symbolic link
/sys/class/infiniband/                  an empty directory
/sys/class/net/lo/speed ! EINVAL        reading fails
/proc/net/bonding/bond0:                a file of several lines
  | Ethernet Channel Bonding Driver
/sys/bus/pci/devices/…/config hex:      a binary file
  | b315 1310 …
? mac-statistics enp67s0np0 = {"OctetsReceivedOK": 1}      answer to a `Question`
? module-page enp67s0np0 0 0 80 0 2 ! EPERM               blanks and % as %20 and %25, as in paths
$ mstconfig -d 0000:43:00.0 q => 3      a command, its exit status if not 0
  | standard output
  & standard error
$ mstlink -d 0000:43:00.0 json:         a command whose output is no plain lines
  | {"stdout": "…", "stderr": "…"}
@physics:                               a named block, for simulated machines
  | …
"""

from __future__ import annotations

import binascii
import errno
import json
import math
import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from mlxtop.system.door import (
    Answer,
    Finished,
)

HEADER = "mlxtop capture 1"
CAPTURE_LIMIT = 32 << 20
"""Bytes of a capture at most."""
MOST_NAMES = 1 << 19
"""Names in its directories at most, all together; what is more is complained of."""
MOST_COMPLAINTS = 100
LONGEST, DEEPEST = 4096, 64
"""Characters of a path or command at most, and names in a path."""

_ENTRY = re.compile(r"^(/\S*)(?: (=|->|!) ?(.*)|( hex)?:)$")
_COMMAND = re.compile(r"(.*?)(?: => (-?\d{1,9}))?( json:)?")
_ERRNO = {name: number for number, name in errno.errorcode.items()}


@dataclass(frozen=True, slots=True)
class Node:
    """An entry of a tree: exactly one of content, target and error, or none for a directory."""

    content: bytes | None = None
    target: str | None = None
    error: int | None = None


@dataclass(slots=True)
class Capture:
    """A parsed capture: what the text said, and what of it could not be understood."""

    nodes: dict[str, Node] = field(default_factory=dict)
    answers: dict[tuple[str, ...], Answer | OSError] = field(default_factory=dict)
    commands: dict[tuple[str, ...], Finished] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    _children: dict[str, dict[str, None]] = field(default_factory=dict)
    names: int = 0
    """In all directories together."""

    def add(self, path: str, node: Node) -> None:
        """Put an entry into the tree, with the directories above it."""
        self.nodes[path] = node
        while path not in ("", "/"):
            parent, _, name = path.rpartition("/")
            names = self._children.setdefault(parent or "/", {})
            if name in names:
                break
            names[name] = None
            self.names += 1
            path = parent

    def node(self, path: str) -> Node | None:
        """The entry at `path`; directories are implied by what lies in them."""
        found = self.nodes.get(path)
        if found is None and (path in self._children or path == "/"):
            return Node()
        return found

    def children(self, path: str) -> Iterable[str]:
        """Names in the directory `path`."""
        return self._children.get(path, {})


def _errno(text: str) -> int:
    return _ERRNO.get(text.strip(), errno.EIO)


def parse_capture(text: str) -> Capture:
    """Read the text format; lines that make no sense become complaints, never errors.

    >>> capture = parse_capture(HEADER + "\\n/sys/a/b = 1\\n/sys/c -> a\\n")
    >>> list(capture.children("/sys")), capture.node("/sys/a/b").content
    (['a', 'c'], b'1\\n')
    """
    capture = Capture()
    lines = text.split("\n")
    if not lines or lines[0].strip() != HEADER:
        capture.complaints.append(f"the first line is not {HEADER!r}")
    number = 1
    while number < len(lines):
        line = lines[number]
        number += 1
        body: list[str] = []
        while number < len(lines) and lines[number].startswith(("  | ", "  & ", "  |", "  &")):
            body.append(lines[number])
            number += 1
        if not line.strip() or line.startswith("#"):
            continue
        try:
            _parse_entry(capture, line, body)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if len(capture.complaints) < MOST_COMPLAINTS:
                capture.complaints.append(f"line {number - len(body)}: {error}")
    return capture


def _block(body: list[str], mark: str = "|") -> str:
    return "".join(line[4:] + "\n" for line in body if line[2] == mark)


def _parse_entry(capture: Capture, line: str, body: list[str]) -> None:
    if line.startswith("@"):
        if line.endswith(":") and " " not in line:
            capture.blocks[line[1:-1]] = _block(body)
        else:
            key, _, value = line[1:].partition(" ")
            capture.properties[key] = value
    elif line.startswith("? "):
        _parse_answer(capture, line[2:])
    elif line.startswith("$ "):
        _parse_command(capture, line[2:], body)
    elif match := _ENTRY.match(line):
        _add(capture, match[1], _parse_node(match, body))
    elif line.startswith("/") and line.endswith("/"):
        _add(capture, line, Node())
    else:
        raise ValueError(f"not understood: {line[:60]!r}")


def _add(capture: Capture, text: str, node: Node) -> None:
    """Put in an entry of a stranger's, who may want to see us run out of memory."""
    path = _unquote(text).rstrip("/")
    if len(path) > LONGEST or path.count("/") > DEEPEST or capture.names >= MOST_NAMES:
        raise ValueError(f"too long, too deep or too many: {path[:60]!r}")
    capture.add(path, node)


def _unquote(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _parse_command(capture: Capture, text: str, body: list[str]) -> None:
    match = _COMMAND.fullmatch(text)
    if match is None or len(text) > LONGEST:
        raise ValueError("a command without arguments, or too long")
    stdout, stderr = _block(body), _block(body, "&")
    if match[3]:
        output = json.loads(stdout)
        stdout, stderr = str(output["stdout"]), str(output["stderr"])
    argv = tuple(shlex.split(match[1]))
    capture.commands[argv] = Finished(int(match[2] or 0), stdout, stderr)


def _parse_node(match: re.Match[str], body: list[str]) -> Node:
    """The entry that a line matched by `_ENTRY` and its block make."""
    if match[2] == "->":
        return Node(target=_unquote(match[3]))
    if match[2] == "!":
        return Node(error=_errno(match[3]))
    if match[4]:
        return Node(content=binascii.unhexlify("".join(_block(body).split())))
    if match[2] is None:
        text = _block(body)
    else:
        text = str(json.loads(match[3])) if match[3].startswith('"') else match[3] + "\n"
    return Node(content=text.encode("utf-8", "surrogateescape"))


def _answer(text: str) -> Answer:
    """JSON with numbers of 64 bits, as kernels count. Raises ValueError."""

    def whole(digits: str) -> int:
        number = int(digits)
        if not -(1 << 63) <= number < 1 << 64:
            raise ValueError("a number of more than 64 bits")
        return number

    def real(digits: str) -> float:
        number = float(digits)
        if not math.isfinite(number):
            raise ValueError(f"{digits} is not a number")
        return number

    answer: Answer = json.loads(text, parse_int=whole, parse_float=real, parse_constant=real)
    return answer


def _parse_answer(capture: Capture, text: str) -> None:
    head, mark, value = text.partition(" = ")
    if mark:
        capture.answers[_words(head)] = _answer(value)
        return
    head, mark, value = text.partition(" ! ")
    if not mark:
        raise ValueError("a question without an answer")
    number = _errno(value)
    capture.answers[_words(head)] = OSError(number, os.strerror(number))


def _words(text: str) -> tuple[str, ...]:
    return tuple(map(_unquote, text.split()))
