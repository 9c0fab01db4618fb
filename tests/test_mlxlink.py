"""Parsing mstlink, mlxlink and mlxcables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.module import Flag, LinkReport, Quantity
from mlxtop.sources.tools.card_tool import ToolFailed
from mlxtop.sources.tools.mlxlink import parse_mlxlink, read_link_report
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

TEXT = """
\x1b[32mOperational Info\x1b[0m
----------------
State                              : \x1b[32mActive\x1b[0m
Physical state                     : N/A
FEC                                : Standard RS-FEC - RS(528,514)
Enabled Link Speed (Ext.)          : 0x000007f2 (100G_4X,25G)

Physical Counters and BER Info
------------------------------
Symbol BER                         : 15E-255
Effective Physical Errors          : 3
Raw Physical Errors Per Lane       : 10,0,2,1
Raw Physical BER                   : 2E-8

Module Info
-----------
Temperature [C]                    : 45 [-5..75]
Voltage [mV]                       : 3290.5 [3000..3600]
Bias Current [mA]                  : 8.1,8.2,7.9,8 [4..8.5]
Rx Power Current [dBm]             : 0,-3.01,-40,1.5 [-14.001..5.4]
Tx Power Current [dBm]             : -1,-1,-1,-1 [-11.402..5.4]
Identifier                         : QSFP28
Vendor Part Number                 : AC-Q28
Rx LOS [per lane]                  : 0,0,1,0
"""


def test_text_is_read_with_colours_and_absent_values() -> None:
    report = parse_mlxlink(TEXT)
    assert (report.state, report.physical_state) == ("Active", None)
    assert report.enabled_speeds == ("100G_4X", "25G")
    assert report.raw_ber == 2e-8
    assert (report.raw_errors, report.effective_errors) == ((10, 0, 2, 1), 3)
    module = report.module
    assert module is not None
    assert (module.temperature, module.voltage) == (45.0, 3.2905)
    assert module.thresholds[Quantity.TEMPERATURE].high_alarm == 75
    assert [round(v or 0.0, 3) for v in module.values(Quantity.RX_POWER)] == [1.0, 0.5, 0.0, 1.413]
    assert module.flags == frozenset({Flag("rx loss of signal", 3)})


def as_json(sections: dict[str, dict[str, Any]], code: int = 0, message: str = "success") -> str:
    status = {"code": code, "message": message}
    return json.dumps({"result": {"output": sections}, "status": status})


def test_json_gives_the_same_as_text() -> None:
    speeds = {"mask": "0x000007f2", "values": ["100G_4X", "25G"]}
    text = as_json(
        {
            "Operational Info": {"State": "Active", "Physical state": "N/A"},
            "Supported Info": {"Enabled Link Speed (Ext.)": speeds},
            "Physical Counters and BER Info": {
                "Raw Physical Errors Per Lane": {"values": ["10", "0", "2", "1"]},
                "Raw Physical BER": "2E-8",
            },
            "Module Info": {"Identifier": "QSFP28", "Temperature [C]": "45 [-5..75]"},
        }
    )
    report, same = parse_mlxlink(text), parse_mlxlink(TEXT)
    assert report.enabled_speeds == same.enabled_speeds
    assert report.raw_errors == same.raw_errors
    assert report.module is not None
    assert report.module.temperature == 45.0


def test_a_module_whose_ranges_are_zero_has_no_diagnostics() -> None:
    module = parse_mlxlink(
        "Identifier : OSFP\nTemperature [C] : 0 [0..0]\nRx Power Current [dBm] : 0,0 [0..0]\n"
    ).module
    assert module is not None
    assert not module.has_diagnostics


def machine(*commands: str) -> CapturedSystem:
    capture = parse_capture("\n".join(["mlxtop capture 1", *commands]) + "\n")
    return CapturedSystem("x", capture, capture)


def test_an_old_tool_without_json_is_asked_for_text() -> None:
    system = machine(
        "$ mstlink -d 0000:43:00.0 -m -c --json => 1",
        "  & -E- Invalid argument: --json",
        "$ mstlink -d 0000:43:00.0 -m -c",
        "  | State : Active",
    )
    report = read_link_report(system, "0000:43:00.0", "mstlink")
    assert (report.state, report.source) == ("Active", "mstlink")


def test_a_refusing_tool_is_an_error() -> None:
    system = machine(
        "$ mlxlink -d 0000:43:00.0 -m -c --json => 1", "  & -E- Device is not supported"
    )
    with pytest.raises(ToolFailed, match="not supported"):
        read_link_report(system, "0000:43:00.0", "mlxlink")


GOOD = {"Operational Info": {"State": "Active", "Speed": "200G"}}


def captured(text: str, status: int = 0) -> CapturedSystem:
    lines = "\n".join(f"  | {line}" for line in text.splitlines())
    end = f" => {status}" if status else ""
    return machine(f"$ mlxlink -d 0000:43:00.0 -m -c --json{end}\n{lines}")


@pytest.mark.parametrize(
    ("system", "caveat"),
    [
        (captured(as_json(GOOD)), None),
        (captured("-W- a domain cannot be set\n" + as_json(GOOD)), None),
        (captured(as_json(GOOD, 1, "Showing BER: x\nMCIA: no page"), 1), "Showing BER: x"),
        (captured("Speed : 200G\n\n-E- The option is not for adapters\n"), "The option is not"),
        (captured("Speed : 200G\n\nErrors\n------\nno eye at Gen1\n", 1), "no eye at Gen1"),
    ],
)
def test_sections_that_were_printed_are_good_and_the_message_is_a_caveat(
    system: CapturedSystem, caveat: str | None
) -> None:
    report = read_link_report(system, "0000:43:00.0", "mlxlink")
    assert report.speed == "200G"
    assert (report.caveat or "").startswith(caveat or "")
    assert bool(report.caveat) is bool(caveat)


def test_nothing_but_a_message_is_a_failure() -> None:
    tool = {"Tool Information": {"MFT Version": "4.34"}}
    with pytest.raises(ToolFailed, match="MCIA"):
        read_link_report(captured(as_json(tool, 1, "MCIA"), 1), "0000:43:00.0", "mlxlink")


def test_opcode_and_the_part_of_the_firmware_that_it_is_of_are_read() -> None:
    report = parse_mlxlink("Status Opcode : 1042\nGroup Opcode : MNG FW\nRecommendation : x")
    assert (report.opcode, report.group, report.recommendation) == (1042, "MNG FW", "x")


@given(st.text())
def test_no_text_makes_a_parser_raise(text: str) -> None:
    parse_mlxlink(text)
    parse_mlxlink(f"Identifier : {text}\nTemperature [C] : {text}\nRaw Physical BER : {text}")


@given(st.from_regex(r"[0-9.,eE+\-\[\] ]{0,24}", fullmatch=True))
def test_no_number_makes_the_parser_raise(number: str) -> None:
    rows = ("Temperature [C]", "Rx Power Current [dBm]", "Status Opcode", "Raw Physical BER")
    lanes = "Raw Physical Errors Per Lane"
    parse_mlxlink("Identifier : X\n" + "".join(f"{row} : {number}\n" for row in (*rows, lanes)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["result", "output", "Module Info", "Identifier", "values", "mask"]
                ),
                inner,
            )
        ),
        max_leaves=10,
    )
)
def test_no_document_makes_the_parser_raise(document: object) -> None:
    parse_mlxlink(json.dumps({"result": {"output": document}}))
    parse_mlxlink(json.dumps(document))


@pytest.mark.parametrize(
    ("level", "most", "power"),
    [
        ("4 (3.5 W max)", "0.0 W max", (4, 3.5)),
        ("6 (12.0 W max)", "N/A", (6, 12.0)),
        ("3 (2.5 W max)", "0", (3, 2.5)),
        ("5 (10.0 W max)", "9.0 W max", (5, 9.0)),
        ("1.5 W max", "N/A", (None, 1.5)),
        ("N/A", "N/A", (None, None)),
        ("7", "N/A", (7, None)),
    ],
)
def test_power_is_the_last_valid_value(
    level: str, most: str, power: tuple[int | None, float | None]
) -> None:
    text = f"Identifier : QSFP28\nPower Class : {level}\nMAX Power : {most}\n"
    module = parse_mlxlink(text).module
    assert module is not None
    assert (module.identity.power_class, module.identity.max_power) == power


PAGE = {
    "Identifier": "QSFP112",
    "Compliance": "IB HDR,200GBASE-DR4",
    "SMF Length": "2 km",
    "Transfer Distance [m]": "0.0",
    "FW Version": "1.22.3",
    "Module FW Fault": "1",
    "DataPath FW Fault": "0",
    "DataPath state [per lane]": {"values": ["DPActivated", "DPDeinit"]},
    "Rx Power Current [dBm]": "1.0,0.5 [-9..6]",
    "Rx Power Type": "OMA",
    "Tx Adaptive EQ Fault [per lane]": {"values": ["0", "1"]},
    "Temperature [C]": "50 [-5..75]",
    "Voltage [mV]": "3300 [2970..3630]",
}


def page_in_text() -> str:
    rows = []
    for key, value in PAGE.items():
        text = ",".join(value["values"]) if isinstance(value, dict) else value
        rows.append(f"{key:<35}: {text}")
    return "\n".join(rows)


@pytest.mark.parametrize(
    "output",
    [page_in_text(), json.dumps({"result": {"output": {"Module Info": PAGE}}})],
    ids=["text", "json"],
)
def test_the_whole_module_page_is_read(output: str) -> None:
    module = parse_mlxlink(output).module
    assert module is not None
    who = module.identity
    assert who.types == ("IB HDR", "200GBASE-DR4")
    assert who.lengths == {"SMF": 2000.0}
    assert who.firmware == "1.22.3"
    assert [lane.data_path for lane in module.lanes] == ["activated", "deinitialising"]
    assert module.rx_power_type == "OMA"
    faults = (Flag("module firmware fault"), Flag("tx adaptive eq fault", 2))
    assert module.flags == frozenset(faults)


def test_readings_that_cannot_be_true_together_are_refused() -> None:
    rows = "Temperature [C] : 0 [-5..75]\nVoltage [mV] : 300 [2970..3630]\n"
    module = parse_mlxlink(f"Identifier : SFP\n{rows}Bias Current [mA] : 131 [2..12]\n").module
    assert module is not None
    assert (module.temperature, module.voltage, module.lanes) == (None, None, ())
    assert module.refused["diagnostics"]


CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")


def expected() -> dict[str, Any]:
    path = Path(CAPTURES, "EXPECTED.json")
    if not CAPTURES or not path.exists():
        return {}
    facts = json.loads(path.read_text())
    return {name: fact for name, fact in facts.items() if name.startswith("mlxlink/")}


def link_facts(report: LinkReport) -> dict[str, object]:
    return {
        "state": report.state,
        "physical_state": report.physical_state,
        "speed": report.speed,
        "width": report.width,
        "fec": report.fec,
        "enabled_speeds": list(report.enabled_speeds or ()),
        "supported_cable_speeds": None
        if report.cable_speeds is None
        else list(report.cable_speeds),
        "status_opcode": report.opcode,
        "recommendation": report.recommendation,
        "healthy": report.healthy,
        "link_up": report.state == "Active",
    }


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
@pytest.mark.parametrize("name", sorted(expected()))
def test_real_outputs_give_their_facts(name: str) -> None:
    facts = expected()[name]
    report = parse_mlxlink(Path(CAPTURES, name).read_text())
    for key, value in link_facts(report).items():
        if key in facts:
            assert value == facts[key], key
    counters = facts.get("counters", {})
    if counters:
        assert report.effective_errors == counters["effective_errors"]
        assert report.effective_ber == pytest.approx(float(counters["effective_ber"]))
        assert report.raw_ber == pytest.approx(float(counters["raw_ber"]))
        assert report.link_down == counters["link_down"]
    module = report.module
    wanted = facts.get("module") or ("tool" in facts and facts) or None
    assert (module is None) == (wanted is None)
    if module is None or wanted is None:
        return
    who = module.identity
    assert who.identifier == str(wanted["identifier"]).partition(" (")[0]
    assert who.vendor == wanted["vendor"]
    assert who.lengths["cable"] == wanted.get("distance_m", wanted.get("length_m"))
    assert module.temperature is None
    assert who.passive
    if "part" in wanted:
        assert (who.part, who.serial) == (wanted["part"], wanted["serial"])
        for key, text in (("rx_los", "rx loss of signal"), ("rx_cdr_lol", "rx loss of lock")):
            lit = [int(Flag(text, n + 1) in (module.flags or ())) for n in range(4)]
            assert lit == wanted[key]
    for frequency, loss in wanted.get("attenuation", {}).items():
        assert who.attenuation[frequency] == float(loss.removesuffix("dB"))
