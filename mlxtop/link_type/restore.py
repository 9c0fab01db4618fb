"""What a change of link types left of a card's ports, and the commands that bring the rest back.

A port that is registered anew gets a new network device, often under another name, without the
address, the MTU and the bond that it had. What is there is read; nobody is asked to look.
https://man7.org/linux/man-pages/man8/ip-link.8.html
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from threading import Event
from typing import NamedTuple

from mlxtop.change.log import ActionLog
from mlxtop.change.plan import Command
from mlxtop.change.privilege import Access, RootCommands
from mlxtop.change.run import LoggedCommands, last_words
from mlxtop.link_type.card import Card
from mlxtop.link_type.survey import LinkTypeSurvey
from mlxtop.model.identity import Port, PortId
from mlxtop.model.sample import LinkLayer, LinkState
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sources.kernel.net import NetLink
from mlxtop.sources.kernel.rdma import read_infiniband_link
from mlxtop.sources.tools.iproute2 import read_addresses
from mlxtop.system.door import System

PING_S = 1
"""Seconds that a peer has to answer."""


SETTLE_S = 10.0
"""Time for devices to come back under their new names."""


def settled(system: System, affected: Collection[PortId]) -> Inventory:
    """Discover until all of these ports have a device again, or for `SETTLE_S`."""
    deadline = system.now() + SETTLE_S
    never = Event()
    while True:
        inventory = discover(system)
        ports = [port for port in inventory.ports if port.id in affected]
        there = len(ports) >= len(affected) and all(p.netdev or p.rdma for p in ports)
        if there or system.now() >= deadline:
            return inventory
        system.wait(0.2, never)


class PortBefore(NamedTuple):
    """A port as it was before a change."""

    port: Port
    layer: LinkLayer | None = None
    linked: bool = False
    """It had a link."""
    mtu: int | None = None
    addresses: tuple[str, ...] = ()
    """With prefix lengths."""
    peers: tuple[str, ...] = ()
    """Addresses that TCP connections through it led to."""


class Check(NamedTuple):
    """One thing that is as it was before a change, or is not."""

    name: str
    """In a word: `link`, `address`."""
    text: str
    good: bool


class Evidence(NamedTuple):
    """What speaks for a change and against it."""

    checks: tuple[Check, ...] = ()
    missing: tuple[Command, ...] = ()
    """Commands that bring back addresses, MTU and bonds."""

    @property
    def good(self) -> bool:
        return all(check.good for check in self.checks)


def ports_before(system: System, survey: LinkTypeSurvey, card: Card) -> tuple[PortBefore, ...]:
    """Return the ports of a card as they are, to compare them with later."""
    inventory = survey.inventory
    ports = []
    for types in card.ports:
        port = types.port
        link = inventory.links.get(port.ifindex or 0)
        ports.append(
            PortBefore(
                port,
                inventory.layers.get(port.id),
                _link_state(system, inventory, port) is LinkState.UP,
                link.mtu if link else None,
                tuple(a.text for a in survey.addresses or () if a.device == port.netdev),
                survey.uses.peers.get(port.id, ()),
            )
        )
    return tuple(ports)


def _link_state(system: System, inventory: Inventory, port: Port) -> LinkState:
    """Return the state of a port's link: of InfiniBand by its RDMA device."""
    if inventory.layers.get(port.id) is LinkLayer.INFINIBAND and port.rdma and port.rdma_port:
        return read_infiniband_link(system, port.rdma, port.rdma_port).state
    link = inventory.links.get(port.ifindex or 0)
    if link is None:
        return LinkState.NO_DEVICE
    if not link.up:
        return LinkState.ADMIN_DOWN
    return LinkState.UP if link.carrier else LinkState.DOWN


def gather(
    system: System, before: Sequence[PortBefore], inventory: Inventory, ask: bool = True
) -> Evidence:
    """Return what is as before and what is not; to `ask` a peer of each port takes seconds."""
    given: dict[str, set[str]] = {}
    addresses = read_addresses(system)
    for address in addresses or ():
        given.setdefault(address.device, set()).add(address.text)
    ports = {port.id: port for port in inventory.ports}
    checks: list[Check] = []
    missing: list[Command] = []
    if addresses is None and any(old.addresses for old in before):
        checks.append(Check("address", "addresses cannot be listed: `ip` does not answer", False))
        before = [old._replace(addresses=()) for old in before]
    for old in before:
        new = ports.get(old.port.id)
        if new is None or not (new.netdev or new.rdma):
            text = f"{old.port.id} has not come back; the kernel log may tell why"
            checks.append(Check("device", text, False))
            continue
        now = _PortNow(system, inventory, old, new, given.get(new.netdev or "", set()))
        checks += now.checks(ask)
        missing += now.commands()
    return Evidence(tuple(checks), tuple(missing))


