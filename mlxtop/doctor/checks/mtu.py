"""Packet size: here, and on the way to a peer."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.analysis.limits import gbps
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.link import not_up
from mlxtop.doctor.checks.needs import FAST, needs_fast_ethernet
from mlxtop.model.counters import Severity
from mlxtop.model.linkrate import Protocol, ethernet_goodput
from mlxtop.model.sample import LinkLayer

_TUNING = "https://fasterdata.es.net/host-tuning/linux/100g-tuning/"
_PING = "man 8 ping"
JUMBO = 9000


@needs_fast_ethernet
def check_mtu(case: Case) -> Iterator[Outcome]:
    """Fast Ethernet links use large frames."""
    for name, frame, _ in case.each():
        link = frame.now.link
        if link.layer is LinkLayer.INFINIBAND:
            continue
        if down := not_up(name, frame):
            yield down
            continue
        if not link.speed or link.speed < FAST:
            continue
        if link.mtu is None:
            yield CouldNotTell(f"{name}: MTU", "no network device")
        elif link.mtu < JUMBO:
            now, then = (
                gbps(link.speed * (ethernet_goodput(Protocol.TCP, mtu) or 0.0))
                for mtu in (link.mtu, JUMBO)
            )
            yield Finding(
                Severity.NOTE,
                name,
                f"MTU {link.mtu} (/sys/class/net/{name}/mtu)",
                f"TCP can use {now} Gb/s, {then} with MTU {JUMBO}, and each core has"
                f" {JUMBO // link.mtu} times the packets to handle",
                f"ip link set {name} mtu {JUMBO}, at the peer and in the switch too; then"
                f" mlxtop doctor --probe PEER {name}",
                _TUNING,
            )


def check_probes(case: Case) -> Iterator[Outcome]:
    """Packets of the full MTU reach the peer undivided."""
    if not case.probes:
        yield CouldNotTell("MTU to the peer", "asked for by mlxtop doctor --probe HOST")
    for probe in case.probes:
        if probe.passed is None:
            yield CouldNotTell(f"{probe.netdev}: MTU to {probe.host}", probe.detail or "no answer")
        elif not probe.passed:
            yield Finding(
                Severity.WARNING,
                probe.netdev,
                f"{probe.host} answers small packets, but none of MTU {probe.mtu}"
                f" (ping -M do){f': {probe.detail}' if probe.detail else ''}",
                "connections hang or crawl as soon as they send full packets",
                f"set the same MTU on {probe.netdev}, on {probe.host} and in every switch between",
                _PING,
            )
