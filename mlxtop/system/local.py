"""This machine."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Event

from mlxtop.system import door, events, kernel_log, process
from mlxtop.system.clock import Clock, RealClock
from mlxtop.system.commands import Commands
from mlxtop.system.door import Answer, Finished, Question
from mlxtop.system.ethtool_ioctl import EthtoolIoctl
from mlxtop.system.fd_cache import FdCache, often
from mlxtop.system.genetlink import SIMPLE, Genetlink
from mlxtop.system.locks import claim
from mlxtop.system.owner import which
from mlxtop.system.rtnetlink import Rtnetlink
from mlxtop.system.sock_diag import SockDiag


class LocalSystem:
    """This machine, for any number of threads; `readonly` refuses whatever starts or changes."""

    demo = False
    captured = False
    clock: Clock = RealClock()
    now = staticmethod(clock.now)
    wall = staticmethod(clock.wall)
    wait = staticmethod(clock.wait)
    which = staticmethod(which)
    claim = staticmethod(claim)

    def __init__(self, readonly: bool = False) -> None:
        self._readonly = readonly
        self._kept = FdCache()
        self._links = Rtnetlink()
        self._generic = Genetlink()
        self._sockets = SockDiag()
        self._ioctl = EthtoolIoctl()
        self._commands = Commands()
        self._cpu = threading.local()
        self._questions: Mapping[Question, Callable[..., Answer]] = {
            Question.LINKS: lambda _: self._links.links(),
            Question.LINK_COUNTERS: lambda _: self._links.counters(),
            Question.ROUTE: self._links.route,
            Question.SOCKETS: lambda _: self._sockets.sockets(),
            Question.LINK_MODES: self._generic.modes,
            Question.MODULE_PAGE: self._generic.module_page,
            Question.DEVLINK_INFO: lambda _: self._generic.devlink_info(),
            Question.DRIVER_STATISTICS: self._ioctl.statistics,
            Question.DRIVER_INFO: self._ioctl.driver_info,
            Question.MODULE_EEPROM: self._ioctl.module_eeprom,
        }

    @property
    def label(self) -> str:
        return os.uname().nodename

    @property
    def root(self) -> bool:
        return os.geteuid() == 0

    def read(self, path: str) -> bytes:
        """Return FILE_LIMIT bytes of a file at most; a pipe without a writer is empty."""
        if often(path):
            return self._kept.read(path)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            data = b""
            while (room := door.FILE_LIMIT - len(data)) and (more := os.read(fd, room)):
                data += more
            return data
        finally:
            os.close(fd)

    def list(self, path: str) -> list[str]:
        return os.listdir(path)

    def link(self, path: str) -> str:
        return os.readlink(path)

    def real(self, path: str) -> str:
        return os.path.realpath(path, strict=True)

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        if "\0" in subject:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if question in SIMPLE:
            return self._generic.simple(question, subject)
        return self._questions[question](subject, *details)

    def cpu(self) -> tuple[float, ...]:
        import psutil

        try:
            busy = tuple(psutil.cpu_percent(percpu=True))
        except (OSError, RuntimeError):  # /proc is hidden, or not the kernel's
            return ()
        before, self._cpu.asked = hasattr(self._cpu, "asked"), True
        return busy if before else ()

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        if not change:
            return self._commands.run(argv, timeout, stdin)
        self._refuse(argv[0])
        return self._commands.change(argv, stdin)

    def foreground(
        self, argv: Sequence[str], *, stdin: str | None = None, change: bool = False
    ) -> Finished:
        if change:
            self._refuse(argv[0])
        return process.foreground(argv, stdin)

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        self._refuse(argv[0])
        return self._commands.stream(argv, line, stop)

    def write(self, path: str, data: bytes) -> None:
        self._refuse(path)
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(fd, data) != len(data):
                raise OSError(errno.EIO, "only a part was written", path)
        finally:
            os.close(fd)

    def _refuse(self, what: str) -> None:
        if self._readonly:
            raise door.CommandRefused(errno.EROFS, "nothing is changed with --readonly", what)

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[door.KernelRecord]:
        return kernel_log.follow(self._commands, stop, history)

    def events(self, stop: Event) -> Iterator[door.DeviceEvent]:
        for event in events.follow(stop):
            if event.action not in ("link", "change"):
                self._kept.forget()
            yield event

    def close(self) -> None:
        for each in (self._commands, self._links, self._generic, self._sockets, self._ioctl):
            each.close()
