"""Findings about who holds RDMA objects: each with the case in which it does not mean that."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.doctor.check import CouldNotTell, Finding, Outcome, Setting
from mlxtop.model.rdma_objects import LockedMemory, QueuePairs, RdmaHolder, RdmaObjects
from mlxtop.model.sample import UNREAD, Slow
from tests.cases import NOTE, WARNING, ask, case


def outcomes(check: str, *holders: RdmaHolder, **more: Any) -> list[Outcome]:
    objects = RdmaObjects(holders, {"mlx5_0": {}}, **{"first_pid_namespace": True, **more})
    return list(ask(check, case(rdma="mlx5_0", rdma_objects=Slow(objects, 1.0))))


def holder(*states: str, **more: Any) -> RdmaHolder:
    qps = tuple(QueuePairs("RC", state, 2) for state in states)
    return RdmaHolder("mlx5_0", **{"pid": 7, "comm": "python3", **more}, qps=qps)


UNNAMED = holder("RTS", pid=None, comm=None, contexts=1)
ERRORS, LEFT, MEMORY, USERS = (
    "QPs in error",
    "RDMA objects without a process",
    "locked memory",
    "who uses RDMA",
)


def test_queue_pairs_in_error_are_a_note_at_first_and_a_warning_after_a_minute() -> None:
    tick = case().frame.sample.tick
    for seconds, severity in ((0.0, NOTE), (59.9, NOTE), (60.0, WARNING)):
        (finding,) = outcomes(ERRORS, holder("RTS", "ERR", failed_since=tick - seconds))
        assert isinstance(finding, Finding)
        assert finding.severity is severity
        assert "python3 (PID 7) has 2 of 4 QPs of mlx5_0 in error" in finding.evidence


def test_queue_pairs_that_work_or_begin_are_no_finding() -> None:
    assert outcomes(ERRORS, holder("RTS", "RESET", "INIT", "RTR")) == []


def test_objects_whose_maker_has_ended_are_told_where_nobody_else_is() -> None:
    (finding,) = outcomes(LEFT, UNNAMED)
    assert isinstance(finding, Finding)
    assert finding.severity is NOTE
    assert "fuser -v" in finding.advice


def test_they_may_be_of_a_thread_of_somebody_or_of_another_namespace() -> None:
    assert outcomes(LEFT, UNNAMED, holder("RTS")) == []
    assert outcomes(LEFT, UNNAMED, first_pid_namespace=False) == []
    assert outcomes(LEFT, UNNAMED, first_pid_namespace=None) == []
    assert outcomes(LEFT, RdmaHolder("mlx5_0", module="nvme_rdma")) == []


@pytest.mark.parametrize(
    ("pinned", "limit", "exempt", "kind"),
    [
        (89, 100, False, None),
        (90, 100, False, Finding),
        (99, 100, True, None),
        (101, 100, True, Setting),
        (1 << 40, None, False, None),
    ],
)
def test_memory_near_what_may_be_locked(
    pinned: int, limit: int | None, exempt: bool, kind: type | None
) -> None:
    memory = LockedMemory(pinned << 20, None if limit is None else limit << 20, exempt)
    found = outcomes(MEMORY, holder("RTS", mrs=1, memory=memory))
    assert [type(one) for one in found] == ([] if kind is None else [kind])
    assert outcomes(MEMORY, holder("RTS", mrs=0, memory=memory)) == []


def test_a_namespace_that_hides_others_is_said_as_such() -> None:
    (unknown,) = outcomes(USERS, first_pid_namespace=False)
    assert isinstance(unknown, CouldNotTell)
    assert "PID namespace" in unknown.reason
    assert outcomes(USERS) == []


def test_devices_that_belong_to_network_namespaces_are_told() -> None:
    (setting,) = outcomes(USERS, shared=False)
    assert isinstance(setting, Setting)
    assert "netns exclusive" in setting.text
    assert outcomes(USERS, shared=True) == outcomes(USERS, shared=None) == []


def test_storage_of_the_kernel_is_named() -> None:
    work = holder("RTS", pid=None, comm=None, module="nvmet_rdma")
    (setting,) = outcomes(USERS, work, holder("RTS", pid=None, comm=None, module="ib_core"))
    assert isinstance(setting, Setting)
    assert setting.text == "mlx5_0 is used by the kernel: NVMe/RDMA target (nvmet_rdma), 2 QPs"


def test_what_was_not_read_or_not_whole_cannot_be_told() -> None:
    (unread,) = ask(USERS, case(rdma="mlx5_0", rdma_objects=UNREAD))
    assert isinstance(unread, CouldNotTell)
    (part,) = outcomes(USERS, absent={"mlx5_0 mr": "Input/output error"})
    assert isinstance(part, CouldNotTell)
    assert part.what == "RDMA objects of mlx5_0 mr"
    assert [
        o for o in ask(ERRORS, case(rdma="mlx5_0", rdma_objects=UNREAD)) if isinstance(o, Finding)
    ] == []
