"""A machine that is recorded while it is read, so that it can be read again from a capture."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

from mlxtop.system.capture import Capture, Node
from mlxtop.system.door import Answer, CommandRefused, Finished, KernelRecord, Question, System
from mlxtop.system.owner import resolve

RECORDING_LIMIT = 32 << 20
"""Bytes of file contents and outputs kept at most; what comes later is left out and told."""
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
UNREAD = Node(error=errno.ENODATA)
"""A file that is in a listing but was not read."""
_OF_CARDS = re.compile(r"mlx|infiniband|ib_|rdma|pci|aer|renamed", re.IGNORECASE)
"""Kernel messages worth keeping; others tell of what is no business of a capture."""

_PRIVATE = frozenset(
    {"/proc/net/route", "/proc/net/ipv6_route", "/proc/net/if_inet6", "/etc/passwd"}
)
"""Files that hold nothing but addresses of the machine and its networks, or people's names: never
kept."""


class CaptureRecorder:
    """Passes every question on to a machine and keeps the answers; nothing can be changed."""

    def __init__(self, system: System, limit: int = RECORDING_LIMIT) -> None:
        self._system = system
        self.label, self.demo = system.label, system.demo
        self.captured, self.root = system.captured, system.root
        self.clock, self.wait = system.clock, system.wait
        self.now, self.wall = system.now, system.wall
        # what happens later is nothing of an instant: it is passed on, not kept
        self.cpu, self.events, self.pinger = system.cpu, system.events, system.pinger
        self.claim, self.close = system.claim, system.close
        self._room = limit
        self._lock = Lock()
        self._targets: dict[str, str | None] = {}
        self._commands: set[str] = set()
        self._log: list[str] = []
        self._over = False
        root = "yes" if self.root else "no"
        properties = {"label": self.label, "time": f"{system.wall():.3f}", "root": root}
        self._capture = Capture(properties=properties)

    def finish(self) -> Capture:
        """Return what was recorded; readers that still hang are not waited for."""
        with self._lock:
            self._over = True
            capture = self._capture
            if self._commands:
                capture.properties["commands"] = " ".join(sorted(self._commands))
            if self._log:
                capture.add("/dev/kmsg", Node(content="".join(self._log).encode()))
            return capture

    def read(self, path: str) -> bytes:
        with self._errors_of(path):
            data = self._system.read(path)
        if path not in _PRIVATE:
            self._keep(path, Node(content=data))
        return data

    def list(self, path: str) -> list[str]:
        """List a directory and keep what its names are: links, directories or files."""
        with self._errors_of(path):
            names = self._system.list(path)
        self._keep(path, Node())
        place = self._walk(path)
        for name in names if place is not None else ():
            child = f"{place}/{name}" if place != "/" else f"/{name}"
            if not self._holds(child) and self._target(child) is None:
                self._keep_kind(child)
        return names

    def link(self, path: str) -> str:
        target = self._system.link(path)
        self._walk(path, last=False)
        return target

    def real(self, path: str) -> str:
        """Resolve a path and keep every link on the way, and what it leads to."""
        place = self._system.real(path)
        self._walk(path)
        if not self._holds(place):
            self._keep_kind(place)
        return place

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        key = tuple(part for part in (question, subject, *map(str, details)) if part)
        try:
            answer = self._system.ask(question, subject, *details)
        except OSError as error:
            self._keep_answer(key, OSError(error.errno, error.strerror))
            raise
        self._keep_answer(key, answer)
        return answer

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        """Follow the kernel log and keep what it says of cards and buses."""
        with self._errors_of("/dev/kmsg"):
            for record in self._system.kernel_log(stop, history):
                self._keep_record(record)
                yield record

    def which(self, command: str) -> str | None:
        path = self._system.which(command)
        if path is not None and "/" not in command and not command.split()[1:]:
            self._commands.add(command)
        return path

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        if change:
            self._refuse()
        finished = self._system.run(argv, timeout=timeout, stdin=stdin)
        with self._lock:
            if not self._over and self._fits(len(finished.stdout) + len(finished.stderr)):
                kept = finished._replace(timed_out=False, cut=False)
                self._capture.commands[tuple(argv)] = kept
        return finished

    def _refuse(self, *_: object, **__: object) -> Any:
        raise CommandRefused(errno.EROFS, "nothing is changed while a machine is captured")

    foreground = stream = write = _refuse

    def _walk(self, path: str, last: bool = True, failed: bool = False) -> str | None:
        """Return where `path` leads, None where nothing is; every link on the way is kept.

        Where looking at it `failed`, None also for a way up from what is no directory: the error
        is that of what lies before the `..`.
        """

        def up(directory: str) -> None:
            if failed:
                self._system.list(directory)
            self._add(directory, Node())

        try:
            return resolve(path, lambda place, _: self._target(place), last, up)
        except OSError:
            return None

    def _target(self, place: str) -> str | None:
        """Return and keep the target of a link, or None when it is no link. Raises OSError."""
        if place not in self._targets:
            try:
                target: str | None = self._system.link(place)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                target = None
            self._targets[place] = target
            if target is not None:
                self._add(place, Node(target=target))
        return self._targets[place]

    def _holds(self, place: str) -> bool:
        with self._lock:
            return self._capture.node(place) is not None

    def _keep(self, path: str, node: Node) -> None:
        place = self._walk(path, failed=node.error is not None)
        if place is not None:
            self._add(place, node)

    @contextmanager
    def _errors_of(self, path: str) -> Iterator[None]:
        """Keep the error of reading a path."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.EISDIR:
                self._keep(path, Node())
            elif error.errno not in _ABSENT:
                self._keep(path, Node(error=error.errno))
            raise

    def _keep_kind(self, place: str) -> None:
        """Keep whether a place is a directory or a file."""
        try:
            self._system.list(place)
            self._add(place, Node())
        except NotADirectoryError:
            self._add(place, UNREAD)
        except OSError as error:
            self._add(place, Node(error=error.errno))

    def _add(self, place: str, node: Node) -> None:
        with self._lock:
            if self._over or (node == Node() and self._capture.node(place) is not None):
                return
            if self._fits(len(node.content or b"")):
                self._capture.add(place, node)

    def _keep_answer(self, key: tuple[str, ...], answer: Answer | OSError) -> None:
        with self._lock:
            if not self._over:
                self._capture.answers[key] = answer

    def _keep_record(self, record: KernelRecord) -> None:
        if record.device is None and not _OF_CARDS.search(record.text):
            return
        micros = round(record.seconds * 1e6)
        text = f"{record.level},{len(self._log)},{micros},-;{record.text}\n"
        if record.subsystem is not None:
            text += f" SUBSYSTEM={record.subsystem}\n"
        if record.device is not None:
            text += f" DEVICE=+{record.subsystem or 'pci'}:{record.device}\n"
        with self._lock:
            if not self._over and self._fits(len(record.text)):
                self._log.append(text)

    def _fits(self, size: int) -> bool:
        """Return whether there is room for `size` more; call with the lock held."""
        if size > self._room:
            self._capture.properties["incomplete"] = "yes"
            return False
        self._room -= size
        return True
