"""Data center bridging as the kernel answers it over netlink."""

from __future__ import annotations

import errno
import struct

import pytest

from mlxtop.system.dcb_netlink import DcbNetlink, parse_dcb
from mlxtop.system.netlink import attribute, nested

HEAD = struct.pack("=BBH", 0, 21, 0)
ETS = bytes(
    [
        *(0, 8, 0),
        *(10, 90, 0, 0, 0, 0, 0, 0),
        *(0,) * 8,
        *(2, 2, 0, 0, 0, 0, 0, 255),
        *(0, 0, 0, 1, 0, 0, 0, 0),
        *(7,) * 24,
    ]
)
"""struct ieee_ets: priority 3 has the second class, which has 90 %."""
PFC = struct.pack("=BBBxHxx8Q8Q", 8, 0b1000, 0, 0, *range(16))
APPS = nested(
    3,
    attribute(1, struct.pack("=BBH", 5, 3, 26)),
    attribute(2, struct.pack("=BBH", 255, 1, 8)),
    attribute(1, b"\5"),
)


def answer(*parts: bytes) -> memoryview:
    """An RTM_GETDCB as dcbnl_ieee_get() makes it."""
    name = attribute(1, b"ens1np0\0")
    return memoryview(HEAD + name + nested(13, *parts) + attribute(14, b"\x08"))


def test_flow_control_classes_and_mapped_codes_are_read() -> None:
    trust = nested(11, attribute(1, b"\5"), attribute(2, b"\xff"))
    assert parse_dcb(answer(attribute(1, ETS), attribute(2, PFC), APPS, trust)) == {
        "ets": {
            "bandwidth": [10, 90, 0, 0, 0, 0, 0, 0],
            "algorithms": [2, 2, 0, 0, 0, 0, 0, 255],
            "classes": [0, 0, 0, 1, 0, 0, 0, 0],
        },
        "pfc": {"most": 8, "mask": 8},
        "apps": [[5, 26, 3], [255, 8, 1]],
        "trusted": [5, 255],
    }


def test_what_a_driver_leaves_out_is_null() -> None:
    assert parse_dcb(answer(attribute(2, PFC))) == {
        "ets": None,
        "pfc": {"most": 8, "mask": 8},
        "apps": None,
        "trusted": None,
    }


@pytest.mark.parametrize("short", [attribute(1, ETS[:20]), attribute(2, b"\1"), b""])
def test_structures_that_are_cut_off_are_null(short: bytes) -> None:
    assert parse_dcb(answer(short)) == dict.fromkeys(("ets", "pfc", "apps", "trusted"))


def test_an_answer_without_ieee_attributes_is_none() -> None:
    assert parse_dcb(memoryview(HEAD + attribute(1, b"lo\0"))) is None
    assert parse_dcb(memoryview(b"\0")) is None


def test_a_device_without_bridging_is_told_by_the_kernels_errno() -> None:
    netlink = DcbNetlink()
    for name, number in (("lo", errno.EOPNOTSUPP), ("no-such", errno.ENODEV)):
        with pytest.raises(OSError) as caught:
            netlink.settings(name)
        assert caught.value.errno == number
    netlink.close()
