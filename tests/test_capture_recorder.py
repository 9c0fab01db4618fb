"""What a recorded machine is read back as."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlxtop.commands.capture import capture
from mlxtop.system.capture import HEADER, Capture, Node
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.capture_recorder import CaptureRecorder
from mlxtop.system.captured import CapturedSystem, load_captured
from mlxtop.system.door import CommandRefused, Question, System
from mlxtop.system.local import LocalSystem

CARD = "/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0"


MACHINE = f"""{HEADER}
@label pacu.example.org
@root yes
/proc/sys/kernel/hostname = pacu
/proc/self -> 77
/proc/77/comm = mlxtop
/proc/1/comm = systemd
/proc/812/comm = irqbalance
/sys/class/net/enp67s0np0 -> ../..{CARD[4:]}/net/enp67s0np0
/sys/bus/pci/devices/0000:43:00.0 -> ../../..{CARD[4:]}
{CARD}/vendor = 0x15b3
{CARD}/reset ! EACCES
{CARD}/net/enp67s0np0/device -> ../../../0000:43:00.0
{CARD}/net/enp67s0np0/address = b8:ce:f6:12:34:50
{CARD}/net/enp67s0np0/speed ! EINVAL
{CARD}/net/enp67s0np0/queues/rx-0/x = 1
{CARD}/infiniband/mlx5_0/node_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/sys_image_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/node_desc = pacu mlx5_0
{CARD}/empty/
/dev/kmsg:
  | 6,1,1500000,-;mlx5_core 0000:43:00.0: Port module event: module 0, Cable plugged
  |  SUBSYSTEM=pci
  |  DEVICE=+pci:0000:43:00.0
  | 6,2,1600000,-;usb 1-1: SerialNumber: 4C530001
? link-counters = {{"2": [1, 2, 3]}}
? driver-info enp67s0np0 = {{"driver": "mlx5_core"}}
? rings enp67s0np0 ! EOPNOTSUPP
$ mstlink -d 0000:43:00.0 => 1
  | -E- no
  & why
