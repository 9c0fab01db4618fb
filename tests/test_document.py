"""A frame as the JSON document: stable keys, null with a reason, nothing counted as unknown."""

from __future__ import annotations

import json
from typing import Any

from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.frame import Frame, derive
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.module import Flag, LinkReport, Module
from mlxtop.model.pcie import PcieReport
from mlxtop.model.sample import Problem, Reading
from mlxtop.outputs.document import SCHEMA, document
from mlxtop.watch.event_list import TimedIncident
from tests.module_images import IMAGES, decode_eeprom, put, qsfp28, qsfp28_dac, qsfpdd
from tests.samples import IB, PACU, RDMA, ethernet, frame, pacu, sample, veth
from tests.watching import Machine


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
    assert second["speed_mbps"] == 100_000
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


def test_bit_errors_of_all_lanes_stand_in_order_with_those_that_have_none() -> None:
    schema = Schema(tuple(f"rx_err_lane_{lane}_phy" for lane in (10, 0, 1)))
    frames: Frame | None = None
    for tick, values in enumerate(((5, 40, 0), (5, 90, 0)), 1):
        port = ethernet(PACU, float(tick), 0, 0)
        readings = {**port.readings, Origin.DRIVER: Reading(float(tick), schema, values)}
        frames = derive(sample(float(tick), port._replace(readings=readings)), frames)
    assert frames is not None
    assert port_of(document(frames, demo=False))["lane_errors"] == [50, 0, 0]
    assert port_of(document(frames, demo=False, since_boot=True))["lane_errors"] == [90, 0, 5]
    assert port_of(document(frame(pacu(1.0)), demo=False))["lane_errors"] == []


def test_ports_of_no_card_stand_in_a_last_entry_without_a_family() -> None:
    whole = document(frame(sample(1.0, ethernet(PACU, 1.0, 0, 0), veth("veth0", 5, 1.0))), False)
    first, last = whole["adapters"]
    assert first.keys() == last.keys()
    assert (first["family"], last["family"]) == ("ConnectX-4", None)
    assert port_of(whole, 1)["netdev"] == "veth0"
    assert last["absent"] == {"family": "these ports are on no ConnectX adapter"}


def test_alarms_have_their_keys_in_the_document() -> None:
    machine = Machine()
    machine.see(50.0)
    machine.see(76.0)
    (alarm,) = document(frame(pacu(1.0)), False, alarms=machine.alarms())["alarms"]
    keys = ("port", "kind", "severity", "since", "until", "count", "text", "today", "acknowledged")
    assert set(alarm) == set(keys)
    assert (alarm["port"], alarm["kind"], alarm["until"]) == ("enp67s0np0", "warning", None)


def test_an_incident_in_the_document_is_over_at_once() -> None:
    incident = Incident(IncidentKind.AER, "bad", Severity.NOTE, 1.0, "0000:43:00.0")
    (one,) = document(frame(pacu(1.0)), False, events=[TimedIncident(5.0004, incident)])[
        "incidents"
    ]
    assert (one["port"], one["since"], one["until"], one["count"]) == ("0000:43:00.0", 5.0, 5.0, 1)


def with_module(module: Module | None, report: LinkReport | None = None) -> dict[str, Any]:
    port = ethernet(PACU, 1.0, 0, 0)._replace(module=module, report=report)
    told = json.loads(json.dumps(document(frame(sample(1.0, port)), demo=False)))
    found: dict[str, Any] = told["adapters"][0]["ports"][0]
    return found


def test_a_module_with_cmis_tells_firmware_and_data_paths() -> None:
    image = qsfpdd()
    image[39:41] = 2, 5
    image[640:642] = 0x44, 0x14
    found = with_module(decode_eeprom(bytes(image)))["module"]
    assert (found["firmware"], found["rx_power_type"]) == ("2.5", "OMA")
    assert found["data_paths"] == ["activated", "activated", "activated", "deactivated"]


def test_a_copper_cable_tells_its_losses() -> None:
    found = with_module(decode_eeprom(bytes(qsfp28_dac())))["module"]
    assert found["attenuation_db"]["12.9GHz"] == 18
    assert found["data_paths"] == []


def test_a_module_is_numbers_and_null() -> None:
    image = qsfp28()
    put(image, 36, 0)
    module = decode_eeprom(bytes(image))._replace(seen={Flag("rx loss of signal", 2): 1.0})
    found = with_module(module)["module"]
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
    found = with_module(None)["module"]
    assert (found["temperature_c"], found["crit_c"]) == (69.3, 80.0)
    assert (found["warning_c"], found["alarm_c"]) == (75.0, 80.0)
    assert found["limits_from"] == "the module's own limits"
    assert found["vendor"] is None


def test_keys_are_the_same_whatever_is_plugged_in() -> None:
    keys = with_module(None)["module"].keys()
    for make in IMAGES.values():
        assert with_module(decode_eeprom(bytes(make())))["module"].keys() == keys


def test_a_link_report_is_a_part_of_its_port() -> None:
    assert with_module(None)["report"] is None
    assert with_module(None)["pcie_report"] is None
    port = ethernet(PACU, 10.0, 0, 0)._replace(pcie_report=PcieReport(width=4, tick=3.0))
    page = port_of(document(frame(sample(10.0, port)), demo=False))["pcie_report"]
    assert page["width"] == 4 and "tick" not in page
    report = LinkReport(raw_ber=2e-8, recommendation="No issue was observed", source="mstlink")
    found = with_module(None, report)["report"]
    assert (found["raw_ber"], found["source"]) == (2e-8, "mstlink")


def test_traffic_of_a_shared_rdma_device_is_none_of_its_ports() -> None:
    ports = [
        PACU._replace(netdev="p0", bond="bond0", rdma_lag=PACU.id),
        IB._replace(netdev="p1", bond="bond0", rdma="mlx5_0", rdma_lag=PACU.id),
    ]
    shown: Frame | None = None
    for tick in (1.0, 2.0):
        samples = [ethernet(port, tick, 1e9, 1e9) for port in ports]
        data = Reading(tick, RDMA, (int(tick * 125_000_000), int(tick * 1000), 1, 1))
        first = samples[0]._replace(readings={**samples[0].readings, Origin.RDMA: data})
        second = dict(samples[1].readings)
        second.pop(Origin.RDMA, None)
        both = first, samples[1]._replace(readings=second)
        shown = derive(sample(tick, *both), shown)
    assert shown is not None
    for number in (0, 1):
        port = document(shown, demo=False)["adapters"][0]["ports"][number]
        assert port["rdma_shared_by"] == ["p0", "p1"]
        assert (port["rdma_rx_bps"], port["rdma_shared_rx_bps"]) == (None, 4e9)
        assert port["rdma_shared_rx_bytes"] == 1_000_000_000
        assert "port_rcv_data" not in port["counters"]
        assert "for all members of bond0 together" in port["absent"]["rdma_rx_bps"]
