"""Set the routes that `path keep` has decided on, and take them back.

Make before break: `ip route replace` puts the new route in the place of the old one at once, and
where the kernel refuses it the old one stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mlxtop.change.crash_revert import CrashRevert
from mlxtop.change.log import ActionLog
from mlxtop.change.plan import Command, Plan
from mlxtop.change.privilege import RootCommands
from mlxtop.change.run import LoggedCommands, last_words
from mlxtop.model.path import PathSettings, Peer, Way
from mlxtop.path import routes
from mlxtop.path.devices import obstacles
from mlxtop.path.others import others
from mlxtop.sources.kernel.net import read_links
from mlxtop.sources.kernel.proc import read_processes
from mlxtop.sources.kernel.tcp import read_sockets, ssh_ports
from mlxtop.sources.tools.ip_routes import Route, read_marks
from mlxtop.system.answers import Fields
from mlxtop.system.door import Question, System

RETRY_S = 5.0
"""Seconds until a route is tried again that the kernel refused."""
AGAIN_S = 1.0
"""Seconds until a route is set again that is not the one in use: somebody removed it."""
OTHERS_S = 60.0
"""Seconds between looks at who else chooses routes: FRR may be started after us."""
SESSIONS_S = 5.0
"""Seconds for which the list of SSH sessions holds."""


@dataclass(slots=True)
class _Held:
    """What was done for a peer."""

    own: routes.PeerRoutes
    way: Way | None = None
    """The way that our route goes by; None before there is one."""
    taken_at: float = float("-inf")
    """When it was set."""
    ruled: bool = False
    """The rule for our table is there."""
    refused: dict[Way, tuple[float, str]] = field(default_factory=dict)
    """Ways whose route the kernel refused: when it may be tried again, and what it said."""


class Switch:
    """The routes of all peers; nothing is set before `begin`."""

    def __init__(
        self, system: System, settings: PathSettings, root: RootCommands, log: ActionLog | None
    ) -> None:
        self._system, self._peers = system, settings.peers
        self._run = LoggedCommands(root, log, "keep the paths")
        known = routes.read_all_routes(system, settings.peers)
        sources = {peer.address: _direct_source(system, peer) for peer in settings.peers}
        own, self.probes = routes.prepare(settings.peers, known, sources)
        self._held = {one.peer.address: _Held(one) for one in own}
        self._others = self._read_others(known)
        self._others_at = system.now()
        self._names: Mapping[str, str] = {}
        self._ruled_probes: set[int] = set()
        self._crash_revert: CrashRevert | None = None
        self._sessions: frozenset[str] = frozenset()
        self._sessions_until = float("-inf")
        self._trouble: dict[str, str] = {}
        self._obstacles: list[str] = []

    @property
    def own(self) -> list[routes.PeerRoutes]:
        """Return how the routes of peers are set that are not left to others."""
        return [held.own for held in self._held.values() if not self.left_to_others(held.own.peer)]

    @property
    def marks(self) -> dict[tuple[str, Way], int]:
        """Return the marks of probes that have a table of their own."""
        return {(one.peer.address, one.way): one.mark for one in self.probes}

    def left_to_others(self, peer: Peer) -> str | None:
        """Return why a peer's route is only watched; None where it is kept."""
        return self._others.get(peer.address)

    def _read_others(self, known: Mapping[bool, Sequence[Route]]) -> dict[str, str]:
        system = self._system
        return others(system, self._peers, known, read_links(system), read_processes(system))

    def look_for_others(self, now: float) -> list[tuple[Peer, str]]:
        """Look now and then who else chooses routes; return the peers that are left to them now.

        Where our routes were first, they are taken back.
        """
        if 0 <= now - self._others_at < OTHERS_S:
            return []
        self._others_at = now
        known = routes.read_all_routes(self._system, self._peers)
        if not routes.is_whole(known, self._peers):
            return []
        self._mend_probes(known)
        before, self._others = self._others, self._read_others(known)
        left = [peer for peer in self._peers if peer.address in self._others.keys() - before.keys()]
        for peer in left:
            held = self._held[peer.address]
            if held.way is not None:
                self._run_all(list(routes.undo_routes([held.own])), logged=True)
                held.way, held.ruled = None, False
        return [(peer, self._others[peer.address]) for peer in left]

    def obstacles(self) -> list[str]:
        """Return what in the settings of this host keeps ways from working, as it is now."""
        return obstacles(self._system, self._peers, self._names)

    def plan(self, leave: bool = False) -> Plan:
        """Return everything that may be done, as commands."""
        return routes.keep_plan(self.own, self.probes, leave)

    # From the beginning to the end

    def begin(self, lock: int | None = None) -> None:
        """Remove what an earlier run left behind, and arm the way back. Raises OSError.

        `lock` is held until the way back has been gone, too.
        """
        commands = self._undo()
        self._run_all(commands)
        if not self._system.demo:
            self._crash_revert = CrashRevert(commands, "path keep", lock)

    def end(self, leave: Sequence[Peer] = ()) -> None:
        """Put the routes back as they were, but for peers to `leave`."""
        keep = {peer.address for peer in leave}
        mine = [held.own for held in self._held.values() if held.own.peer.address not in keep]
        self._run_all([*routes.undo_routes(mine), *routes.undo_probes(self.probes)], logged=True)
        if self._crash_revert is not None:
            self._crash_revert.release()
            self._crash_revert = None

    def _undo(self) -> tuple[Command, ...]:
        own = routes.both_kinds(held.own for held in self._held.values())
        return routes.undo_commands(own, self.probes)

    def _run_all(self, commands: Sequence[Command], logged: bool = False) -> None:
        """Run commands that remove what may not be there: complaints about that are no failures."""
        for command in commands:
            try:
                if logged:
                    self._run.run(command)
                else:
                    self._run.root.change(command.argv)
            except OSError as error:
                self._trouble["ip"] = f"ip cannot be run: {error.strerror or error}"

    def has_route(self, peer: Peer) -> bool:
        """Return whether a route to the peer was set."""
        return self._held[peer.address].way is not None

    def needs_session(self, peer: Peer) -> bool:
        """Return whether an SSH session comes from a peer, by the connections now."""
        self._sessions_until = float("-inf")
        return self.carries_session(peer)

    def carries_session(self, peer: Peer) -> bool:
        """Return whether an SSH session comes from a peer."""
        now = self._system.now()
        if not now < self._sessions_until <= now + SESSIONS_S:
            self._sessions = self._remotes()
            self._sessions_until = now + SESSIONS_S
        return peer.address in self._sessions

    def _remotes(self) -> frozenset[str]:
        try:
            sockets = read_sockets(self._system)
        except OSError:
            return frozenset(peer.address for peer in self._peers)  # unclear: so all of them
        ports = ssh_ports(self._system, read_processes(self._system), sockets)
        remotes = (one.remote for one in sockets if one.local_port in ports and one.remote)
        return frozenset(remote.removeprefix("::ffff:") for remote in remotes)

    # Routes

    def devices(self, names: Mapping[str, str]) -> None:
        """Take the present names of the devices that are there; set the routes of probes."""
        came_or_went = names != self._names
        self._names = dict(names)
        self._obstacles = self.obstacles()
        for probe in self.probes:
            name = names.get(probe.way.dev)
            if name is None or not came_or_went:
                continue
            self._set_probe(probe, name)

    def _set_probe(self, probe: routes.ProbeRoute, name: str) -> None:
        failed = self._change(routes.probe_route(probe, probe.way._replace(dev=name)))
        if failed is None and probe.table not in self._ruled_probes:
            failed = self._add_rule(routes.probe_rule(probe))
            if failed is None:
                self._ruled_probes.add(probe.table)
        key = f"probe {probe.table}"
        if failed is None:
            self._trouble.pop(key, None)
        else:
            self._trouble[key] = f"{probe.peer.name} cannot be probed {probe.way.words}: {failed}"

    def _mend_probes(self, known: Mapping[bool, Sequence[Route]]) -> None:
        """Set routes and rules of probes again that somebody has removed, as networkd does."""
        families = {probe.peer.is_ipv6 for probe in self.probes}
        marks = {ipv6: read_marks(self._system, ipv6) for ipv6 in families}
        for probe in self.probes:
            ruled, name = marks[probe.peer.is_ipv6], self._names.get(probe.way.dev)
            is_there = ruled is None or (probe.mark, str(probe.table)) in ruled
            if not is_there:
                self._ruled_probes.discard(probe.table)
            routed = any(one.table == str(probe.table) for one in known[probe.peer.is_ipv6])
            if name is not None and not (is_there and routed):
                self._set_probe(probe, name)

    def wants(self, peer: Peer, way: Way, is_route: bool, now: float) -> bool:
        """Return whether a route is to be set so that the peer's traffic goes by a way."""
        held = self._held[peer.address]
        if self.left_to_others(peer) is not None or way.dev not in self._names:
            return False
        until = held.refused.get(way, (float("-inf"), ""))[0]
        if now < until <= now + RETRY_S:
            return False
        if held.way != way:
            return True
        return not is_route and not 0 <= now - held.taken_at < AGAIN_S

    def take(self, peer: Peer, way: Way, now: float) -> str | None:
        """Lead a peer's traffic by a way; return why that was refused, the old route stays then."""
        held = self._held[peer.address]
        name = self._names.get(way.dev)
        if name is None:
            return "its device is not there"
        before = self._go_before(held) if held.way == way else None
        failed = self._change(routes.route_command(held.own, way._replace(dev=name)))
        removed = held.way == way  # it is set again, since it is not in use
        if failed is None and held.own.metric is None and (removed or not held.ruled):
            failed = self._add_rule(routes.rule_command(held.own))
            held.ruled = failed is None
        if failed is not None:
            held.own = before or held.own
            held.refused[way] = now + RETRY_S, f"the kernel refused the route: {failed}"
            return held.refused[way][1]
        if before is not None:
            self._change(routes.drop_command(before))
        left, held.way = held.way, way
        if left is not None and left != way:
            self._let_go(peer, left)
        held.refused.pop(way, None)
        held.taken_at = now
        if way.via is None and held.own.source is None:  # other ways keep it for connections
            held.own = held.own._replace(source=_source(self._system, peer.address))
        return None

    def _go_before(self, held: _Held) -> routes.PeerRoutes | None:
        """Have the route go before one that was set later; return how it was set so far."""
        own, known = held.own, routes.read_all_routes(self._system, (held.own.peer,))
        if own.metric is None or own.peer.is_ipv6 not in known:
            return None
        metric = routes.metric_for(own.peer, known[own.peer.is_ipv6])
        if metric == own.metric or (metric is not None and metric > own.metric):
            return None
        held.own = own._replace(metric=metric)
        return own

    def _let_go(self, peer: Peer, way: Way) -> None:
        """Let connections send again by the new way what waits on the old one."""
        device = self._names.get(way.dev)
        if device is not None:
            self._change(routes.flush_command(peer, way.via or peer.address, device))

    def refusal(self, peer: Peer, way: Way) -> str | None:
        """Return why a way could not be taken."""
        refused = self._held[peer.address].refused.get(way)
        return refused[1] if refused else None

    def _add_rule(self, command: Command) -> str | None:
        """Add a rule; return why that failed, None also where it is there."""
        failed = self._change(command)
        return None if failed is not None and "File exists" in failed else failed

    def _change(self, command: Command) -> str | None:
        """Run a command; return what it complained about."""
        try:
            finished = self._run.run(command)
        except OSError as error:
            return error.strerror or str(error)
        return None if finished.status == 0 else last_words(finished)

    def notes(self) -> Iterator[str]:
        """Yield what people should know: others that route here, and what does not work."""
        yield from self._trouble.values()
        yield from self._obstacles
        yield from self._run.complaints


def _direct_source(system: System, peer: Peer) -> str | None:
    """Return the same where the route goes by one of the ways straight to the peer."""
    try:
        answer = Fields(system.ask(Question.ROUTE, peer.address))
    except OSError:
        return None
    way = answer.text("dev"), answer.text("via")
    return _source(system, peer.address) if way in [one[:2] for one in peer.ways] else None


def _source(system: System, address: str) -> str | None:
    """Return the address that this host has towards a peer now."""
    try:
        answer = Fields(system.ask(Question.ROUTE, address))
    except OSError:
        return None
    return answer.text("src") if not answer.flag("local") else None
