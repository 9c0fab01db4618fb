"""The table of those who hold RDMA objects: its order, its notes, and its width."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.model.rdma_objects import QueuePairs, RdmaHolder, RdmaObjects, RdmaPeer
from mlxtop.model.sample import Slow
from mlxtop.present.rdma_objects import COLUMNS, Limits, details, lines, ranked, turned
from mlxtop.present.text import Role, plain, width
from mlxtop.present.view import HolderOrder

WALL = 2_000_000_000.0


def holder(pid: int, qps: int, **more: Any) -> RdmaHolder:
    facts = {"comm": "python3", "user": "alice", "since": WALL - 7500, **more}
    return RdmaHolder("mlx5_0", pid, **facts, qps=(QueuePairs("RC", "RTS", qps),))


MANY, FEW = holder(1, 96, mr_bytes=1), holder(2, 3, comm="b", mr_bytes=9, since=None)
OBJECTS = RdmaObjects(
    (FEW, MANY, RdmaHolder("mlx5_0", module="ib_core", qps=(QueuePairs("GSI", "RTS", 1),))),
    {"mlx5_0": {"qp": 100, "mr": 2}},
    first_pid_namespace=True,
)


def shown(objects: RdmaObjects = OBJECTS, columns: int = 80, **limits: int) -> list[str]:
    most: Limits = {"mlx5_0": Slow(limits, 1.0)} if limits else {}
    return [plain(line) for line in lines(objects, most, WALL, columns, HolderOrder())]


@pytest.mark.parametrize(
    ("by", "reverse", "first"),
    [
        ("qps", False, MANY),
        ("qps", True, FEW),
        ("memory", False, FEW),
        ("name", False, FEW),
        ("name", True, MANY),
        ("since", False, MANY),
        ("since", True, MANY),  # the unknown comes last in any case
        ("pid", False, FEW),
    ],
)
def test_holders_are_sorted_by_any_column(by: str, reverse: bool, first: RdmaHolder) -> None:
    assert ranked([MANY, FEW], HolderOrder(by, reverse))[0] is first
    assert ranked([FEW, MANY], HolderOrder(by, reverse))[0] is first


def test_every_column_can_be_sorted_by_and_turned_to() -> None:
    order, seen = HolderOrder(), set()
    for _ in COLUMNS:
        order = turned(order, 1)
        seen.add(order.by)
        ranked([RdmaHolder("a"), MANY], order)
    assert seen == {column.id for column in COLUMNS} - {"device"}
    assert turned(turned(order, 1), -1) == order


def test_the_table_names_holders_and_leaves_the_kernel_s_own_out() -> None:
    text = shown()
    assert text[1].split() == [
        *("mlx5_0", "python3", "1", "alice", "96", "0", "0"),
        *("1", "B", "2", "h"),
    ]
    assert not any("ib_core" in line for line in text)
    assert any(line.split() == ["mlx5_0", "100", "–", "2", *"––––"] for line in text)


LONG = "rocep139s0f0"
BUSY = RdmaObjects(
    (*OBJECTS.holders, *(MANY._replace(device=name) for name in (LONG, "rocep139s0f1"))),
    {**OBJECTS.held, LONG: dict.fromkeys(("qp", "cq", "mr", "pd", "ctx", "cm_id", "srq"), 31_234)},
    first_pid_namespace=True,
)


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("objects", [OBJECTS, BUSY])
def test_no_line_is_wider_than_the_terminal(objects: RdmaObjects, columns: int) -> None:
    text = shown(objects, columns, qp=131072)
    assert max(map(width, text)) <= columns


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (60, ["rocep…s0f0", "rocep…s0f1"]),
        (80, [LONG, "rocep139s0f1"]),
        (120, [LONG, "rocep139s0f1"]),
    ],
)
def test_devices_are_told_apart_by_the_ends_of_their_names(columns: int, names: list[str]) -> None:
    text = shown(BUSY, columns)
    assert [line.split()[0] for line in text if "python3" in line][1:] == names
    most: Limits = {LONG: Slow(dict.fromkeys(("mr", "qp"), 16_777_216), 1.0)}
    rows = [plain(line) for line in lines(BUSY, most, WALL, columns, HolderOrder())]
    assert "31.2k/16.8M" in " ".join(rows), "nothing is cut off"


def test_a_long_name_loses_its_middle() -> None:
    text = shown(OBJECTS._replace(holders=(MANY._replace(device="rocep139s0f0npf0vf12"),)))
    assert text[1].startswith("rocep13…f0vf12")


def test_totals_near_a_limit_are_marked() -> None:
    for limit, role in ((111, Role.WARNING), (112, Role.TEXT)):
        most: Limits = {"mlx5_0": Slow({"qp": limit}, 1.0)}
        rows = lines(OBJECTS, most, WALL, 80, HolderOrder())
        (cell,) = [run for line in rows for run in line if f"100/{limit}" in run[0]]
        assert cell[1] is role


def test_what_is_not_told_is_said_with_what_would_help() -> None:
    text = " ".join(shown())
    assert "rdma statistic qp set link mlx5_0/1 auto pid on" in text
    counted = OBJECTS._replace(holders=(MANY._replace(rx_bytes=5, tx_bytes=0),))
    assert "rdma statistic" not in " ".join(shown(counted))
    inside = OBJECTS._replace(
        first_pid_namespace=False, absent={"mlx5_0 mr": "gone"}, left_out=3, shared=False
    )
    text = " ".join(shown(inside))
    assert "MRs of mlx5_0 may be missing: gone" in text
    assert "PID namespace" in text
    assert "3 more" in text
    assert "netns exclusive" in text


def test_nobody_is_said_in_words() -> None:
    assert shown(RdmaObjects(held={"mlx5_0": {}}))[0].startswith("No process holds RDMA objects")


def test_what_a_holder_does_is_one_line() -> None:
    peers = tuple(RdmaPeer(f"10.0.0.{n}", 2) for n in range(5))
    one = MANY._replace(service="opensm.service", peers=peers, more_peers=4, rx_bytes=12_000)
    assert details(one._replace(listening=1)) == (
        "opensm.service · 96 RC RTS · with 10.0.0.0 (2), 10.0.0.1 (2), 10.0.0.2 (2) and 6 more"
        " · listens · received 12.0 kB"
    )
    assert not details(RdmaHolder("a"))
