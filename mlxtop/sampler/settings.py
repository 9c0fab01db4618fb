"""How the host and its ports are set up; what cannot be read says why.

https://docs.kernel.org/admin-guide/sysctl/net.html, cpu-freq/user-guide.html,
Documentation/ABI/testing/sysfs-kernel-iommu_groups
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mlxtop.model.identity import PCI_ADDRESS, Function, Port
from mlxtop.model.number import PID, whole
from mlxtop.model.tuning import HostTuning, LoadProgram, PortTuning
from mlxtop.sources.kernel.bonding import read_bonds
from mlxtop.sources.kernel.ethtool import (
    parse_channels,
    parse_coalesce,
    parse_features,
    parse_fec,
    parse_modes,
    parse_pause,
    parse_rings,
)
from mlxtop.sources.kernel.pci import is_dead, read_config, read_interrupts
from mlxtop.sources.kernel.proc import parse_words, read_allowed_cores
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.system.answers import reason
from mlxtop.system.door import Answer, Question, System

T = TypeVar("T")

SYSCTLS = (
    "kernel.nmi_watchdog",
    "kernel.numa_balancing",
    "net.core.default_qdisc",
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_low_latency",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_sack",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_wmem",
    "vm.zone_reclaim_mode",
)
SERVICES = frozenset({"irqbalance", "opensm"})
TESTS = frozenset(
    {
        *("iperf", "iperf2", "iperf3", "netperf", "netserver", "nuttcp", "qperf"),
        *(f"ib_{verb}_{what}" for verb in ("read", "send", "write") for what in ("bw", "lat")),
        *("ib_atomic_bw", "ib_atomic_lat", "raw_ethernet_bw", "raw_ethernet_lat"),
    }
)
"""Programs that measure, by the 15 characters that the kernel keeps of a name."""
MODULES = frozenset({"ib_ipoib", "mlx4_core", "mlx4_en", "mlx4_ib", "mlx5_core", "mlx5_ib"})

_QUESTIONS: Mapping[str, tuple[Question, Callable[[Answer], object]]] = {
    "rings": (Question.RINGS, parse_rings),
    "channels": (Question.CHANNELS, parse_channels),
    "coalesce": (Question.COALESCE, parse_coalesce),
    "pause": (Question.PAUSE, parse_pause),
    "fec": (Question.FEC, parse_fec),
    "modes": (Question.LINK_MODES, parse_modes),
    "features": (Question.FEATURES, parse_features),
}


@dataclass(slots=True)
class _Reasons:
    """Runs readers and keeps the reasons of those that fail."""

    captured: bool
    absent: dict[str, str] = field(default_factory=dict)

    def attempt(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        """What `read` returns; None with the reason kept when the kernel refuses."""
        try:
            return read(*arguments)
        except OSError as error:
            self.absent[name] = reason(error, self.captured)
            return None


def read_port(
    system: System, port: Port, place: str | None, handlers: Mapping[int, str]
) -> PortTuning:
    """Return the settings of one port: tens of small reads, some with RTNL held.

    `place` is the sysfs directory of its function, `handlers` are all interrupts of the machine.
    """
    reasons = _Reasons(system.captured)
    found: dict[str, Any] = {}
    for name, (question, parse) in _QUESTIONS.items():
        if port.netdev is None:
            reasons.absent[name] = "no network device"
            continue
        answer = reasons.attempt(name, system.ask, question, port.netdev)
        found[name] = None if answer is None else parse(answer)
    if port.netdev is not None:
        found["ecn"] = reasons.attempt("ecn", _ecn, system, port.netdev)
    if place is None:
        for name in ("control", "bridge_control", "interrupts", "iommu"):
            reasons.absent[name] = "not a PCI device"
    else:
        found |= _function(system, place, handlers, reasons)
    return PortTuning(**found, absent=reasons.absent)


def _ecn(system: System, netdev: str) -> bool:
    """Whether RoCE notifies of congestion; NVIDIA's own driver shows it, the kernel's does not."""
    base = f"/sys/class/net/{netdev}/ecn"
    enabled = [
        read_text(system, f"{base}/{role}/enable/{priority}")
        for role in ("roce_np", "roce_rp")
        for priority in system.list(f"{base}/{role}/enable")
    ]
    return "1" in enabled


def _function(
    system: System, place: str, handlers: Mapping[int, str], reasons: _Reasons
) -> dict[str, Any]:
    above = place.rpartition("/")[0]
    found: dict[str, Any] = {
        "control": reasons.attempt("control", read_config, system, place),
        "interrupts": reasons.attempt("interrupts", read_interrupts, system, place, handlers),
        "iommu": reasons.attempt("iommu", _iommu, system, place),
    }
    if PCI_ADDRESS.fullmatch(above.rpartition("/")[2]):
        found["bridge_control"] = reasons.attempt("bridge_control", read_config, system, above)
    else:
        reasons.absent["bridge_control"] = "nothing above the device is visible"
    return found


def _iommu(system: System, place: str) -> str:
    """The type of the function's domain, `none` without one; kernels before 5.11 do not tell it."""
    if "iommu_group" in names(system, place):
        return system.read(f"{place}/iommu_group/type").decode("ascii", "replace").strip()
    system.list("/sys/kernel/iommu_groups")
    return "none"


