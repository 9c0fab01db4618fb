"""The PCIe page of mstlink and mlxlink."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.pcie import PcieReport
from mlxtop.sources.tools.card_tool import LOCKDOWN
from mlxtop.sources.tools.mlxlink_pcie import parse_pcie, read_pcie_report
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

CARD = "0000:41:00.0"
PAGE = f"$ mstlink -d {CARD} --port_type PCIE -c --json"
TEXT = """
PCIe Operational (Enabled) Info
-------------------------------
Depth, pcie index, node         : 0, 1, 2
Link Speed Active (Enabled)     : 8G-Gen 3 (16G-Gen 4)
Link Width Active (Enabled)     : 8X (16X)
Device Status                   : Correctable Error detected, Unsupported Request detected.

Management PCIe Timers Counters Info
------------------------------------
dl down                         : 3

Management PCIe Performance Counters Info
-----------------------------------------
RX Errors                       : 14
TX Errors                       : 9
CRC Error dllp                  : 12
CRC Error tlp                   : 5
Effective ber                   : 15E-255
"""


def test_place_link_and_counters_are_read() -> None:
    page = parse_pcie(TEXT)
    assert page.place == (0, 1, 2)
    assert (page.running, page.enabled) == ((8.0, 8), (16.0, 16))
    assert page.status == "Correctable Error detected, Unsupported Request detected"
    counts = {"rx_errors": 14, "tx_errors": 9, "crc_dllp": 12, "crc_tlp": 5}
    assert page.errors == {"link_downs": 3, **counts}
    assert page.damaged == 17
    assert page.ber == 15e-255


def test_an_old_link_and_an_error_after_it() -> None:
    page = parse_pcie(
        "Link Speed Active (Enabled) : 2.5G-Gen 1 (16G-Gen 4)\n\nErrors\n------\nno eye"
    )
    assert (page.speed, page.enabled_speed, page.width) == (2.5, 16.0, None)


@pytest.mark.parametrize(
    ("rows", "lanes"),
    [
        ("Errors Per Lane       : 0,3,0,1\n", (0, 3, 0, 1)),
        ("Error counter lane 1  : 3\nError counter lane 0  : 7\n", (7, 3)),
        ("Physical Grade        : 1848,  2220\n", ()),
        ("Errors Per Lane       : N/A\n", ()),
    ],
)
def test_errors_of_lanes_come_in_a_row_of_all_or_in_a_row_each(
    rows: str, lanes: tuple[int, ...]
) -> None:
    assert parse_pcie(rows).lane_errors == lanes


def machine(*lines: str) -> CapturedSystem:
    capture = parse_capture("\n".join(["mlxtop capture 1", *lines]) + "\n")
    return CapturedSystem("x", capture, capture)


def printed(code: int = 0, message: str = "success", **sections: dict[str, str]) -> str:
    output = {name.replace("_", " "): rows for name, rows in sections.items()}
    status = {"code": code, "message": message}
    return "  | " + json.dumps({"result": {"output": output}, "status": status})


LINK = {"Link Speed Active (Enabled)": "32G-Gen 5 (32G-Gen 5)"}


def test_json_gives_the_page_and_its_message_is_a_caveat() -> None:
    page = read_pcie_report(machine(PAGE, printed(PCIe=LINK)), CARD, "mstlink")
    assert (page.speed, page.source, page.caveat) == (32.0, "mstlink", None)
    page = read_pcie_report(machine(f"{PAGE} => 1", printed(1, "MPCNT", P=LINK)), CARD, "mstlink")
    assert (page.speed, page.caveat) == (32.0, "MPCNT")


def test_a_card_in_several_slots_is_asked_by_place() -> None:
    place = PAGE.replace(" --json", " --depth 0 --pcie_index 0 --node 0 --json")
    many = printed(1, "The --depth, --pcie_index and --node must be specified!")
    page = read_pcie_report(machine(f"{PAGE} => 1", many, place, printed(P=LINK)), CARD, "mstlink")
    assert (page.speed, page.caveat) == (32.0, None)


def test_no_page_is_a_reason_and_lockdown_is_named() -> None:
    page = read_pcie_report(machine(f"{PAGE} => 1", printed(1, "no access")), CARD, "mstlink")
    assert page._replace(tick=0.0) == PcieReport(caveat="no access", source="mstlink")
    locked = machine(f"{LOCKDOWN} = none [integrity]", f"{PAGE} => 1", "  & -E- odd")
    assert "lockdown" in (read_pcie_report(locked, CARD, "mstlink").caveat or "")
    assert read_pcie_report(machine(), CARD, "mstlink").caveat == "not in this capture"


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parse_pcie(text)
    rows = ("Depth, pcie index, node", "Link Speed Active (Enabled)", "Errors Per Lane", "dl down")
    parse_pcie("".join(f"{row} : {text}\n" for row in rows))
