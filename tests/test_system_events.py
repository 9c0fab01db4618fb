"""Device and link events from real kernels, real pyudev and a mock of udev."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import mlxtop
from mlxtop.model.identity import pci_address
from mlxtop.system import events
from tests import netns

COLLECT = """
import json, subprocess, sys, threading, time
from mlxtop.system import events

def collect(act, last):
    '''Events while `act` runs, until one that `last` accepts came.'''
    events._POLL = 0.1
    stop, begun, seen = threading.Event(), threading.Event(), []
    devices = events._devices
    def listening():
        monitor = devices()
        begun.set()
        return monitor
    events._devices = listening
    def run():
        for event in events.follow(stop):
            seen.append(event)
    def until(accepts):
        end = time.monotonic() + 30
        while not any(map(accepts, list(seen))) and time.monotonic() < end:
            time.sleep(0.005)
    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(30)
    try:
        act(until)
        until(last)
    finally:
        begin = time.monotonic()
        stop.set()
    thread.join(30)
    told = [[e.action, e.subsystem, e.name, e.device, e.details] for e in seen]
    print(json.dumps({"seen": told, "stopped": time.monotonic() - begin}))
"""

LINKS = (
    COLLECT
    + """
def act(until):
    for line in ("link add va type veth peer name vb", "link set va up", "link set vb up",
                 "link set vb down", "link set va down", "link set va name vc", "link del vc"):
        subprocess.run(["ip", *line.split()], check=True)
        if line == "link set vb up":  # the kernel looks at carriers when it has time
            until(lambda event: event.name == "va" and event.details.get("carrier") == "1")
collect(act, lambda event: event.action == "remove" and event.name == "vb")
"""
)

FLOOD = """
import json, subprocess
from mlxtop.system import events
events._ROOM = 2048
links, monitor, buffer = events._links(), events._devices(), bytearray(1 << 16)
batch = "".join(f"link add v{n} type veth peer name w{n}\\n" for n in range(40))
subprocess.run(["ip", "-b", "-"], input=batch, text=True, check=True)
def drain(read):
    while True:
        found = [event.action for event in read()]
        yield from found
        if not found:
            return
print(json.dumps([list(drain(lambda: events._read_links(links, buffer))),
                  list(drain(lambda: events._read_devices(monitor)))]))
"""

MOCK = (
    """
import gi
gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev
bed = UMockdev.Testbed.new()
card = "/devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0"
bed.add_from_string(f"P: {card}\\nE: SUBSYSTEM=pci\\nE: DRIVER=mlx5_core\\n")
"""
    + COLLECT
    + """
def act(until):
    bed.add_from_string(f"P: {card}/infiniband/mlx5_0\\nE: SUBSYSTEM=infiniband\\n")
    bed.add_from_string(f"P: {card}/hwmon/hwmon3\\nE: SUBSYSTEM=hwmon\\n")
    bed.add_from_string(f"P: {card}/msi\\nE: SUBSYSTEM=irq\\n")
    bed.uevent(f"/sys{card}", "unbind")
collect(act, lambda event: event.action == "unbind")
"""
)


def in_namespace(script: str) -> Any:
    """What a script prints in a network namespace of its own."""
    done = subprocess.run(
        [*netns.own(), sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_links_that_come_change_their_name_and_go_are_told() -> None:
    answer = in_namespace(LINKS)
    seen = answer["seen"]
    uevents = [(action, name) for action, _, name, _, _ in seen if action != "link"]
    assert {("add", "va"), ("add", "vb"), ("move", "vc"), ("remove", "vc")} <= set(uevents)
    (move,) = [details for action, _, _, _, details in seen if action == "move"]
    assert move["old"] == "va"
    carriers = [
        details["carrier"]
        for action, _, name, _, details in seen
        if (action, name) == ("link", "va")
    ]
    assert carriers[0] == "0"
    assert "1" in carriers
    gone = [name for action, _, name, _, details in seen if details.get("message") == "delete"]
    assert sorted(gone) == ["vb", "vc"]
    assert all(device is None for _, _, _, device, _ in seen)
    assert answer["stopped"] < 10


def test_events_that_the_kernel_drops_are_told_as_lost() -> None:
    links, devices = in_namespace(FLOOD)
    assert "lost" in links
    assert "lost" in devices


def test_events_of_a_card_carry_its_pci_address() -> None:
    wrapper, python = shutil.which("umockdev-wrapper"), "/usr/bin/python3"
    if wrapper is None or not Path(python).exists():
        pytest.skip("umockdev is not installed")
    pyudev = pytest.importorskip("pyudev")
    places = [Path(mlxtop.__file__).parent.parent, Path(pyudev.__file__).parent.parent]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, places))}
    probe = (
        "import sys, gi; gi.require_version('UMockdev', '1.0'); assert sys.version_info > (3, 11)"
    )
    if subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("the system's Python is older than 3.11 or lacks gir1.2-umockdev-1.0")
    done = subprocess.run(
        [wrapper, python, "-c", MOCK], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = [entry[:4] for entry in json.loads(done.stdout)["seen"]]
    assert ["add", "infiniband", "mlx5_0", "0000:3b:00.0"] in seen
    assert ["add", "hwmon", "hwmon3", "0000:3b:00.0"] in seen
    assert ["unbind", "pci", "0000:3b:00.0", "0000:3b:00.0"] in seen
    assert not any(subsystem == "irq" for _, subsystem, _, _ in seen)


def test_links_are_heard_where_there_is_no_libudev(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ImportError("No library named udev")

    monkeypatch.setattr("pyudev.Context", missing)
    assert events._devices() is None
    stop = Event()
    stop.set()
    assert list(events.follow(stop)) == []


def test_the_nearest_pci_device_of_a_path() -> None:
    root = "/sys/devices/pci0000:00/0000:00:03.0"
    assert pci_address(f"{root}/0000:07:00.0/net/eth0") == "0000:07:00.0"
    assert pci_address(root) == "0000:00:03.0"
    assert pci_address("/sys/devices/virtual/net/veth0") is None