class _PortNow(NamedTuple):
    """A port after a change, beside what it was."""

    system: System
    inventory: Inventory
    old: PortBefore
    new: Port
    addresses: set[str]

    @property
    def _link(self) -> NetLink | None:
        return self.inventory.links.get(self.new.ifindex or 0)

    @property
    def _same_layer(self) -> bool:
        return self.inventory.layers.get(self.new.id) is self.old.layer

    @property
    def _mtu(self) -> int | None:
        """Return the MTU to bring back; None where it is as before, or the layer is another."""
        link = self._link
        lost = self._same_layer and link is not None and link.mtu != self.old.mtu
        return self.old.mtu if lost else None

    def checks(self, ask: bool) -> list[Check]:
        """Return what is as it was, and what is not."""
        old, new = self.old, self.new
        checks = []
        state = _link_state(self.system, self.inventory, new)
        if old.linked or state is LinkState.UP:
            why = ", no subnet manager has set it up" if state is LinkState.INIT else ""
            checks.append(Check("link", f"{new.name}: link {state}{why}", state is LinkState.UP))
        for text in old.addresses:
            has = text in self.addresses
            words = "address" if has else "without its address"
            checks.append(Check("address", f"{new.name}: {words} {text}", has))
        if self._mtu is not None:
            now = self._link.mtu if self._link else None
            checks.append(Check("MTU", f"{new.name}: MTU {now}, was {self._mtu}", False))
        if old.port.bond:
            joined = new.bond == old.port.bond
            place = "in" if joined else "not in"
            other = "" if joined or self._same_layer else f", which is of {old.layer}"
            checks.append(Check("bond", f"{new.name}: {place} {old.port.bond}{other}", joined))
        if ask and old.peers and self.system.which("ping"):
            checks.append(self._ask(old.peers[0]))
        return checks

    def _ask(self, peer: str) -> Check:
        """Ask a peer through this port, or the bond that it is in."""
        device = self.new.bond or self.new.netdev or ""
        argv = ("ping", "-n", "-c", "1", "-W", str(PING_S), "-I", device, peer)
        try:
            answers = bool(device) and self.system.run(argv, timeout=PING_S + 2.0).status == 0
        except OSError:
            answers = False
        words = "answers" if answers else "does not answer a ping"
        return Check("peer", f"{self.new.name}: {peer} {words}", answers)

    def commands(self) -> list[Command]:
        """Return the commands that bring back what is missing."""
        device = self.new.netdev
        if device is None:
            return []
        steps: list[Command] = []
        link, mtu, bond = self._link, self._mtu, self.old.port.bond
        if bond and self.new.bond != bond and self._same_layer:
            if link is None or link.up:  # the bonding driver takes no device that is up
                steps.append(_ip("link", "set", device, "down", purpose="a bond takes it down"))
            joins = f"{device} is in {bond} again, which sets its MTU and brings it up"
            steps.append(_ip("link", "set", device, "master", bond, purpose=joins))
        elif mtu is not None or link is None or not link.up:
            size = () if mtu is None else ("mtu", str(mtu))
            steps.append(_ip("link", "set", device, "up", *size, purpose=f"{device} as it was"))
        for text in self.old.addresses:
            if text not in self.addresses:
                steps.append(_ip("address", "add", text, "dev", device, purpose="its address"))
        return steps


def _ip(*words: str, purpose: str) -> Command:
    return Command(("ip", *words), purpose)


def bring_back(
    system: System, commands: Sequence[Command], rights: Access, log: ActionLog | None
) -> list[str]:
    """Run the commands that bring back what is missing; return what failed, a line each.

    One that fails does not keep the others from being tried. Raises NotAllowed and OSError.
    """
    run = LoggedCommands(RootCommands(system, rights, ask=True), log, "bring back address and MTU")
    failures = []
    for step in commands:
        finished = run.run(step)
        if finished.status != 0:
            failures.append(f"{shlex.join(step.argv)}: {last_words(finished)}")
    return [*failures, *run.complaints]


def advice(
    before: Sequence[PortBefore], after: Inventory, evidence: Evidence, sudo: bool = False
) -> list[str]:
    """Return what to do on the ports of a card now, as commands to copy; comments begin with #."""
    now: Mapping[PortId, Port] = {port.id: port for port in after.ports}
    lines: list[str] = []
    for old in before:
        new = now.get(old.port.id)
        if new is None:
            lines.append(f"# {old.port.id} has not come back yet; the kernel log may tell why")
        else:
            lines += _port_advice(old, new, after, evidence, sudo)
    return lines


def _port_advice(
    old: PortBefore, new: Port, after: Inventory, evidence: Evidence, sudo: bool
) -> list[str]:
    lines = [
        f"# {new.id}: {before} is now {now}"
        for before, now in ((old.port.netdev, new.netdev), (old.port.rdma, new.rdma))
        if before and now and before != now
    ]
    infiniband = after.layers.get(new.id) is LinkLayer.INFINIBAND
    if new.netdev is None:
        load = "modprobe ib_ipoib" if infiniband else "modprobe mlx4_en"
        return [*lines, f"# {new.id} has no network device yet:", load]
    own = [step for step in evidence.missing if new.netdev in step.argv]
    link = after.links.get(new.ifindex or 0)
    if not any(step.argv[1] == "link" for step in own) and not (link and link.carrier):
        own.insert(0, _ip("link", "set", new.netdev, "up", purpose=""))
    lines += [line for step in own for line in step.lines(sudo)]
    if not old.addresses and not old.port.bond:
        lines.append(f"# ip address add ADDRESS/PREFIX dev {shlex.quote(new.netdev)}")
    if infiniband:
        lines.append("# InfiniBand needs a subnet manager, on one end: systemctl start opensm")
    elif old.layer is not LinkLayer.ETHERNET:
        lines.append("# the same MTU on both ends; 9000 for bulk data")
    return lines
