"""What a module is, by what it claims: medium, lengths, power, and the numbers of SFF-8024."""

from __future__ import annotations

import pytest

from mlxtop.sources.module.claims import Claims, Power, cmis_power, qsfp_power, sfp_power
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from mlxtop.sources.module.sff8024 import CONNECTORS, EXTENDED, IDENTIFIERS, Layout, layout
from tests.module_images import IMAGES, decode_eeprom

LC, MPO, PIGTAIL, JOINED = 0x07, 0x0C, 0x21, 0x23
SHORT, LONG, BARE, ACTIVE = 0x00, 0x04, 0x0A, 0x0F


@pytest.mark.parametrize(
    ("claims", "lengths"),
    [
        (Claims(0x11, MPO, SHORT, cable=75, om4_step=2.0), {"OM4": 150.0}),
        (Claims(0x11, JOINED, SHORT, cable=15, om4_step=2.0), {"cable": 15.0}),
        (Claims(0x11, None, SHORT, wavelength=850.0, cable=50, om4_step=2.0), {"OM4": 100.0}),
        (
            Claims(0x11, 0, SHORT, ("100G AOC",), 850.0, cable=20, om4_step=2.0),
            {"cable": 20.0},
        ),
        (
            Claims(0x11, 0, SHORT, ("40G active cable (XLPPI)",), 850.0, cable=9, om4_step=2.0),
            {"cable": 9.0},
        ),
        (Claims(0x11, JOINED, BARE, cable=3, om4_step=2.0, reach={"OM1": 9}), {"cable": 3.0}),
        (Claims(0x03, LC, wavelength=850.0, cable=40, om4_step=10.0), {"OM4": 400.0}),
        (Claims(0x03, PIGTAIL, passive=True, cable=4, om4_step=10.0), {"cable": 4.0}),
        (Claims(0x03, JOINED, active=True, cable=6, om4_step=10.0), {"cable": 6.0}),
        (Claims(0x18, JOINED, BARE, cable=2.5, reach={"OM2": 17}), {"cable": 2.5}),
        (Claims(0x18, MPO, LONG, reach={"SMF": 500.0, "OM3": 0.0}), {"SMF": 500.0}),
        (Claims(0x11, cable=3, om4_step=2.0), {"cable": 3.0}),
    ],
)
def test_one_number_is_metres_of_a_cable_or_steps_of_om4(
    claims: Claims, lengths: dict[str, float]
) -> None:
    assert claims.identity().lengths == lengths


@pytest.mark.parametrize(
    ("claims", "copper", "passive"),
    [
        (Claims(technology=BARE), True, True),
        (Claims(technology=ACTIVE), True, False),
        (Claims(technology=0x12), True, False),
        (Claims(technology=0x10), False, False),
        (Claims(technology=SHORT, types=("100GBASE-CR4",)), False, False),
        (Claims(types=("40G Ethernet: 40G Base-CR4",)), True, None),
        (Claims(types=("100G ACC or 25GAUI C2M ACC (BER 5e-5)",)), True, None),
        (Claims(types=("1000BASE-T",), connector=0x22), True, None),
        (Claims(types=("25GBASE-SR",), connector=LC, wavelength=850.0), False, False),
        (Claims(active=True, types=("100G AOC or 25GAUI C2M AOC (BER 5e-5)",)), False, False),
        (Claims(active=True, types=("active cable",)), True, False),
        (Claims(passive=True), True, True),
    ],
)
def test_copper_is_told_by_technology_connector_or_type(
    claims: Claims, copper: bool, passive: bool | None
) -> None:
    assert claims.is_copper is copper
    assert claims.identity().passive is passive


def test_the_byte_of_om1_is_the_loss_of_a_copper_cable() -> None:
    losses = {"2.5GHz": 4.0, "12.9GHz": 11.0}
    cable = Claims(0x11, JOINED, BARE, cable=2, reach={"OM1": 21}, losses=losses, om1_is_loss=True)
    who = cable.identity()
    assert who.attenuation == {**losses, "25.78GHz": 21}
    assert who.lengths == {"cable": 2}
    fibre = cable._replace(technology=SHORT, connector=MPO, om4_step=2.0).identity()
    assert fibre.attenuation == {}
    assert fibre.lengths == {"OM1": 21, "OM4": 4.0}


@pytest.mark.parametrize(
    ("option", "power"),
    [
        (0x00, Power(1, 1.5)),
        (0x40, Power(2, 2.0)),
        (0x80, Power(3, 2.5)),
        (0xC0, Power(4, 3.5)),
        (0xC1, Power(5, 4.0)),
        (0xC2, Power(6, 4.5)),
        (0xC3, Power(7, 5.0)),
        (0xE0, Power(8, 6.5)),
        (None, Power()),
    ],
)
def test_a_qsfp_has_the_power_of_its_class(option: int | None, power: Power) -> None:
    assert qsfp_power(option, 65) == power


def test_power_that_is_declared_as_zero_is_that_of_the_class() -> None:
    assert cmis_power(0x19, 5, 0.0) == Power(5, 10.0)
    assert cmis_power(0x19, 5, 9.5) == Power(5, 9.5)
    assert cmis_power(0x19, 8, 0.0) == Power(8, None)
    assert cmis_power(0x1E, 4, None) == Power(4, None)
    assert qsfp_power(0x20, 0) == Power(8, None)
    assert [sfp_power(option).level for option in (0x00, 0x02, 0x22, 0x62)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x22, "4WDM-10"),
        (0x23, "4WDM-20"),
        (0x24, "4WDM-40"),
        (0x2D, "ER1-30"),
        (0x3F, "400GBASE-CR4"),
        (0x47, "400GBASE-DR4"),
        (0x48, "400GBASE-FR4"),
        (0x49, "400GBASE-LR4-6"),
        (0x4A, "50GBASE-ER"),
        (0x7F, "256GFC-SW4"),
        (0x80, "64GFC"),
    ],
)
def test_extended_codes_have_names(code: int, words: str) -> None:
    assert words in EXTENDED[code]
    image = IMAGES["qsfp28"]()
    image[192] = code
    assert words in decode_eeprom(bytes(image)).identity.types[-1]


def test_the_tables_have_no_holes_but_reserved_numbers() -> None:
    reserved = {0x0A, 0x0F, 0x3B, 0x3C, 0x3D, 0x3E}
    assert set(range(0x01, 0x4D)) - EXTENDED.keys() == reserved
    assert set(range(0x01, 0x27)) == IDENTIFIERS.keys()
    assert {*range(0x01, 0x0E), *range(0x20, 0x29)} == CONNECTORS.keys()
    assert (layout(0x25), IDENTIFIERS[0x25]) == (Layout.CMIS, "CDFP x16 PCIe")


def test_numbers_without_a_name_are_shown_as_numbers() -> None:
    text = "Identifier : 0x11 (QSFP28)\nConnector : 0x5a (reserved or unknown)\n"
    module = parse_ethtool_m(text)
    assert module is not None
    assert module.identity.connector == "0x5a"
