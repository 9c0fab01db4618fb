"""The answer of the program that switches becomes a pending change, or errors."""

import json

import pytest

from mlxtop.change import pending, revert
from mlxtop.change.log import ActionLog
from mlxtop.change.pending import switch, waiting
from mlxtop.change.plan import Switch
from mlxtop.change.privilege import Access, RootCommands
from mlxtop.model.linktype import LinkType
from mlxtop.system.door import Finished
from mlxtop.system.owner import Owner
from tests.link_lab import A1, LinkLab, link_lab

STEP = Switch(A1.device, ((1, LinkType.ETH),), ((1, LinkType.IB),))


class RealLab(LinkLab):
    """A lab that is not simulated in the eyes of `switch`."""

    demo = False


def switched(answer: Finished) -> tuple[pending.PendingChange | None, list[str]]:
    system = link_lab()
    system.__class__ = RealLab
    system.before = lambda argv: system.answers.update({" ".join((argv[0], argv[-1])): answer})
    log = ActionLog("/nowhere/log", Owner(0, 0, "/"))
    return switch(RootCommands(system, Access.ROOT), STEP, log)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Finished(1, json.dumps({"errors": ["x"], "back": True}), ""), "everything is as before"),
        (Finished(1, json.dumps({"errors": ["x"], "back": False}), ""), "NOT taken back"),
        (Finished(-9, "", "Killed"), "unknown whether the change was made: Killed"),
        (Finished(0, "[]", ""), "unknown whether the change was made: ended with status 0"),
    ],
)
def test_without_a_good_answer_nothing_is_pending(answer: Finished, words: str) -> None:
    change, errors = switched(answer)
    assert change is None and words in errors[-1]


def test_a_good_answer_is_a_change_that_waits_at_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = {"keep": "kept", "revert": "reverted"}
    monkeypatch.setattr(revert, "say", lambda path, word: replies[word])
    answer = {"errors": [], "socket": "/run/x", "seconds": 60.0}
    change, errors = switched(Finished(0, json.dumps(answer), ""))
    assert change is not None and errors == []
    assert 0 < change.left() <= 60 and change.keep() and change.take_back()
    replies |= {"keep": "reverted", "revert": "port 1: Input/output error"}
    assert not change.keep() and not change.take_back()


def test_changes_that_wait_are_listed_by_their_card(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["revert-0000:09:00.0", "revert-0000:08:00.0", "lock-0000:09:00.0", "revert-x"]
    replies = {"0000:09:00.0": "12.5", "0000:08:00.0": None, "x": "nonsense"}
    monkeypatch.setattr(pending, "names", lambda system, path: names)
    monkeypatch.setattr(revert, "say", lambda path, word: replies[path.rpartition("revert-")[2]])
    changes = waiting(link_lab())
    assert list(changes) == ["0000:09:00.0"] and 10 < changes["0000:09:00.0"].left() <= 12.5
