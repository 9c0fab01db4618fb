"""A throughput test: what a person chose, and how it will be run."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

from mlxtop.model.identity import PortId
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Direction, Tool

IPERF3_PORT, PERFTEST_PORT = 5201, 18515
_PORTS = {Tool.IPERF3: IPERF3_PORT, Tool.IPERF: 5001, Tool.NUTTCP: 5000, Tool.QPERF: 19765}
AHEAD_S = 15.0
"""Seconds before a forecast warning limit at which the load is stopped."""
GUARDED_INTERVAL_S = 1.0
"""The longest interval between samples while a load runs: the guard sees nothing in between."""


class LoadRequest(NamedTuple):
    """A test as it was asked for; None leaves the choice to the hardware."""

    host: str
    """Name or address of the far end."""
    via: str | None = None
    """Port to load: netdev, RDMA device or PCI address; None for the one that the route uses."""
    tool: Tool = Tool.IPERF3
    direction: Direction = Direction.SEND
    seconds: int = 10
    omit: int = 0
    """Seconds of warm-up that are left out of the result."""
    interval: float = 1.0
    streams: int | None = None
    """TCP or UDP streams of all processes together; queue pairs for RDMA."""
    processes: int | None = None
    udp: bool = False
    bitrate: float | None = None
    """bit/s that all streams together send at most; UDP needs it."""
    port: int | None = None
    """First port of the server."""
    family: int | None = None
    """4 or 6, for host names that have addresses of both."""
    zero_copy: bool = False
    affinity: str | None = None
    """Cores to run on, `0-7,16`; `off` for any; None for those beside the card."""
    size: int | None = None
    """Bytes of a message: of a write for TCP, of a datagram for UDP, of a packet for ping."""
    amount: int | None = None
    """Bytes that each stream carries, instead of for a time."""
    rdma_cm: bool = False
    """Connect by rdma_cm, which finds device and address by IP."""
    test: str | None = None
    """The test of qperf, `rc_rdma_write_bw`."""

    @property
    def first_port(self) -> int:
        return self.port or _PORTS.get(self.tool, PERFTEST_PORT)

    @property
    def protocol(self) -> Protocol:
        """Return what carries the data; for ping, which is none of them, UDP comes nearest."""
        if self.tool is Tool.QPERF and self.test is not None:
            kernel = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
            return kernel.get(self.test.partition("_")[0], Protocol.RDMA)
        if self.tool.perftest:
            return Protocol.RDMA
        return Protocol.UDP if self.udp or self.tool is Tool.PING else Protocol.TCP

    @property
    def latency(self) -> bool:
        """Return whether the test measures times, and loads nothing to speak of."""
        return self.tool.latency or (self.test or "").endswith("_lat")


_ONLY_SOME = ("size", "amount", "rdma_cm", "test")
"""Fields of a request that a plan's document has where they were chosen."""


class GuardOptions(NamedTuple):
    """The settings of the heat guard."""

    armed: bool = True
    sensors: frozenset[str] | None = None
    """Names (`asic`, `module`) that may stop the load; None for all."""
    ahead: float = AHEAD_S

    @classmethod
    def choose(cls, name: str, ahead: float = AHEAD_S) -> GuardOptions:
        """Return the guard for `all`, `off` or the name of a sensor."""
        return cls(name != "off", None if name in ("all", "off") else frozenset([name]), ahead)


class Timing(NamedTuple):
    """Seconds before and after the load in which only the sensors are followed."""

    baseline: float = 0.0
    cooldown: float = 30.0
    soak: bool = False
    """A thermal soak: the warm-up is evaluated, and the cool-down never cut short."""

    @classmethod
    def for_soak(cls, seconds: int) -> Timing:
        """Return the baseline and cool-down that fit a soak of that length."""
        return cls(min(60.0, max(10.0, seconds / 10)), float(min(seconds, 900)), soak=True)


class LoadOptions(NamedTuple):
    """Everything that a person chose for one test."""

    request: LoadRequest
    guard: GuardOptions = GuardOptions()
    timing: Timing = Timing()
    note: str = ""
    hold: bool = False
    """The rate is regulated by heat."""


class LoadMember(NamedTuple):
    """A port that the heat guard watches during a test."""

    port: PortId
    name: str
    carries: bool
    """It can carry the test's traffic, which is summed and judged."""


class LoadPlan(NamedTuple):
    """A test ready to run, or the reasons why it cannot be."""

    request: LoadRequest
    target: str | None = None
    """Address of the far end."""
    port: PortId | None = None
    """The port that stands for all of them."""
    port_name: str | None = None
    members: tuple[LoadMember, ...] = ()
    """Every port that the traffic can take, the one above among them."""
    masters: frozenset[str] = frozenset()
    """Devices such as bonds: a port that becomes a member of one carries traffic as well."""
    device: str | None = None
    """Network device of the route; a bond or VLAN where the port is below one."""
    source: str | None = None
    """Address to send from."""
    streams: int = 1
    """Of all processes together."""
    commands: tuple[tuple[str, ...], ...] = ()
    """What is run here, a process each."""
    server: tuple[str, ...] = ()
    """What to run at the far end before, to copy."""
    shared: tuple[str, ...] = ()
    """Options of the tool that its server has to be given too."""
    tool_version: str | None = None
    mtu: int | None = None
    speed: int | None = None
    """bit/s of the link after encoding, of several links together."""
    ceiling: float | None = None
    """bit/s of data that link and PCIe let through, whatever was asked for."""
    expected: float | None = None
    """bit/s of data that can be reached in one direction; None where the line rate is unknown."""
    bound_by: str | None = None
    """What bounds it, in words with figures."""
    guard: str | None = None
    """What the heat guard will do, in one line."""
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    """Why it cannot run, each with what to do; empty when it can."""
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the commands that are run here, to copy."""
        return tuple(shlex.join(command) for command in self.commands)

    def document(self) -> dict[str, Any]:
        """Return the plan for JSON: rates in bit/s, times in seconds.

        Several ports have a list of their names; the usual one is `port_name` alone.
        """
        request, guarded = self.request, [member.name for member in self.members]
        carriers = [member.name for member in self.members if member.carries]
        return {
            "tool": str(request.tool),
            "tool_version": self.tool_version,
            "host": request.host,
            "target": self.target,
            "port": str(self.port) if self.port else None,
            "port_name": self.port_name,
            "ports": carriers if len(carriers) > 1 else None,
            "guarded": guarded if len(guarded) > 1 else None,
            "device": self.device,
            "source": self.source,
            "direction": str(request.direction),
            "protocol": str(request.protocol),
            "streams": self.streams,
            "processes": len(self.commands),
            **{n: getattr(request, n) for n in ("seconds", "omit", "interval", "bitrate")},
            **{n: value for n in _ONLY_SOME if (value := getattr(request, n))},
            "server_port": request.first_port,
            "mtu": self.mtu,
            "link_bps": self.speed,
            "ceiling_bps": self.ceiling,
            "expected_bps": self.expected,
            "bound_by": self.bound_by,
            "guard": self.guard,
            "commands": list(self.lines),
            **{n: list(getattr(self, n)) for n in ("server", "warnings", "refusals", "notes")},
        }
