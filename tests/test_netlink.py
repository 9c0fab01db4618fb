"""Exchanges with the kernel that are interrupted, lost, refused or garbled."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.system import genetlink, netlink, rtnetlink, sock_diag
from mlxtop.system.events import parse_link_events
from mlxtop.system.genetlink import Genetlink
from mlxtop.system.netlink import NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, Netlink, attribute, u32
from mlxtop.system.rtnetlink import Rtnetlink

NEW = 16


def message(kind: int, content: bytes, flags: int = 0, sequence: int = 1) -> bytes:
    size = 16 + len(content)
    return struct.pack("=IHHII", size, kind, flags, sequence, 0) + content + bytes(-size % 4)


def done(code: int = 0) -> bytes:
    return message(NLMSG_DONE, struct.pack("=i", -code))


def refused(code: int) -> bytes:
    return message(NLMSG_ERROR, struct.pack("=i", -code) + bytes(16))


class Kernel:
    """Sockets that give scripted datagrams, an errno standing for a failing receive."""

    def __init__(self, *exchanges: Sequence[bytes | int]) -> None:
        self.exchanges = list(exchanges)
        self.opened = 0
        self.closed = 0
        self.asked: list[int] = []

    def channel(self, _protocol: int) -> Kernel:
        self.opened += 1
        self.socket = self
        self.sequence = 1
        return self

    def close(self) -> None:
        self.closed += 1

    def send(self, kind: int, flags: int, body: bytes) -> None:
        self.asked.append(kind)
        self.now = list(self.exchanges.pop(0))

    def receive(self) -> memoryview:
        item = self.now.pop(0)
        if isinstance(item, int):
            raise OSError(item, os.strerror(item))
        return memoryview(item)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> type[Kernel]:
    class Scripted(Kernel):
        def __init__(self, *exchanges: Sequence[bytes | int]) -> None:
            super().__init__(*exchanges)
            monkeypatch.setattr(netlink, "_Channel", self.channel)

    return Scripted


def ask(dump: bool = True) -> list[bytes]:
    return Netlink(0).ask(18, b"", bytes, dump)


def test_a_dump_that_changed_meanwhile_is_asked_again(script: type[Kernel]) -> None:
    changed = message(NEW, b"old!", NLM_F_DUMP_INTR)
    kernel = script([changed, done()], [message(NEW, b"new!") + done()])
    assert ask() == [b"new!"]
    assert (kernel.opened, kernel.closed) == (1, 0)


def test_a_dump_that_never_settles_is_taken_as_it_is(script: type[Kernel]) -> None:
    changed = message(NEW, b"some", NLM_F_DUMP_INTR)
    script(*([changed + done()] for _ in range(4)))
    assert ask() == [b"some"]


def test_lost_answers_are_asked_for_again_on_a_new_socket(script: type[Kernel]) -> None:
    kernel = script([message(NEW, b"half"), errno.ENOBUFS], [message(NEW, b"full"), done()])
    assert ask() == [b"full"]
    assert (kernel.opened, kernel.closed) == (2, 1)


def test_answers_that_are_always_lost_end_with_an_error(script: type[Kernel]) -> None:
    script(*([errno.ENOBUFS] for _ in range(4)))
    with pytest.raises(OSError, match="buffer space") as caught:
        ask()
    assert caught.value.errno == errno.ENOBUFS


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EMSGSIZE])
def test_a_socket_that_failed_is_not_used_again(script: type[Kernel], number: int) -> None:
    kernel = script([number])
    with pytest.raises(OSError) as caught:
        ask()
    assert caught.value.errno == number
    assert kernel.closed == 1


def test_late_answers_to_earlier_questions_are_passed_over(script: type[Kernel]) -> None:
    late = message(NEW, b"late", sequence=7)
    script([late + message(NEW, b"mine"), message(NLMSG_DONE, bytes(4), sequence=7), done()])
    assert ask() == [b"mine"]


def test_a_dump_that_fails_at_its_end_is_an_error(script: type[Kernel]) -> None:
    script([message(NEW, b"some"), done(errno.EOPNOTSUPP)])
    with pytest.raises(OSError) as caught:
        ask()
    assert caught.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_kernels_without_statistics_messages_give_those_of_links(
    script: type[Kernel], number: int
) -> None:
    counters = tuple(range(24))
    link = message(NEW, bytes(4) + struct.pack("=i", 3) + bytes(8)
                   + attribute(23, struct.pack("=24Q", *counters)))  # fmt: skip
    kernel = script([refused(number)], [link + done()], [link + done()])
    rtnetlink = Rtnetlink()
    assert rtnetlink.counters() == {3: counters}
    assert rtnetlink.counters() == {3: counters}
    assert kernel.asked == [94, 18, 18]


def test_a_missing_family_is_no_support(script: type[Kernel]) -> None:
    script([refused(errno.ENOENT)])
    with pytest.raises(OSError, match="no devlink") as caught:
        Genetlink().devlink_info()
    assert caught.value.errno == errno.EOPNOTSUPP


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_garbage_ends_in_an_answer_or_an_error(datagrams: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kernel = Kernel(*([*datagrams, done()] for _ in range(4)))
        patch.setattr(netlink, "_Channel", kernel.channel)
        try:
            ask()
        except OSError:
            assert kernel.closed <= kernel.opened


PARSERS: list[Callable[[memoryview], Any]] = [
    lambda data: list(netlink.messages(data)),
    lambda data: netlink.failure(0x300, data),
    rtnetlink.parse_link,
    rtnetlink.parse_stats,
    rtnetlink.parse_link_stats,
    rtnetlink.parse_route,
    sock_diag.parse_socket,
    parse_link_events,
    genetlink.parse_modes,
    genetlink.parse_devlink_info,
    *(parse for _, parse in genetlink.SIMPLE.values()),
]


HEADS: dict[Callable[[memoryview], Any], bytes] = {
    rtnetlink.parse_link: bytes(16),
    rtnetlink.parse_link_stats: bytes(16),
    rtnetlink.parse_stats: bytes(12),
    rtnetlink.parse_route: bytes(12),
}


def trees(depth: int = 3) -> st.SearchStrategy[bytes]:
    """Attributes of small types, nested, some with sizes that lie."""
    leaf = st.binary(max_size=24)
    if depth:
        leaf = leaf | trees(depth - 1)
    kinds = st.integers(0, 12) | st.sampled_from([16, 18, 23, 33, 38, 56, 98, 100, 103, 104])
    one = st.builds(attribute, kinds, leaf)
    lying = st.builds(
        lambda size, kind, body: struct.pack("=HH", size, kind) + body,
        st.integers(0, 0xFFFF),
        kinds,
        leaf,
    )
    return st.lists(one | lying, max_size=4).map(b"".join)


@given(data=st.binary(max_size=120) | trees())
def test_no_bytes_make_a_parser_raise(data: bytes) -> None:
    for parse in PARSERS:
        parse(memoryview(data))
        parse(memoryview(HEADS.get(parse, b"") + data))


def test_a_truncated_attribute_ends_the_parsing_before_it() -> None:
    whole = attribute(3, b"eth0\0") + u32(4, 1500)
    for size in range(len(whole) + 1):
        for _, content in netlink.attributes(memoryview(whole)[:size]):
            assert bytes(content) in (b"eth0\0", struct.pack("=I", 1500))
    link = rtnetlink.parse_link(memoryview(bytes(16) + whole[:14]))
    assert link is not None
    assert (link["name"], link["mtu"]) == ("eth0", None)


def test_what_the_kernel_says_beside_an_error_is_kept() -> None:
    request = struct.pack("=IHHII", 20, 1, 0, 1, 0) + bytes(4)
    message = struct.pack("=i", -errno.EINVAL) + request + attribute(1, b"no such speed\0")
    error = netlink.failure(0x200, memoryview(message))
    assert error is not None
    assert (error.errno, error.strerror) == (errno.EINVAL, "no such speed")
    assert netlink.failure(0, memoryview(bytes(20))) is None
