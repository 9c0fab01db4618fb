"""What `doctor` and the screen's findings are made of: a machine read once, thoroughly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from mlxtop.change.privilege import Access, access
from mlxtop.doctor.check import Case, Pending, Probe, Report, examine
from mlxtop.doctor.checks import CHECKS
from mlxtop.link_type.card import Card, Refused, claimed, read_values
from mlxtop.link_type.survey import survey
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.sample import PcieStatus
from mlxtop.model.tuning import Tuning
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sampler.settings import read_tuning
from mlxtop.sampler.slow import SlowReader
from mlxtop.sampler.workers import Workers
from mlxtop.sources.kernel.pci import read_pcie
from mlxtop.sources.kernel.tcp import by_port, read_moved, streams
from mlxtop.sources.tools.mstconfig import TOOLS
from mlxtop.sources.tools.ping import full_size, ping, route_device, small_ping, valid_host
from mlxtop.system.answers import reason
from mlxtop.system.door import System

TOOL_SECONDS = 60.0
"""Time that mstconfig gets for a card: several questions, and its turn after other tools."""


class Examiner:
    """Reads what is beside the frames: settings, streams, and the state of this moment."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._moved = read_moved(system)
        self._values: dict[str, dict[str, str]] = {}
        """What cards store, asked for once: it hardly changes, and asking costs the card time."""

    def tuning(self, frame: Frame) -> Tuning:
        """Settings of the host and of a frame's ports, and the streams since the last call."""
        ports = [port.now.port for port in frame.ports.values()]
        settings = read_tuning(self._system, ports, frame.sample.adapters)
        return replace(settings, streams=self.streams(frame))

    def streams(self, frame: Frame) -> Mapping[PortId, int]:
        """The streams of every port since the last call."""
        now = read_moved(self._system)
        peers = streams(self._moved, now)
        self._moved = now
        return by_port(self._system, [port.now.port for port in frame.ports.values()], peers)

    def report(
        self,
        frame: Frame,
        ports: Iterable[PortId],
        tuning: Tuning,
        incidents: Iterable[Incident],
        *,
        before: Frame | None = None,
        probes: tuple[Probe, ...] = (),
    ) -> Report:
        """All checks on ports of a frame; `before` is an earlier frame of the same watch."""
        now = reread_pcie(self._system, frame)
        chosen = tuple(ports)
        unread = frame.sample.absent.get("kernel_log")
        stored = self._stored(frame, chosen)
        case = Case(
            frame=now,
            tuning=tuning,
            ports=chosen,
            pcie_before=(before or frame).sample.pcie,
            incidents=tuple(incidents),
            probes=probes,
            pending=stored.pending,
            stored=stored.values,
            unanswered=stored.unanswered,
            absent={"kernel log": unread} if unread else {},
        )
        return examine(case, CHECKS)

    def _stored(self, frame: Frame, ports: tuple[PortId, ...]) -> _Stored:
        """What cards keep for their next start, and why one did not tell; tools run as root only.

        sudo is left alone: it would tell the administrator of every report.
        """
        chosen = set(ports)
        driven = (adapter for adapter in frame.sample.adapters if adapter.driver)
        keys = {adapter.key for adapter in driven if not chosen.isdisjoint(adapter.ports)}
        if access(self._system) is not Access.ROOT:
            return _Stored(unanswered=dict.fromkeys(keys, "needs root"))
        answers, late = self._survey(keys)
        cards = [card for card, _ in answers]
        pending = {
            port.id: Pending(port.current or port.now or port.next_boot, port.next_boot)
            for card in cards
            for port in card.ports
            if port.pending and port.next_boot is not None
        }
        unanswered = {c.adapter.key: c.unanswered for c in cards if c.unanswered is not None}
        self._values |= {card.adapter.key: found for card, found in answers if found}
        values = {card.adapter.key: found for card, found in answers}
        return _Stored(pending, values, {**late, **unanswered})

    def _survey(self, keys: Iterable[str]) -> tuple[list[_Answer], dict[str, str]]:
        """What tools say of cards, all cards at the same time; those that do not answer."""
        workers = Workers("link types", self._system.clock)
        readers = {
            key: SlowReader(
                f"{key} link type",
                partial(_ask_tools, self._system, inventory, self._values.get(key)),
                TOOL_SECONDS,
                TOOL_SECONDS,
                workers,
            )
            for key, inventory in _by_card(discover(self._system)).items()
            if key in keys
        }
        for reader in readers.values():
            reader.poll(self._system.now())
        until = self._system.clock.now() + TOOL_SECONDS
        answers: list[_Answer] = []
        late = {}
        for key, reader in readers.items():
            left = until - self._system.clock.now()
            if reader.settle(left) and reader.value is not None:
                answers += reader.value
            else:
                late[key] = reader.error or f"no answer within {TOOL_SECONDS:g} s"
            reader.close()
        workers.close()
        return answers, late


