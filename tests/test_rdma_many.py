"""A hundred thousand queue pairs: they stall nothing and take no room."""

from __future__ import annotations

import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from mlxtop.lab.rdma import messages, mr_entry, owner, qp_entry
from mlxtop.system import netlink, rdma_netlink
from mlxtop.system.netlink import attribute, u32
from mlxtop.system.rdma_objects import KINDS

PAIRS, REGIONS, PROCESSES, IN_MESSAGE = 100_000, 10_000, 50, 200
HEAD = struct.Struct("=IHHII")


def one_message(kind: str, number: int) -> bytes:
    """Two hundred entries of one process, some of which have another shape or state."""
    who = owner({"pid": 1000 + number})
    if kind == "mr":
        entries = [mr_entry(who, n, 4096 * (n + 1)) for n in range(IN_MESSAGE)]
    else:
        entries = [
            qp_entry(who, n, "UD" if n % 50 == 49 else "RC", "ERR" if n == 7 else "RTS")
            for n in range(IN_MESSAGE)
        ]
    return next(messages(kind, "mlx5_0", entries))


LISTS = {
    "qp": [one_message("qp", n) for n in range(PROCESSES)] * (PAIRS // PROCESSES // IN_MESSAGE),
    "mr": [one_message("mr", n) for n in range(REGIONS // IN_MESSAGE)],
}


class Channel:
    """Stands for a netlink socket: the kernel's datagrams, one after the other."""

    def __init__(self, protocol: int) -> None:
        self.socket = self
        self.sequence = 0
        self.told: Iterator[bytes] = iter(())

    def close(self) -> None:
        pass

    def send(self, kind: int, flags: int, body: bytes) -> None:
        self.sequence += 1
        name = next((n for n, one in KINDS.items() if one.command == kind & 0x3FF), "")
        device = [u32(1, 0) + attribute(2, b"mlx5_0\0")] if kind & 0x3FF == 1 else []
        self.told = iter(LISTS.get(name, device))

    def receive(self) -> memoryview:
        content = next(self.told, None)
        kind = netlink.NLMSG_DONE if content is None else 0x1401
        content = bytes(4) if content is None else content
        size = HEAD.size + len(content)
        return memoryview(HEAD.pack(size, kind, netlink.NLM_F_MULTI, self.sequence, 0) + content)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> rdma_netlink.RdmaNetlink:
    monkeypatch.setattr(netlink, "_Channel", Channel)
    return rdma_netlink.RdmaNetlink()


def test_all_are_counted_with_a_rest_after_each_message(
    kernel: rdma_netlink.RdmaNetlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(rdma_netlink, "sleep", rests.append)
    answer = kernel.objects("mlx5_0")
    assert sum(group["count"] for group in answer["qp"]) == PAIRS
    assert sum(group["count"] for group in answer["mr"]) == REGIONS
    assert sum(group["bytes"] for group in answer["mr"]) == 50 * 4096 * 200 * 201 // 2
    assert len(answer["qp"]) == 3 * PROCESSES
    assert len(rests) == len(LISTS["qp"]) + len(LISTS["mr"])


@pytest.mark.slow
def test_they_take_little_room(
    kernel: rdma_netlink.RdmaNetlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rdma_netlink, "sleep", lambda seconds: None)
    tracemalloc.start()
    try:
        kernel.objects("mlx5_0")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 << 20  # of 40 MB that it may take


@pytest.mark.slow
def test_no_tick_is_late_meanwhile(kernel: rdma_netlink.RdmaNetlink) -> None:
    late: list[float] = []
    over = threading.Event()

    def tick() -> None:
        due = time.monotonic()
        while not over.is_set():
            due += 0.05
            time.sleep(max(0.0, due - time.monotonic()))
            with open("/proc/self/stat", "rb") as file:
                for _ in range(60):  # as many waits for the interpreter as a tick has
                    file.seek(0)
                    file.read(16)
            late.append(time.monotonic() - due)

    ticking = threading.Thread(target=tick)
    ticking.start()
    answer: dict[str, Any] = {}
    for _ in range(5):
        answer = kernel.objects("mlx5_0")
    over.set()
    ticking.join()
    assert sum(group["count"] for group in answer["qp"]) == PAIRS
    assert len(late) > 20
    assert sorted(late)[len(late) * 9 // 10] < 0.05
