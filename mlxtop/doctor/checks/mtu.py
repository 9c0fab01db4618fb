"""Packet size: here, and on the way to a peer."""

from __future__ import annotations

from mlxtop.analysis.limits import gbps
from mlxtop.doctor.check import ALWAYS, FAST_ETHERNET, Case, Outcomes, PortCase, Subject, check
from mlxtop.doctor.checks.link import when_up
from mlxtop.model.linkrate import Protocol, ethernet_goodput

_TUNING = "https://fasterdata.es.net/host-tuning/linux/100g-tuning/"
_JUMBO = 9000


@check(
    "MTU",
    needs=FAST_ETHERNET,
    explains="The MTU is the largest packet of a link. Larger packets spend less of the line on"
    " headers and less of the processor on each byte.",
    normal="9000 on fast Ethernet inside a data centre; the same on all hosts of a network",
)
@when_up
def _mtu(port: PortCase) -> Outcomes:
    name, mtu = port.name, port.link.mtu
    if mtu is None:
        yield port.unknown("MTU", "no network device")
    elif mtu < _JUMBO:
        goodputs = [ethernet_goodput(Protocol.TCP, size) or 0.0 for size in (mtu, _JUMBO)]
        now, then = (gbps(port.speed * share) for share in goodputs)
        yield port.note(
            f"MTU {mtu} (/sys/class/net/{name}/mtu)",
            f"TCP can use {now} Gb/s, {then} with MTU {_JUMBO}, and each core has"
            f" {_JUMBO // max(mtu, 1)} times the packets to handle",
            f"ip link set {name} mtu {_JUMBO}, at the peer and in the switch too; then"
            f" mlxtop doctor --probe PEER {name}",
            _TUNING,
        )


@check(
    "MTU to the peer",
    needs=ALWAYS,
    explains="Packets that may not be divided tell whether everything on the way takes the full"
    " MTU.",
    normal="answers of full size",
)
def _probes(case: Case) -> Outcomes:
    if not case.probes:
        yield case.unknown("MTU to the peer", "asked for by mlxtop doctor --probe HOST")
    for probe in case.probes:
        subject = Subject(probe.netdev)
        if probe.passed is None:
            yield subject.unknown(f"MTU to {probe.host}", probe.detail or "no answer")
        elif not probe.passed:
            yield subject.warning(
                f"{probe.host} answers small packets, but none of MTU {probe.mtu}"
                f" (ping -M do){f': {probe.detail}' if probe.detail else ''}",
                "connections hang or crawl as soon as they send full packets",
                f"set the same MTU on {probe.netdev}, on {probe.host} and in every switch between",
                "man 8 ping",
            )
