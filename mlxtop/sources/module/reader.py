"""Modules by the kernel's ethtool interface: as few bytes as needed, as rarely as is kind.

ethtool netlink MODULE_EEPROM_GET, else ioctl ETHTOOL_GMODULEEEPROM (mlx4): both need
CAP_NET_ADMIN, hold the RTNL lock and talk I2C. A module that does not answer makes the driver
write to the kernel log at every try, so after an error there is a long pause.
"""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from mlxtop.model.module import Module, merge_seen
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from mlxtop.sources.module.hex_dump import parse_hex_dump
from mlxtop.sources.module.layouts import (
    I2C,
    PLANS,
    Block,
    ModuleSilent,
    layout_of,
    split_eeprom,
)
from mlxtop.sources.module.memory import Memory, degrees
from mlxtop.sources.module.readings import HOTTEST
from mlxtop.sources.module.sff8024 import Layout
from mlxtop.system.answers import NOT_CAPTURED, Fields
from mlxtop.system.door import Answer, Question, System

INTERVAL = 10.0
"""Seconds between two readings of a module, at least."""
GUARDED_INTERVAL = 3.0
"""The same for its temperature alone, while a load run is watched and the bus is quick."""
QUICK = 0.020
"""Seconds that a two-byte reading may take to count as quick."""
BACKOFF = 60.0
"""Seconds without a try after an error."""
REFUSED = 600.0
"""The same where the answer was that it cannot be done at all, or not without root."""
REFRESH = 60.0
"""Seconds after which identity and limits are read again: the module may have been changed."""


def parse_bytes(answer: Answer) -> bytes:
    """Return bytes of a hexadecimal answer; none where it is no such thing.

    >>> parse_bytes("1107"), parse_bytes("zz"), parse_bytes(None)
    (b'\\x11\\x07', b'', b'')
    """
    try:
        return bytes.fromhex(answer) if isinstance(answer, str) else b""
    except ValueError:
        return b""


def read_block(system: System, netdev: str, block: Block) -> Memory:
    """Read a block by one MODULE_EEPROM_GET. Raises OSError."""
    answer = system.ask(
        Question.MODULE_PAGE, netdev, block.page, 0, block.address, block.offset, block.length
    )
    return Memory(parse_bytes(answer)[: block.length], block.offset)


_PRINTED = (
    (("ethtool", "--json", "-m"), ()),
    (("ethtool", "-j", "-m"), ()),
    (("ethtool", "-m"), ()),
    (("ethtool", "-m"), ("hex", "on")),
    (("ethtool", "--module-info"), ()),
)
"""Commands before and after the device's name, whose output a capture may hold."""


class ModuleAnswer(NamedTuple):
    """A module, or why there is none; both where an old reading is all there is."""

    module: Module | None = None
    absent: str | None = None


def read_module(system: System, netdev: str) -> Module:
    """Return everything of a module at once. Raises OSError."""
    return ModuleReader(system, netdev).read_now()


