"""A route is all its next hops, as the kernel's own tables tell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlxtop.change.guard import Danger
from mlxtop.sources.kernel.routes import read_default_devices, read_used_devices
from mlxtop.system.rtnetlink import parse_hop, parse_match, parse_route

from . import netns
from .test_change_guard import ONE, TWO, Bench, named


def over(*devices: str) -> str:
    """A ROUTE answer with several next hops."""
    return json.dumps({"dev": devices[0], "devs": devices, "local": False})


def test_a_default_route_over_three_next_hops_guards_all_three() -> None:
    bench = Bench()
    bench.routes.clear()
    bench.files["/proc/net/route"] = "eno1 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0"
    bench.extra.append(f"? route 192.0.2.1 = {over('enp9s0', 'eno1', 'enp9s0d1')}")
    assert read_default_devices(bench.system()) == ["eno1", "enp9s0", "enp9s0d1"]
    assert {frozenset(h.ports or ()) for h in bench.uses().hazards} == {
        frozenset([ONE]),
        frozenset([TWO]),
    }


def test_a_session_over_several_next_hops_counts_for_all() -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", None)
    bench.extra.append(f"? route 10.0.0.9,10.0.0.1 = {over('enp9s0', 'enp9s0d1')}")
    assert named(bench.uses()) == {Danger.SSH: {ONE, TWO}}
    bench.extra[-1] = f"? route 10.0.0.9,10.0.0.1 = {over('enp9s0', 'wg0')}"
    assert named(bench.uses()) == {Danger.SSH: None}, "where a tunnel leads cannot be told"


def test_a_device_with_an_address_or_a_route_is_in_use() -> None:
    bench = Bench()
    bench.files["/proc/net/route"] = "\n".join(
        ("Iface Destination Gateway", "enp9s0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0", "short")
    )
    bench.files["/proc/net/if_inet6"] = "\n".join(
        (
            "00000000000000000000000000000001 01 80 10 80 lo",
            "fe800000000000000000000000000001 02 40 20 80 eno1",
            "fd000000000000000000000000000001 03 40 00 80 enp9s0d1",
        )
    )
    assert read_used_devices(bench.system()) == {"enp9s0", "enp9s0d1"}


@pytest.mark.parametrize("size", range(0, 40, 3))
def test_a_cut_message_is_no_error(size: int) -> None:
    message = memoryview(bytes([2, 0, 0, 0, 0, 0, 0, 1] + [0] * 4 + [28, 0, 9, 0] + [3] * 40))
    for parse in (parse_route, parse_match, parse_hop):
        parse(message[:size])


SCRIPT = """
for n in 1 2 3; do
    ip link add d$n type veth peer name e$n
    ip link set d$n up; ip link set e$n up
    ip address add 10.$n.0.1/24 dev d$n; ip address add fd0$n::1/64 dev d$n nodad
done
ip route add default nexthop via 10.1.0.2 nexthop via 10.2.0.2 nexthop via 10.3.0.2
ip -6 route add default nexthop via fd01::2 nexthop via fd02::2 nexthop via fd03::2
ip nexthop add id 1 via 10.1.0.2 dev d1
ip nexthop add id 3 via 10.3.0.2 dev d3
ip nexthop add id 10 group 1/3
ip route add 10.50.0.0/16 nhid 10
ip route add 10.60.0.0/16 nhid 3
exec "$@"
"""
PROGRAM = """
import json
from pathlib import Path
from mlxtop.sources.kernel.routes import read_default_devices, read_used_devices, read_route
from mlxtop.system.local import LocalSystem
system = LocalSystem()
print(json.dumps(read_default_devices(system)))
for mode in "10":
    Path("/proc/sys/net/ipv4/nexthop_compat_mode").write_text(mode)
    for address in ("10.50.0.1", "10.60.0.1", "10.2.0.9", "10.2.0.1"):
        print(json.dumps(sorted(read_route(system, address))))
"""


@pytest.mark.slow
def test_the_kernel_tells_every_next_hop() -> None:
    if reason := netns.missing():
        pytest.skip(reason)
    argv = ["unshare", "-n", "sh", "-ec", SCRIPT, "sh", sys.executable, "-c", PROGRAM]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    default, *others = map(json.loads, ran.stdout.splitlines())
    assert sorted(default) == ["d1", "d2", "d3"]
    assert others == [["d1", "d3"], ["d3"], ["d2"], []] * 2