_Answer = tuple[Card, dict[str, str]]
"""A card, and the values of its stored configuration that bear on speed."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What cards keep for their next start."""

    pending: Mapping[PortId, Pending] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)


def _by_card(inventory: Inventory) -> dict[str, Inventory]:
    """Return what belongs to each card, by `Adapter.key`: each is asked for its own only."""
    ports: dict[str | None, list[Port]] = {}
    for port in inventory.ports:
        ports.setdefault(port.adapter, []).append(port)
    return {
        card.key: inventory._replace(adapters=(card,), ports=tuple(ports.get(card.key, ())))
        for card in inventory.adapters
    }


def _ask_tools(system: System, inventory: Inventory, known: dict[str, str] | None) -> list[_Answer]:
    """Link types and speed settings of a card; settings that are not told are left out."""
    answers = []
    for card in survey(system, inventory, Access.ROOT):
        values = known or {}
        tool = card.tool or next((tool for tool in TOOLS if system.which(tool)), None)
        if not values and card.unanswered is None and tool is not None and not card.mlx4:
            with suppress(OSError, Refused), claimed(system, card, Access.ROOT) as root:
                values = read_values(root, tool, card.device)
        answers.append((card, values))
    return answers


def reread_pcie(system: System, frame: Frame) -> Frame:
    """The frame with the PCIe state of this moment, so that error counts can be compared."""
    now: dict[str, PcieStatus] = dict(frame.sample.pcie)
    for adapter in frame.sample.adapters:
        for slot, first in adapter.slots.items():
            if slot in now:
                now[slot] = read_pcie(system, first.path)
    return frame._replace(sample=frame.sample._replace(pcie=now))


def probe(system: System, frame: Frame, host: str, ports: tuple[PortId, ...]) -> Iterator[Probe]:
    """Pings of the full MTU to a host, over the given ports or the one the route takes."""
    if not valid_host(host):
        yield Probe(host, "route", 0, None, "not a host name or address")
        return
    named = [frame.ports[port].now for port in ports]
    choices: list[tuple[str | None, int | None]] = [
        (now.port.netdev, now.link.mtu) for now in named if now.port.netdev
    ]
    for netdev, mtu in choices or [(None, None)]:
        try:
            yield _probe(system, frame, host, netdev, mtu)
        except OSError as error:
            yield Probe(host, netdev or "route", mtu or 0, None, reason(error, system.captured))


def _probe(system: System, frame: Frame, host: str, netdev: str | None, mtu: int | None) -> Probe:
    small = small_ping(system, host, netdev)
    device = netdev or (route_device(system, small.address) if small.address else None)
    if mtu is None:
        mtu = next(
            (
                port.now.link.mtu
                for port in frame.ports.values()
                if device is not None and device in (port.now.port.netdev, port.now.port.bond)
            ),
            None,
        )
    label = device or "route"
    if small.received == 0 or small.address is None:
        return Probe(host, label, mtu or 0, None, small.error or "no answer to small packets")
    if mtu is None:
        return Probe(
            host, label, 0, None, f"the route leaves by {label}, which is none of the ports"
        )
    full = ping(system, host, full_size(mtu, small.address), netdev, whole=True)
    detail = f"something on the way takes {full.mtu} bytes at most" if full.mtu else ""
    return Probe(host, label, mtu, full.received > 0, detail)
