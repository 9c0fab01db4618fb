"""What a card has stored, as its tools tell it."""

import json

from mlxtop.model.linktype import LinkType
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
