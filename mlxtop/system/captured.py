"""A machine that was captured: a directory tree or one text file, read like the real one."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Event
from typing import Protocol

from mlxtop.model.number import real
from mlxtop.system import door
from mlxtop.system.answers import NOT_CAPTURED
from mlxtop.system.capture import HEADER, MOST_ENTRIES, Capture, Node
from mlxtop.system.capture_file import CAPTURE_LIMIT, parse_lines
from mlxtop.system.clock import Clock, RealClock
from mlxtop.system.door import Answer, CommandRefused, Finished, Question, os_error
from mlxtop.system.kernel_log import parse_kmsg
from mlxtop.system.owner import resolve

LATEST = 253_402_300_799.0
"""Seconds since the epoch at the end of the year 9999."""


class Tree(Protocol):
    """Files of a machine by absolute path, links not followed."""

    def node(self, path: str) -> Node | None:
        """Return the entry at `path`; None where there is none."""

    def children(self, path: str) -> Iterable[str]:
        """Return names in the directory `path`."""


class DirectoryTree:
    """A directory on disk as the root of a machine; its links never lead out of it."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)

    def node(self, path: str) -> Node | None:
        """Return the entry at `path`; its parents are no links: `CapturedSystem` resolves them."""
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
                return Node(content=file.read(door.FILE_LIMIT))
        except OSError as error:
            return Node(error=error.errno or errno.EIO)

    def children(self, path: str) -> Iterable[str]:
        return os.listdir(self._root + path)[:MOST_ENTRIES]


class CapturedSystem:
    """One instant of a machine, from a tree and recorded answers; nothing can be changed."""

    demo = False
    captured = True
    clock: Clock = RealClock()

    def __init__(self, label: str, tree: Tree, capture: Capture | None = None) -> None:
        self._tree = tree
        self._capture = capture or Capture()
        properties = self._capture.properties
        self.label = properties.get("label", label)
        self.complaints = self._capture.complaints
        self.defects = self._capture.defects
        self._instant = _wall(properties.get("time"))

    @property
    def root(self) -> bool:
        return self._capture.properties.get("root") == "yes"

    def _find(self, path: str, last: bool = True) -> tuple[str, Node]:
        """Follow links inside the tree, like the kernel would; return where they lead."""
        nodes = {"/": Node()}

        def target(place: str, more: bool) -> str | None:
            node = self._tree.node(place)
            if node is None:
                raise os_error(errno.ENOENT, path)
            if more and node.content is not None:
                raise os_error(errno.ENOTDIR, path)
            if more and node.error is not None and not any(self._tree.children(place)):
                raise os_error(node.error, path)
            nodes[place] = node
            return node.target

        place = resolve(path, target, last)
        return place, nodes[place]

    def _node(self, path: str) -> tuple[str, Node]:
        place, node = self._find(path)
        if node.error is not None:
            raise os_error(node.error, path)
        return place, node

    def read(self, path: str) -> bytes:
        content = self._node(path)[1].content
        if content is None:
            raise os_error(errno.EISDIR, path)
        return content[: door.FILE_LIMIT]

    def list(self, path: str) -> list[str]:
        place, node = self._node(path)
        if node.content is not None:
            raise os_error(errno.ENOTDIR, path)
        return list(self._tree.children(place))

    def link(self, path: str) -> str:
        target = self._find(path, last=False)[1].target
        if target is None:
            raise os_error(errno.EINVAL, path)
        return target

    def real(self, path: str) -> str:
        return self._find(path)[0]

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        key = tuple(part for part in (question, subject, *map(str, details)) if part)
        answer = self._capture.answers.get(key)
        if isinstance(answer, OSError):
            raise OSError(answer.errno, answer.strerror)
        if answer is None:
            raise OSError(errno.EOPNOTSUPP, NOT_CAPTURED)
        return answer

    def cpu(self) -> tuple[float, ...]:
        return ()

    def now(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self._instant

    def wait(self, seconds: float, stop: Event) -> bool:
        return stop.wait(seconds)

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[door.KernelRecord]:
        if history:
            yield from parse_kmsg(self.read("/dev/kmsg").decode("utf-8", "replace"))

    def events(self, stop: Event) -> Iterator[door.DeviceEvent]:
        yield from ()

    def pinger(self) -> door.Pinger:
        raise CommandRefused(errno.EROFS, "a captured machine answers no probe")

    def which(self, command: str) -> str | None:
        """Return where the command was, or would be that the capture has output of."""
        installed = command in self._capture.properties.get("commands", "").split()
        installed = installed or any(argv and argv[0] == command for argv in self._capture.commands)
        return f"/usr/bin/{command}" if installed else None

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        if change:
            raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")
        finished = self._capture.commands.get(tuple(argv))
        if finished is None:
            raise FileNotFoundError(errno.ENOENT, NOT_CAPTURED, argv[0])
        return finished

    def foreground(
        self, argv: Sequence[str], *, stdin: str | None = None, change: bool = False
    ) -> Finished:
        return self.run(argv, stdin=stdin or "", change=change)

    def claim(self, path: str, seconds: float) -> AbstractContextManager[None]:
        return nullcontext()

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")

    def write(self, path: str, data: bytes) -> None:
        raise CommandRefused(errno.EROFS, "a captured machine cannot be changed")

    def close(self) -> None:
        pass


def _wall(text: str | None) -> float:
    """Return seconds since the epoch; 0 for what is none, or no date of four digits."""
    return max(0.0, real(text or "", LATEST) or 0.0)


def load_captured(place: str) -> CapturedSystem:
    """Open a captured machine: a directory, or a text file. Raises OSError and ValueError."""
    name = os.path.basename(os.path.normpath(place))
    if os.path.isdir(place):
        return CapturedSystem(name, DirectoryTree(place))
    try:
        data = _content(place)
    except OSError as error:
        raise OSError(error.errno, error.strerror, place) from None
    if len(data) > CAPTURE_LIMIT:
        raise ValueError(f"{place} is larger than {CAPTURE_LIMIT >> 20} MiB")
    if not data.startswith(HEADER.encode()):
        raise ValueError(f"{place} is not a capture: its first line is not {HEADER!r}")
    lines = (line.decode("utf-8", "surrogateescape") for line in io.BytesIO(data))
    capture = parse_lines(lines)
    return CapturedSystem(name, capture, capture)


def _content(place: str) -> bytes:
    """Return what a file holds, up to one byte too many; others than plain files have no end."""
    fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError(f"{place} is neither a directory nor a plain file")
        return file.read(CAPTURE_LIMIT + 1)
