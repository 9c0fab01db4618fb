"""A machine that was captured: a directory tree or one text file, read like the real one.

The text format, one entry a line or block, any order, `#` comments:

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
"""

from __future__ import annotations

import binascii
import errno
import json
import math
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol
from urllib.parse import unquote

from mlxtop.system.door import (
    FILE_LIMIT,
    Answer,
    CommandRefused,
    DeviceEvent,
    Finished,
    KernelRecord,
    Question,
)
from mlxtop.system.kmsg import parse_kmsg

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


class Tree(Protocol):
    """Files of a machine by absolute path, links not followed."""

    def node(self, path: str) -> Node | None:
        """The entry at `path`; None where there is none."""

    def children(self, path: str) -> Iterable[str]:
        """Names in the directory `path`."""


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
        capture.answers[tuple(head.split())] = _answer(value)
        return
    head, mark, value = text.partition(" ! ")
    if not mark:
        raise ValueError("a question without an answer")
    number = _errno(value)
    capture.answers[tuple(head.split())] = OSError(number, os.strerror(number))


class DirectoryTree:
    """A directory on disk as the root of a machine; its links never lead out of it."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)

    def node(self, path: str) -> Node | None:
        """The entry at `path`, whose parents hold no links (`CapturedSystem` resolves them)."""
        place = self._root + path
        if os.path.islink(place):
            return Node(target=os.readlink(place))
        if os.path.isdir(place):
            return Node()
        if not os.path.isfile(place):
            return None  # a pipe or a device is nothing that a capture holds
        try:
            fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(fd, "rb") as file:
                return Node(content=file.read(FILE_LIMIT))
        except OSError as error:
            return Node(error=error.errno or errno.EIO)

    def children(self, path: str) -> Iterable[str]:
        """Names in the directory `path`."""
        return os.listdir(self._root + path)


class CapturedSystem:
    """One instant of a machine, from a tree and recorded answers; nothing can be changed."""

    demo = False
    captured = True

    def __init__(self, label: str, tree: Tree, capture: Capture | None = None) -> None:
        self._tree = tree
        self._capture = capture or Capture()
        self._label = self._capture.properties.get("label", label)
        self._instant = _number(self._capture.properties.get("time"))

    @property
    def label(self) -> str:
        """Name of the capture."""
        return self._label

    @property
    def root(self) -> bool:
        """Whether the capture was made by root."""
        return self._capture.properties.get("root") == "yes"

    @property
    def complaints(self) -> Sequence[str]:
        """What of the capture's text was not understood."""
        return self._capture.complaints

    def _find(self, path: str, last: bool = True) -> tuple[str, Node]:
        """Follow links component by component, inside the tree, like the kernel would."""
        todo = [part for part in reversed(path.split("/")) if part]
        done: list[str] = []
        node: Node | None = Node()
        links = 0
        while todo:
            part = todo.pop()
            if part in (".", ".."):
                if part == "..":
                    del done[-1:]
                node = None
                continue
            place = "/" + "/".join([*done, part])
            node = self._tree.node(place)
            if node is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if todo and (number := self._dead_end(place, node)) is not None:
                raise OSError(number, os.strerror(number), path)
            if node.target is None or (not todo and not last):
                done.append(part)
                continue
            links += 1
            if links > 40 or len(node.target) > 4096:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if node.target.startswith("/"):
                done.clear()
            todo += [piece for piece in reversed(node.target.split("/")) if piece]
        place = "/" + "/".join(done)
        return place, node or self._tree.node(place) or Node()

    def _dead_end(self, place: str, node: Node) -> int | None:
        """The errno of looking below an entry that is no directory; None for one that is."""
        if node.content is not None:
            return errno.ENOTDIR
        if node.error is not None and not any(self._tree.children(place)):
            return node.error
        return None

    def _resolve(self, path: str) -> str:
        return self._find(path)[0]

    def _node(self, path: str) -> tuple[str, Node]:
        place, node = self._find(path)
        if node.error is not None:
            raise OSError(node.error, os.strerror(node.error), path)
        return place, node

    def read(self, path: str) -> bytes:
        """The captured content of a file."""
        content = self._node(path)[1].content
        if content is None:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return content[:FILE_LIMIT]

    def list(self, path: str) -> list[str]:
        """Names in a captured directory."""
        place, node = self._node(path)
        if node.content is not None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return list(self._tree.children(place))

    def link(self, path: str) -> str:
        """The target of a captured link."""
        target = self._find(path, last=False)[1].target
        if target is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return target

    def real(self, path: str) -> str:
        """The canonical path inside the capture."""
        return self._resolve(path)

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        """The recorded answer; EOPNOTSUPP where the capture has none."""
        key = tuple(part for part in (question, subject, *map(str, details)) if part)
        answer = self._capture.answers.get(key)
        if isinstance(answer, OSError):
            raise OSError(answer.errno, answer.strerror)
        if answer is None:
            raise OSError(errno.EOPNOTSUPP, "not in this capture")
        return answer

    def cpu(self) -> tuple[float, ...]:
        """A capture is one instant: no load."""
        return ()

    def now(self) -> float:
        """The instant of the capture, as seconds of its own clock."""
        return 0.0

    def wall(self) -> float:
        """When the capture was made, epoch seconds; 0 where it does not say."""
        return self._instant

    def wait(self, seconds: float, stop: Event) -> bool:
        """Nothing changes in a capture, so that waiting means waiting for `stop`."""
        return stop.wait(seconds)

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        """The captured part of /dev/kmsg."""
        if history:
            yield from parse_kmsg(self.read("/dev/kmsg").decode("utf-8", "replace"))

    def events(self, stop: Event) -> Iterator[DeviceEvent]:
        """Nothing happens in a capture."""
        yield from ()

    def which(self, command: str) -> str | None:
        """Where the command was, or would be that the capture has output of."""
        known = command in self._capture.properties.get("commands", "").split()
        known = known or any(argv and argv[0] == command for argv in self._capture.commands)
        return f"/usr/bin/{command}" if known else None

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        """The captured output of a command."""
        if change:
            raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")
        finished = self._capture.commands.get(tuple(argv))
        if finished is None:
            raise FileNotFoundError(errno.ENOENT, "not in this capture", argv[0])
        return finished

    def foreground(
        self, argv: Sequence[str], *, stdin: str | None = None, change: bool = False
    ) -> Finished:
        """The captured output of a command."""
        return self.run(argv, stdin=stdin or "", change=change)

    def claim(self, path: str, seconds: float) -> AbstractContextManager[None]:
        """Nobody else works on a capture."""
        return nullcontext()

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Captured machines start nothing."""
        raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")

    def write(self, path: str, data: bytes) -> None:
        """Captured machines are never written to."""
        raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")

    def close(self) -> None:
        """Nothing is held open."""


def _number(text: str | None) -> float:
    try:
        return float(text or 0.0)
    except ValueError:
        return 0.0


def load_captured(place: str) -> CapturedSystem:
    """Open a captured machine: a directory, or a text file. Raises OSError and ValueError."""
    name = os.path.basename(os.path.normpath(place))
    if os.path.isdir(place):
        return CapturedSystem(name, DirectoryTree(place))
    with Path(place).open("rb") as file:
        data = file.read(CAPTURE_LIMIT + 1)
    if len(data) > CAPTURE_LIMIT:
        raise ValueError(f"{place} is larger than {CAPTURE_LIMIT >> 20} MiB")
    text = data.decode("utf-8", "surrogateescape")
    if not text.startswith(HEADER):
        raise ValueError(f"{place} is not a capture: its first line is not {HEADER!r}")
    capture = parse_capture(text)
    return CapturedSystem(name, capture, capture)
