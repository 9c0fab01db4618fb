"""mstconfig and mlxconfig are understood in all their layouts."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.linktype import LinkType
from mlxtop.sources.tools.card_tool import Trouble
from mlxtop.sources.tools.mstconfig import (
    Column,
    ConfigReport,
    parse_mstconfig,
    parse_mstconfig_json,
)

CAPTURES = os.environ.get("MLXTOP_CAPTURES", "")


VERBOSE = """
Device #1:
----------

Device type:    ConnectX5
Name:           MCX556A-EDA_Ax_Bx
Description:    ConnectX-5 Ex VPI adapter card; dual-port QSFP28
Device:         0000:08:00.0

Configurations:                              Default         Current         Next Boot
*        LINK_TYPE_P1                        IB(1)           ETH(2)          IB(1)
         LINK_TYPE_P2                        IB(1)           IB(1)           IB(1)
The '*' shows parameters with next value different from default/current value.
"""


WIDE = """
Device #1:
----------

Device type:        ConnectX7
Name:               N/A
Description:        N/A
Device:             0000:07:00.0

Configurations:                                         Default              Current   Next Boot
*RO     LINK_TYPE_P1                                    IB(1)                IB(1)     ETH(2)
 RO     ROCE_NEXT_PROTOCOL                              254                  254       254
        PCI_ATOMIC_MODE  PCI_ATOMIC_DISABLED_EXT_ATOMIC_ENABLED(0) 1 1

The 'RO' shows parameters which are for read only and cannot be changed
"""


def test_three_columns_and_the_star_are_read() -> None:
    report = parse_mstconfig(VERBOSE)
    assert report.link_type(1, Column.DEFAULT) is LinkType.IB
    assert report.link_type(1, Column.CURRENT) is LinkType.ETH
    assert report.link_type(1, Column.NEXT) is LinkType.IB
    assert report.error is None and report.trouble is None


def test_two_columns_mean_what_their_header_says() -> None:
    text = "Configurations:   Current   Next Boot\n LINK_TYPE_P1  IB(1)  ETH(2)\n"
    report = parse_mstconfig(text)
    assert report.link_type(1, Column.CURRENT) is LinkType.IB
    assert report.link_type(1, Column.NEXT) is LinkType.ETH
    assert report.link_type(1, Column.DEFAULT) is None


def test_the_read_only_mark_is_not_part_of_a_name() -> None:
    report = parse_mstconfig(WIDE)
    assert report.parameters["LINK_TYPE_P1"].read_only
    assert report.parameters["ROCE_NEXT_PROTOCOL"].read_only
    assert not report.parameters["PCI_ATOMIC_MODE"].read_only


def test_a_row_with_a_wrong_number_of_values_is_not_guessed() -> None:
    text = "Configurations: Default Current Next Boot\n LINK_TYPE_P1 IB(1) ETH(2)\n"
    assert parse_mstconfig(text).parameters == {}


def test_colours_of_a_terminal_are_no_part_of_a_value() -> None:
    text = "Configurations: Next Boot New\n* LINK_TYPE_P1 IB(1) \x1b[91mETH(2)\x1b[0m\n"
    assert parse_mstconfig(text).link_type(1, Column.NEW) is LinkType.ETH


def test_only_the_first_card_is_reported() -> None:
    text = VERBOSE + VERBOSE.replace("#1", "#2").replace("08:00.0", "09:00.0")
    assert parse_mstconfig(text).device == "0000:08:00.0"


def test_an_error_after_the_question_means_that_nothing_was_applied() -> None:
    text = "Configurations: Next Boot New\n LINK_TYPE_P1 IB(1) ETH(2)\nApplying... Failed!\n-E- x"
    report = parse_mstconfig(text)
    assert report.error == "x"


def test_the_kind_of_trouble_is_that_of_any_error_that_is_known() -> None:
    errors = ("write counter to semaphore: busy", "Failed to open the device")
    report = ConfigReport(errors=errors)
    assert report.trouble is Trouble.NO_ACCESS
    assert report.error == "write counter to semaphore: busy (Failed to open the device)"
    assert ConfigReport(errors=("x",)).trouble is Trouble.OTHER


def test_the_json_file_says_the_same_as_the_text() -> None:
    row = {"read_only": False, "next_value": "ETH(2)", "modified": True}
    row |= {"default_value": "IB(1)", "current_value": "IB(1)"}
    card = {"device_type": "ConnectX7", "name": "N/A", "device": "0000:07:00.0"}
    document = {"Device #1": card | {"tlv_configuration": {"LINK_TYPE_P1": row, "X": {}}}}
    report = parse_mstconfig_json(json.dumps(document))
    assert report.device == "0000:07:00.0"
    assert report.link_type(1, Column.NEXT) is LinkType.ETH


@given(
    st.text(
        st.sampled_from("LINK_TYPE_P12 *RO()-E:\n\tabCDevice#Configurations Next Boot"),
        max_size=200,
    )
)
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    parse_mstconfig(text)
    parse_mstconfig("Configurations: Next Boot New\n" + text)
    parse_mstconfig_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tlv_configuration", "LINK_TYPE_P1", "name", "next_value"]), children
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_no_json_makes_the_parser_raise(value: object) -> None:
    parse_mstconfig_json(json.dumps(value)).link_type(1, Column.NEXT)


def expected(kind: str) -> dict[str, dict[str, Any]]:
    if not CAPTURES:
        return {}
    facts = json.loads((Path(CAPTURES) / "EXPECTED.json").read_text())
    return {name: fact for name, fact in facts.items() if name.startswith(kind)}


def captured(name: str) -> str:
    return (Path(CAPTURES) / name).read_text(errors="replace")


def check_rows(report: ConfigReport, facts: dict[str, Any]) -> None:
    values = report.parameters.items()
    if "link_type" in facts:
        found = {n: report.link_type(n, Column.NEXT) for n in range(1, 5)}
        labels = {str(n): kind.label for n, kind in found.items() if kind}
        assert labels == facts["link_type"]
    for name, value in facts.get("params", {}).items():
        assert report.parameters[name].values[Column.NEXT] == value
    if "param_count" in facts:
        assert len(report.parameters) == facts["param_count"]
    if "set" in facts:
        assert {
            name: {"next_boot": row.values[Column.NEXT], "new": row.values[Column.NEW]}
            for name, row in values
        } == facts["set"]


@pytest.mark.captures
@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_every_captured_configuration_is_read_to_its_facts() -> None:
    facts = expected("mlxconfig/")
    assert len(facts) >= 11
    for name, fact in facts.items():
        report = parse_mstconfig(captured(name))
        for key in ("device", "error"):
            assert getattr(report, key) == fact.get(key, getattr(report, key)), (name, key)
        check_rows(report, fact)
