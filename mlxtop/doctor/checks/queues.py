"""Rings, queues, interrupts, moderation and offloads of a network device."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.doctor.check import ETHERNET, NETDEV, Outcomes, PortCase, check, ports
from mlxtop.doctor.checks.host import local_cores
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin
from mlxtop.model.number import format_cores
from mlxtop.model.tuning import Interrupt

_ETHTOOL = "man 8 ethtool"
_IRQ = "https://docs.kernel.org/core-api/irq/irq-affinity.html"
_SCALING = "https://docs.kernel.org/networking/scaling.html"
_OFFLOADS = "https://docs.kernel.org/networking/segmentation-offloads.html"
_NO_BUFFER = CATALOGUE[Origin.DRIVER, "rx_out_of_buffer"]
_MANY_PACKETS = 10_000_000_000
"""bit/s from which one core, or one interrupt for each packet, is not enough."""

_Features = tuple[str, ...]
_OFFLOADS_BY_FLAG: Mapping[str, tuple[tuple[_Features, ...], str]] = {
    "gro": ((("rx-gro",),), "every received packet goes up the network stack by itself"),
    "tso": (
        (("tx-tcp-segmentation",),),
        "the processor cuts the data into packets instead of the card",
    ),
    "rx": ((("rx-checksum",),), "the processor checks every packet instead of the card"),
    "tx": (
        (("tx-checksum-ip-generic",), ("tx-checksum-ipv4", "tx-checksum-ipv6")),
        "the processor adds up every packet instead of the card",
    ),
}
"""Flags to features, of which drivers offer one group or another, and what it costs without."""


@check(
    "rings",
    needs=NETDEV,
    explains="Rings hold the buffers for packets that the processor has not taken up yet.",
    normal="1024 is enough for most; larger where packets find no buffer",
)
def _rings(port: PortCase) -> Outcomes:
    lost, rings = port.frame.since_start(_NO_BUFFER), port.settings.rings
    if rings is None or rings.rx is None:
        yield port.unread("rings", "rings")
    elif lost and rings.rx_max is not None and rings.rx < rings.rx_max:
        yield port.warning(
            f"{lost} packets found no buffer in a ring of {rings.rx} of {rings.rx_max}"
            f" (ethtool -g {port.name})",
            "bursts are dropped before the kernel sees them",
            f"ethtool -G {port.name} rx {rings.rx_max}",
            _ETHTOOL,
        )


@check(
    "queues",
    needs=NETDEV,
    explains="Every queue (channel) is served by an interrupt of its own, so that several cores can"
    " receive at the same time.",
    normal="as many as the card's node has cores",
)
def _channels(port: PortCase) -> Outcomes:
    channels = port.settings.channels
    if channels is None or channels.combined is None:
        yield port.unread("queues", "channels")
        return
    most = channels.combined_max or 1
    if channels.combined == 1 and most > 1 and port.speed >= _MANY_PACKETS:
        local = local_cores(port.case.frame.function(port.now.port.id))
        yield port.warning(
            f"one queue of {most} (ethtool -l {port.name})",
            "a single core receives everything",
            f"ethtool -L {port.name} combined {min(most, len(local) or 8)}",
            _SCALING,
        )


@check(
    "interrupts",
    needs=ports(
        "no network device on PCI",
        lambda port: None not in (port.now.port.netdev, port.now.port.function),
    ),
    explains="The core that an interrupt goes to does the receiving. Cores of the other processor"
    " reach the card only over the link between the two.",
    normal="spread over cores of the card's own node; the rest on other nodes where there are more"
    " interrupts than such cores",
)
def _interrupts(port: PortCase) -> Outcomes:
    interrupts, host = port.settings.interrupts, port.case.host
    if not interrupts:
        reason = port.settings.absent.get("interrupts", "no queue's interrupt has a name we know")
        yield port.unknown("interrupts", reason)
        return
    stop = "systemctl stop irqbalance; " if "irqbalance" in (host.processes or ()) else ""
    cores = {core for interrupt in interrupts for core in interrupt.cpus}
    if len(interrupts) > 1 and len(cores) == 1 and (port.case.frame.sample.host.cpus or 1) > 1:
        yield port.warning(
            f"all {len(interrupts)} interrupts go to core {min(cores)}"
            " (/proc/irq/*/effective_affinity_list)",
            "this one core receives everything, whatever the number of queues",
            f"{stop}set_irq_affinity.sh {port.name} (mlnx-tools), or write cores to"
            " /proc/irq/N/smp_affinity_list",
            _IRQ,
        )
    yield from _far_interrupts(port, interrupts, stop)


def _far_interrupts(port: PortCase, interrupts: tuple[Interrupt, ...], stop: str) -> Outcomes:
    """Yield a finding where interrupts go to cores of another node than the card's."""
    functions = port.case.frame.functions(port.now.port.id)
    local = frozenset[int]().union(*map(local_cores, functions))
    nodes = ",".join(str(function.numa_node) for function in functions)
    away = [one for one in interrupts if one.cpus and local.isdisjoint(one.cpus)]
    if not local or not away:
        return
    there = format_cores(local)
    every = all(local.isdisjoint(one.cpus) for one in interrupts)
    if not every and len(interrupts) > len(local):
        return  # the driver has spread them over the other node, as its own is too small
    which = "interrupts" if every else f"{len(away)} of {len(interrupts)} interrupts"
    far = format_cores({core for one in away for core in one.cpus})
    yield (port.warning if every else port.note)(
        f"{which} on cores {far}, the card is at cores {there}"
        " (/proc/irq/*/effective_affinity_list, local_cpulist)",
        f"{'every packet crosses' if every else 'their packets cross'} the link between the"
        " processors",
        f"{stop}set_irq_affinity_cpulist.sh {there} {port.name} (mlnx-tools); keep the application"
        f" there too: numactl --cpunodebind={nodes}",
        _IRQ,
    )


