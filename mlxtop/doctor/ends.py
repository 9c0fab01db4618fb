"""Checks of the two ends of a link together, and of cards of one kind in several machines.

Those of settings that both ends must share are in `ends_alike`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from mlxtop.analysis.limits import gbps
from mlxtop.doctor.check import STATUS, CouldNotTell, Outcomes, Report, Subject, check
from mlxtop.doctor.checks import run
from mlxtop.doctor.ends_alike import LOSSLESS, SETTINGS, quoted, when_matched
from mlxtop.doctor.rack import LINK, RACK, LinkCase, RackCase, rack_case
from mlxtop.ends.compare import Side, narrow_end
from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends
from mlxtop.watch.heat_limits import limits_of

_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_PAUSE = "IEEE 802.3, annex 31B; man 8 ethtool"
HOTTER_C = 10.0
"""°C by which one end is warmer than the other where one end alone has a problem."""
LEAST_PAUSES = 100
"""Pause frames of which at least one would have been counted by whoever receives them."""


def inspect_ends(ends: Ends) -> Report:
    """Return what all checks across machines say."""
    case = rack_case(ends)
    return run(END_CHECKS, case, bool(case.links))


def with_links(report: Report, ends: Ends, host: str) -> Report:
    """Return the report on a machine together with what is found on its links."""
    case = rack_case(ends)
    links = tuple(link for link in case.links if host in (side.host for side in link.both))
    if not links:
        return report
    told = run(END_CHECKS, RackCase(case.machines, links), judged=True)
    findings = sorted((*report.findings, *told.findings), key=lambda one: -STATUS[one.severity])
    return report._replace(
        findings=tuple(findings),
        could_not_tell=(*report.could_not_tell, *told.could_not_tell),
        fine=(*report.fine, *told.fine),
    )


@check(
    "PCIe at both ends",
    needs=LINK,
    explains="A link is as fast as the slower end can take its data from memory or put it there.",
    normal="both ends carry the speed of the link, or equally little",
)
@when_matched
def _pcie(link: LinkCase) -> Outcomes:
    narrow = narrow_end(link.both) if link.is_up else None
    if narrow is None:
        return
    side, carried = narrow
    other = next(one for one in link.both if one is not side).view.capacity
    yield link.note(
        f"PCIe of {side.name} carries {gbps(carried.bps)} Gb/s, the other end"
        f" {gbps(other.bps if other else 0)} (/sys/bus/pci/devices)",
        f"{side.host} holds up this link in both directions; the other end cannot tell why",
        f"on {side.host}: mlxtop doctor {quoted(side)} says where the path is narrow",
        "man 8 lspci, LnkSta",
    )


@check(
    "heat at both ends",
    needs=LINK,
    explains="Both ends of a link work equally hard. One that is much hotter has less air, or a"
    " fault.",
    normal="both below their warnings, or alike",
)
@when_matched
def _heat(link: LinkCase) -> Outcomes:
    for side, other in (link.both, link.both[::-1]):
        for sensor in side.now.temperatures:
            same = other.now.sensor(sensor.name)
            if sensor.celsius is None or sensor.stale or same is None or same.stale:
                continue
            limits = limits_of(sensor, side.now, side.frame.adapter(side.port))
            if same.celsius is None or sensor.celsius < limits.warning:
                continue
            if sensor.celsius - same.celsius >= HOTTER_C:
                yield link.note(
                    f"{sensor.title} of {side.name} at {sensor.celsius:.0f} °C, that of"
                    f" {other.name} at {same.celsius:.0f} °C (limit {limits.warning:.0f} °C,"
                    f" {limits.source})",
                    "both ends carry the same traffic: the difference comes from the air, or from"
                    " another kind of module or card",
                    f"improve the airflow in {side.host}; compare fans and neighbouring slots with"
                    f" {other.host}",
                    "https://docs.kernel.org/hwmon/sysfs-interface.html",
                )


def _ways(link: LinkCase, spans: tuple[Span, Span]) -> Iterator[tuple[Side, Side, Span]]:
    a, b = link.both
    yield a, b, spans[0]
    yield b, a, spans[1]


@check(
    "packets lost between the ends",
    needs=LINK,
    explains="What one end has sent the other has received, or it was lost on the way: as a packet"
    " with errors, or in whatever is between the ends.",
    normal="none; what may still be under way when the counters are read is not counted as lost",
)
@when_matched
def _loss(link: LinkCase) -> Outcomes:
    for sender, receiver, span in _ways(link, link.passed.packets):
        if span.absent:
            way = f"{sender.name} → {receiver.name}"
            yield CouldNotTell(way, "packets lost", span.absent)
            continue
        if span.is_loss:
            share = 100 * span.least_lost / max(1, span.sent)
            yield (link.warning if link.link.is_direct else link.note)(
                f"{span.least_lost} of {span.sent} packets from {sender.name} to"
                f" {receiver.name} did not arrive in {span.seconds:.0f} s, {share:.2g} % at the"
                " least (counters of both ports, over the same seconds)",
                "they are lost between the ports: by bit errors, or by a device between them"
                f"{link.between}",
                f"mlxtop doctor on {receiver.host} tells errors of the line; clean and reseat both"
                " ends, then swap the cable or module",
                _COUNTERS,
            )


@check(
    "pause frames answered",
    needs=LINK,
    explains="A port that sends pause frames asks the other end to wait. Where the other end does"
    " not take them, packets are lost here instead.",
    normal="pause frames that one end sends arrive at the other",
)
@when_matched
def _pauses(link: LinkCase) -> Outcomes:
    for sender, receiver, span in _ways(link, link.passed.pauses):
        ignored = span.sent >= LEAST_PAUSES and span.least_lost == span.sent
        if not span.absent and ignored and link.link.is_direct:
            yield link.warning(
                f"{sender.name} sent {span.sent} pause frames in {span.seconds:.0f} s, and"
                f" {receiver.name} has counted none (tx_pause_*, rx_pause_* of both)",
                f"{receiver.host} goes on sending, and {sender.host} drops what it has no room for",
                f"on {receiver.host}: ethtool -A {quoted(receiver)} rx on; with PFC the same"
                " priorities at both ends",
                _PAUSE,
            )


@check(
    "firmware of cards of one kind",
    needs=RACK,
    explains="Cards with the same PSID take the same firmware. Different versions behave"
    " differently, which costs time when one machine has a problem that others have not.",
    normal="one version for each PSID",
)
def _firmware(case: RackCase) -> Outcomes:
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for machine in case.machines:
        for card in machine.frame.sample.adapters:
            if card.psid and card.firmware:
                versions[card.psid][card.firmware].append(machine.host)
    for psid, hosts in versions.items():
        if len(hosts) > 1:
            told = "; ".join(f"{text} in {_named(names)}" for text, names in sorted(hosts.items()))
            yield Subject(f"PSID {psid}").note(
                f"different firmware: {told} (devlink dev info)",
                "what one card does another of the same kind may not do",
                "bring all of them to the newest: mstflint -d PCI -i FILE burn, or mlxup",
                "https://network.nvidia.com/support/firmware/firmware-downloads/",
            )


def _named(hosts: Sequence[str]) -> str:
    names = list(dict.fromkeys(hosts))
    return ", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


END_CHECKS = (*SETTINGS, _pcie, _heat, _loss, _pauses, LOSSLESS, _firmware)
"""In the order of the report."""