def read_host(system: System, functions: Iterable[Function] = ()) -> HostTuning:
    """Return the settings of the host, and which of its cards' functions no longer answer."""
    reasons = _Reasons(system.captured)
    smt = reasons.attempt("smt", system.read, "/sys/devices/system/cpu/smt/active")
    modules = reasons.attempt("modules", system.list, "/sys/module")
    running = reasons.attempt("processes", _running, system)
    return HostTuning(
        governors=reasons.attempt("governors", _governors, system),
        smt=None if smt is None else smt.strip() == b"1",
        aspm_policy=_chosen(read_text(system, "/sys/module/pcie_aspm/parameters/policy")),
        sysctls={
            key: " ".join(value.split())
            for key in SYSCTLS
            if (value := read_text(system, f"/proc/sys/{key.replace('.', '/')}")) is not None
        },
        processes=None if running is None else SERVICES.intersection(running.values()),
        programs=tuple(
            _load_program(system, pid, name)
            for pid, name in sorted((running or {}).items())
            if name in TESTS
        ),
        huge_pages=_chosen(read_text(system, "/sys/kernel/mm/transparent_hugepage/enabled")),
        modules=None if modules is None else MODULES.intersection(modules),
        bonds=read_bonds(system),
        dead=frozenset(each.address for each in functions if is_dead(system, each.path)),
        absent=reasons.absent,
    )


def _chosen(text: str | None) -> str | None:
    """The word in brackets of `[default] performance powersave`."""
    inside = (text or "").partition("[")[2].partition("]")[0]
    return inside or None


def _governors(system: System) -> dict[str, int]:
    base = "/sys/devices/system/cpu"
    cores = [name for name in system.list(base) if name[:3] == "cpu" and name[3:].isdecimal()]
    found = Counter(
        text
        for core in cores
        if (text := read_text(system, f"{base}/{core}/cpufreq/scaling_governor"))
    )
    if not found:
        raise OSError(errno.ENOENT, "no frequency scaling here: a virtual machine, or fixed clocks")
    return dict(found)


def _running(system: System) -> dict[int, str]:
    """Names of the services and programs that matter, as far as this process namespace shows."""
    entries = ((whole(entry, PID), entry) for entry in system.list("/proc"))
    processes = [(pid, entry) for pid, entry in entries if pid is not None]
    if not processes:  # a capture of other files below /proc
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/proc")
    found = {}
    for pid, entry in processes:
        name = read_text(system, f"/proc/{entry}/comm")
        if name is not None and (name in SERVICES or name in TESTS):
            found[pid] = name
    return found


def _load_program(system: System, pid: int, name: str) -> LoadProgram:
    words = parse_words(read_text(system, f"/proc/{pid}/cmdline"))
    return LoadProgram(pid, name, words, read_allowed_cores(system, pid))
