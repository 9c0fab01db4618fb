"""The picture of the layers shows the code as it is."""

from __future__ import annotations

from tests import architecture


def test_the_picture_is_of_this_code() -> None:
    assert architecture.PICTURE.read_text() == architecture.drawn(), (
        "python -m tests.architecture makes it anew"
    )


def test_arrows_point_down_and_none_is_told_by_two_others() -> None:
    graph = {"tui": {"present", "model"}, "present": {"model"}, "model": set[str]()}
    assert architecture.ranks(graph) == {"tui": 2, "present": 1, "model": 0}
    assert list(architecture.direct(graph)) == [("present", "model"), ("tui", "present")]
