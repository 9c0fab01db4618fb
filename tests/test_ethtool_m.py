"""Parsing what `ethtool -m` prints."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.module import Flag, Module, Quantity, Thresholds
from mlxtop.sources.module.ethtool_m import parse_ethtool_m

DUPLICATES = """[ { "identifier": 17, "vendor_name": "ACME", "module_temperature": 56.5,
  "rx_power": { "values": [ 0.5,0 ], "type": "avg" }, "laser_tx_bias_current": [ 7,6 ],
  "laser_rx_power_low_alarm": [ false,true ], "rx_loss_of_signal": [ "No","Yes" ],
  "module_temperature_high_alarm": false,
  "module_temperature": { "high_alarm_threshold": 80, "low_alarm_threshold": -10,
  "high_warning_threshold": 70, "low_warning_threshold": 0 } } ]"""


def parsed(text: str) -> Module:
    module = parse_ethtool_m(text)
    assert module is not None
    return module


def test_duplicate_keys_give_both_the_value_and_its_limits() -> None:
    module = parsed(DUPLICATES)
    assert module.temperature == 56.5
    assert module.thresholds[Quantity.TEMPERATURE] == Thresholds(80, -10, 70, 0)
    assert [lane.rx_mw for lane in module.lanes] == [0.5, 0.0]
    assert [lane.bias_ma for lane in module.lanes] == [7.0, 6.0]
    assert module.flags == frozenset({Flag("rx power low alarm", 2), Flag("rx loss of signal", 2)})


def test_a_wrapped_line_goes_on_with_the_value_before_it() -> None:
    text = "Identifier : 0x11 (QSFP28)\nTransceiver type : 100G Ethernet: 100G\nBase-CR4\n"
    assert parsed(text).identity.types == ("100G Ethernet: 100G Base-CR4",)


QSFP = "Identifier : 0x0d (QSFP+)\n"
SFP = "Identifier : 0x03 (SFP)\n"


@pytest.mark.parametrize("empty", ["Vendor rev :", "Vendor rev : ", "Vendor rev\t:\t"])
def test_an_empty_field_is_no_wrapped_line(empty: str) -> None:
    who = parsed(f"{SFP}Vendor PN : QX-9\n{empty}\nVendor SN : 77\nDate code :\n").identity
    assert (who.part, who.revision, who.serial, who.date) == ("QX-9", None, "77", None)


def test_colons_without_a_blank_before_them_are_read_too() -> None:
    who = parsed("Identifier: 0x11 (QSFP28)\nVendor PN:\nVendor SN: 5\n").identity
    assert (who.code, who.part, who.serial) == (0x11, None, "5")


def test_unprintable_padding_is_none_of_a_field() -> None:
    who = parsed(f"{SFP}Vendor name : ACME____\nVendor SN : ________\n").identity
    assert (who.vendor, who.serial) == ("ACME", None)


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        ("Connector : 0x0c (MPO)\nLength (Copper or Active cable) : 75m", {"OM4": 150.0}),
        ("Connector : 0x23 (x)\nLength (Copper or Active cable) : 7m", {"cable": 7.0}),
        ("Laser wavelength : 850.000nm\nLength (Copper or Active cable) : 8m", {"OM4": 16.0}),
        ("Length (Copper or Active cable) : 5m", {"cable": 5.0}),
        ("Length (SMF,km) : 10km\nLength (OM3 50um) : 0m", {"SMF": 10_000.0}),
        ("Transceiver type : 40G Ethernet: 40G Base-CR4\nLength (OM1 62.5um) : 8m", {}),
    ],
)
def test_lengths_go_by_the_medium_of_a_qsfp(rows: str, lengths: dict[str, float]) -> None:
    assert parsed(QSFP + rows).identity.lengths == lengths


def test_the_reach_over_om1_of_a_copper_cable_is_its_loss() -> None:
    rows = "Transceiver type : 40G Ethernet: 40G Base-CR4\nLength (OM1 62.5um) : 8m\n"
    who = parsed(QSFP + rows).identity
    assert (who.attenuation, who.technology, who.passive) == ({"25.78GHz": 8.0}, "copper", None)


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        ("Laser wavelength : 850nm\nLength (Copper) : 30m\nLength (OM3) : 70m", {"OM4": 300.0}),
        ("Connector : 0x07 (LC)\nLength (Copper or Active cable) : 2m", {"OM4": 20.0}),
        ("Active Cu cmplnce. : 0x01 (x)\nLength (Copper) : 5m", {"cable": 5.0}),
        ("Connector : 0x22 (RJ45)\nLength (Copper) : 30m", {"cable": 30.0}),
        ("Length (SMF,km) : 40km\nLength (SMF) : 25500m", {"SMF": 40_000.0}),
    ],
)
def test_lengths_go_by_the_medium_of_an_sfp(rows: str, lengths: dict[str, float]) -> None:
    found = dict(parsed(SFP + rows).identity.lengths)
    found.pop("OM3", None)
    assert found == lengths


def test_a_cmis_cable_has_metres_whatever_its_unit_says() -> None:
    cable = "Identifier : 0x19 (OSFP)\nTransmitter technology : 0x0a (Copper cable, unequalized)\n"
    for length, metres in (("1.50km", 1.5), ("1.50m", 1.5), ("> 6.3km", 6300.0)):
        who = parsed(f"{cable}Cable assembly length : {length}\nLength (OM2) : 9m").identity
        assert who.lengths == {"cable": metres}


@pytest.mark.parametrize(
    "row", ["Passive Cu cmplnce. : 0x00 (x)", "Transceiver type : Passive Cable"]
)
def test_a_passive_cable_is_told_by_either_row(row: str) -> None:
    module = parsed(f"{SFP}{row}\nModule temperature : 0.00 degrees C\n")
    assert module.identity.passive is True
    assert "passive" in module.refused["diagnostics"]


def test_impossible_readings_are_refused() -> None:
    rows = "Module temperature : 0.00 degrees C\nModule voltage : 0.2000 V\n"
    module = parsed(f"{SFP}{rows}Laser bias current : 130.500 mA\n")
    assert (module.temperature, module.voltage, module.lanes) == (None, None, ())
    assert "cannot be true" in module.refused["diagnostics"]


@pytest.mark.parametrize(
    ("described", "power"),
    [
        (
            ["2.5W max. Power consumption", "No CDR in TX", "4.0W max. Power consumption, on"],
            (5, 4),
        ),
        (["3.5W max. Power consumption", "High Power Class (> 3.5 W) not enabled"], (4, 3.5)),
        (["1.5W max. Power consumption"], (None, 1.5)),
        (["nothing of power"], (None, None)),
    ],
)
def test_the_last_description_of_power_counts(
    described: list[str], power: tuple[int | None, float | None]
) -> None:
    rows = "".join(f"Extended identifier description : {text}\n" for text in described)
    document = {"identifier": 17, "extended_identifier": {"description": described}}
    for module in (parsed(QSFP + rows), parsed(json.dumps([document]))):
        assert (module.identity.power_class, module.identity.max_power) == power


@pytest.mark.parametrize(
    ("option", "power"), [(0x00, (1, 1.5)), (0x40, (2, 2.0)), (0xC2, (6, 4.5)), (0x20, (8, None))]
)
def test_a_class_that_ethtool_describes_like_another_is_read_from_its_byte(
    option: int, power: tuple[int, float | None]
) -> None:
    watts = {0xC2: "4.5", 0x40: "1.5"}.get(option, "1.5")
    rows = f"Extended identifier : 0x{option:02x}\n"
    text = f"{QSFP}{rows}Extended identifier description : {watts}W max. Power consumption\n"
    who = parsed(text).identity
    assert (who.power_class, who.max_power) == power


@pytest.mark.parametrize("most", ["0.00W", "0", "N/A"])
def test_a_maximum_of_zero_is_that_of_the_class(most: str) -> None:
    text = f"Identifier : 0x18 (QSFP-DD)\nPower class : 3\nMax power : {most}\n"
    assert parsed(text).identity.max_power == 7.0


@pytest.mark.parametrize(
    ("document", "state", "firmware"),
    [
        ({"module_state": 5, "module_state_description": "ModuleFault"}, "fault", None),
        ({"module_state_description": "ModulePwrUp"}, "powering up", None),
        ({"active_firmware_version": {"major": 3, "minor": 0}}, None, "3.0"),
        ({"active_firmware_version": "Invalid"}, None, None),
    ],
)
def test_state_and_firmware_of_cmis_are_kept(
    document: dict[str, object], state: str | None, firmware: str | None
) -> None:
    module = parsed(json.dumps([{"identifier": 25, **document}]))
    assert (module.state, module.identity.firmware) == (state, firmware)


def test_state_and_firmware_of_cmis_are_kept_from_text() -> None:
    rows = "Module State : 0x05 (ModuleFault)\nModule Fault Cause : 0x01 (TEC runaway)\n"
    module = parsed(f"Identifier : 0x1e (x)\n{rows}Active firmware version : 12.7\n")
    assert (module.state, module.identity.firmware) == ("fault", "12.7")
    assert module.flags == frozenset({Flag("module fault: TEC runaway")})


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("Receiver signal OMA(Channel 1)", "OMA"),
        ("Receiver signal OMA (Channel 1)", "OMA"),
        ("Rcvr signal avg optical power(Channel 1)", "average"),
        ("Receiver signal average optical power", "average"),
    ],
)
def test_what_received_power_is_is_kept(key: str, kind: str) -> None:
    sent = "Transmit avg optical power (Channel 1) : 0.7000 mW\n"
    module = parsed(f"{QSFP}Module temperature : 31.0 degrees C\n{sent}{key} : 0.6000 mW\n")
    assert (module.rx_power_type, module.lanes[0].rx_mw) == (kind, 0.6)


def test_sent_light_that_is_not_measured_is_no_dark_lane() -> None:
    rows = "Module temperature : 31.0 degrees C\nModule voltage : 3.2900 V\n"
    for lane in (1, 2):
        rows += f"Laser tx bias current (Channel {lane}) : 7.250 mA\n"
        rows += f"Transmit avg optical power (Channel {lane}) : 0.0000 mW / -inf dBm\n"
        rows += f"Rcvr signal avg optical power(Channel {lane}) : 0.8000 mW / -0.97 dBm\n"
    module = parsed(QSFP + rows)
    assert [lane[:3] for lane in module.lanes] == [(0.8, None, 7.25)] * 2
    assert module.refused["tx power"]


def test_an_unknown_type_is_none() -> None:
    assert parsed(f"{QSFP}Transceiver type : (reserved or unknown)\n").identity.types == ()


@pytest.mark.parametrize("text", ["", "netlink error: Invalid argument", "[ ]", "[1, 2]", "{}"])
def test_what_names_no_module_is_none(text: str) -> None:
    assert parse_ethtool_m(text) is None


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parse_ethtool_m(text)
    parse_ethtool_m("Identifier : 0x11 (QSFP28)\n" + text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["identifier", "module_temperature", "vendor_oui", "rx_power"]),
                inner,
            )
        ),
        max_leaves=8,
    )
)
def test_no_document_makes_the_parser_raise(document: object) -> None:
    parse_ethtool_m(json.dumps([document]))


CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")


def expected() -> dict[str, Any]:
    path = Path(CAPTURES, "EXPECTED.json")
    if not CAPTURES or not path.exists():
        return {}
    facts = json.loads(path.read_text())
    return {name: fact for name, fact in facts.items() if name.startswith("ethtool-m/")}


def rounded(values: list[float | None], digits: int) -> list[float | None]:
    return [None if value is None else round(value, digits) for value in values]


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
@pytest.mark.parametrize("name", sorted(expected()))
def test_real_outputs_give_their_facts(name: str) -> None:
    facts = expected()[name]
    module = parse_ethtool_m(Path(CAPTURES, name).read_text())
    if "error" in facts:
        assert module is None
        return
    assert module is not None
    who = module.identity
    assert who.identifier == facts["identifier"]
    simple = {
        "vendor": who.vendor,
        "part": who.part,
        "serial": who.serial,
        "vendor_oui": who.oui,
        "wavelength_nm": who.wavelength,
        "temperature_c": module.temperature,
        "dom_usable": module.has_diagnostics,
        "dom": module.has_diagnostics,
        "plausible": module.has_diagnostics,
        "passive": who.passive,
        "types": list(who.types),
        "attenuation_db": who.attenuation,
        "length_copper_m": who.lengths.get("cable"),
        "flags_supported": module.flags is not None,
        "bias_ma": list(module.values(Quantity.BIAS)),
        "tx_power_mw": list(module.values(Quantity.TX_POWER)),
        "rx_power_mw": list(module.values(Quantity.RX_POWER)),
        "tx_power_dbm": rounded([lane.tx_dbm for lane in module.lanes], 2),
        "rx_power_dbm": rounded([lane.rx_dbm for lane in module.lanes], 2) or None,
    }
    if facts.get("truncated"):
        simple["flags_supported"] = True
    if facts.get("plausible", True) and facts.get("dom_usable", True):
        simple["voltage_v"] = module.voltage
    for key, value in simple.items():
        if key in facts:
            assert value == facts[key], key
    for key, signal in (("rx_los", "rx loss of signal"), ("rx_loss_of_lock", "rx loss of lock")):
        if facts.get(key):
            lit = [Flag(signal, n + 1) in (module.flags or ()) for n in range(len(facts[key]))]
            assert lit == facts[key], key
    limits = module.thresholds.get(Quantity.TEMPERATURE, Thresholds())
    for key, value in facts.get("thresholds", {}).items():
        if key.startswith("temp_"):
            bound = key.removeprefix("temp_").removesuffix("_c")
            assert getattr(limits, bound) == value


@pytest.mark.parametrize(("value", "metres"), [(40, 40_000.0), (255, 255_000.0), (2000, 2000.0)])
def test_more_kilometres_than_a_byte_holds_are_metres(value: int, metres: float) -> None:
    module = parse_ethtool_m(json.dumps([{"identifier": 3, "connector": 7, "length_(smf)": value}]))
    assert module is not None
    assert module.identity.lengths == {"SMF": metres}
