"""RDMA devices as netlink tells them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlxtop.system.netlink import attribute, u32
from mlxtop.system.rdma_netlink import RdmaNetlink, parse_device

Parse = Callable[[memoryview], object]


def device(name: str, *more: bytes) -> memoryview:
    head = u32(1, 3), attribute(2, name.encode() + b"\0"), u32(3, 1)
    return memoryview(b"".join((*head, *more)))


def test_planes_have_a_type_and_a_parent() -> None:
    planes = device("smi4", attribute(99, b"\1"), attribute(100, b"mlx5_2\0"))
    assert parse_device(planes) == ("smi4", {"type": "smi", "parent": "mlx5_2"})


def test_ordinary_devices_have_neither() -> None:
    assert parse_device(device("mlx5_2")) == ("mlx5_2", {"type": None, "parent": None})


@pytest.mark.parametrize("data", [b"", b"\7", attribute(99, b"\1"), attribute(2, b"\0")])
def test_without_a_name_there_is_no_device(data: bytes) -> None:
    assert parse_device(memoryview(data)) is None


def test_a_type_of_a_later_kernel_is_no_planes() -> None:
    answer = parse_device(device("x", attribute(99, b"\2")))
    assert answer == ("x", {"type": None, "parent": None})


def test_all_devices_are_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []

    def ask(kind: int, body: bytes, parse: Parse, dump: bool = False) -> list[object]:
        asked.append((kind, dump))
        return [parse(device("mlx5_0")), parse(device("smi1", attribute(99, b"\1")))]

    netlink = RdmaNetlink()
    monkeypatch.setattr(netlink, "ask", ask)
    assert [entry["type"] for entry in netlink.devices().values()] == [None, "smi"]
    assert asked == [(0x1401, True)]
