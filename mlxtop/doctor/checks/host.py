"""The host: processor clock, kernel settings, and the cores that test programs run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.verdict import LIGHT
from mlxtop.doctor.check import ALWAYS, FAST_LINK, Case, Need, Outcomes, PortCase, Subject, check
from mlxtop.model.identity import Function
from mlxtop.model.number import COUNT, format_cores, parse_cores, whole
from mlxtop.model.tuning import LoadProgram

_CPUFREQ = "https://docs.kernel.org/admin-guide/pm/cpufreq.html"
_IP = "https://docs.kernel.org/networking/ip-sysctl.html"
_NET = "https://docs.kernel.org/admin-guide/sysctl/net.html"
_VM = "https://docs.kernel.org/admin-guide/sysctl/vm.html"
_NUMA = "man 8 numactl; man 1 taskset"
_MOST_PORTS = 64
"""Ports that one program is compared with: it serves no more at a time."""
_UNREAD = "nothing of it below /proc/sys could be read"
_HOST = Subject("host")
_FULL_SPEED = "performance"
_WINDOWS = {"net.ipv4.tcp_rmem": 4 << 20, "net.ipv4.tcp_wmem": 2 << 20}
"""Bytes of window that a 100G link of 0.3 ms needs; the kernel's default is 6 MB to receive."""

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
_OBSOLETE: Mapping[str, tuple[str, str, str]] = {
    "net.ipv4.tcp_timestamps": (
        "0",
        "1",
        "without timestamps sequence numbers wrap unprotected on fast links"
        " and round trips are measured badly; it saves next to nothing",
    ),
    "net.ipv4.tcp_sack": (
        "0",
        "1",
        "without selective acknowledgements one loss costs a whole window",
    ),
    "net.ipv4.tcp_low_latency": ("1", "0", "kernels since 4.14 ignore it: advice from old guides"),
}
"""Setting to the value of old advice, the kernel's own, and why that is better."""


@check(
    "processor clock",
    needs=FAST_LINK.whole,
    explains="A frequency governor sets how fast cores run. Those that save power leave the cores"
    " slow for the first moments of every burst.",
    normal="performance",
)
def _clock(case: Case) -> Outcomes:
    governors = case.host.governors
    if governors is None:
        reason = case.host.absent.get("governors", "not read")
        yield case.unknown("processor clock", reason)
        return
    slow = {name: cores for name, cores in governors.items() if name != _FULL_SPEED}
    if slow:
        named = ", ".join(f"{name} on {cores} cores" for name, cores in sorted(slow.items()))
        yield _HOST.note(
            f"frequency governor {named} (/sys/devices/system/cpu/*/cpufreq/scaling_governor)",
            "a core that serves the network only now and then is slow when packets come",
            "cpupower frequency-set -g performance",
            _CPUFREQ,
        )


@check(
    "kernel settings",
    needs=ALWAYS,
    explains="Old guides set kernel values (sysctl) that do harm today: the kernel's own values fit"
    " fast networks.",
    normal="tcp_timestamps 1, tcp_sack 1, tcp_rmem up to at least 4 MB, zone_reclaim_mode 0",
)
def _sysctls(case: Case) -> Outcomes:
    sysctls = case.host.sysctls
    if not sysctls:
        yield case.unknown("kernel settings", _UNREAD)
    for key, (old, own, why) in _OBSOLETE.items():
        if sysctls.get(key) == old:
            yield _HOST.note(
                f"{key} = {old} (sysctl): obsolete advice",
                why,
                f"sysctl -w {key}={own}, and remove it from /etc/sysctl.conf and /etc/sysctl.d",
                _IP,
            )
    fast = bool(list(FAST_LINK.subjects(case)))
    for key, least in _WINDOWS.items():
        most = _last(sysctls.get(key))
        if most is not None and most < least and fast:
            yield _HOST.note(
                f"{key} = {sysctls[key]} (sysctl): windows end at {most} bytes",
                "lower than the kernel's own limit; one connection cannot fill a fast link",
                f'sysctl -w {key}="4096 131072 {16 << 20}"',
                _IP,
            )
    if sysctls.get("vm.zone_reclaim_mode", "0") != "0" and _several_nodes(case):
        yield _HOST.note(
            f"vm.zone_reclaim_mode = {sysctls['vm.zone_reclaim_mode']} (sysctl)",
            "memory is reclaimed on the card's node although the other node has free memory",
            "sysctl -w vm.zone_reclaim_mode=0",
            _VM,
        )


def _several_nodes(case: Case) -> bool:
    """Return True where some core is not on a card's node, or the nodes are not known."""
    functions = [f for adapter in case.frame.sample.adapters for f in adapter.functions]
    nodes = [parse_cores(f.local_cpus) for f in functions if f.local_cpus]
    total = case.frame.sample.host.cpus
    return not nodes or total is None or any(len(cores) < total for cores in nodes)