@check(
    "interrupt moderation",
    needs=ports(
        "no Ethernet link of 10 Gb/s or more",
        lambda port: not port.is_infiniband and port.speed >= _MANY_PACKETS,
    ),
    explains="The card waits a little and raises one interrupt for several packets; adaptive"
    " moderation fits the wait to the traffic.",
    normal="adaptive on",
)
def _coalesce(port: PortCase) -> Outcomes:
    coalesce = port.settings.coalesce
    if port.now.port.netdev is None:
        return
    if coalesce is None or coalesce.adaptive_rx is None:
        yield port.unread("interrupt moderation", "coalesce")
    elif not coalesce.adaptive_rx:
        yield port.note(
            f"adaptive moderation is off for receiving (ethtool -c {port.name})",
            "a fixed delay is too long for answers or too short for bulk data",
            f"ethtool -C {port.name} adaptive-rx on",
            _ETHTOOL,
        )


@check(
    "offloads",
    needs=ETHERNET,  # IPoIB offers less
    explains="Offloads let the card add up checksums, cut large sends into packets (TSO) and let"
    " the kernel join received ones (GRO), so that the processor handles fewer of them.",
    normal="all on that the driver offers; `off [fixed]` is none of them. Of the checksums drivers"
    " offer the generic one (mlx5), or those for IPv4 and IPv6 (mlx4)",
)
def _offloads(port: PortCase) -> Outcomes:
    features = port.settings.features
    if port.now.port.netdev is None:
        return
    if not features:
        yield port.unread("offloads", "features")
        return
    for flag, (groups, why) in _OFFLOADS_BY_FLAG.items():
        offered = [kept for group in groups if (kept := [f for f in group if f in features])]
        if offered and not any(all(features[f] for f in group) for group in offered):
            chosen = next(
                (group for group in offered if any(features[f] for f in group)), offered[0]
            )
            off = " and ".join(f for f in chosen if not features[f])
            yield port.warning(
                f"{off} {'are' if ' and ' in off else 'is'} off (ethtool -k {port.name})",
                why,
                f"ethtool -K {port.name} {flag} on",
                _OFFLOADS,
            )
