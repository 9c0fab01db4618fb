"""Everything that Prometheus is told of a machine: its cards, what happens, and how it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from mlxtop import __version__
from mlxtop.analysis.fields import CARD_FIELDS, HOST_FIELDS, PORT_FIELDS, CardView, Field
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.model.counters import Severity
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.path import WayState
from mlxtop.model.sample import PortSample, Slow, SourceKind
from mlxtop.outputs.metric_families import Families, Labels, labels_of
from mlxtop.outputs.port_metrics import add_port, metric_of
from mlxtop.watch.watch import Watch

HOST = Labels()


class FindingCount(NamedTuple):
    """A finding of the doctor: its check, and the port or the PCI address that it is about."""

    check: str
    severity: Severity
    about: PortId | str | None = None


class Machine(NamedTuple):
    """A machine as it is now; `watch` is one that has taken `frame` in."""

    frame: Frame
    watch: Watch
    findings: tuple[FindingCount, ...] = ()
    examined: float | None = None
    """Monotonic second of the frame in which they were found; None: the doctor gave none."""
    now: float | None = None
    """Monotonic second of the machine; None: that of the frame."""
    host: str = ""
    """Label of its samples where there are several machines."""
    kind: SourceKind = SourceKind.LIVE
    with_vfs: bool = False
    """Virtual functions each by themselves."""

    def tells_of(self, kind: PortKind) -> bool:
        """Return whether ports of a kind have samples: virtual functions only if asked for."""
        return kind is not PortKind.VF or self.with_vfs


def families_of(machines: Iterable[Machine]) -> Families:
    """Return all metrics of some machines."""
    several = list(machines)
    into = Families(with_host=any(one.host for one in several))
    for one in several:
        into.host = one.host
        _add(into, one)
    return into


def _add(into: Families, machine: Machine) -> None:
    frame = machine.frame
    now = frame.sample.tick if machine.now is None else machine.now
    text = "The program that tells this, and whether of a live machine or of another kind"
    into.add("build_info", 1, text, HOST, version=__version__, kind=machine.kind)
    _fields(into, HOST_FIELDS, frame.sample.host, HOST, {})
    for card in frame.sample.adapters:
        _card(into, CardView(frame, card))
    _rdma(into, frame)
    _host_sources(into, frame, now)
    _source(into, HOST, "doctor", machine.examined is not None, _age(machine.examined, now))
    at: dict[PortId, Labels] = {}
    for port in frame.ports:
        view = port_view(frame, port)
        if not machine.tells_of(view.now.now.port.kind):
            continue
        at[port] = labels = labels_of(view)
        _info(into, view, labels)
        add_port(into, view, machine.watch, labels)
        _port_sources(into, view.now.now, now, labels)
    names = {labels.netdev: labels for labels in at.values() if labels.netdev}
    _incidents(into, machine, at, names)
    _ways(into, frame, names)


# Identity


def _fields(
    into: Families,
    fields: tuple[Field[Any], ...],
    subject: object,
    at: Labels,
    info: dict[str, str],
) -> None:
    """Add the numbers of a table of fields as metrics, and its texts as labels of one `_info`.

    Those of ports are in `port_metrics`, as they have units.
    """
    of = _OF[fields]
    for field in fields:
        name = metric_of(field, of)
        value = field.get(subject)
        if name is not None and isinstance(value, int | float) and fields is not PORT_FIELDS:
            into.add(name, value, field.help[:1].upper() + field.help[1:], at)
        elif field.metric == "" and not field.unit and not field.private:
            info[field.name] = ",".join(value) if isinstance(value, list) else str(value or "")
    into.add(f"{of}_info", 1, f"Identity of a {_NAMES[of]}, as labels", at, **info)


_OF: dict[tuple[Field[Any], ...], str]
_OF = {HOST_FIELDS: "host", CARD_FIELDS: "adapter", PORT_FIELDS: "port"}
_NAMES = {"host": "machine", "adapter": "card", "port": "port"}


def _card(into: Families, view: CardView) -> None:
    at = Labels(pci=view.card.place)
    _fields(into, CARD_FIELDS, view, at, {"adapter": view.card.place})
    for slot, first in view.card.slots.items():
        status = view.frame.sample.pcie.get(slot)
        for error, count in (status.aer if status else {}).items():
            if error.is_total:
                continue  # by name they are here too
            text = "PCIe errors (AER) of a slot, by the device that counts them"
            more = {"name": error.name, "reporter": error.device}
            into.add("pcie_aer_errors_total", count, text, Labels(pci=first.address), **more)


def _rdma(into: Families, frame: Frame) -> None:
    """Add what is held of RDMA devices; processes have no metrics: they come and go."""
    objects, limits = frame.sample.rdma_objects.value, frame.sample.rdma_limits
    for device, held in objects.held.items() if objects else ():
        at = Labels(device=device)
        most = (limits.get(device) or Slow()).value or {}
        for kind, count in held.items():
            text = "Objects of an RDMA device, whoever holds them, by kind"
            into.add("rdma_objects", count, text, at, kind=kind)
            text = "Objects of a kind that an RDMA device can have at most"
            into.add("rdma_objects_limit", most.get(kind), text, at, kind=kind)
        holders = objects.of(device) if objects else ()
        pairs = Counter[tuple[str, str]]()
        for one in (pairs_of for holder in holders for pairs_of in holder.qps):
            pairs[one.type, one.state] += one.number
        for (kind, state), count in pairs.items():
            text = "Queue pairs of an RDMA device by type and state"
            into.add("rdma_queue_pairs", count, text, at, type=kind, state=state)
        text = "Bytes of the memory regions of an RDMA device"
        into.add("rdma_registered_bytes", sum(one.mr_bytes for one in holders), text, at)
        users = sum(1 for one in holders if one.uses_device)
        text = "Processes and kernel modules with queue pairs of an RDMA device"
        into.add("rdma_users", users, text, at)


def _info(into: Families, view: PortView, at: Labels) -> None:
    card, module = view.adapter, view.now.now.module
    who = module.identity if module else None
    more = {
        "adapter": card.place if card else "",
        "family": card.family if card else "",
        "module_vendor": (who and who.vendor) or "",
        "module_part": (who and who.part) or "",
        "module_serial": (who and who.serial) or "",
    }
    _fields(into, PORT_FIELDS, view, at, more)
    for one in (view.neighbours.value or ())[:1]:  # a port with several has no one link
        text = "Who says by LLDP to be at the other end of a port, the first of several"
        who_there = {"neighbour": one.title, "neighbour_port": one.where}
        into.add("port_neighbour_info", 1, text, at, chassis=one.chassis or "", **who_there)


# What happens


def _incidents(
    into: Families, machine: Machine, ports: dict[PortId, Labels], names: dict[str, Labels]
) -> None:
    """Add findings, alarms and incidents: how many of each there are."""
    findings = Counter(machine.findings)
    text = "Findings of mlxtop doctor, how many of a check there are just now"
    for (check, severity, about), count in findings.items():
        at = ports.get(about, HOST) if isinstance(about, PortId) else Labels(pci=about or "")
        into.add("finding", count, text, at, check=check, severity=severity)
    alarms = Counter(
        (alarm.port.id, alarm.kind, alarm.severity)
        for alarm in machine.watch.alarms.all()
        if alarm.until is None
    )
    text = "Alarms that go on, as the screen shows them"
    for (port, alarm_kind, severity), count in alarms.items():
        at = ports.get(port, HOST)
        into.add("alarm", count, text, at, kind=alarm_kind, severity=severity)
    sums: Counter[tuple[Labels, str, str]] = Counter()
    for one, count in machine.watch.events.counts.items():
        at = names.get(one.ifname or "", Labels(netdev=one.ifname or "", pci=one.device or ""))
        sums[at, one.kind, one.severity] += count
    text = "What has happened, by kind, since the start and in the kernel log"
    for (at, kind, weight), count in sums.items():
        into.add("incidents_total", count, text, at, kind=kind, severity=weight)


def _ways(into: Families, frame: Frame, names: dict[str, Labels]) -> None:
    """Add the ways to peers; nothing of one that has not been probed for long enough."""
    for peer in frame.sample.paths.peers:
        text = "Whether any way leads to a peer of [[path.peers]]"
        if any(one.state is not WayState.UNKNOWN for one in peer.ways):
            into.add("path_peer_up", not peer.dead, text, HOST, peer=peer.name)
        for one in peer.ways:
            if one.state is WayState.UNKNOWN:
                continue
            at = names.get(one.way.dev, Labels(netdev=one.way.dev))
            way = {"peer": peer.name, "via": one.way.via or ""}
            text = "Whether a way to a peer is up; 0 also while it has to prove itself"
            into.add("path_up", one.state is WayState.UP, text, at, **way)
            text = "Whether the kernel's route to a peer goes by a way"
            into.add("path_used", one.used, text, at, **way)
            text = "Mean round trip of the probes of a way in the last seconds"
            into.add("path_round_trip_seconds", one.rtt_s, text, at, **way)
            text = "Share of the probes of a way that were lost in the last seconds"
            into.add("path_loss_ratio", one.loss, text, at, **way)
            text = "How often a way was lost since the start"
            into.add("path_flaps_total", one.flaps, text, at, **way)


# How it is read


def _source(into: Families, at: Labels, source: str, up: bool, age: float | None) -> None:
    text = "Whether the last reading of a source gave something"
    into.add("source_up", up, text, at, source=source)
    text = "Seconds since a source was last read well"
    into.add("source_age_seconds", age, text, at, source=source)


def _age(read: float | None, now: float) -> float | None:
    return None if read is None else max(0.0, now - read)


def _slow(into: Families, source: str, fact: Slow[Any], now: float, at: Labels) -> None:
    if not fact.pending and fact.absent != _UNWANTED:
        _source(into, at, source, fact.absent is None, _age(fact.tick, now))


_UNWANTED = Slow(absent="not read").absent


def _host_sources(into: Families, frame: Frame, now: float) -> None:
    sample = frame.sample
    _source(into, HOST, "sample", True, _age(sample.tick, now))
    _source(into, HOST, "kernel_log", "kernel_log" not in sample.absent, None)
    _slow(into, "host_settings", sample.host_settings, now, HOST)
    _slow(into, "streams", sample.streams, now, HOST)
    _slow(into, "rdma_objects", sample.rdma_objects, now, HOST)
    for card in sample.adapters:
        if card.key in sample.stored:
            _slow(into, "stored", sample.stored[card.key], now, Labels(pci=card.place))


_TOOLS: dict[str, Callable[[PortSample], float | None]] = {
    "module": lambda port: port.module.tick if port.module else None,
    "report": lambda port: port.report.tick if port.report else None,
    "pcie_report": lambda port: port.pcie_report.tick if port.pcie_report else None,
}
"""What of a port is read by its firmware, and when it was."""


def _port_sources(into: Families, port: PortSample, now: float, at: Labels) -> None:
    for source, up, read in _read(port):
        _source(into, at, source, up, _age(read, now))
    _slow(into, "settings", port.settings, now, at)


def _read(port: PortSample) -> Iterator[tuple[str, bool, float | None]]:
    """Yield every source of a port, whether it gave something, and when."""
    for origin, reading in port.readings.items():
        yield origin, True, reading.tick
    for sensor in port.temperatures:
        good = sensor.celsius is not None
        yield f"{sensor.name}_sensor", good and not sensor.stale, sensor.tick if good else None
    for name, tick in _TOOLS.items():
        read = tick(port)
        if read is not None or name in port.absent:
            yield name, read is not None, read
