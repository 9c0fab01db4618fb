"""Passports of several machines: what each told, and what the others of a PSID run."""

from __future__ import annotations

import argparse
import json
from threading import Event

import pytest

from mlxtop.commands import hosts, passport_several
from mlxtop.commands.arguments import UsageError, parser
from mlxtop.commands.passport_several import complete
from mlxtop.hosts.machines import Machine
from mlxtop.model.flash import CardFlash, Flash, Vpd
from mlxtop.model.sample import UNREAD, Sample, Slow
from mlxtop.sampler.facts import Fact
from mlxtop.settings import Settings
from tests.samples import Samples, pacu

SETTINGS = Settings(firmware={"MT_2180110032": "12.28.2302"})


def machine(name: str, version: str, flash: Slow[CardFlash] | None = None) -> Machine:
    one = pacu(1.0)
    (card,) = one.adapters
    told = CardFlash(Vpd("Board", "MCX455A", f"MT{name}0042"), Flash(version=version), "mstflint")
    sample = one._replace(
        adapters=(card._replace(firmware=version),),
        flash={card.key: flash or Slow(told, 1.0)},
    )
    return Machine(name, Samples([sample], label=name))


def arguments(*words: str) -> argparse.Namespace:
    return parser().parse_args(["passport", *words])


def run(*words: str, machines: list[Machine] | None = None) -> int:
    found = machines or [machine("pacu", "12.28.2006"), machine("fry", "12.27.1016")]
    return passport_several.run(arguments(*words), found, SETTINGS)


def test_every_card_is_told_with_its_machine_and_what_the_others_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run() == 0
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.startswith("ConnectX-4  pacu 0000:43:00.0")
    assert "same PSID      12.27.1016 (older) at fry 0000:43:00.0" in first
    assert "same PSID      12.28.2006 (newer) at pacu 0000:43:00.0" in second
    assert "newer          12.28.2302 (settings)" in first
    assert "0042" not in first + second


def test_one_document_of_all_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--no-mask") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["machine"] for one in told["machines"]] == ["pacu", "fry"]
    (card,) = told["machines"][0]["cards"]
    assert card["serial"] == "MTpacu0042" and told["left_out"] == []
    assert card["firmware"]["others"] == ["12.27.1016 (older) at fry 0000:43:00.0"]


def test_a_port_or_card_is_named_and_a_wrong_name_is_a_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("enp67s0np0") == 0
    assert capsys.readouterr().out.count("ConnectX-4") == 2
    with pytest.raises(ValueError, match="did you mean enp67s0np0"):
        run("enp67s0np1")


def test_a_backup_is_made_where_the_card_is() -> None:
    with pytest.raises(UsageError, match="run it there"):
        run("--backup", "/tmp/x")


def test_a_machine_that_tells_nothing_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passport_several, "PATIENCE_S", 0.05)
    silent = Machine("leela", Samples([], label="leela"))
    assert run(machines=[machine("pacu", "12.28.2006"), silent]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("ConnectX-4  pacu") and "mlxtop: leela: no answer" in err
    assert run(machines=[silent]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "mlxtop: leela: no answer\n"), "no card was looked for"


@pytest.mark.parametrize(
    ("fact", "over"),
    [
        (UNREAD, False),
        (Slow(CardFlash(), 1.0), True),
        (Slow(absent="no answer for more than 90 s"), True),
    ],
)
def test_it_waits_until_every_card_was_asked(fact: Slow[CardFlash], over: bool) -> None:
    one: Sample = next(iter(machine("a", "12.1.1", fact).source.samples(Event())))
    assert complete(one) is over
    assert not complete(one._replace(flash={}))


def test_machines_are_asked_for_labels_and_flash_alone() -> None:
    args = parser().parse_args(["-H", "fry", "--no-local", "passport"])
    (found,) = hosts.machines(args, {}, SETTINGS)
    options = json.loads(found.source.hello())  # type: ignore[attr-defined]
    assert options["flash"] is True and options["everything"] is False
    assert hosts._WANTS["passport"] == {Fact.FLASH}
