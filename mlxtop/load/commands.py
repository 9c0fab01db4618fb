"""What every tool's plan needs: the machine, the way, cores to run on, remarks to the person."""

from __future__ import annotations

import errno
from typing import NamedTuple

from mlxtop.load.request import LoadPlan, LoadRequest
from mlxtop.load.route import LoadRefused, Way
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Function
from mlxtop.model.number import kernel_version, parse_cores
from mlxtop.system.door import Finished, System

PROBE_S = 20.0
"""Seconds that a tool has to tell its version and options, from a cold disk of a busy host too."""


class Remarks(NamedTuple):
    """Objections to a run, and notes that are worth knowing before."""

    refusals: list[str]
    warnings: list[str]
    notes: list[str]


class Planning(NamedTuple):
    """A plan as far as port and line settle it, and what the tool's part of it follows from."""

    system: System
    frame: Frame
    plan: LoadPlan
    way: Way
    remarks: Remarks

    @property
    def request(self) -> LoadRequest:
        return self.plan.request

    def refuse(self, text: str) -> None:
        self.remarks.refusals.append(text)

    def installed(self, command: str, package: str) -> None:
        """Raise LoadRefused for a command that is missing, with the package that has it."""
        if self.system.which(command) is None:
            raise LoadRefused(missing(command, package))

    @property
    def bound_source(self) -> str | None:
        """Return the address to send from, where the route leaves no choice of devices."""
        return self.way.source if self.way.bind else None

    def ask(self, *argv: str) -> str:
        """Return what a command prints about itself. Raises OSError, also when it hangs."""
        return printed(self.system.run(argv, timeout=PROBE_S), argv[0])

    def only_to_device(self) -> None:
        """Refuse a test that has to be bound to a device, where the tool cannot."""
        if self.way.bind_device:
            tool, device = self.request.tool, self.way.device
            self.refuse(f"{tool} cannot be kept on {device}: use iperf3, or change the route")

    def only_kernel(self) -> None:
        """Refuse what is not for a test of the kernel's TCP or UDP, and UDP without a rate."""
        if self.request.udp and not self.request.bitrate:
            self.refuse("UDP needs a bitrate: -b 10G")
        if self.request.rdma_cm or self.request.test:
            self.refuse("rdma_cm is perftest's and qperf's, a test by name qperf's")


def missing(command: str, package: str) -> str:
    """Return that a command is not installed, and how to get it."""
    return f"{command} is not installed; on Debian and Ubuntu: apt install {package}"


def printed(answer: Finished, command: str) -> str:
    """Return all that a command printed. Raises OSError where it did not end."""
    if answer.timed_out:
        raise TimeoutError(errno.ETIMEDOUT, f"{command} does not answer", command)
    return answer.stdout + answer.stderr


def may_bind(frame: Frame) -> bool:
    """Return whether a socket may be bound to a device: before Linux 5.7 only with CAP_NET_RAW."""
    host = frame.sample.host
    return host.root or (kernel_version(host.kernel) or (0, 0)) >= (5, 7)


def cores_of(
    frame: Frame, request: LoadRequest, way: Way
) -> tuple[str | None, tuple[int | None, ...]]:
    """Return the cores for processes as a list in text and as numbers; (None,) for any.

    They are those of the card's node, if the machine has several nodes.
    """
    if request.affinity:
        text = None if request.affinity == "off" else request.affinity
        numbers = parse_cores(text)
        if text and not numbers:
            raise LoadRefused(f"{text!r} is no list of cores (like 0-7,16)")
        return text, numbers or (None,)
    adapter = frame.adapter(way.port.now.port.id)
    functions: tuple[Function, ...] = adapter.functions if adapter else ()
    port = way.port.now.port
    used = (port.function, *port.extra_functions)
    texts = [f.local_cpus for f in functions if f.address in used and f.local_cpus]
    text = ",".join(texts) or None
    numbers = parse_cores(text)
    everywhere = len(numbers) >= (frame.sample.host.cpus or 0)
    return (None, (None,)) if everywhere else (text, numbers or (None,))


def pinned(planning: Planning) -> list[str]:
    """Return what a command begins with that is kept on the card's cores."""
    text, _ = cores_of(planning.frame, planning.request, planning.way)
    return ["taskset", "-c", text] if text and planning.system.which("taskset") else []
