"""Another MTU or IPoIB mode for the length of some tests: a plan first, then with a way back.

The far end and every switch between have to take such packets too, which `ping` tells.
https://docs.kernel.org/infiniband/ipoib.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from mlxtop.change.crash_revert import CrashRevert
from mlxtop.change.guard import Danger, find_uses
from mlxtop.change.plan import Command, Plan
from mlxtop.change.privilege import Access, ActionContext, RootCommands
from mlxtop.change.run import LoggedCommands, last_words
from mlxtop.load.request import LoadPlan
from mlxtop.model.frame import Frame
from mlxtop.model.sample import Link, LinkState
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.sysfs import names
from mlxtop.sources.tools.ping import full_size, ping
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.load.measure import MeasurePlan

JUMBO_MTU, STANDARD_MTU = 9000, 1500
DATAGRAM_MTU, CONNECTED_MTU = 2044, 65520
MOST_DATAGRAM_MTU = 4092
"""MTU of IPoIB from which on only connected mode has it."""
CONNECTED, DATAGRAM = "connected", "datagram"
MOST_PING = 65507
"""Bytes of data that ping sends at most."""
TRIES, PAUSE_S = 4, 1.0
SETTLE_S, LOOK_S = 10.0, 0.2
"""Seconds until the frames tell another MTU and the link is up, and between looks."""


class Setting(NamedTuple):
    """How large the packets of a network device are."""

    mtu: int
    mode: str | None = None
    """Of IPoIB, `datagram` or `connected`; None for Ethernet."""

    @property
    def words(self) -> str:
        return f"MTU {self.mtu}" if self.mode is None else f"{self.mode}, MTU {self.mtu}"


class MtuChange(NamedTuple):
    """What tests change of one network device, and how that is now."""

    device: str
    before: Setting
    settings: tuple[Setting, ...]

    def commands(self, to: Setting, purpose: str) -> Iterator[Command]:
        """Yield what makes a setting of any other; the mode first, which bounds the MTU."""
        if to.mode is not None:
            path = f"/sys/class/net/{self.device}/mode"
            yield Command(("tee", path), purpose, f"{to.mode}\n", path, to.mode)
        yield Command(("ip", "link", "set", "dev", self.device, "mtu", str(to.mtu)), purpose)

    @property
    def undo(self) -> tuple[Command, ...]:
        return tuple(self.commands(self.before, "as it is now"))

    def plan(self) -> Plan:
        """Return everything that is changed, as a person sees it before."""
        steps = (self.commands(one, f"measure with {one.words}") for one in self.settings)
        return Plan(
            f"measure {self.device} with {' and '.join(one.words for one in self.settings)}",
            tuple(command for commands in steps for command in commands),
            (f"{self.device} carries nothing for a moment at each change; connections go on",),
            self.undo,
            notes=(
                f"it is put back to {self.before.words} after these tests, whatever ends them",
                "the far end and every switch between need it too: ping asks them first",
            ),
        )


def present(frame: Frame, plan: LoadPlan) -> Setting | None:
    """Return how the port of a test is set now; None where that is not known."""
    return setting_of(frame.ports[plan.port].now.link) if plan.port is not None else None


def setting_of(link: Link) -> Setting | None:
    """Return how large the packets of a link are; None where that is not known."""
    if link.mtu is None:
        return None
    infiniband = link.is_infiniband
    return Setting(link.mtu, (link.ipoib_mode or DATAGRAM) if infiniband else None)


def setting(now: Setting, mtu: int) -> Setting:
    """Return what has another MTU: of IPoIB the mode follows from it."""
    if now.mode is None:
        return Setting(mtu)
    return Setting(mtu, CONNECTED if mtu > MOST_DATAGRAM_MTU else DATAGRAM)


def other(now: Setting, connects: bool) -> Setting | None:
    """Return what is worth comparing with; `connects`: the driver has connected mode.

    >>> other(Setting(1500), False), other(Setting(2044, "datagram"), True)
    (Setting(mtu=9000, mode=None), Setting(mtu=65520, mode='connected'))
    """
    if now.mode is None:
        return Setting(JUMBO_MTU if now.mtu < JUMBO_MTU else STANDARD_MTU)
    if now.mode == CONNECTED:
        return Setting(DATAGRAM_MTU, DATAGRAM)
    return Setting(CONNECTED_MTU, CONNECTED) if connects else None


def obstacle(system: System, frame: Frame, plan: LoadPlan) -> str | None:
    """Return why the port of a test is not changed; None where nothing speaks against it.

    Whatever else may need the port does: a wrong MTU cuts off what a right one lets through.
    """
    assert plan.port is not None
    port = frame.ports[plan.port].now.port
    if plan.device is None or plan.device != port.netdev:
        return f"the route goes by {plan.device or 'no device'}, which is no port of a card"
    above = [n for n in names(system, f"/sys/class/net/{plan.device}") if n.startswith("upper_")]
    if above:
        return f"{above[0].removeprefix('upper_')} stands on {plan.device}"
    uses = find_uses(system, discover(system))
    needed = [one for one in uses.of([plan.port]) if one.danger is not Danger.IPERF]
    if needed:
        return f"{plan.device} is in use: {needed[0].text}"
    return None if system.root else "it needs root"


class MtuSwitch:
    """Sets the device of a measurement and puts it back; nothing is changed before a `set`."""

    def __init__(
        self, context: ActionContext, plan: MeasurePlan, newest: Callable[[], Frame | None]
    ) -> None:
        """`newest` returns the newest frame."""
        root = RootCommands(context.system, Access.ROOT)
        self._run = LoggedCommands(root, context.log, "measure another MTU")
        self._system, self._newest, self._change = context.system, newest, plan.mtu
        first = next(iter(plan.possible), None)
        self._port = first.plan.port if first else None
        self._target = (first.plan.target if first else None) or plan.host
        self._now = plan.mtu.before if plan.mtu else None
        self._crash_revert: CrashRevert | None = None

    def set(self, to: Setting | None) -> str | None:
        """Change to a setting, None for the one before; return why it cannot be used."""
        change = self._change
        if change is None:
            return None
        to = to or change.before
        if to == self._now:
            return None
        if self._crash_revert is None and not self._system.demo:
            try:
                self._crash_revert = CrashRevert(change.undo, "measure --change-mtu")
            except OSError as error:
                return f"there is no way back: {error.strerror or error}"
        self._now = to
        for command in change.commands(to, f"measure with {to.words}"):
            if refused := self._change_by(command):
                return f"{to.words} cannot be set: {refused}"
        if not self._settles(to):
            return f"{change.device} did not get ready within {SETTLE_S:g} s"
        return self._unanswered(change.device, to) if to != change.before else None

    def _settles(self, to: Setting) -> bool:
        """Wait until a frame tells the setting with the link up; return False where none does."""
        until = self._system.now() + SETTLE_S
        while self._system.now() < until:
            frame = self._newest()
            port = frame.ports.get(self._port) if frame and self._port else None
            link = port.now.link if port is not None else Link()
            if link.state is LinkState.UP and setting_of(link) == to:
                return True
            self._system.wait(LOOK_S, Event())
        return False

    def end(self) -> str | None:
        """Put everything back; return what did not go back."""
        complaint, change = None, self._change
        if change is not None and self._now != change.before:
            for command in change.undo:
                refused = self._change_by(command)
                complaint = complaint or (refused and f"{change.device}: {refused}")
            self._now = change.before
        if self._crash_revert is not None:
            self._crash_revert.release()
            self._crash_revert = None
        return complaint

    def _change_by(self, command: Command) -> str | None:
        try:
            finished = self._run.run(command)
        except OSError as error:
            return error.strerror or str(error)
        return None if finished.status == 0 else last_words(finished)

    def _unanswered(self, device: str, to: Setting) -> str | None:
        """Return that whole packets do not arrive, where they do not."""
        size = min(full_size(to.mtu, self._target), MOST_PING)
        for _ in range(TRIES):
            try:
                answer = ping(self._system, self._target, size, device, whole=True)
            except OSError as error:
                return f"whether packets of {to.mtu} bytes arrive is unclear: {error.strerror}"
            if answer.received:
                return None
            self._system.wait(PAUSE_S, Event())  # some ports start anew with another MTU
        return f"packets of {to.mtu} bytes do not arrive: set the far end's MTU too"
