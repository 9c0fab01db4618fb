"""sminfo, saquery, smpquery and ibqueryerrors, as infiniband-diags 44 prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.fabric import ManagerState, PortErrors, SubnetManager
from mlxtop.sources.tools.ib_queries import (
    parse_ibqueryerrors,
    parse_managers,
    parse_sminfo,
    parse_smpquery,
)

RECORD = """SMInfoRecord dump:
\t\tRID
\t\tLID...................{lid}
\t\tSMInfo dump:
\t\tGUID..................0x{guid:016x}
\t\tSM_Key................0x0000000000000000
\t\tActCount..............160
\t\tPriority..............{priority}
\t\tSMState...............{state}
"""
ERRORS = """Errors for 0x200000 "leaf1"
   GUID 0x200000 port ALL: [SymbolErrorCounter == 77] [LinkDownedCounter == 3]
   GUID 0x200000 port 1: [SymbolErrorCounter == 77] [LinkDownedCounter == 3]
   GUID 0x200000 port 2: [PortXmitWait == 9000] [PortRcvSwitchRelayErrors == 4]
Errors for "node1 mlx5_0"
   GUID 0x100001 port 1: [PortRcvErrors == 12 (12.000)] [PortXmitWait == 5]

## Summary: 5 nodes checked, 2 bad nodes found
##          19 ports checked, 3 ports have errors beyond threshold
"""


def test_the_manager_that_answers_is_told() -> None:
    line = "sminfo: sm lid 1 sm guid 0x2c9, activity count 159 priority 5 state {} X"
    wanted = SubnetManager("0x00000000000002c9", ManagerState.MASTER, 5, 1)
    assert parse_sminfo(line.format(3)) == wanted
    assert parse_sminfo(line.format(7)) is None
    assert parse_sminfo("sminfo: iberror: failed: query") is None


def test_all_managers_are_told_with_their_state() -> None:
    text = RECORD.format(lid=1, guid=0x100001, priority=5, state=3)
    text += RECORD.format(lid=5, guid=0x100007, priority=1, state=2)
    assert list(parse_managers(text)) == [
        SubnetManager("0x0000000000100001", ManagerState.MASTER, 5, 1),
        SubnetManager("0x0000000000100007", ManagerState.STANDBY, 1, 5),
    ]


def test_fields_of_smpquery_have_their_names() -> None:
    text = "# Port info: DR path slid 65535; dlid 65535; 0 port 1\nLid:.........4\n"
    text += "LinkWidthSupported:..............1X or 4X\n\t\t\t\tIsTrapSupported\n"
    assert parse_smpquery(text) == {"Lid": "4", "LinkWidthSupported": "1X or 4X"}


def test_errors_are_by_port_and_waiting_is_none() -> None:
    assert list(parse_ibqueryerrors(ERRORS)) == [
        PortErrors(
            "0x0000000000200000", 1, "leaf1", {"SymbolErrorCounter": 77, "LinkDownedCounter": 3}
        ),
        PortErrors("0x0000000000100001", 1, "node1 mlx5_0", {"PortRcvErrors": 12}),
    ]


@pytest.mark.parametrize(
    "parse", [lambda t: [parse_sminfo(t)], parse_managers, parse_smpquery, parse_ibqueryerrors]
)
@given(text=st.text(st.sampled_from('SMInfoRecord dump:[==]0x19."GUIDport. \n'), max_size=200))
def test_any_text_gives_values_or_none(parse: Callable[[str], Iterable[object]], text: str) -> None:
    for one in (text, f"SMInfoRecord dump:{text}", f"   GUID 0x1 port 1: [a == {text}"):
        assert list(parse(one)) is not None
