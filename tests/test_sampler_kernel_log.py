"""Incidents of the kernel log, gathered while samples are taken."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event

import pytest

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.kernel_log import BATCH, PAUSE_S, SHARE, KernelLogFollower, paced
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.clock import RealClock
from mlxtop.system.door import KernelRecord
from mlxtop.system.kernel_log import read_records

PLUGGED = """/dev/kmsg:
  | 4,100,7000000,-;mlx5_core 0000:43:00.0: Port module event: module 0, Cable plugged
  | 6,101,8000000,-;usb 1-1: new high-speed USB device
"""


def follower(text: str) -> KernelLogFollower:
    capture = parse_capture(HEADER + "\n" + text)
    assert capture.complaints == []
    log = KernelLogFollower(CapturedSystem("test", capture, capture))
    log.start(Event())
    return log


def test_an_incident_is_taken_once_and_noted() -> None:
    noted: list[Incident] = []
    log = follower(PLUGGED)
    assert [one.kind for one in log.take(noted.append)] == [IncidentKind.MODULE_PLUGGED]
    assert (noted[0].device, noted[0].tick) == ("0000:43:00.0", 7.0)
    assert log.take(noted.append) == ()
    assert len(noted) == 1


def test_a_log_that_may_not_be_read_has_a_reason_and_no_incidents() -> None:
    log = follower("/dev/kmsg ! EPERM\n")
    assert log.reason == "needs root"
    assert log.take(lambda _: None) == ()


def test_lost_events_are_an_incident() -> None:
    log = follower(PLUGGED)
    log.tell_lost("3 kernel messages", 9.0)
    (_, lost) = log.take(lambda _: None)
    assert (lost.kind, lost.tick) == (IncidentKind.LOST, 9.0)
    assert lost.text.startswith("3 kernel messages were lost")


class Dropping(CapturedSystem):
    """A machine whose kernel log has gaps."""

    def __init__(self, *records: KernelRecord) -> None:
        capture = parse_capture(HEADER + "\n")
        super().__init__("test", capture, capture)
        self.records = records

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        yield from self.records


@pytest.mark.parametrize(
    ("apart", "texts"),
    [
        (60.0, ["7 kernel messages were lost: what happened then is not known"]),
        (60.1, ["4 kernel messages were lost: what happened then is not known"]),
    ],
)
def test_losses_that_are_not_far_apart_are_one_gap(apart: float, texts: list[str]) -> None:
    first, second = KernelRecord(5.0, 4, "x", lost=3), KernelRecord(5.0 + apart, 4, "x", lost=4)
    log = KernelLogFollower(Dropping(first, second))
    log.start(Event())
    gap = log.take(lambda _: None)
    assert [one.text for one in gap] == texts
    assert gap[0].until == 5.0 + apart
    assert log.take(lambda _: None) == ()


class Worked:
    """Seconds that a thread has worked: `per_line` a line that is taken."""

    def __init__(self, per_line: float) -> None:
        self.per_line, self.seconds = per_line, 0.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def lines(self, count: int) -> Iterator[KernelRecord]:
        for _ in range(count):
            self.seconds += self.per_line
            yield KernelRecord(1.0, 4, "x")


@pytest.mark.parametrize("per_line", [2e-6, 30e-6])
def test_a_flood_takes_no_more_than_its_share_of_the_time(per_line: float) -> None:
    worked = Worked(per_line)
    taken = sum(1 for _ in paced(worked.lines(10 * BATCH), worked.waited.append, worked))
    assert taken == 10 * BATCH
    assert len(worked.waited) == 10
    share = worked.seconds / (worked.seconds + sum(worked.waited))
    assert share == pytest.approx(SHARE)


def test_a_pause_is_short_and_a_few_lines_make_none() -> None:
    slow = Worked(1.0)
    list(paced(slow.lines(BATCH), slow.waited.append, slow))
    assert slow.waited == [PAUSE_S]
    few = Worked(1.0)
    list(paced(few.lines(BATCH - 1), few.waited.append, few))
    assert few.waited == []


def test_a_backtrace_names_the_driver_that_a_core_is_stuck_in() -> None:
    log = follower(
        "/dev/kmsg:\n"
        "  | 0,1,5000000,-;watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]\n"
        "  | 4,2,5000100,-;Call Trace:\n"
        "  | 4,3,5000200,-; mlx5e_napi_poll+0x11/0x70 [mlx5_core]\n"
    )
    (stuck,) = log.take(lambda _: None)
    assert stuck.text == "a core is stuck for 22 s"


LINES = (
    "mlx5_core 0000:43:00.0: mlx5_cmd_out_err:808:(pid 9): ACCESS_REG(0x805) op_mod(0x1) failed,"
    " status bad parameter(0x3), syndrome (0x305684), err(-22)",
    "mlx5_core 0000:43:00.0 enp67s0np0: Link down",
    "pcieport 0000:40:03.0: AER: Correctable error message received from 0000:43:00.0",
    "mlx5_core 0000:43:00.0: PCIe Bus Error: severity=Correctable, type=Data Link Layer, (Rec)",
    "mlx5_core 0000:43:00.0:    [ 6] BadTLP",
    "IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64",
)
FLOOD = """
import socket, sys, time
out = socket.socket(fileno=int(sys.argv[1]))
lines, rate, begun, sent = sys.argv[2:], 10_000, time.monotonic(), 0
try:
    while True:
        while sent < (time.monotonic() - begun) * rate:
            text = lines[sent % len(lines)]
            out.send(f"4,{sent},{sent * 100},-;{text}\\n DEVICE=+pci:0000:43:00.0\\n".encode())
            sent += 1
        time.sleep(0.001)
except OSError:
    pass
"""


class Flooded(CapturedSystem):
    """A machine whose kernel log is what another process sends, a record a datagram."""

    captured = False

    def __init__(self, fd: int) -> None:
        capture = parse_capture(HEADER + "\n")
        super().__init__("test", capture, capture)
        self.fd, self.clock = fd, RealClock()
        self.read_records = 0
        self.worked = 0.0
        """Seconds of CPU of the thread that reads."""

    def now(self) -> float:
        return time.monotonic()

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        for record in read_records(self.fd, stop):
            self.read_records += 1
            self.worked = time.thread_time()
            yield record


def late(rounds: int, log: KernelLogFollower) -> float:
    """Return the 99th percentile of how much too late a sampling instant comes, in seconds."""
    stop, lateness = Event(), []
    for _ in range(rounds):
        due = time.monotonic() + 0.01
        stop.wait(0.01)
        lateness.append(time.monotonic() - due)
        log.take(lambda _: None)
    return sorted(lateness)[rounds * 99 // 100]


@pytest.mark.slow
def test_ten_thousand_lines_a_second_do_not_hold_up_the_samples() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    system, stop = Flooded(ours.fileno()), Event()
    log = KernelLogFollower(system)
    log.start(stop)
    worse, shares = [], []
    with ours, theirs:
        for _ in range(3):
            quiet = late(200, log)
            argv = [sys.executable, "-c", FLOOD, str(theirs.fileno()), *LINES]
            with subprocess.Popen(argv, pass_fds=(theirs.fileno(),)) as flood:
                late(50, log)
                begun, worked, lines = time.monotonic(), system.worked, system.read_records
                worse.append(late(200, log) - quiet)
                shares.append((system.worked - worked) / (time.monotonic() - begun))
                assert system.read_records > lines
                flood.kill()
        stop.set()
    assert min(worse) <= 0.005  # the best of three: others use this machine too
    assert max(shares) <= SHARE * 1.5
