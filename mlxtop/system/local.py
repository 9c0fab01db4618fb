"""This machine."""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Event

from mlxtop.system import door, events, kernel_log, process
from mlxtop.system.clock import Clock, RealClock
from mlxtop.system.commands import Commands
from mlxtop.system.dcb_netlink import DcbNetlink
from mlxtop.system.door import Answer, Finished, Question, os_error
from mlxtop.system.ethtool_ioctl import EthtoolIoctl
from mlxtop.system.genetlink import SIMPLE, Genetlink
from mlxtop.system.locks import claim
from mlxtop.system.owner import which
from mlxtop.system.rdma_netlink import RdmaNetlink
from mlxtop.system.rtnetlink import Rtnetlink
from mlxtop.system.sock_diag import SockDiag

_OFTEN = re.compile(
    r"^/sys/.*/(?:(?:hw_)?counters/[^/]+|temp\d+_(?:input|highest)|speed|mode"
    r"|ports/\d+/(?:state|phys_state|rate|lid|sm_lid))$"
)
"""Counters, sensors and states of links."""
PAGE = 4096
"""Bytes of an attribute at most."""
HIGHEST = 512
"""Descriptors from here on are not kept: others need some, too."""
KEPT = 30.0
"""Seconds until a file is opened anew, where no event tells that a name means another device."""


@lru_cache(4096)
def often(path: str) -> bool:
    """Return whether a path is one that is read every few seconds."""
    return _OFTEN.match(path) is not None


class _Open:
    """A descriptor that is closed when nothing refers to it any more."""

    __slots__ = ("fd",)

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class _OwnFiles(threading.local):
    """The open files of a thread."""

    def __init__(self) -> None:
        self.files: dict[str, _Open] = {}
        self.until = 0.0
        self.generation = 0


class FdCache:
    """Files of sysfs that are read every few seconds, kept open: each read makes their text anew.

    fs/kernfs/file.c, fs/seq_file.c. A descriptor stays with the thread that opened it, so that none
    is closed under a read, and is given back soon after devices came, went or changed their names.
    """

    def __init__(self) -> None:
        self._own = _OwnFiles()
        self._generation = 0

    def forget(self) -> None:
        """Open every file anew: names may mean other devices now."""
        self._generation += 1

    def read(self, path: str) -> bytes:
        """Return the content of an attribute now. Raises OSError."""
        own, now = self._own, time.monotonic()
        if now > own.until or own.generation != self._generation:
            own.files.clear()
            own.until, own.generation = now + KEPT, self._generation
        file = own.files.pop(path, None)
        if file is not None:
            try:
                data = os.pread(file.fd, PAGE, 0)
            except OSError:
                file = None  # the device is gone, and may be back under its name
        if file is None:
            file = _Open(path)
            data = os.pread(file.fd, PAGE, 0)
        if file.fd < HIGHEST:
            own.files[path] = file
        return data


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
        self._rdma = RdmaNetlink()
        self._bridging = DcbNetlink()
        self._ioctl = EthtoolIoctl()
        self._commands = Commands()
        self._cpu = threading.local()
        self._questions: Mapping[Question, Callable[..., Answer]] = {
            Question.LINKS: lambda _: self._links.links(),
            Question.LINK_COUNTERS: lambda _: self._links.counters(),
            Question.NEIGHBOURS: lambda _: self._links.neighbours(),
            Question.VF_STATISTICS: self._links.virtual_functions,
            Question.ROUTE: self._links.route,
            Question.SOCKETS: lambda _: self._sockets.sockets(),
            Question.RDMA_DEVICES: lambda _: self._rdma.devices(),
            Question.DCB: self._bridging.settings,
            Question.RDMA_OBJECTS: self._rdma.objects,
            Question.RDMA_SYSTEM: lambda _: self._rdma.system(),
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
            raise os_error(errno.EINVAL)
        if question in SIMPLE:
            return self._generic.simple(question, subject)
        return self._questions[question](subject, *details)

    def cpu(self) -> tuple[float, ...]:
        try:
            import psutil
        except ImportError:  # compiled: in no archive, and not where we were sent to
            return ()
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

    def pinger(self) -> door.Pinger:
        from mlxtop.system.icmp import LocalPinger  # only who keeps paths needs it

        return LocalPinger()

    def close(self) -> None:
        netlink = self._links, self._generic, self._sockets, self._rdma, self._bridging
        for each in (self._commands, *netlink, self._ioctl):
            each.close()
