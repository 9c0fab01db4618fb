"""The links between several machines as JSON."""

from __future__ import annotations

from mlxtop.ends.follow import Ends
from mlxtop.model.json_text import encode
from mlxtop.outputs.links_document import links_document
from tests.ends import End, joined, pair


def test_a_link_has_two_ends_how_they_were_matched_and_both_directions() -> None:
    ends = Ends()
    for machines in joined("pacu", "fry", seconds=6):
        ends.take(machines)
    (link,) = links_document(ends)
    assert [(end["machine"], end["port"]) for end in link["ends"]] == [
        ("pacu", "enp67s0np0"),
        ("fry", "enp67s0np0"),
    ]
    assert (link["by"], link["sure"]) == ("neighbour table", "likely")
    there, back = link["directions"]
    assert (there["from"], there["to"], back["from"]) == ("pacu", "fry", "fry")
    assert there["sent_bps"] > 1e6
    assert there["packets"]["lost_at_least"] == 0 < there["packets"]["sent"]
    assert len(there["lane_loss_db"]) == 4
    assert there["absent"] == {}
    assert encode(link)


def test_what_cannot_be_told_is_null_with_its_reason() -> None:
    ends = Ends()
    ends.take(pair(End("a", sample={"module": None})))
    (link,) = links_document(ends)
    for way in link["directions"]:
        assert (way["packets"], way["lane_loss_db"]) == (None, [])
        assert set(way["absent"]) == {"packets", "pause_frames", "lane_loss_db"}


def test_a_machine_that_is_gone_has_no_link() -> None:
    ends = Ends()
    ends.take(pair())
    ends.take(pair()[:1])
    assert links_document(ends) == []
