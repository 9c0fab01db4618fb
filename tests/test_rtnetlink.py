"""Messages about links."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from mlxtop.system import netlink, rtnetlink
from mlxtop.system.netlink import attribute, u32


def stats(index: int, counters: list[int], *, flags: int = 2, more: bytes = b"") -> bytes:
    """One RTM_NEWSTATS of a dump."""
    body = struct.pack("=BxxxII", 0, index, 1) + attribute(
        1, struct.pack(f"={len(counters)}Q", *counters)
    )
    body += more
    return struct.pack("=IHHII", 16 + len(body), 92, flags, 7, 99) + body


U64 = st.integers(0, (1 << 64) - 1)


ROW = st.tuples(st.integers(1, 1 << 31), st.lists(U64, min_size=24, max_size=24))


ODD = st.builds(
    stats,
    st.integers(1, 9),
    st.lists(U64, min_size=1, max_size=26),
    flags=st.sampled_from((0, 2, 18)),
    more=st.sampled_from((b"", attribute(5, bytes(8)))),
)


@settings(deadline=None)
@given(st.lists(ROW.map(lambda row: stats(*row)) | ODD, max_size=6), st.integers(0, 40))
def test_messages_of_one_shape_are_read_like_one_after_the_other(
    parts: list[bytes], tail: int
) -> None:
    data = memoryview(b"".join(parts) + b"\x14" * tail)
    one_by_one = [
        (flags, rtnetlink.parse_stats(body)) for _, flags, _, body in netlink.messages(data)
    ]
    found: list[rtnetlink.Stats] = []
    used = rtnetlink.parse_many_stats(data, 7, found)
    assert found == [row for _, row in one_by_one][: len(found)]
    assert all(flags == 2 for flags, _ in one_by_one[: len(found)])
    assert used == sum(map(len, parts[: len(found)]))
    assert rtnetlink.parse_many_stats(data, 8, []) == 0
    plain = [len(part) == len(stats(1, [0] * 24)) and part[6] == 2 for part in parts]
    if parts and all(plain):
        assert len(found) >= len(parts)


def test_a_link_of_another_namespace_is_no_link_here() -> None:
    body = bytes(16) + attribute(3, b"veth0\0") + u32(5, 7)
    here = rtnetlink.parse_link(memoryview(body))
    away = rtnetlink.parse_link(memoryview(body + u32(37, 0)))
    assert here is not None
    assert away is not None
    assert (here["link"], away["link"]) == (7, None)


def virtual_function(number: int, *counts: int) -> bytes:
    """One IFLA_VF_INFO: its MAC address, VLAN and counters."""
    mac = netlink.attribute(1, struct.pack("=I", number) + bytes(32))
    vlan = netlink.attribute(2, bytes(12))
    kinds = (0, 1, 2, 3, 4, 5, 7, 8)
    stats = [attribute(kind, struct.pack("=Q", n)) for kind, n in zip(kinds, counts, strict=True)]
    return netlink.nested(1, mac, vlan, netlink.nested(8, *stats))


def test_counters_of_virtual_functions_are_read_by_their_numbers() -> None:
    vfs = virtual_function(0, *range(10, 18)), virtual_function(7, *range(20, 28))
    head = struct.pack("=BxHiII", 0, 1, 4, 0, 0) + attribute(3, b"ens1np0\0")
    message = memoryview(head + netlink.nested(22, *vfs))
    zero, seven = rtnetlink.parse_vfs(message) or []
    assert zero == {
        "vf": 0,
        "rx_packets": 10,
        "tx_packets": 11,
        "rx_bytes": 12,
        "tx_bytes": 13,
        "rx_dropped": 16,
        "tx_dropped": 17,
    }
    assert (seven["vf"], seven["tx_bytes"]) == (7, 23)


def test_a_device_without_virtual_functions_has_none() -> None:
    head = struct.pack("=BxHiII", 0, 1, 4, 0, 0)
    assert rtnetlink.parse_vfs(memoryview(head + attribute(3, b"lo\0"))) is None
    bare = netlink.nested(22, netlink.nested(1, netlink.attribute(1, bytes(36))))
    assert rtnetlink.parse_vfs(memoryview(head + bare)) == []  # a driver without counters
    link = rtnetlink.Rtnetlink()
    assert link.virtual_functions("lo") == []
    link.close()
