"""Rings, queues, interrupts, moderation and offloads of a network device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import is_infiniband, needs, needs_ethernet, needs_netdev
from mlxtop.doctor.checks.place import local_cores
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.cores import format_cores
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import Function
from mlxtop.model.sample import LinkLayer
from mlxtop.model.tuning import Interrupt, PortTuning

_ETHTOOL = "man 8 ethtool"
_IRQ = "https://docs.kernel.org/core-api/irq/irq-affinity.html"
_SCALING = "https://docs.kernel.org/networking/scaling.html"
_OFFLOADS = "https://docs.kernel.org/networking/segmentation-offloads.html"
_FAST = 10_000_000_000

_FEATURES: Mapping[str, tuple[str, str]] = {
    "rx-gro": ("gro", "every received packet goes up the network stack by itself"),
    "tx-tcp-segmentation": ("tso", "the processor cuts the data into packets instead of the card"),
    "rx-checksum": ("rx", "the processor checks every packet instead of the card"),
    "tx-checksum-ip-generic": ("tx", "the processor adds up every packet instead of the card"),
}


def _fast(frame: PortFrame) -> bool:
    return (frame.now.link.speed or 0) >= _FAST


def _unread(name: str, what: str, key: str, settings: PortTuning) -> CouldNotTell:
    return CouldNotTell(f"{name}: {what}", settings.absent.get(key, "the driver does not tell it"))


@needs_netdev
def check_rings(case: Case) -> Iterator[Outcome]:
    """Small rings matter only where packets found no buffer."""
    counter = CATALOGUE[Origin.DRIVER, "rx_out_of_buffer"]
    for name, frame, settings in case.each():
        lost, rings = frame.since_start(counter), settings.rings
        if frame.now.port.netdev is None:
            continue
        if rings is None or rings.rx is None:
            yield _unread(name, "rings", "rings", settings)
        elif lost and rings.rx_max is not None and rings.rx < rings.rx_max:
            yield Finding(
                Severity.WARNING,
                name,
                f"{lost} packets found no buffer in a ring of {rings.rx} of {rings.rx_max}"
                f" (ethtool -g {name})",
                "bursts are dropped before the kernel sees them",
                f"ethtool -G {name} rx {rings.rx_max}",
                _ETHTOOL,
            )


@needs_netdev
def check_channels(case: Case) -> Iterator[Outcome]:
    """A fast port has more than one queue."""
    for name, frame, settings in case.each():
        channels = settings.channels
        if frame.now.port.netdev is None:
            continue
        if channels is None or channels.combined is None:
            yield _unread(name, "queues", "channels", settings)
        elif channels.combined == 1 and (channels.combined_max or 1) > 1 and _fast(frame):
            local = local_cores(case.frame.function(frame.now.port.id))
            most = min(channels.combined_max or 1, len(local) or 8)
            yield Finding(
                Severity.WARNING,
                name,
                f"one queue of {channels.combined_max} (ethtool -l {name})",
                "a single core receives everything",
                f"ethtool -L {name} combined {most}",
                _SCALING,
            )


@needs(
    "no network device on PCI",
    lambda frame: frame.now.port.netdev is not None and frame.now.port.function is not None,
)
def check_interrupts(case: Case) -> Iterator[Outcome]:
    """Interrupts are spread over cores of the card's own node."""
    for name, frame, settings in case.each():
        interrupts = settings.interrupts
        if frame.now.port.function is None or frame.now.port.netdev is None:
            continue
        if not interrupts:
            reason = settings.absent.get("interrupts", "no queue's interrupt has a name we know")
            yield CouldNotTell(f"{name}: interrupts", reason)
            continue
        yield from _placement(case, name, interrupts, case.frame.function(frame.now.port.id))


def _placement(
    case: Case, name: str, interrupts: tuple[Interrupt, ...], function: Function | None
) -> Iterator[Finding]:
    cores = {core for interrupt in interrupts for core in interrupt.cpus}
    local = local_cores(function)
    stop = (
        "systemctl stop irqbalance; " if "irqbalance" in (case.tuning.host.processes or ()) else ""
    )
    if len(interrupts) > 1 and len(cores) == 1 and (case.frame.sample.host.cpus or 1) > 1:
        yield Finding(
            Severity.WARNING,
            name,
            f"all {len(interrupts)} interrupts go to core {min(cores)}"
            " (/proc/irq/*/effective_affinity_list)",
            "this one core receives everything, whatever the number of queues",
            f"{stop}set_irq_affinity.sh {name} (mlnx-tools), or write cores to"
            " /proc/irq/N/smp_affinity_list",
            _IRQ,
        )
    away = [found for found in interrupts if found.cpus and local.isdisjoint(found.cpus)]
    if function is not None and local and away:
        there, every = format_cores(local), not cores & local
        which = "interrupts" if every else f"{len(away)} of {len(interrupts)} interrupts"
        far = format_cores({core for found in away for core in found.cpus})
        yield Finding(
            Severity.WARNING if every else Severity.NOTE,
            name,
            f"{which} on cores {far}, the card is at cores {there}"
            " (/proc/irq/*/effective_affinity_list, local_cpulist)",
            f"{'every packet crosses' if every else 'their packets cross'} the link between the"
            " processors",
            f"{stop}set_irq_affinity_cpulist.sh {there} {name} (mlnx-tools); keep the application"
            f" there too: numactl --cpunodebind={function.numa_node}",
            _IRQ,
        )


@needs(
    "no Ethernet link of 10 Gb/s or more",
    lambda frame: not is_infiniband(frame) and _fast(frame),
)
def check_coalesce(case: Case) -> Iterator[Outcome]:
    """Interrupt moderation adapts to the traffic."""
    for name, frame, settings in case.each():
        if frame.now.port.netdev is None or frame.now.link.layer is LinkLayer.INFINIBAND:
            continue
        coalesce = settings.coalesce
        if not _fast(frame):
            continue
        if coalesce is None or coalesce.adaptive_rx is None:
            yield _unread(name, "interrupt moderation", "coalesce", settings)
        elif not coalesce.adaptive_rx:
            yield Finding(
                Severity.NOTE,
                name,
                f"adaptive moderation is off for receiving (ethtool -c {name})",
                "a fixed delay is too long for answers or too short for bulk data",
                f"ethtool -C {name} adaptive-rx on",
                _ETHTOOL,
            )


@needs_ethernet
def check_offloads(case: Case) -> Iterator[Outcome]:
    """The card does what it can do for the processor; IPoIB offers less and is left out."""
    for name, frame, settings in case.each():
        if frame.now.port.netdev is None or frame.now.link.layer is LinkLayer.INFINIBAND:
            continue
        if not settings.features:
            yield _unread(name, "offloads", "features", settings)
            continue
        for feature, (flag, why) in _FEATURES.items():
            if settings.features.get(feature) is False:
                yield Finding(
                    Severity.WARNING,
                    name,
                    f"{feature} is off (ethtool -k {name})",
                    why,
                    f"ethtool -K {name} {flag} on",
                    _OFFLOADS,
                )
