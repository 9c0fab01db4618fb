"""The host: processor clock and kernel settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlxtop.analysis.checks.needs import is_fast, needs_fast
from mlxtop.analysis.findings import Case, CouldNotTell, Finding, Outcome
from mlxtop.model.counters import Severity

_CPUFREQ = "https://docs.kernel.org/admin-guide/pm/cpufreq.html"
_IP = "https://docs.kernel.org/networking/ip-sysctl.html"
_VM = "https://docs.kernel.org/admin-guide/sysctl/vm.html"
_FULL_SPEED = "performance"
_BUFFER = 4 << 20
"""Bytes of receive window that a 100G link of 0.3 ms needs; the kernel's default is 6 MB."""

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
        yield CouldNotTell("kernel settings", "nothing below /proc/sys could be read")
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
    if sysctls.get("vm.zone_reclaim_mode", "0") != "0":
        yield Finding(
            Severity.NOTE,
            "host",
            f"vm.zone_reclaim_mode = {sysctls['vm.zone_reclaim_mode']} (sysctl)",
            "memory is reclaimed on the card's node although the other node has free memory",
            "sysctl -w vm.zone_reclaim_mode=0",
            _VM,
        )


def _last(value: str | None) -> int | None:
    words = (value or "").split()
    return int(words[-1]) if words and words[-1].isascii() and words[-1].isdecimal() else None
