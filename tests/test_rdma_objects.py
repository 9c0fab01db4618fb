"""Who holds RDMA objects: the kernel's lists counted while they are decoded, and named."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.lab.rdma import messages, mr_entry, owner, qp_entry
from mlxtop.model.rdma_objects import RdmaHolder, RdmaObjects
from mlxtop.sources.kernel.process_facts import parse_begin, parse_status
from mlxtop.sources.kernel.rdma_objects import RdmaObjectReader, parse_objects, read_users
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.netlink import attribute, nested, u32
from mlxtop.system.rdma_netlink import RdmaNetlink
from mlxtop.system.rdma_objects import (
    KINDS,
    MOST_GROUPS,
    Tally,
    parse_counters,
    parse_summary,
)

PYTHON, NVME, GONE = owner({"pid": 7}), owner({"module": "nvme_rdma"}), owner({})


def counted(kind: str, *entries: bytes) -> list[dict[str, Any]]:
    tally = Tally(KINDS[kind])
    for message in messages(kind, "mlx5_0", entries):
        tally.take(memoryview(message))
    return tally.groups()


def test_queue_pairs_are_counted_by_holder_port_type_and_state() -> None:
    entries = [qp_entry(PYTHON, n, "RC", "RTS") for n in range(300)]
    entries += [qp_entry(PYTHON, 300, "RC", "ERR"), qp_entry(PYTHON, 301, "UD", "RTS", port=2)]
    entries += [qp_entry(NVME, 302, "RC", "RTS"), qp_entry(GONE, 303, "RC", "INIT")]
    one = {"port": 1, "type": "RC", "state": "RTS"}
    assert counted("qp", *entries) == [
        {**one, "count": 300, "pid": 7},
        {**one, "count": 1, "pid": 7, "state": "ERR"},
        {"count": 1, "pid": 7, "port": 2, "type": "UD", "state": "RTS"},
        {**one, "count": 1, "module": "nvme_rdma"},
        {**one, "count": 1, "state": "INIT"},
    ]


def test_memory_is_summed_and_a_whole_address_space_is_none() -> None:
    entries = [mr_entry(PYTHON, n, 4096) for n in range(10)] + [mr_entry(PYTHON, 10, 1 << 20)]
    assert counted("mr", *entries) == [{"count": 11, "bytes": 40960 + (1 << 20), "pid": 7}]
    on_demand = mr_entry(PYTHON, 1, (1 << 64) - 1)
    assert counted("mr", on_demand) == [{"count": 1, "bytes": 0, "pid": 7}]


def test_entries_of_many_shapes_in_any_order_are_all_counted() -> None:
    entries = [
        qp_entry(owner({"pid": 1 + n % 3} if n % 4 else {"module": "m" * (n % 7 + 1)}), n, *kind)
        for n in range(500)
        for kind in ((("RC", "RTS"), ("UD", "INIT"), ("UC", "SQE"))[n % 3],)
    ]
    assert sum(group["count"] for group in counted("qp", *entries)) == 500


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_raise(data: bytes) -> None:
    for kind in KINDS.values():
        tally = Tally(kind)
        tally.take(memoryview(data))
        tally.take(memoryview(attribute(kind.table, data)))
        tally.take(memoryview(attribute(kind.table, attribute(kind.entry, data))))
        tally.groups()
    parse_summary(memoryview(nested(15, data)))
    parse_counters(memoryview(nested(77, attribute(78, data))))


@given(st.integers(min_value=0, max_value=200))
def test_what_is_cut_off_is_left_out(size: int) -> None:
    whole = next(messages("qp", "mlx5_0", [qp_entry(PYTHON, n, "RC", "RTS") for n in range(3)]))
    tally = Tally(KINDS["qp"])
    tally.take(memoryview(whole)[: len(whole) - size])
    assert sum(group["count"] for group in tally.groups()) <= 3


def test_a_server_of_very_many_peers_takes_bounded_room() -> None:
    from mlxtop.lab.rdma import _cm_entry  # its only other user

    tally = Tally(KINDS["cm_id"])
    most = MOST_GROUPS + 500
    peers = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, most + 1)]
    for message in messages("cm_id", "a", [_cm_entry(PYTHON, 1, peer) for peer in peers]):
        tally.take(memoryview(message))
    groups = tally.groups()
    assert sum(group["count"] for group in groups) == most
    assert len(groups) == MOST_GROUPS + 1
    assert groups[-1]["count"] == 500
    assert "peer" not in groups[-1]


def test_the_device_s_sums_are_read() -> None:
    entries = (
        nested(16, attribute(17, name + b"\0"), attribute(18, count.to_bytes(8, "little")))
        for name, count in ((b"qp", 97), (b"mr", 0))
    )
    assert parse_summary(memoryview(nested(15, *entries))) == {"qp": 97, "mr": 0}


def test_counters_that_are_bound_to_queue_pairs_are_read() -> None:
    value = nested(81, attribute(82, b"rdma_rx_bytes\0"), attribute(83, (9).to_bytes(8, "little")))
    qps = nested(19, nested(20, u32(21, 1)), nested(20, u32(21, 2)))
    counter = nested(78, u32(3, 1), u32(79, 4), u32(28, 7), qps, nested(80, value))
    assert parse_counters(memoryview(nested(77, counter))) == [
        {"pid": 7, "port": 1, "id": 4, "qps": 2, "values": {"rdma_rx_bytes": 9}}
    ]


class Kernel:
    """Stands for `ask`: lists by their command, each with errors that come first."""

    def __init__(self, *entries: bytes, errors: int = 0, after: int = 0) -> None:
        self.entries, self.errors, self.after = entries, errors, after

    def __call__(
        self,
        kind: int,
        body: bytes,
        parse: Callable[[memoryview], object],
        dump: bool = False,
        begin: Callable[[], object] = lambda: None,
    ) -> list[object]:
        begin()
        command = kind & 0x3FF
        if command == 1:
            return [parse(memoryview(u32(1, 3) + attribute(2, b"mlx5_0\0")))]
        if command != KINDS["qp"].command:
            return []
        told = list(messages("qp", "mlx5_0", self.entries))
        if self.errors:
            self.errors -= 1
            for message in told[: self.after]:
                parse(memoryview(message))
            raise OSError(errno.EIO, "gone while it was asked")
        for message in told:
            parse(memoryview(message))
        return []


@pytest.fixture
def netlink(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kernel], RdmaNetlink]:
    def with_kernel(kernel: Kernel) -> RdmaNetlink:
        one = RdmaNetlink()
        monkeypatch.setattr(one, "ask", kernel)
        return one

    return with_kernel


def test_a_list_that_breaks_off_is_asked_for_again_and_counted_once(
    netlink: Callable[[Kernel], RdmaNetlink],
) -> None:
    entries = [qp_entry(PYTHON, n, "RC", "RTS") for n in range(500)]
    answer = netlink(Kernel(*entries, errors=2, after=1)).objects("mlx5_0")
    assert [group["count"] for group in answer["qp"]] == [500]
    assert answer["absent"] == {}


def test_a_list_that_never_ends_well_is_told_as_far_as_it_went(
    netlink: Callable[[Kernel], RdmaNetlink],
) -> None:
    entries = [qp_entry(PYTHON, n, "RC", "RTS") for n in range(500)]
    answer = netlink(Kernel(*entries, errors=9, after=1)).objects("mlx5_0")
    assert [group["count"] for group in answer["qp"]] == [200]
    assert answer["absent"] == {"qp": "gone while it was asked"}


def test_a_device_that_is_not_there_is_no_device(
    netlink: Callable[[Kernel], RdmaNetlink],
) -> None:
    with pytest.raises(OSError, match="No such device"):
        netlink(Kernel()).objects("mlx5_9")


# Who they are

ANSWER = {
    "held": {"qp": 8, "mr": 3},
    "qp": [
        {"pid": 7, "port": 1, "type": "RC", "state": "RTS", "count": 4},
        {"pid": 8, "port": 1, "type": "RC", "state": "ERR", "count": 2},
        {"module": "ib_core", "port": 1, "type": "GSI", "state": "RTS", "count": 1},
        {"port": 1, "type": "UD", "state": "RTS", "count": 1},
    ],
    "mr": [{"pid": 7, "count": 3, "bytes": 4096}],
    "cm_id": [
        {"pid": 7, "state": "CONNECT", "peer": "10.0.0.3", "count": 2},
        {"pid": 7, "state": "LISTEN", "count": 1},
    ],
    "counters": [{"pid": 7, "qps": 4, "values": {"rdma_rx_bytes": 5, "rdma_tx_bytes": 6}}],
}


def machine(answer: object = ANSWER, *more: str) -> CapturedSystem:
    lines = [
        HEADER,
        "@time 2000000000",
        "/sys/class/infiniband/mlx5_0/node_guid = x",
        f"? rdma-objects mlx5_0 = {json.dumps(answer)}",
        '? rdma-system = {"shared": true}',
        "/proc/self/ns/pid -> pid:[4026531836]",
        "/proc/uptime = 1000.00 1.0",
        "/proc/7/comm = python3",
        "/proc/7/status:",
        "  | Tgid:\t7",
        "  | Uid:\t1001\t1001\t1001\t1001",
        "  | VmPin:\t    4 kB",
        "  | CapEff:\t0000000000000000",
        "/proc/7/cgroup = 0::/system.slice/trainer.service",
        f"/proc/7/stat = 7 (python3) S {'0 ' * 18}40000 0",
        "/proc/7/limits = Max locked memory  65536  65536  bytes",
        "/proc/8/status:",
        "  | Tgid:\t7",
        "/etc/passwd = alice:x:1001:1001::/home/alice:/bin/sh",
        *more,
    ]
    capture = parse_capture("\n".join(lines))
    return CapturedSystem("test", capture, capture)


def read(system: CapturedSystem) -> RdmaObjects:
    return RdmaObjectReader(system).read(100.0)


def test_threads_are_their_process_with_its_user_service_and_age() -> None:
    nobody, python, kernel = sorted(read(machine()).holders, key=lambda one: one.module or "")
    assert (python.pid, python.comm, python.user) == (7, "python3", "alice")
    assert python.service == "trainer.service"
    assert python.since == 2_000_000_000 - 1000 + 400
    assert (python.qp_count, python.connected) == (6, 4)
    assert (python.failed, python.failed_since) == (2, 100.0)
    assert (python.mrs, python.mr_bytes, python.listening) == (3, 4096, 1)
    assert [tuple(peer) for peer in python.peers] == [("10.0.0.3", 2)]
    assert (python.rx_bytes, python.tx_bytes) == (5, 6)
    assert python.memory is not None
    assert tuple(python.memory) == (4096, 65536, False)
    assert kernel.is_own
    assert nobody.is_unnamed
    users = [one for one in read(machine()).of("mlx5_0", 1) if one.uses_device]
    assert sorted(users, key=lambda one: -one.qp_count) == [python, nobody]
    assert not any(one.uses_device for one in read(machine()).of("mlx5_0", 2))


def test_errors_are_followed_from_reading_to_reading() -> None:
    reader = RdmaObjectReader(machine())
    reader.read(100.0)
    later = next(one for one in reader.read(130.0).holders if one.pid == 7)
    assert (later.seen, later.failed_since) == (100.0, 100.0)


def test_a_machine_without_devices_says_so() -> None:
    capture = parse_capture(HEADER)
    with pytest.raises(OSError, match="no RDMA device here"):
        read(CapturedSystem("bare", capture, capture))


def test_a_device_that_does_not_answer_is_told() -> None:
    system = machine(
        ANSWER, "/sys/class/infiniband/mlx5_1/node_guid = x", "? rdma-objects mlx5_1 ! EPERM"
    )
    objects = read(system)
    assert objects.absent == {"mlx5_1": "needs root"}
    assert set(objects.held) == {"mlx5_0"}


def test_another_pid_namespace_is_known_by_its_number() -> None:
    assert read(machine()).first_pid_namespace is True
    inside = machine(ANSWER, "/proc/self/ns/pid -> pid:[4026532177]")
    assert read(inside).first_pid_namespace is False


def test_users_have_work_and_are_not_the_kernel_s_own() -> None:
    users = read_users(machine(), "mlx5_0")
    assert [(one.pid, one.comm) for one in users] == [(7, "python3"), (None, None)]


def test_without_a_list_nobody_is_said_to_use_it() -> None:
    with pytest.raises(OSError, match="not supported"):
        read_users(machine({"qp": [], "absent": {"qp": "not supported"}}), "mlx5_0")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["qp", "mr", "pid", "count", "cm_id", "peer", "counters", "type"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_answer_makes_the_reader_raise(answer: object) -> None:
    parse_objects(answer, "mlx5_0")
    assert isinstance(read(machine(answer)), RdmaObjects)


def test_odd_files_of_processes_tell_nothing() -> None:
    assert parse_begin("7 (a) S 1") is None
    assert parse_status(None) == {}


def test_a_holder_is_called_by_what_is_known_of_it() -> None:
    assert RdmaHolder("a", 7, comm="x").name == "x"
    assert RdmaHolder("a", 7).name == "process 7"
    assert RdmaHolder("a", module="ko2iblnd").name == "Lustre"
    assert RdmaHolder("a", module="other").name == "other"
    assert RdmaHolder("a").name == "not named"