@check(
    "queueing and congestion control",
    needs=FAST_LINK.whole,
    explains="The queueing discipline decides which packet leaves next, congestion control how fast"
    " a TCP connection sends. The kernel's own choices keep connections apart, and let one of"
    " them fill a fast link.",
    normal="fq, fq_codel or pfifo_fast; cubic or bbr",
)
def _queueing(case: Case) -> Outcomes:
    sysctls = case.host.sysctls
    qdisc = sysctls.get("net.core.default_qdisc")
    control = sysctls.get("net.ipv4.tcp_congestion_control")
    if qdisc is None or control is None:
        yield case.unknown("queueing and congestion control", _UNREAD)
    if qdisc in _ONE_QUEUE:
        yield _HOST.note(
            f"net.core.default_qdisc = {qdisc} (sysctl)",
            "packets of all connections wait in one line, or none waits and they are dropped",
            "sysctl -w net.core.default_qdisc=fq; devices that are up keep what they have:"
            " tc qdisc replace dev NAME root mq",
            _NET,
        )
    if control is not None and control not in _CONTROLS:
        yield _HOST.note(
            f"net.ipv4.tcp_congestion_control = {control} (sysctl)",
            "after a loss it comes back slowly or gives way to all others: one connection hardly"
            " fills a fast link",
            "sysctl -w net.ipv4.tcp_congestion_control=cubic (or bbr, after modprobe tcp_bbr)",
            _IP,
        )


@check(
    "memory and watchdog settings",
    needs=ALWAYS,
    explains="Guides for fast links mention these: NUMA balancing moves memory to the node that"
    " uses it and stops programs for that (0 is steadier), zone reclaim frees a node's memory"
    " before it takes another's (0), the NMI watchdog takes a hardware counter and a little time"
    " of every core (0 where microseconds count), huge pages spare look-ups of addresses (always"
    " or madvise), with SMT two threads share a core, irqbalance moves interrupts that others"
    " have placed. None of them is a fault where nothing is slow.",
    normal="the distribution's values, unless a measurement says otherwise",
)
def _machine(case: Case) -> Outcomes:
    host = case.host
    values = [
        f"{words} {host.sysctls[key]}" for key, words in _MACHINE.items() if key in host.sysctls
    ]
    if host.huge_pages is not None:
        values.insert(0, f"transparent huge pages {host.huge_pages}")
    if host.smt is not None:
        values.append(f"SMT {'on' if host.smt else 'off'}")
    if host.processes is not None:
        values.append(f"irqbalance {'runs' if 'irqbalance' in host.processes else 'does not run'}")
    if values:
        yield _HOST.setting(", ".join(values))
    else:
        yield case.unknown("memory and watchdog settings", "not to be read here")


def _last(value: str | None) -> int | None:
    words = (value or "").split()
    return whole(words[-1], COUNT) if words else None


def local_cores(function: Function | None) -> frozenset[int]:
    """Return the cores of the card's node; none where there is one node, or it is not known."""
    if function is None or function.numa_node is None or not function.local_cpus:
        return frozenset()
    return _cores(function.local_cpus)


@lru_cache(64)
def _cores(text: str) -> frozenset[int]:
    return frozenset(parse_cores(text))


class _Program(NamedTuple):
    """A program that measures, and the ports that it uses."""

    program: LoadProgram
    ports: list[PortCase]


def _programs(case: Case) -> Iterator[_Program]:
    """Yield programs with the ports that their command names, or else all that are busy."""
    named: dict[str, list[PortCase]] = {}
    for port in case.each():
        identity = port.now.port
        more = (*identity.extra_netdevs, *identity.extra_rdma)
        for name in filter(None, (identity.netdev, identity.rdma, *more)):
            named.setdefault(name, []).append(port)
    busy = [port for port in case.each() if _is_busy(port)]
    for program in case.host.programs:
        if ports := _ports_of(program, named) or busy:
            yield _Program(program, ports)


def _ports_of(program: LoadProgram, named: Mapping[str, list[PortCase]]) -> list[PortCase]:
    """Return the ports that a command line names, each once, in their order."""
    words = {word.rpartition("%")[2].rpartition("=")[2] for word in program.words}
    ports = {port.now.port.id: port for word in words for port in named.get(word, ())}
    return [ports[key] for key in sorted(ports)]


def _is_busy(port: PortCase) -> bool:
    measured = port_view(port.case.frame, port.frame.id).measured
    return measured is not None and port.speed > 0 and measured.rate >= LIGHT * port.speed


@check(
    "cores of test programs",
    needs=Need("no iperf3, perftest or the like at work", _programs),
    explains="A program reaches the card fastest from the cores of the card's own node"
    " (local_cpulist); from others all data crosses the link between the processors. mlxtop load"
    " starts its own on the right ones.",
    normal="free to run there, or bound there with numactl or taskset",
)
def _place(subject: _Program) -> Outcomes:
    program, ports = subject
    name, first = f"{program.name} (PID {program.pid})", ports[0]
    if program.cpus is None:
        reason = f"/proc/{program.pid}/status does not tell them"
        yield Subject(name).unknown("its cores", reason)
        return
    functions = [port.case.frame.function(port.now.port.id) for port in ports[:_MOST_PORTS]]
    places = set(map(local_cores, functions))
    if not all(local and local.isdisjoint(program.cpus) for local in places):
        return
    there = format_cores(local_cores(functions[0]))
    node = functions[0].numa_node if functions[0] else None
    device = first.now.port
    yield Subject(device.netdev or device.rdma or str(device.id)).note(
        f"{name} may run on cores {format_cores(program.cpus)} only, the card is at cores"
        f" {there} (/proc/{program.pid}/status, local_cpulist)",
        "every byte crosses the link between the processors: this measures the machine rather"
        " than the card",
        f"taskset -acp {there} {program.pid}, or start it with numactl --cpunodebind={node}"
        f" --membind={node}",
        _NUMA,
    )
