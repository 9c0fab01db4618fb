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
