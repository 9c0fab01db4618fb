"""What a card has stored, as its tools tell it."""

import json

from mlxtop.model.linktype import LinkType
from mlxtop.sources.tools.card_tool import LOCKDOWN
from mlxtop.system.door import Finished
from tests.link_lab import B1, B2, link_lab, survey_of


def test_a_tool_that_hangs_is_given_up_and_said_so() -> None:
    system = link_lab()
    system.world.tool_seconds = 1000.0
    reasons = survey_of(system).card_of(B2).reasons
    assert "did not answer in time" in reasons[-1]


def test_json_is_asked_where_the_text_is_not_understood() -> None:
    system = link_lab()
    row = {"next_value": "ETH(2)", "current_value": "ETH(2)", "default_value": "IB(1)"}
    table = {"LINK_TYPE_P1": row, "LINK_TYPE_P2": row | {"next_value": "IB(1)"}}
    document = {"Device #1": {"device": "0000:08:00.0", "tlv_configuration": table}}
    system.files["/tmp/x/link.json"] = json.dumps(document).encode()
    system.answers |= {
        "mstconfig": Finished(0, "a layout of the year 2030\n", ""),
        "mktemp": Finished(0, "/tmp/x\n", ""),
        "rm": Finished(0, "", ""),
    }
    survey = survey_of(system)
    assert survey.card_of(B1).stored == {1: LinkType.ETH, 2: LinkType.IB}


ROWS = """
Device:         0000:08:00.0

Configurations:                              Default         Current         Next Boot
         LINK_TYPE_P1                        IB(1)           ETH(2)          IB(1)
         LINK_TYPE_P2                        IB(1)           IB(1)           IB(1)
"""


def test_values_that_were_printed_are_good_whatever_came_after_them() -> None:
    system = link_lab()
    system.answers["mstconfig"] = Finished(3, f"{ROWS}-E- Failed to close the device\n", "")
    card = survey_of(system).card_of(B1)
    assert card.stored == {1: LinkType.IB, 2: LinkType.IB}
    assert card.unanswered is None


def test_a_tool_that_prints_no_value_says_its_deepest_reason_and_lockdown() -> None:
    system = link_lab()
    system.files[LOCKDOWN] = b"none [integrity] confidentiality\n"
    system.answers["mstconfig"] = Finished(3, "-E- Query failed\n", "ioctl: Bad address\nerror 5")
    reason = survey_of(system).card_of(B1).unanswered or ""
    assert reason.startswith("mstconfig: ioctl: Bad address (Query failed)")
    assert "kernel lockdown" in reason
