"""Decoding and reading of pluggable modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.module import Bound, Flag, Lane, Module, Quantity, Thresholds, dbm
from mlxtop.sources.module.layouts import ModuleSilent
from mlxtop.sources.module.memory import Memory
from tests.module_images import IMAGES, decode_eeprom, degrees, put, qsfp28, qsfpdd, sfp28


def lanes(module: Module, quantity: Quantity) -> list[float | None]:
    return [None if v is None else round(v, 4) for v in module.values(quantity)]


def test_an_sfp28_is_decoded() -> None:
    module = decode_eeprom(bytes(sfp28()))
    who = module.identity
    assert (who.identifier, who.vendor, who.part) == ("SFP", "ACME OPTICS", "AC-SFP28-SR")
    assert (who.serial, who.revision, who.date) == ("AC28A00001", "A1", "240412")
    assert who.types == ("100GBASE-SR4 or 25GBASE-SR",)
    assert (who.connector, who.wavelength, who.power_class) == ("LC", 850.0, 2)
    assert who.lengths == {"OM2": 20.0, "OM4": 100.0, "OM3": 70.0}
    assert (module.temperature, module.voltage) == (38.5, 3.31)
    assert module.lanes == (Lane(0.6918, 0.8128, 6.8),)
    assert module.thresholds[Quantity.TEMPERATURE] == Thresholds(78, -13, 73, -8)
    assert module.thresholds[Quantity.BIAS] == Thresholds(12, 2, 11, 3)
    assert module.flags == frozenset()


def test_a_qsfp28_is_decoded() -> None:
    module = decode_eeprom(bytes(qsfp28()))
    who = module.identity
    assert (who.identifier, who.part, who.serial) == ("QSFP28", "AC-Q28-CWDM4", "AC28C00001")
    assert who.types == ("100G CWDM4",)
    assert (who.technology, who.wavelength) == ("1310 nm DFB", 1301.0)
    assert (who.power_class, who.max_power, who.passive) == (4, 3.5, False)
    assert who.lengths == {"SMF": 2000.0}
    assert module.temperature == 36.25
    assert lanes(module, Quantity.RX_POWER) == [0.8318, 0.7762, 0.8913, 0.7244]
    assert lanes(module, Quantity.BIAS) == [41.2, 40.8, 42.0, 41.5]
    assert module.thresholds[Quantity.RX_POWER] == Thresholds(2.2387, 0.0355, 1.7783, 0.0708)
    assert module.imbalance(Quantity.RX_POWER) == pytest.approx(0.9, abs=0.01)


def test_a_cmis_module_is_decoded_with_the_lanes_it_has() -> None:
    module = decode_eeprom(bytes(qsfpdd()))
    who = module.identity
    assert (who.identifier, who.part, who.serial) == ("QSFP-DD", "AC-QDD-DR4", "ACDD400001")
    assert who.types == ("400GAUI-8 C2M / 400GBASE-DR4", "100GAUI-2 C2M / 100GBASE-DR")
    assert (who.connector, who.technology) == ("MPO 1x12", "1310 nm EML")
    assert (who.power_class, who.max_power, who.lengths) == (6, 11.0, {"SMF": 500.0})
    assert (module.temperature, module.state) == (47.25, "ready")
    assert lanes(module, Quantity.TX_POWER) == [1.349, 1.2882, 1.3804, 1.2303]
    assert lanes(module, Quantity.BIAS) == [78.0, 79.5, 77.2, 78.8]
    assert module.thresholds[Quantity.BIAS] == Thresholds(120, 20, 110, 30)


def test_a_passive_cable_has_a_name_and_no_diagnostics() -> None:
    module = decode_eeprom(bytes(IMAGES["qsfp28-dac"]()))
    assert module.identity.passive
    assert module.identity.lengths == {"cable": 2.0}
    assert module.identity.attenuation == {"2.5GHz": 7, "5.0GHz": 10, "7.0GHz": 13, "12.9GHz": 18}
    assert not module.has_diagnostics
    assert "passive cable" in module.refused["diagnostics"]


def test_flags_are_named_by_quantity_and_lane() -> None:
    image = qsfp28()
    image[3], image[195] = 0x24, 0x02
    image[6], image[9], image[12] = 0xA0, 0x04, 0x10
    assert decode_eeprom(bytes(image)).flags == frozenset(
        {
            Flag("tx loss of signal", 2),
            Flag("rx loss of signal", 3),
            Flag("temperature high alarm"),
            Flag("temperature high warning"),
            Flag("rx power low alarm", 2),
            Flag("bias low warning", 3),
        }
    )
    sfp = sfp28()
    sfp[256 + 112], sfp[256 + 117], sfp[256 + 110] = 0x80, 0x40, 0x02
    assert decode_eeprom(bytes(sfp)).flags == frozenset(
        {
            Flag("temperature high alarm"),
            Flag("rx power low warning", 1),
            Flag("rx loss of signal", 1),
        }
    )
    cmis = qsfpdd()
    cmis[9], cmis[128 * 5 + 148 - 128 + 0] = 0x04, 0x02
    cmis[128 * 5 + 150 - 128] = 0x04
    assert decode_eeprom(bytes(cmis)).flags == frozenset(
        {
            Flag("temperature high warning"),
            Flag("rx loss of lock", 2),
            Flag("rx power low alarm", 3),
        }
    )


@pytest.mark.parametrize("raw", [-1, 32_767, -32_768])
@pytest.mark.parametrize(("kind", "at"), [("sfp28", 256 + 96), ("qsfp28", 22), ("qsfpdd", 14)])
def test_impossible_temperatures_are_refused_with_a_reason(kind: str, at: int, raw: int) -> None:
    image = IMAGES[kind]()
    put(image, at, raw)
    module = decode_eeprom(bytes(image))
    assert module.temperature is None
    assert "°C" in module.refused["temperature"]
    assert module.voltage is not None


@pytest.mark.parametrize("limits", [(60, 70, 55, 0), (0, 0, 0, 0), (70, 0, 75, 5), (80, 0, 10, 60)])
def test_inverted_and_empty_limits_are_refused(limits: tuple[float, ...]) -> None:
    image = qsfp28()
    put(image, 3 * 128 + 128, *degrees(*limits))
    module = decode_eeprom(bytes(image))
    assert Quantity.TEMPERATURE not in module.thresholds
    reason = "make no sense" if any(limits) else "read zero"
    assert reason in module.refused["temperature limits"]
    assert Quantity.VOLTAGE in module.thresholds


@pytest.mark.parametrize("first", [0x00, 0xFF, 0x77])
def test_what_is_no_module_is_refused(first: int) -> None:
    with pytest.raises(ModuleSilent):
        decode_eeprom(bytes([first]) * 640)


def test_an_erased_diagnostics_page_is_refused() -> None:
    module = decode_eeprom(bytes(sfp28()[:256]) + b"\xff" * 256)
    assert not module.has_diagnostics
    assert "0xff" in module.refused["diagnostics"]


def test_a_dark_lane_has_zero_milliwatts_and_no_dbm() -> None:
    image = qsfp28()
    put(image, 36, 0)
    lane = decode_eeprom(bytes(image)).lanes[1]
    assert lane.rx_mw == 0.0
    assert lane.rx_dbm is None
    assert dbm(0.5) == pytest.approx(-3.01, abs=0.01)


def test_external_calibration_is_applied() -> None:
    image = sfp28()
    image[92] = 0x58
    put(image, 256 + 84, 2 * 256, 256)
    put(image, 256 + 88, 256, 0)
    put(image, 256 + 76, 256, 0, 256, 0)
    image[256 + 64 + 4 : 256 + 64 + 8] = bytes.fromhex("40000000")
    module = decode_eeprom(bytes(image))
    assert module.temperature == 78.0
    assert module.voltage == 3.31
    assert module.lanes[0].rx_mw == pytest.approx(2 * 0.6918)


@pytest.mark.parametrize(
    ("value", "bound"),
    [(80, Bound.HIGH_ALARM), (75, Bound.HIGH_ALARM), (71, Bound.HIGH_WARNING), (30, None)],
)
def test_the_worst_crossed_limit_counts(value: float, bound: Bound | None) -> None:
    assert Thresholds(75, -5, 70, 0).crossed(value) is bound


@given(
    st.sampled_from([0x03, 0x0D, 0x11, 0x18, 0x1E]),
    st.binary(max_size=800),
    st.sampled_from([b"", b"\xff", b"\0"]),
)
def test_no_bytes_make_a_decoder_raise(first: int, data: bytes, filler: bytes) -> None:
    image = bytes([first]) + data + filler * 300
    module = decode_eeprom(image)
    assert module.temperature is None or -40 <= module.temperature <= 150


def test_bytes_that_were_not_read_are_unknown() -> None:
    memory = Memory(b"\x11\x07", 0)
    assert memory.u16(1) is None
    assert memory.text(2, 4) is None
    assert memory.bit(9, 1) is None


def test_optics_reach_over_om4_in_steps() -> None:
    image = qsfp28()
    image[142], image[143], image[146], image[147] = 0, 35, 50, 0x00
    assert decode_eeprom(bytes(image)).identity.lengths == {"OM3": 70.0, "OM4": 100.0}
    image[130] = 0x23
    assert decode_eeprom(bytes(image)).identity.lengths == {"OM3": 70.0, "cable": 50.0}


def test_impossible_readings_of_an_sfp_are_refused() -> None:
    image = sfp28()
    put(image, 256 + 96, 0, 3000, 65_500)
    module = decode_eeprom(bytes(image))
    assert (module.temperature, module.voltage, module.lanes) == (None, None, ())
    assert "0.00 °C and 0.300 V" in module.refused["diagnostics"]


def test_limits_of_an_externally_calibrated_sfp_are_calibrated_too() -> None:
    image = sfp28()
    image[92] = 0x58
    for at in (76, 80, 84, 88):
        put(image, 256 + at, 2 * 256, 0)
    image[256 + 68 : 256 + 72] = bytes.fromhex("3f800000")
    module = decode_eeprom(bytes(image))
    assert module.temperature == 77.0
    assert module.thresholds[Quantity.BIAS] == Thresholds(24, 4, 22, 6)
    assert module.thresholds[Quantity.RX_POWER].high_alarm == pytest.approx(3.4674)


@pytest.mark.parametrize(
    ("option", "sent", "kind"), [(0x00, None, "OMA"), (0x04, 0.0, "OMA"), (0x08, None, "average")]
)
def test_byte_220_says_whether_sent_light_is_measured(
    option: int, sent: float | None, kind: str
) -> None:
    image = qsfp28()
    put(image, 50, 0, 0, 0, 0)
    image[220] = option
    module = decode_eeprom(bytes(image))
    assert [lane.tx_mw for lane in module.lanes] == [sent] * 4
    assert module.rx_power_type == kind
    assert ("tx power" in module.refused) is (sent is None)


def test_a_monitor_that_cmis_does_not_have_is_named() -> None:
    image = qsfpdd()
    image[288] = 0x0D
    module = decode_eeprom(bytes(image))
    assert [lane.tx_mw for lane in module.lanes] == [None] * 4
    assert "byte 160" in module.refused["tx power"]


def test_cmis_keeps_firmware_faults_and_data_paths() -> None:
    image = qsfpdd()
    image[3], image[8], image[39], image[40], image[41] = 0x0A, 0x06, 4, 19, 2
    image[640:642] = 0x14, 0x45
    module = decode_eeprom(bytes(image))
    assert (module.identity.firmware, module.state) == ("4.19", "fault")
    assert [lane.data_path for lane in module.lanes] == [
        *("activated", "deactivated", "turning light on", "activated"),
    ]
    assert module.flags is not None
    assert {flag.text for flag in module.flags} == {
        *("module firmware fault", "data path firmware fault"),
        "module fault: data memory corrupted",
    }


def test_pages_that_a_flat_module_does_not_have_are_not_read_into_it() -> None:
    image = qsfp28()
    image[2] = 0x04
    module = decode_eeprom(bytes(image))
    assert (module.thresholds, module.refused) == ({}, {})


@pytest.mark.parametrize(
    ("option", "signal"),
    [
        ((195, 0x02), Flag("tx loss of signal", 1)),
        ((195, 0x08), Flag("tx fault", 1)),
        ((194, 0x10), Flag("rx loss of lock", 1)),
        ((194, 0x20), Flag("tx loss of lock", 1)),
        ((193, 0x08), Flag("tx adaptive eq fault", 1)),
    ],
)
def test_a_signal_counts_where_it_is_implemented(option: tuple[int, int], signal: Flag) -> None:
    image = qsfp28()
    image[3:6] = 0x10, 0x11, 0x11
    assert decode_eeprom(bytes(image)).flags == frozenset()
    image[option[0]] = option[1]
    assert decode_eeprom(bytes(image)).flags == frozenset({signal})