class ModuleReader:
    """One port's module, read at its own pace; its calls block and belong into a thread."""

    def __init__(self, system: System, netdev: str) -> None:
        self._system = system
        self.netdev = netdev
        self.guarded = False
        """A load run is watched: temperature is wanted more often."""
        self.cost: float | None = None
        """Seconds that the last two-byte reading took."""
        self._kind: Layout | None = None
        self._memories: dict[str, Memory] = {}
        self._full_at = 0.0
        self._due = 0.0
        self._live_due = 0.0
        self._answer = ModuleAnswer()
        self._anew = False

    def forget(self) -> None:
        """Read everything at the next call: a module was plugged or a link changed.

        Safe from any thread.
        """
        self._anew = True

    def read(self) -> ModuleAnswer:
        """Return the module as of now; read only when it is time, else the last answer."""
        now = self._system.now()
        if self._anew:
            self._anew = False
            self._kind, self._due = None, 0.0
        if now < self._due:
            return self._answer
        try:
            module = self._read_due(now)
        except OSError as error:
            self._kind = None
            hopeless = error.errno in (errno.EOPNOTSUPP, errno.EPERM, errno.EACCES)
            self._due = now + (REFUSED if hopeless else BACKOFF)
            self._answer = ModuleAnswer(None, explain(error))
            return self._answer
        quick = self.guarded and self.cost is not None and self.cost < QUICK
        self._due = now + (GUARDED_INTERVAL if quick else INTERVAL)
        self._answer = ModuleAnswer(module)
        return self._answer

    def read_now(self) -> Module:
        """Return the module, read at once and whole. Raises OSError."""
        return self._full(self._system.now())

    def _read_due(self, now: float) -> Module:
        old = self._answer.module
        if self._kind is None or old is None or now - self._full_at >= REFRESH:
            return self._full(now)
        if now < self._live_due:
            return self._temperature(old, self._kind, now)
        plan = PLANS[self._kind]
        for block in plan.live:
            if block.name in self._memories:
                newer = self._block(block)
                self._memories[block.name] = self._memories[block.name].overlaid(newer)
        self._live_due = now + INTERVAL
        return self._decoded(now)

    def _temperature(self, old: Module, kind: Layout, now: float) -> Module:
        """Return the old reading with a new temperature: two bytes."""
        block = PLANS[kind].temperature
        began = self._system.now()
        newer = self._block(block)
        self.cost = self._system.now() - began
        self._memories[block.name] = self._memories[block.name].overlaid(newer)
        celsius = degrees(newer.s16(block.offset))
        if celsius is None or not 0.0 < celsius <= HOTTEST or old.temperature is None:
            return self._decoded(now)
        return old._replace(temperature=celsius, tick=now)

    def _full(self, now: float) -> Module:
        try:
            began = self._system.now()
            head = read_block(self._system, self.netdev, Block("id", 0, 0, 2))
            self.cost = self._system.now() - began
        except OSError as error:
            return self._by_other_ways(error, now)
        self._kind = layout_of(head.u8(0))
        plan = PLANS[self._kind]
        self._memories = {}
        for block in plan.full:
            basic = block.page == 0 and block.address == I2C
            if basic or plan.has_more(self._memories[plan.full[0].name]):
                self._add(block)
        self._full_at, self._live_due = now, now + INTERVAL
        return self._decoded(now)

    def _add(self, block: Block) -> None:
        """Read a block; an upper page may be one that the driver does not give (mlx4)."""
        try:
            self._memories[block.name] = self._block(block)
        except OSError as error:
            if block.page == 0 or error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise

    def _block(self, block: Block) -> Memory:
        memory = read_block(self._system, self.netdev, block)
        if len(memory.data) < block.length:
            raise ModuleSilent(errno.EIO, "the module gave no bytes")
        return memory

    def _by_other_ways(self, error: OSError, now: float) -> Module:
        """Return the module by the legacy ioctl; of a captured machine by ethtool's output too."""
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
            try:
                return self._whole(now)
            except OSError as second:
                if second.errno != errno.EOPNOTSUPP or isinstance(second, ModuleSilent):
                    error = second
        if self._system.captured and (module := self._printed(now)) is not None:
            return module
        raise error

    def _whole(self, now: float) -> Module:
        answer = self._system.ask(Question.MODULE_EEPROM, self.netdev)
        kind, self._memories = split_eeprom(parse_bytes(Fields(answer).text("data")))
        self._kind = None
        return self._stamped(PLANS[kind].module(self._memories), "ethtool ioctl", now)

    def _printed(self, now: float) -> Module | None:
        """Return what ethtool printed on a captured machine; None where it printed no module.

        Raises ModuleSilent.
        """
        for before, after in _PRINTED:
            try:
                text = self._system.run([*before, self.netdev, *after]).stdout
            except OSError:
                continue
            module = parse_ethtool_m(text) or parse_hex_dump(text)
            if module is not None:
                return self._stamped(module, "ethtool -m", now)
        return None

    def _decoded(self, now: float) -> Module:
        assert self._kind is not None
        return self._stamped(PLANS[self._kind].module(self._memories), "ethtool netlink", now)

    def _stamped(self, module: Module, source: str, now: float) -> Module:
        old = self._answer.module
        same = old is not None and old.identity == module.identity
        seen = merge_seen(old.seen if same and old is not None else {}, module.flags, now)
        return module._replace(source=source, tick=now, seen=seen)


def explain(error: OSError) -> str:
    """Return why a module could not be read, and what would help."""
    if error.strerror == NOT_CAPTURED:
        return NOT_CAPTURED
    match error.errno:
        case errno.EPERM | errno.EACCES:
            return "reading the module needs root (CAP_NET_ADMIN)"
        case errno.EOPNOTSUPP if not isinstance(error, ModuleSilent):
            return "the driver gives no access to the module's memory"
        case errno.ENODEV | errno.ENXIO:
            return "no module answers"
    if isinstance(error, ModuleSilent):
        return error.strerror or "the module does not answer"
    name = errno.errorcode.get(error.errno or 0, "error")
    return f"the module does not answer ({name}: {os.strerror(error.errno or 0)})"