"""


def machine(text: str = MACHINE) -> CapturedSystem:
    parsed = parse_capture(text)
    assert parsed.complaints == []
    return CapturedSystem("file", parsed, parsed)


def outcome(look: Callable[[System], Any], system: System) -> Any:
    """What a look at a machine gives: a value, or an errno."""
    try:
        found = look(system)
    except OSError as error:
        return ("error", error.errno)
    return sorted(found) if isinstance(found, list) else found


def failed(outcome: Any) -> bool:
    return isinstance(outcome, tuple) and outcome[0] == "error"


LOOKS: list[Callable[[System], Any]] = [
    lambda system: system.list("/sys/class/net"),
    lambda system: system.real("/sys/class/net/enp67s0np0"),
    lambda system: system.real("/sys/class/net/enp67s0np0/device"),
    lambda system: system.link("/sys/class/net/enp67s0np0/device"),
    lambda system: system.read("/sys/class/net/enp67s0np0/address"),
    lambda system: system.read("/sys/class/net/enp67s0np0/speed"),
    lambda system: system.read("/sys/class/net/enp67s0np0/nothing"),
    lambda system: system.read("/sys/bus/pci/devices/0000:43:00.0/vendor"),
    lambda system: system.read("/sys/bus/pci/devices/0000:43:00.0/reset"),
    lambda system: system.list("/sys/class/net/enp67s0np0/device"),
    lambda system: system.list(f"{CARD}/empty"),
    lambda system: system.list(f"{CARD}/vendor"),
    lambda system: system.read("/sys/class/net/enp67s0np0/.."),
    lambda system: system.link(f"{CARD}/vendor"),
    lambda system: system.read("/sys/class/infiniband/mlx5_0/node_guid"),
    lambda system: system.ask(Question.LINK_COUNTERS),
    lambda system: system.ask(Question.DRIVER_INFO, "enp67s0np0"),
    lambda system: system.ask(Question.RINGS, "enp67s0np0"),
    lambda system: system.run(["mstlink", "-d", "0000:43:00.0"]),
    lambda system: system.which("mstlink"),
    lambda system: system.which("mlxlink"),
    lambda system: (system.root, system.label),
]


def test_what_was_read_is_read_back_the_same(tmp_path: Path) -> None:
    live = machine()

    def read_everything(system: System) -> None:
        for look in LOOKS:
            assert outcome(look, system) == outcome(look, live)

    path = tmp_path / "machine"
    path.write_text(capture(machine(), read_everything, mask=False))
    back = load_captured(str(path))
    assert back.complaints == []
    for look in LOOKS:
        assert outcome(look, back) == outcome(look, live)


def test_the_directory_that_lies_beside_a_link_is_only_told_by_its_names() -> None:
    def read_everything(system: System) -> None:
        system.list("/sys/class/net/enp67s0np0/device/net/enp67s0np0")

    text = capture(machine(), read_everything, mask=False)
    assert f"{CARD}/net/enp67s0np0/address ! ENODATA" in text
    assert f"{CARD}/net/enp67s0np0/queues/\n" in text
    assert "b8:ce:f6" not in text


NAMES = st.sampled_from(["a", "b", "c", "d"])


PATHS = st.lists(NAMES | st.sampled_from([".."]), min_size=1, max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)


TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts)),
    st.one_of(
        st.builds(Node, content=st.binary(max_size=5)),
        st.builds(Node, target=st.one_of(PATHS, st.sampled_from(["a", "../b", "./c/d", ".."]))),
        st.builds(Node, error=st.sampled_from([errno.EIO, errno.EACCES])),
        st.just(Node()),
    ),
    max_size=8,
)


STEPS = st.lists(st.tuples(st.sampled_from(["read", "list", "link", "real"]), PATHS), max_size=8)


@given(TREES, STEPS)
@example(
    {"/a": Node(content=b""), "/b": Node(target="/c/.."), "/c": Node(error=errno.EIO)},
    [("read", "/a"), ("read", "/b/a")],
)
def test_any_tree_is_recorded_as_it_was_seen(
    tree: dict[str, Node], steps: list[tuple[str, str]]
) -> None:
    whole = Capture()
    for path, node in sorted(tree.items()):
        parents = [path[:place] for place, letter in enumerate(path) if letter == "/" and place]
        if not any(whole.nodes.get(parent, Node()) != Node() for parent in parents):
            whole.add(path, node)
    live = CapturedSystem("live", whole, whole)
    recording = CaptureRecorder(live)
    for look, path in steps:
        outcome(methodcaller(look, path), recording)
    kept = recording.finish()
    back = CapturedSystem("back", kept, kept)
    for look, path in steps:
        first = outcome(methodcaller(look, path), live)
        second = outcome(methodcaller(look, path), back)
        assert second == first or (failed(first) and failed(second)), (look, path)


def test_this_machine_is_recorded_too(tmp_path: Path) -> None:
    looks: list[Callable[[System], Any]] = [
        lambda system: system.list("/sys/class/net"),
        *(
            lambda system, name=name, file=file: system.read(f"/sys/class/net/{name}/{file}")
            for name in os.listdir("/sys/class/net")
            for file in ("mtu", "address", "speed", "phys_port_name", "type")
        ),
        *(
            lambda system, name=name: system.real(f"/sys/class/net/{name}/device")
            for name in os.listdir("/sys/class/net")
        ),
        lambda system: [link["name"] for link in system.ask(Question.LINKS)],
        lambda system: system.run(["uname", "-s"]),
    ]
    local = LocalSystem()
    said = []
    text = capture(
        local,
        lambda system: said.extend([outcome(look, system) for look in looks]),
        mask=False,
    )
    local.close()
    path = tmp_path / "this"
    path.write_text(text)
    back = load_captured(str(path))
    for look, first in zip(looks, said, strict=True):
        second = outcome(look, back)
        assert second == first or (failed(first) and failed(second))


def test_nothing_is_changed_while_recording() -> None:
    system = CaptureRecorder(machine())
    for change in (
        lambda: system.write("/sys/x", b""),
        lambda: system.run(["true"], change=True),
        lambda: system.stream(["true"], print, Event()),
        lambda: system.foreground(["sudo", "true"]),
    ):
        with pytest.raises(CommandRefused):
            change()


def test_addresses_and_routes_are_read_and_not_kept() -> None:
    route = "enp67s0np0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0"
    system = CaptureRecorder(machine(f"{HEADER}\n/proc/net/route = {route}\n"))
    assert system.read("/proc/net/route").decode().strip() == route
    assert "/proc/net/route" not in system.finish().nodes


def test_a_recording_is_bounded_and_says_so() -> None:
    text = f"{HEADER}\n" + "".join(f"/sys/{place} = {'x' * 99}\n" for place in range(50))
    system = CaptureRecorder(machine(text), limit=1000)
    for place in range(50):
        assert len(system.read(f"/sys/{place}")) == 100
    kept = system.finish()
    assert sum(node.content is not None for node in kept.nodes.values()) == 10
    assert kept.properties["incomplete"] == "yes"


def test_reads_after_the_end_are_not_kept() -> None:
    system = CaptureRecorder(machine())
    kept = system.finish()
    system.read("/proc/sys/kernel/hostname")
    system.ask(Question.LINK_COUNTERS)
    assert kept.nodes == {}
    assert kept.answers == {}


def test_only_processes_that_matter_and_messages_of_cards_are_kept() -> None:
    def read_everything(system: System) -> None:
        for name in system.list("/proc"):
            if name.isdecimal():
                system.read(f"/proc/{name}/comm")
        list(system.kernel_log(Event()))

    text = capture(machine(), read_everything, mask=False)
    assert "irqbalance" in text
    assert "Cable plugged" in text
    assert "systemd" not in text
    assert "usb" not in text
    back = parse_capture(text)
    (record,) = CapturedSystem("back", back, back).kernel_log(Event())
    assert (record.seconds, record.device, record.subsystem) == (1.5, "0000:43:00.0", "pci")
