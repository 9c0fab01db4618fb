"""One module in every form that it can be read in: bytes, hex dumps, words and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlxtop.model.module import Module
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from mlxtop.sources.module.hex_dump import parse_hex_dump
from mlxtop.sources.module.reader import read_module
from tests.ethtool_print import dump_of, json_of, pages_of, text_of
from tests.module_bus import Bus
from tests.module_images import IMAGES, decode_eeprom

FORMS: dict[str, Callable[[bytes], Module | None]] = {
    "text": lambda image: parse_ethtool_m(text_of(image)),
    "json": lambda image: parse_ethtool_m(json_of(image)),
    "dump": lambda image: parse_hex_dump(dump_of(image)),
    "dump by page": lambda image: parse_hex_dump(pages_of(image)),
    "kernel, page by page": lambda image: read_module(Bus(image), "eth0"),  # type: ignore[arg-type]
}


def comparable(module: Module) -> dict[str, object]:
    """Return what all forms can tell: ethtool names types and technologies in its own words."""
    who = module.identity._replace(types=())
    alarms = {flag for flag in module.flags or () if flag.text.split()[-1] in ("alarm", "warning")}
    lanes = module.lanes
    if not any(lane.bias_ma or lane.tx_mw for lane in lanes):
        lanes = tuple(lane._replace(tx_mw=0.0) for lane in lanes)  # no laser is on
    return {
        **who._asdict(),
        "technology": "copper" in (who.technology or ""),
        "temperature": module.temperature,
        "voltage": module.voltage,
        "lanes": [lane[:3] for lane in lanes],
        "limits": module.thresholds,
        "alarms": alarms,
        "state": module.state,
        "refused": {*module.refused} - {"tx power"},
    }


def near(one: object, other: object) -> bool:
    """Return whether two values are the same but for the decimals that ethtool prints."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) < 0.006 or abs(one - other) < 0.0001 * abs(one)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(near, one, other))
    return one == other


def differences(one: Module, other: Module) -> dict[str, object]:
    """Return what differs of two modules, both values of each field."""
    mine, its = comparable(one), comparable(other)
    return {key: (mine[key], its[key]) for key in mine if not near(mine[key], its[key])}


def image_of(kind: str) -> bytearray:
    """Return a module that ethtool prints right: CMIS with eight lanes and bias in 2 µA."""
    image = IMAGES[kind]()
    if kind == "qsfpdd":
        image[210], image[288] = 0x00, 0x07
    return image


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", IMAGES)
def test_every_form_of_a_module_is_the_same_module(kind: str, form: str) -> None:
    image = bytes(image_of(kind))
    module = FORMS[form](image)
    assert module is not None
    assert differences(module, decode_eeprom(image)) == {}


QSFP_BYTES = (3, 4, 5, 6, 7, *range(9, 15), 22, 23, 26, *range(34, 58), 129, 130, 131)
QSFP_BYTES += (*range(142, 149), 165, 168, 175, 183, 184, 186, 192, *range(193, 197), 220)
QSFP_BYTES += (512, 514, 528, 560, 568, 576)
SFP_BYTES = (2, 3, 8, 14, 15, *range(16, 20), 20, 36, 37, 40, 55, 56, 60, 64, 68, 92, 93)
SFP_BYTES += (256, 258, 272, 352, 353, 354, 356, 358, 360, 368, 369, 372, 373)
CMIS_BYTES = (3, 9, 14, 15, 16, 39, 40, 41, 129, 145, 148, 166, 200, 201, 202, 203, 212)
CMIS_BYTES += (260, 261, 262, 263, 264, 266, 279, 384, 392, 432, 440, 448, *range(666, 714, 3))
BYTES = st.one_of(st.integers(0, 255), st.sampled_from((0x00, 0x20, 0x7F, 0x80, 0xFF)))


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("sfp28", SFP_BYTES),
        ("qsfp28", QSFP_BYTES),
        ("qsfp28-dac", QSFP_BYTES),
        ("qsfpdd", CMIS_BYTES),
    ],
)
@given(data=st.data())
def test_words_and_bytes_of_any_module_agree(
    kind: str, places: tuple[int, ...], data: st.DataObject
) -> None:
    changes = data.draw(st.dictionaries(st.sampled_from(places), BYTES, max_size=12))
    image = image_of(kind)
    for at, value in changes.items():
        image[at] = value
    if kind == "sfp28":
        image[92] &= ~0x14 & 0xFF  # ethtool calculates calibrated powers wrong
        image[93] |= 0x80  # without flags it prints no limits
    if kind == "qsfpdd":
        image[212] &= 0x0F  # ethtool takes every technology above for copper
    decoded = decode_eeprom(bytes(image))
    # Without a temperature ethtool prints no lanes.
    assume(decoded.temperature != 0.0 and image[22:24] != b"\xff\xff")
    for form in ("text", "json", "dump"):
        module = FORMS[form](bytes(image))
        assert module is not None
        assert differences(module, decoded) == {}, form
