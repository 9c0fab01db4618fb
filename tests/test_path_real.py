"""Three hosts that keep their paths, for real: namespaces, cables that die, TCP that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import path_lab
from tests.netns import missing
from tests.path_lab import (
    ADDRESS,
    ADDRESS6,
    CABLES,
    HOSTS,
    SLOW,
    Stream,
    Triangle,
    cable,
    ready,
    triangle,
    until,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or ""),
]

WITHIN_S = 2.0
"""Seconds within which traffic goes on."""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triangle]:
    with triangle(tmp_path_factory.mktemp("path")) as made:
        yield made


@contextmanager
def kept(made: Triangle, *names: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Keep the paths on hosts, with nothing in the past of any way."""
    processes = made.keep(*names)
    try:
        yield processes
    finally:
        running = [process for process in processes if process.poll() is None]
        made.release(*running)


Faults = dict[str, tuple[Callable[[Triangle], None], Callable[[Triangle], None]]]

FAULTS: Faults = {
    "the link goes down": (
        lambda made: made.cut("a", "b"),
        lambda made: made.cut("a", "b", is_cut=False),
    ),
    "the link drops everything with its carrier up": (
        lambda made: made.silence("a", "b"),
        lambda made: made.silence("a", "b", silent=False),
    ),
    "one direction drops everything": (
        lambda made: made.drop("a", "b"),
        lambda made: made.drop("a", "b", dropped=False),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(3))
def test_traffic_goes_on_within_two_seconds(hosts: Triangle, fault: str, number: int) -> None:
    begin, end = FAULTS[fault]
    before = {host: hosts.routes(host) for host in HOSTS}
    with kept(hosts, *HOSTS):
        stream = Stream(hosts, "a", "b")
        try:
            since = time.monotonic()
            begin(hosts)
            assert stream.gap_after(since, 10.0) < WITHIN_S
            # what b sends is lost in each case; a may stay where only that direction is dead
            assert "toa0" not in hosts.route("b", ADDRESS["a"])
            assert {host: hosts.routes(host) for host in HOSTS} == before, "of nobody else"
        finally:
            end(hosts)
            stream.end()
    assert {host: hosts.routes(host) for host in HOSTS} == before
    assert [hosts.kept(host) for host in HOSTS] == [0, 0, 0]


def test_after_recovery_the_fast_way_is_taken_again_and_nothing_is_lost(hosts: Triangle) -> None:
    with kept(hosts, *HOSTS):
        stream = Stream(hosts, "a", "b")
        begin, end = FAULTS["the link goes down"]
        begin(hosts)
        until(lambda: "tob0" not in hosts.route("a", ADDRESS["b"]), "another way")
        stream.gap_after(time.monotonic(), 5.0)
        since = time.monotonic()
        end(hosts)

        def is_back() -> bool:
            return "dev tob0" in hosts.route("a", ADDRESS["b"])

        assert until(is_back, "the fast way") > 9.5, "ten seconds of good answers first"
        gap = stream.gap_after(since, 60.0)
        stream.end()
        assert gap < 0.19, "a lost segment takes 200 ms to be sent again"


def test_a_slow_flap_is_damped(hosts: Triangle) -> None:
    with kept(hosts, *HOSTS) as processes:
        stream = Stream(hosts, "a", "b")
        since = time.monotonic()
        for _ in range(3):
            hosts.cut("a", "b")
            time.sleep(1.0)
            hosts.cut("a", "b", is_cut=False)
            time.sleep(2.0)
        assert stream.gap_after(since, 30.0) < WITHIN_S
        stream.end()
        said = hosts.release(*processes)[0]
    assert said.count("b goes ") == 1, said


def test_a_thousand_flaps_a_minute_are_one_change(hosts: Triangle) -> None:
    with kept(hosts, *HOSTS) as processes:
        for _ in range(100):
            hosts.cut("a", "b")
            time.sleep(0.03)
            hosts.cut("a", "b", is_cut=False)
            time.sleep(0.03)
        assert "tob0" not in hosts.route("a", ADDRESS["b"])
        assert hosts.kept("a") == 2, "never fewer ways than before"
        said = hosts.release(*processes)[0]
    assert said.count("b goes ") <= 2, said


def test_a_dead_peer_is_told_and_no_route_is_touched(hosts: Triangle) -> None:
    with kept(hosts, "a") as (process,):
        before = hosts.ip("a", "-4", "route", "show", "table", "all")
        hosts.isolate("b")
        try:
            ready(process, "b: no way answers")
            time.sleep(3.0)
            assert hosts.ip("a", "-4", "route", "show", "table", "all") == before
        finally:
            hosts.isolate("b", alone=False)


def test_routes_are_taken_back_after_kill_9(hosts: Triangle) -> None:
    before = hosts.routes("a")
    (process,) = hosts.keep("a")
    assert hosts.kept("a") == 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    def as_before() -> bool:
        return hosts.kept("a") == 0 and hosts.routes("a") == before

    until(as_before, "everything as before", 5.0)
    until(lambda: "proto 77" not in hosts.ip("a", "rule", "show"), "no rule of ours", 5.0)


def test_the_next_start_takes_up_what_is_left_and_leave_leaves_it(hosts: Triangle) -> None:
    process = hosts.start("a", "keep", "--leave")
    until(lambda: hosts.kept("a") == 2, "routes")
    hosts.release(process)
    assert hosts.kept("a") == 2
    assert "proto 77" not in hosts.ip("a", "rule", "show"), "rules of probes are of no use"
    process = hosts.start("a", "keep")
    ready(process, "c dev toc0 up")
    until(lambda: hosts.kept("a") == 2, "routes")
    hosts.release(process)
    assert hosts.kept("a") == 0


@pytest.mark.parametrize("metric", [("metric", "3"), ()])
def test_a_route_that_is_set_later_does_not_hide_ours(
    hosts: Triangle, metric: tuple[str, ...]
) -> None:
    late = ("route", "replace", ADDRESS["b"], "via", SLOW["b"], "dev", "slow0", *metric)
    with kept(hosts, "a"):
        hosts.ip("a", *late)
        until(lambda: "dev tob0" in hosts.route("a", ADDRESS["b"]), "the fast way again", 5.0)
        with_late = hosts.routes("a")
        hosts.cut("a", "b")
        until(lambda: "dev toc0" in hosts.route("a", ADDRESS["b"]), "the other way", 3.0)
        hosts.cut("a", "b", is_cut=False)
    assert hosts.routes("a") == with_late, "the route of somebody else is as it was"
    assert hosts.kept("a") == 0
    assert "77" not in hosts.ip("a", "rule", "show")
    hosts.ip("a", "route", "del", *late[2:])


def test_the_second_copy_only_watches(hosts: Triangle) -> None:
    with kept(hosts, "a"):
        second = hosts.start("a", "keep")
        ready(second, "another copy keeps the paths here: this one only watches")
        ready(second, "b dev tob0 up")
        hosts.release(second)
        assert hosts.kept("a") == 2, "the first copy's routes stay"


def test_a_program_that_starts_before_its_links(tmp_path: Path) -> None:
    with triangle(tmp_path, links=False) as made:
        processes = [made.start(host, "keep") for host in HOSTS]
        ready(processes[0], "no such network device")
        assert made.kept("a") == 0 or "slow0" in made.ip("a", "route", "show", "proto", "77")
        for pair in CABLES:
            cable(made, *pair)
        until(lambda: "dev tob0 proto 77" in made.ip("a", "route", "show"), "the fast way", 40.0)


def test_a_device_that_is_renamed_or_comes_back_under_another_name(tmp_path: Path) -> None:
    with triangle(tmp_path) as made:
        (process,) = made.keep("a")
        made.ip("a", "link", "set", "tob0", "down")
        made.ip("a", "link", "set", "tob0", "name", "fast7")
        made.ip("a", "link", "set", "fast7", "up")
        ready(process, "tob0 is called fast7 now")
        kept = "dev fast7 proto 77"
        until(lambda: kept in made.ip("a", "route", "show"), "its new name", 30.0)
        address = made.ip("a", "-o", "link", "show", "fast7").split("link/ether ")[1].split()[0]
        made.ip("a", "link", "del", "fast7")
        until(lambda: "toc0" in made.route("a", ADDRESS["b"]), "another way", 3.0)
        path_lab.plug(made, "a", "again0", ("wab", "brab"), address)
        made.ip("a", "addr", "add", f"{ADDRESS['a']}/32", "dev", "again0")
        ready(process, "fast7 is called again0 now")
        until(lambda: "dev again0 proto 77" in made.ip("a", "route", "show"), "it again", 40.0)


FORGE = """
import os, socket, sys, time
sys.path.insert(0, sys.argv[2])
from mlxtop.system.icmp import MAGIC, checksum
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
while True:
    body = MAGIC + os.urandom(16)
    total = checksum(bytes((0, 0, 0, 0, 0, 0, 0, 0)) + body)
    out.sendto(bytes((0, 0)) + total.to_bytes(2, "big") + bytes(4) + body, (sys.argv[1], 0))
    time.sleep(0.01)
"""


def test_forged_answers_keep_no_way_alive(hosts: Triangle) -> None:
    with kept(hosts, "a") as (process,):
        subprocess.run(
            hosts.on("b", "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"), check=True
        )
        forger = subprocess.Popen(
            hosts.on("b", sys.executable, "-c", FORGE, ADDRESS["a"], str(path_lab.ROOT))
        )
        try:
            ready(process, "b: no way answers")
        finally:
            forger.kill()
            forger.wait()
            subprocess.run(
                hosts.on("b", "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0"), check=True
            )


def test_ipv6_goes_on_too(tmp_path: Path) -> None:
    with triangle(tmp_path) as made:
        for host in HOSTS:
            key = "net.ipv6.conf.all.forwarding=1"
            subprocess.run(made.on(host, "sysctl", "-qw", key), check=True)
            for far in HOSTS:
                if far != host:
                    dev = path_lab.device(host, far)
                    made.ip(host, "addr", "add", f"{ADDRESS6[host]}/128", "dev", dev, "nodad")
                    made.ip(host, "-6", "route", "add", ADDRESS6[far], "dev", dev, "metric", "10")
        text = {host: six(host) for host in HOSTS}
        before = made.routes("a")
        processes = [made.start(host, "keep", text=text[host]) for host in HOSTS]
        ours = ("-6", "route", "show", "proto", "77")
        for host in HOSTS:
            until(lambda host=host: made.ip(host, *ours).count("\n") == 2, host)
        made.cut("a", "b")
        until(lambda: "toc0" in made.route("a", ADDRESS6["b"]), "another way", WITHIN_S)
        ping = ("ping", "-6", "-c", "1", "-W", "1", "-I", ADDRESS6["a"], ADDRESS6["b"])

        def answers() -> bool:
            done = subprocess.run(made.on("a", *ping), capture_output=True, check=False)
            return done.returncode == 0

        until(answers, "an answer", 5.0)
        made.cut("a", "b", is_cut=False)
        made.release(*processes)
        assert made.ip("a", *ours) == ""
        assert made.routes("a") == before


def six(host: str) -> str:
    """Return settings with both peers of a host by IPv6."""
    text = path_lab.peers_of(host)
    for one in HOSTS:
        text = text.replace(f'"{ADDRESS[one]}"', f'"{ADDRESS6[one]}"')
    slow = [f'"{SLOW[one]}"' for one in HOSTS]
    return "\n".join(line for line in text.splitlines() if not any(s in line for s in slow)) + "\n"
