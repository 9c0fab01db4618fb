"""Replies of ethtool and devlink."""

import struct

from mlxtop.system import genetlink
from mlxtop.system.door import Question
from mlxtop.system.netlink import attribute, nested, u32


def bitset(**bits: bool) -> bytes:
    """A verbose bitset with these bits in its mask."""
    return nested(
        3,
        *(
            nested(
                1,
                attribute(2, name.replace("_", "-").encode() + b"\0"),
                *([attribute(3, b"")] if on else []),
            )
            for name, on in bits.items()
        ),
    )


def test_a_feature_that_is_not_offered_is_not_off() -> None:
    hardware = nested(
        2, bitset(rx_gro=True, rx_lro=True, tx_generic=False, rx_fcs=True, highdma=False)
    )
    active = nested(4, attribute(1, b""), bitset(rx_gro=True, highdma=True))
    nochange = nested(5, attribute(1, b""), bitset(rx_fcs=True))
    assert genetlink.parse_features(memoryview(hardware + active + nochange)) == {
        "rx-gro": True,
        "rx-lro": False,
        "tx-generic": None,
        "rx-fcs": None,
        "highdma": True,
    }


def test_statistics_have_their_standard_names() -> None:
    group = nested(4, u32(2, 1), nested(4, attribute(12, struct.pack("=Q", 1 << 40))))
    phy = nested(4, u32(2, 0), nested(4, attribute(0, struct.pack("=Q", 5))))
    assert genetlink.parse_statistics(memoryview(group + phy)) == {
        "OctetsReceivedOK": 1 << 40,
        "SymbolErrorDuringCarrier": 5,
    }


def test_fec_blocks_are_the_total_and_unknown_ones_none() -> None:
    blocks = nested(5, attribute(2, struct.pack("=3Q", 7, 3, 4)), attribute(3, b"\xff" * 8))
    data = u32(4, 50) + attribute(3, b"\0") + blocks
    _, parse = genetlink.SIMPLE[Question.FEC]
    assert parse(memoryview(data)) == {
        "modes": None,
        "auto": False,
        "active": "RS",
        "corrected": 7,
        "uncorrectable": None,
        "corrected_bits": None,
    }


def test_a_histogram_of_fec_has_an_attribute_for_each_bin() -> None:
    small = nested(5, u32(2, 0), u32(3, 0), u32(4, 70))
    large = nested(5, u32(2, 1), u32(3, 3), attribute(4, struct.pack("=Q", 1 << 40)))
    _, parse = genetlink.SIMPLE[Question.FEC]
    assert parse(memoryview(nested(5, small, large)))["bins"] == [
        {"low": 0, "high": 0, "words": 70},
        {"low": 1, "high": 3, "words": 1 << 40},
    ]


def test_devlink_versions_are_kept_by_their_state() -> None:
    version = attribute(103, b"fw.psid\0") + attribute(104, b"MT_0000000008\0")
    data = attribute(1, b"pci\0") + attribute(2, b"0000:08:00.0\0") + nested(100, version)
    handle, info = genetlink.parse_devlink_info(memoryview(data))
    assert handle == "pci/0000:08:00.0"
    assert info["fixed"] == {"fw.psid": "MT_0000000008"}
    assert info["running"] == info["stored"] == {}
