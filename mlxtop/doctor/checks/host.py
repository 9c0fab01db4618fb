"""The host: processor clock and kernel settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome, Setting
from mlxtop.doctor.checks.needs import is_fast, needs_fast
from mlxtop.model.cores import parse_cores
from mlxtop.model.counters import Severity
from mlxtop.model.number import COUNT, whole

_CPUFREQ = "https://docs.kernel.org/admin-guide/pm/cpufreq.html"
_IP = "https://docs.kernel.org/networking/ip-sysctl.html"
_NET = "https://docs.kernel.org/admin-guide/sysctl/net.html"
_VM = "https://docs.kernel.org/admin-guide/sysctl/vm.html"
_UNREAD = "nothing of it below /proc/sys could be read"
_FULL_SPEED = "performance"
_BUFFER = 4 << 20
"""Bytes of receive window that a 100G link of 0.3 ms needs; the kernel's default is 6 MB."""

_ONE_QUEUE = frozenset({"bfifo", "netem", "noop", "noqueue", "pfifo", "tbf"})
"""Queueing disciplines that are no sensible default for a network card."""
_CONTROLS = frozenset({"bbr", "bbr2", "bbr3", "cubic", "dctcp", "htcp", "prague"})
"""Congestion control that fills fast links; the rest are for other networks, or for research."""
_MACHINE: Mapping[str, str] = {
    "kernel.numa_balancing": "numa_balancing",
    "vm.zone_reclaim_mode": "zone_reclaim_mode",
    "kernel.nmi_watchdog": "nmi_watchdog",
    "net.core.default_qdisc": "default_qdisc",
    "net.ipv4.tcp_congestion_control": "tcp_congestion_control",
}

_OBSOLETE: Mapping[str, tuple[str, str]] = {
    "net.ipv4.tcp_timestamps": ("0", "1"),
    "net.ipv4.tcp_sack": ("0", "1"),
    "net.ipv4.tcp_low_latency": ("1", "0"),
}
"""Setting to the value of old advice, and the kernel's own."""

_OBSOLETE_WHY = {
    "net.ipv4.tcp_timestamps": "without timestamps sequence numbers wrap unprotected on fast links"
    " and round trips are measured badly; it saves next to nothing",
    "net.ipv4.tcp_sack": "without selective acknowledgements one loss costs a whole window",
    "net.ipv4.tcp_low_latency": "kernels since 4.14 ignore it: advice from old guides",
}


def _fast_ports(case: Case) -> bool:
    return any(is_fast(frame) for _, frame, _ in case.each())


@needs_fast
def check_power_saving(case: Case) -> Iterator[Outcome]:
    """Cores do not slow down between packets."""
    governors = case.tuning.host.governors
    if governors is None:
        reason = case.tuning.host.absent.get("governors", "not read")
        yield CouldNotTell("processor clock", reason)
        return
    slow = {name: cores for name, cores in governors.items() if name != _FULL_SPEED}
    if slow:
        told = ", ".join(f"{name} on {cores} cores" for name, cores in sorted(slow.items()))
        yield Finding(
            Severity.NOTE,
            "host",
            f"frequency governor {told} (/sys/devices/system/cpu/*/cpufreq/scaling_governor)",
            "a core that serves the network only now and then is slow when packets come",
            "cpupower frequency-set -g performance",
            _CPUFREQ,
        )


def check_sysctls(case: Case) -> Iterator[Outcome]:
    """No setting of old tuning guides is left, and windows can grow."""
    sysctls = case.tuning.host.sysctls
    if not sysctls:
        yield CouldNotTell("kernel settings", _UNREAD)
    for key, (old, own) in _OBSOLETE.items():
        if sysctls.get(key) == old:
            yield Finding(
                Severity.NOTE,
                "host",
                f"{key} = {old} (sysctl): obsolete advice",
                _OBSOLETE_WHY[key],
                f"sysctl -w {key}={own}, and remove it from /etc/sysctl.conf and /etc/sysctl.d",
                _IP,
            )
    for key in ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"):
        most = _last(sysctls.get(key))
        least = _BUFFER if key.endswith("rmem") else _BUFFER // 2
        if most is not None and most < least and _fast_ports(case):
            yield Finding(
                Severity.NOTE,
                "host",
                f"{key} = {sysctls[key]} (sysctl): windows end at {most} bytes",
                "lower than the kernel's own limit; one connection cannot fill a fast link",
                f'sysctl -w {key}="4096 131072 {16 << 20}"',
                _IP,
            )
    if sysctls.get("vm.zone_reclaim_mode", "0") != "0" and _several_nodes(case):
        yield Finding(
            Severity.NOTE,
            "host",
            f"vm.zone_reclaim_mode = {sysctls['vm.zone_reclaim_mode']} (sysctl)",
            "memory is reclaimed on the card's node although the other node has free memory",
            "sysctl -w vm.zone_reclaim_mode=0",
            _VM,
        )


def _several_nodes(case: Case) -> bool:
    """Some core is not on a card's node; True where that is not known."""
    places = [f for adapter in case.frame.sample.adapters for f in adapter.functions]
    known = [parse_cores(f.local_cpus) for f in places if f.local_cpus]
    total = case.frame.sample.host.cpus
    return not known or total is None or any(len(cores) < total for cores in known)


@needs_fast
def check_queueing(case: Case) -> Iterator[Outcome]:
    """Packets are queued, and senders slow down, by a way that was made for fast links."""
    sysctls = case.tuning.host.sysctls
    qdisc = sysctls.get("net.core.default_qdisc")
    control = sysctls.get("net.ipv4.tcp_congestion_control")
    if qdisc is None or control is None:
        yield CouldNotTell("queueing and congestion control", _UNREAD)
    if qdisc in _ONE_QUEUE:
        yield Finding(
            Severity.NOTE,
            "host",
            f"net.core.default_qdisc = {qdisc} (sysctl)",
            "packets of all connections wait in one line, or none waits and they are dropped",
            "sysctl -w net.core.default_qdisc=fq; devices that are up keep what they have:"
            " tc qdisc replace dev NAME root mq",
            _NET,
        )
    if control is not None and control not in _CONTROLS:
        yield Finding(
            Severity.NOTE,
            "host",
            f"net.ipv4.tcp_congestion_control = {control} (sysctl)",
            "after a loss it comes back slowly or gives way to all others: one connection hardly"
            " fills a fast link",
            "sysctl -w net.ipv4.tcp_congestion_control=cubic (or bbr, after modprobe tcp_bbr)",
            _IP,
        )


def check_machine(case: Case) -> Iterator[Outcome]:
    """Settings that guides for fast links mention; none is a fault where nothing is slow."""
    host = case.tuning.host
    told = [
        f"{words} {host.sysctls[key]}" for key, words in _MACHINE.items() if key in host.sysctls
    ]
    if host.huge_pages is not None:
        told.insert(0, f"transparent huge pages {host.huge_pages}")
    if host.smt is not None:
        told.append(f"SMT {'on' if host.smt else 'off'}")
    if host.processes is not None:
        told.append(f"irqbalance {'runs' if 'irqbalance' in host.processes else 'does not run'}")
    if told:
        yield Setting("host", ", ".join(told))
    else:
        yield CouldNotTell("memory and watchdog settings", "not to be read here")


def _last(value: str | None) -> int | None:
    words = (value or "").split()
    return whole(words[-1], COUNT) if words else None
