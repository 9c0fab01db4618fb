"""Incidents of the kernel log, gathered while samples are taken."""

from __future__ import annotations

from threading import Event

from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.kernel_log import KernelLogFollower
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

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
