"""The report as JSON: numbers, nulls, and every event with its time."""

from __future__ import annotations

import json

from mlxtop.model.json_text import encode
from mlxtop.outputs.report_document import document
from tests.reports import BEGIN, full_report


def test_everything_is_in_the_document() -> None:
    found = json.loads(encode(document(full_report())))
    assert (found["schema"], found["host"], found["masked"]) == (1, "pacu", True)
    assert (found["since"], found["until"], found["recorded_s"]) == (BEGIN, BEGIN + 600, 540.0)
    first, second = found["incidents"]
    assert (first["number"], first["severity"], first["since"]) == (1, "critical", BEGIN + 80)
    assert second["until"] == BEGIN + 141
    assert second["events"] == [
        {
            "time": BEGIN + 100,
            "until": BEGIN + 141,
            "kind": "link down",
            "subject": "p0",
            "text": "link down, was up",
            "told_by": "kernel log",
        }
    ]
    [port] = found["ports"]
    assert port["rx_bps"]["p95"] == 9e9
    assert port["rdma_tx_bps"] is None
    assert port["full_s"] == {"rx": 12.0, "tx": 0.0}
    assert port["link"]["lost"] == 1
    assert port["link"]["down"] == [[BEGIN + 100, BEGIN + 141]]
    assert port["sensors"][0]["above_alarm_s"] == 80.0
    assert port["sensors"][0]["spread"]["peak"] == 82.0
    assert port["errors"][0]["events"] == 1234
    assert found["pcie_errors"] == {"0000:40:03.0 BadTLP": 7}
    assert found["loads"][0]["bps"] == 46e9
    assert found["gaps"][0]["why"] == "records are missing"
    assert found["problems"] == ["the end is missing"]
