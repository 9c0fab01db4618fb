"""A frame as the JSON document: stable keys, null with a reason, nothing counted as unknown."""

from __future__ import annotations

from typing import Any

from mlxtop.model.frame import derive
from mlxtop.model.sample import Problem
from mlxtop.outputs.document import SCHEMA, document
from tests.samples import PACU, ethernet, frame, pacu, sample, veth


def port_of(whole: dict[str, Any], card: int = 0) -> dict[str, Any]:
    port: dict[str, Any] = whole["adapters"][card]["ports"][0]
    return port


def test_the_document_says_its_schema_its_time_and_its_machine() -> None:
    whole = document(frame(sample(1.0, problems=(Problem("p0", "hangs"),))), demo=True)
    assert (whole["schema"], whole["demo"], whole["time"]) == (SCHEMA, True, 1_760_000_001.0)
    assert whole["host"]["name"] == "pacu"
    assert whole["problems"] == [{"subject": "p0", "text": "hangs"}]
    assert (whole["adapters"], whole["alarms"], whole["incidents"]) == ([], [], [])


def test_a_card_has_its_path_its_sensor_and_its_errors_on_the_way() -> None:
    card = document(frame(pacu(1.0)), demo=False)["adapters"][0]
    assert (card["pcie"]["width"], card["pcie"]["max_width"]) == (8, 16)
    assert (card["pcie"]["limited_by"], card["pcie"]["available_mbps"]) == ("0000:40:03.0", 63008)
    assert sum(card["aer"].values()) == 3
    assert (card["temperature"]["asic_c"], card["temperature"]["crit_c"]) == (84.0, 105.0)


def test_rates_are_null_with_a_reason_before_the_second_sample() -> None:
    first = port_of(document(frame(pacu(1.0)), demo=False))
    assert (first["rx_bps"], first["absent"]["rx_bps"]) == (None, "a rate needs two readings")
    second = port_of(document(frame(pacu(1.0), pacu(2.0)), demo=False))
    assert round(second["rx_bps"] / 1e9, 1) == 46.1
    assert "rx_bps" not in second["absent"]


def test_errors_are_counted_since_the_start_or_since_boot() -> None:
    before = derive(sample(1.0, ethernet(PACU, 1.0, 0, 0, errors=7)), None)
    now = derive(sample(2.0, ethernet(PACU, 2.0, 0, 0, errors=9)), before)
    started = port_of(document(now, demo=False))
    booted = port_of(document(now, demo=False, since_boot=True))
    key = "FrameCheckSequenceErrors"
    assert (started["errors"][key], started["errors_since"]) == (2, "start")
    assert (booted["errors"][key], booted["errors_since"]) == (9, "boot")
    assert started["counters"][key] == booted["counters"][key] == 9


def test_ports_of_no_card_stand_in_a_last_entry_without_a_family() -> None:
    whole = document(frame(sample(1.0, ethernet(PACU, 1.0, 0, 0), veth("veth0", 5, 1.0))), False)
    first, last = whole["adapters"]
    assert first.keys() == last.keys()
    assert (first["family"], last["family"]) == ("ConnectX-4", None)
    assert port_of(whole, 1)["netdev"] == "veth0"
    assert last["absent"] == {"family": "these ports are on no ConnectX adapter"}
