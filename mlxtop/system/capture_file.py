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
? module-page enp67s0np0 0 0 80 0 2 ! EPERM
$ mstconfig -d 0000:43:00.0 q => 3      a command, its exit status if not 0
  | standard output
  & standard error
$ mstlink -d 0000:43:00.0 json:         a command whose output is no plain lines
  | {"stdout": "…", "stderr": "…"}
@physics:                               a named block, for simulated machines
  | …
@last @end                              the last line will be `@end`; without it the file is torn

Names in paths, questions and links are quoted as in URLs.
"""

from __future__ import annotations

import binascii
import errno
import io
import json
import re
import shlex
from collections.abc import Iterable
from itertools import islice
from urllib.parse import unquote

from mlxtop.model.json_text import decode
from mlxtop.system.capture import HEADER, LAST, MOST_ENTRIES, Capture, Node
from mlxtop.system.door import OUTPUT_LIMIT, Answer, Finished, os_error
from mlxtop.system.owner import LONGEST

CAPTURE_LIMIT = 32 << 20
"""Bytes of a capture at most."""
MOST_LINES = 1 << 20
MOST_NAMES = 1 << 19
"""Names, questions and commands at most, all together; long paths count as several."""
MOST_VALUES = 1 << 20
"""Values in all answers together."""
MOST_COMPLAINTS = 100
DEEPEST = 64
"""Names in a path at most."""
MOST_COMMAND_TEXT = 4 << 20
"""Characters of all commands together: taking their quotes apart takes a microsecond for each."""

_ENTRY = re.compile(r"^(/\S*)(?: (=|->|!) ?(.*)|( hex)?:)$")
_COMMAND = re.compile(r"(.*?)(?: => (-?\d{1,9}))?( json:)?")
_ERRNO = {name: number for number, name in errno.errorcode.items()}


def _errno(text: str) -> int:
    return _ERRNO.get(text.strip(), errno.EIO)


def parse_capture(text: str) -> Capture:
    """Read the text format; lines that make no sense become complaints, never errors.

    >>> capture = parse_capture(HEADER + "\\n/sys/a/b = 1\\n/sys/c -> a\\n")
    >>> list(capture.children("/sys")), capture.node("/sys/a/b").content
    (['a', 'c'], b'1\\n')
    """
    return parse_lines(io.StringIO(text, newline="\n"))


def parse_lines(lines: Iterable[str]) -> Capture:
    """Read the text format line by line, so that nothing is held but what the lines mean."""
    parser, rest = _Parser(), iter(lines)
    for line in islice(rest, MOST_LINES):
        parser.feed(line)
    return parser.finish(more=next(rest, None) is not None)


class _Parser:
    """Puts what lines say into a capture, as far as there is room for it."""

    def __init__(self) -> None:
        self._capture = Capture()
        self._number = 0
        self._last = ""
        """The last line that is not blank."""
        self._end: str | None = None
        """That line as `@last` announces it."""
        self._head, self._begin = "", 0
        """The entry that is being read, and the number of its line."""
        self._body: list[str] = []
        """The lines below it, as many as a file or an output may have."""
        self._size = 0
        """Characters of all lines below it."""
        self._values, self._command_text = MOST_VALUES, MOST_COMMAND_TEXT
        """Room that is left for both."""

    def feed(self, line: str) -> None:
        """Take the next line."""
        self._number += 1
        text = line.removesuffix("\n")
        if text.strip():
            self._last = line
        if text.startswith(("  |", "  &")):
            self._size += len(text)
            if self._size <= OUTPUT_LIMIT:
                self._body.append(text)
        else:
            self._close()
            self._head, self._begin, self._body, self._size = text, self._number, [], 0

    def finish(self, more: bool) -> Capture:
        """Return what was understood; `more`: there are lines that were not taken."""
        self._number += 1
        self._close()
        if more:
            self._complain(self._number, 1, f"only {MOST_LINES} lines are read")
        end = self._end
        whole = self._last.endswith("\n") if end is None else self._last.strip() == end
        self._capture.torn = not whole
        return self._capture

    def _complain(self, number: int, lines: int, text: object) -> None:
        self._capture.odd_lines += lines
        if len(self._capture.complaints) < MOST_COMPLAINTS:
            self._capture.complaints.append(f"line {number}: {text}")

    def _close(self) -> None:
        """Read the entry that is complete now."""
        below = self._number - 1 - self._begin
        try:
            if not self._read(self._head, self._body) and below:
                self._complain(self._begin + 1, below, "a block that belongs to nothing")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            self._complain(self._begin, 1 + below, error)

    def _read(self, line: str, body: list[str]) -> bool:
        """Put an entry into the capture; returns whether its block is part of it."""
        if self._begin <= 1:
            if self._begin and line.strip() != HEADER:
                raise ValueError(f"the first line is not {HEADER!r}")
        elif line.startswith("@"):
            return self._property(line[1:], body)
        elif line.startswith("? "):
            self._answer(line[2:])
        elif line.startswith("$ "):
            self._command(line[2:], body)
            return True
        elif match := _ENTRY.match(line):
            self._add(match[1], _parse_node(match, body))
            return match[2] is None
        elif line.startswith("/") and line.endswith("/"):
            self._add(line, Node())
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"not understood: {line[:60]!r}")
        return False

    def _room(self) -> None:
        """Raise ValueError where there is none: a stranger may want us to run out of memory."""
        capture = self._capture
        others = len(capture.answers) + len(capture.commands) + len(capture.properties)
        if capture.names + others + len(capture.blocks) >= MOST_NAMES:
            raise ValueError("too many entries")

    def _property(self, text: str, body: list[str]) -> bool:
        self._room()
        if text.endswith(":") and " " not in text:
            self._capture.blocks[text[:-1]] = _block(body)
            return True
        key, _, value = text.partition(" ")
        if key == LAST:
            self._end = value
        elif f"@{text}" != self._end:
            self._capture.properties[key] = value
        return False

    def _add(self, text: str, node: Node) -> None:
        path = _unquote(text).rstrip("/") if len(text) <= 3 * LONGEST else text
        if len(path) > LONGEST or path.count("/") > DEEPEST:
            raise ValueError(f"too long or too deep: {path[:60]!r}")
        self._room()
        if not self._capture.has_room(path):
            raise ValueError(f"too many names in one directory: {path[:60]!r}")
        self._capture.add(path, node)

    def _command(self, text: str, body: list[str]) -> None:
        self._room()
        self._command_text -= len(text)
        match = _COMMAND.fullmatch(text) if len(text) <= LONGEST else None
        if match is None or self._command_text < 0:
            raise ValueError("a command without arguments, or too long, or too many of them")
        stdout, stderr = _block(body), _block(body, "&")
        if match[3]:
            output = json.loads(stdout)
            stdout, stderr = str(output["stdout"]), str(output["stderr"])
        argv = tuple(shlex.split(match[1]))
        self._capture.commands[argv] = Finished(int(match[2] or 0), stdout, stderr)

    def _answer(self, text: str) -> None:
        self._room()
        head, mark, value = text.partition(" = ")
        if not mark:
            head, mark, name = text.partition(" ! ")
            if not mark:
                raise ValueError("a question without an answer")
            number = _errno(name)
            self._capture.answers[_question(head)] = os_error(number)
            return
        self._values -= 1 + sum(map(value.count, ",[{"))
        if self._values < 0:
            raise ValueError(f"more than {MOST_VALUES} values in all answers")
        answer: Answer = decode(value)
        self._capture.answers[_question(head)] = _cut(answer)
        if _cut(answer) is not answer:
            raise ValueError(f"only the first {MOST_ENTRIES} of {len(answer)} entries are read")


def _question(text: str) -> tuple[str, ...]:
    return tuple(map(_unquote, text.split()))


def _cut(answer: Answer) -> Answer:
    """Return an answer, or one with its first entries where there are too many."""
    if isinstance(answer, dict) and len(answer) > MOST_ENTRIES:
        return dict(islice(answer.items(), MOST_ENTRIES))
    if isinstance(answer, list) and len(answer) > MOST_ENTRIES:
        return answer[:MOST_ENTRIES]
    return answer


def _block(body: list[str], mark: str = "|") -> str:
    return "".join(line[4:] + "\n" for line in body if line[2] == mark)


def _unquote(text: str) -> str:
    return unquote(text, errors="surrogateescape")


def _parse_node(match: re.Match[str], body: list[str]) -> Node:
    """Return the entry that a line matched by `_ENTRY` and its block make."""
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
