"""Settings of the host and its ports; what cannot be read says why.

https://docs.kernel.org/admin-guide/sysctl/net.html, cpu-freq/user-guide.html,
Documentation/ABI/testing/sysfs-kernel-iommu_groups
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from mlxtop.model.identity import PCI_ADDRESS, Function, Port
from mlxtop.model.number import PID, whole
from mlxtop.model.tuning import HostTuning, Interrupt, LoadProgram, PortTuning
from mlxtop.sources.kernel import ethtool, qos
from mlxtop.sources.kernel.bonding import read_bonds
from mlxtop.sources.kernel.gpus import read_gpus, read_nodes
from mlxtop.sources.kernel.pci import is_dead, read_config, read_interrupts
from mlxtop.sources.kernel.proc import parse_words, read_allowed_cores
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.system.answers import reason
from mlxtop.system.door import Answer, Question, System, os_error

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
    "rings": (Question.RINGS, ethtool.parse_rings),
    "channels": (Question.CHANNELS, ethtool.parse_channels),
    "coalesce": (Question.COALESCE, ethtool.parse_coalesce),
    "pause": (Question.PAUSE, ethtool.parse_pause),
    "fec": (Question.FEC, ethtool.parse_fec),
    "modes": (Question.LINK_MODES, ethtool.parse_modes),
    "features": (Question.FEATURES, ethtool.parse_features),
}


class _Reasons:
    """Runs readers and keeps the reasons of those that fail."""

    def __init__(self, captured: bool) -> None:
        self.captured = captured
        self.absent: dict[str, str] = {}

    def attempt(self, name: str, read: Callable[..., T], *arguments: Any) -> T | None:
        """Return what `read` returns; None with the reason kept when the kernel refuses."""
        try:
            return read(*arguments)
        except OSError as error:
            self.absent[name] = reason(error, self.captured)
            return None


def read_port(
    system: System, port: Port, places: Sequence[str], handlers: Mapping[int, str]
) -> PortTuning:
    """Return the settings of one port: tens of small reads, some with RTNL held.

    `places` are the sysfs directories of its functions, `handlers` all interrupts of the machine.
    """
    reasons = _Reasons(system.captured)
    settings: dict[str, Any] = {}
    for name, (question, parse) in _QUESTIONS.items():
        if port.netdev is None:
            reasons.absent[name] = "no network device"
            continue
        answer = reasons.attempt(name, system.ask, question, port.netdev)
        settings[name] = None if answer is None else parse(answer)
    settings |= _priorities(system, port, reasons)
    if not places:
        for name in ("control", "bridge_control", "interrupts", "iommu"):
            reasons.absent[name] = "not a PCI device"
    else:
        settings |= _function(system, places, handlers, reasons)
    return PortTuning(**settings, absent=reasons.absent)


def _priorities(system: System, port: Port, reasons: _Reasons) -> dict[str, Any]:
    """Return what sorts traffic into priorities, and the settings of RoCE."""
    if port.netdev is None:
        reasons.absent["dcb"] = "no network device"
        return {"roce": qos.read_roce(system, port)} if port.rdma else {}
    settings: dict[str, Any] = {}
    answer = reasons.attempt("dcb", system.ask, Question.DCB, port.netdev)
    if answer is not None:
        settings["dcb"] = qos.with_trust(system, port, qos.parse_dcb(answer))
    roce = settings["roce"] = qos.read_roce(system, port)
    if roce.notify is None and roce.react is None:
        reasons.attempt("ecn", system.list, qos.ecn_directory(port.netdev))
    else:
        settings["ecn"] = bool(roce.notify or roce.react)
    return settings


def _function(
    system: System, places: Sequence[str], handlers: Mapping[int, str], reasons: _Reasons
) -> dict[str, Any]:
    """Return the PCI settings of a port's first function, and the interrupts of all."""
    place = places[0]
    above = place.rpartition("/")[0]
    settings: dict[str, Any] = {
        "control": reasons.attempt("control", read_config, system, place),
        "interrupts": reasons.attempt("interrupts", _interrupts, system, places, handlers),
        "iommu": reasons.attempt("iommu", _iommu, system, place),
    }
    if PCI_ADDRESS.fullmatch(above.rpartition("/")[2]):
        settings["bridge_control"] = reasons.attempt("bridge_control", read_config, system, above)
    else:
        reasons.absent["bridge_control"] = "nothing above the device is visible"
    return settings


def _interrupts(
    system: System, places: Sequence[str], handlers: Mapping[int, str]
) -> tuple[Interrupt, ...]:
    return tuple(one for place in places for one in read_interrupts(system, place, handlers))


def _iommu(system: System, place: str) -> str:
    """Return the type of the function's domain, `none` without one; needs kernel 5.11."""
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
        gpus=read_gpus(system),
        nodes=read_nodes(system),
        dead=frozenset(each.address for each in functions if is_dead(system, each.path)),
        absent=reasons.absent,
    )


def _chosen(text: str | None) -> str | None:
    """Return the word in brackets of `[default] performance powersave`."""
    inside = (text or "").partition("[")[2].partition("]")[0]
    return inside or None


def _governors(system: System) -> dict[str, int]:
    base = "/sys/devices/system/cpu"
    cores = [name for name in system.list(base) if name[:3] == "cpu" and name[3:].isdecimal()]
    texts = (read_text(system, f"{base}/{core}/cpufreq/scaling_governor") for core in cores)
    governors = Counter(filter(None, texts))
    if not governors:
        raise OSError(errno.ENOENT, "no frequency scaling here: a virtual machine, or fixed clocks")
    return dict(governors)


def _running(system: System) -> dict[int, str]:
    """Return names of the services and programs that matter, as far as they can be seen."""
    entries = ((whole(entry, PID), entry) for entry in system.list("/proc"))
    processes = [(pid, entry) for pid, entry in entries if pid is not None]
    if not processes:  # a capture of other files below /proc
        raise os_error(errno.ENOENT, "/proc")
    running = {pid: read_text(system, f"/proc/{entry}/comm") for pid, entry in processes}
    return {pid: name for pid, name in running.items() if name in SERVICES or name in TESTS}


def _load_program(system: System, pid: int, name: str) -> LoadProgram:
    words = parse_words(read_text(system, f"/proc/{pid}/cmdline"))
    return LoadProgram(pid, name, words, read_allowed_cores(system, pid))
