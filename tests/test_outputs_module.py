"""The module and the link report in the JSON document."""

from __future__ import annotations

import json
from typing import Any

from mlxtop.model.module import Flag, LinkReport, Module
from mlxtop.outputs.document import document
from mlxtop.sources.module.reader import decode_eeprom
from tests.module_images import IMAGES, put, qsfp28
from tests.samples import PACU, ethernet, frame, sample


def port_of(module: Module | None, report: LinkReport | None = None) -> dict[str, Any]:
    port = ethernet(PACU, 1.0, 0, 0)._replace(module=module, report=report)
    told = json.loads(json.dumps(document(frame(sample(1.0, port)), demo=False)))
    found: dict[str, Any] = told["adapters"][0]["ports"][0]
    return found


def test_a_module_is_numbers_and_null() -> None:
    image = qsfp28()
    put(image, 36, 0)
    module = decode_eeprom(bytes(image))._replace(seen={Flag("rx loss of signal", 2): 1.0})
    found = port_of(module)["module"]
    assert (found["vendor"], found["part"]) == ("ACME OPTICS", "AC-Q28-CWDM4")
    assert found["lengths_m"] == {"SMF": 2000.0}
    assert found["lanes"][0] == {
        "rx_mw": 0.8318,
        "rx_dbm": -0.8,
        "tx_mw": 1.1482,
        "tx_dbm": 0.6,
        "bias_ma": 41.2,
    }
    assert (found["lanes"][1]["rx_mw"], found["lanes"][1]["rx_dbm"]) == (0.0, None)
    assert found["limits"]["temperature_c"]["high_alarm"] == 75.0
    assert found["signals"] == []
    assert found["signalled"] == ["rx loss of signal (lane 2)"]


def test_the_sensor_brings_temperature_and_limits() -> None:
    found = port_of(None)["module"]
    assert (found["temperature_c"], found["crit_c"]) == (69.3, 80.0)
    assert (found["warning_c"], found["alarm_c"]) == (75.0, 80.0)
    assert found["limits_from"] == "the module's own limits"
    assert found["vendor"] is None


def test_keys_are_the_same_whatever_is_plugged_in() -> None:
    keys = port_of(None)["module"].keys()
    for make in IMAGES.values():
        assert port_of(decode_eeprom(bytes(make())))["module"].keys() == keys


def test_a_link_report_is_a_part_of_its_port() -> None:
    assert port_of(None)["report"] is None
    report = LinkReport(raw_ber=2e-8, recommendation="No issue was observed", source="mstlink")
    found = port_of(None, report)["report"]
    assert (found["raw_ber"], found["source"]) == (2e-8, "mstlink")
