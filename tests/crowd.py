"""Captured machines with many of something, and how much work a command has with them."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any

from mlxtop.system.capture import HEADER

BRIDGE = "/sys/devices/pci0000:00/0000:00:01.0"


def _function(
    address: str, netdevs: list[str], *, driver: str = "mlx5_core", virtual: bool = False
) -> Iterator[str]:
    """A PCI function below the bridge, with its network devices."""
    place = f"{BRIDGE}/{address}"
    yield f"/sys/bus/pci/devices/{address} -> ../../..{place[4:]}"
    yield f"{place}/vendor = 0x15b3"
    yield f"{place}/device = {'0x1014' if virtual else '0x1013'}"
    yield f"{place}/class = 0x020000"
    yield f"{place}/driver -> ../../../../bus/pci/drivers/{driver}"
    yield f"{place}/numa_node = 0"
    yield f"{place}/local_cpulist = 0-7"
    yield from (f"{place}/{end}_link_speed = 8.0 GT/s" for end in ("current", "max"))
    yield from (f"{place}/{end}_link_width = 8" for end in ("current", "max"))
    for number, name in enumerate(netdevs):
        yield f"/sys/class/net/{name} -> ../..{place[4:]}/net/{name}"
        yield f"{place}/net/{name}/device -> ../../../{address}"
        yield f"{place}/net/{name}/dev_port = {number}"
        yield f"{place}/net/{name}/speed = 100000"


def _rdma(address: str, name: str, card: int) -> Iterator[str]:
    place = f"{BRIDGE}/{address}/infiniband/{name}"
    yield f"/sys/class/infiniband/{name} -> ../..{place[4:]}"
    yield f"{place}/device -> ../../../{address}"
    yield f"{place}/sys_image_guid = b8ce:f603:0000:{card:04x}"
    yield f"{place}/ports/1/state = 4: ACTIVE"


def _address(number: int) -> str:
    return f"{number >> 12:04x}:{number >> 5 & 0x7F:02x}:{number & 0x1F:02x}.0"


def _cards(count: int) -> Iterator[str]:
    for n in range(count):
        yield from _function(_address(n + 64), [f"e{n}"])


def _one_card(count: int) -> Iterator[str]:
    for n in range(count):
        yield from _function(_address(n + 64), [f"e{n}"])
        yield from _rdma(_address(n + 64), f"mlx5_{n}", 1)


def _one_slot(count: int) -> Iterator[str]:
    for n in range(count):
        yield from _function(f"0000:43:00.{n}", [f"e{n}"])


def _one_function(count: int) -> Iterator[str]:
    yield from _function("0000:43:00.0", [f"e{n}" for n in range(count)], driver="mlx4_core")


def _virtual_functions(count: int) -> Iterator[str]:
    yield from _function("0000:43:00.0", ["e0"])
    for n in range(1, count):
        address = _address(n + 64)
        yield from _function(address, [f"e{n}"], virtual=True)
        yield f"{BRIDGE}/{address}/physfn -> ../0000:43:00.0"


def _others(count: int) -> Iterator[str]:
    yield from ()


LAYOUTS: dict[str, Callable[[int], Iterator[str]]] = {
    "cards": _cards,
    "functions of one card": _one_card,
    "functions in one slot": _one_slot,
    "network devices of one function": _one_function,
    "virtual functions": _virtual_functions,
    "other network devices": _others,
}


def crowd(layout: str, count: int) -> str:
    """A captured machine with `count` of what `layout` says; links are up, programs run."""
    links = [
        {
            "name": f"e{n}",
            "index": n + 2,
            "type": 1,
            "flags": 1,
            "carrier": True,
            "mtu": 1500,
            "master": count + 2 + n // 2,
        }
        for n in range(count)
    ]
    links += [
        {"name": f"bond{n}", "index": count + 2 + n, "type": 1, "flags": 1, "kind": "bond"}
        for n in range(count // 2)
    ]
    counters = {str(n + 2): [n] * 24 for n in range(count)}
    lines = [
        HEADER,
        "@root yes",
        "@commands mstconfig",
        f"? links = {json.dumps(links)}",
        f"? link-counters = {json.dumps(counters)}",
        f"{BRIDGE}/current_link_speed = 8.0 GT/s",
        f"{BRIDGE}/current_link_width = 4",
        *LAYOUTS[layout](count),
    ]
    for n in range(count // 2):
        lines += [f"/proc/net/bonding/bond{n}:", "  | Bonding Mode: load balancing (xor)"]
        lines += [line for m in (0, 1) for line in _member(f"e{2 * n + m}")]
        lines += [f"/proc/{n + 100}/comm = iperf3"]
        lines += [f'/proc/{n + 100}/cmdline = "iperf3\\u0000-B\\u0000e{n}"']
    return "\n".join(lines) + "\n"


def _member(name: str) -> list[str]:
    return ["  | ", f"  | Slave Interface: {name}", "  | MII Status: up", "  | Speed: 100000 Mbps"]


def steps(work: Callable[[], Any]) -> int:
    """How many functions, generators and built-ins a piece of work enters, in all its threads."""
    counts: dict[int, int] = {}

    def count(_: FrameType, event: str, __: Any) -> None:
        if event in ("call", "c_call"):
            own = threading.get_ident()
            counts[own] = counts.get(own, 0) + 1

    out, err = io.StringIO(), io.StringIO()
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return sum(counts.values())
