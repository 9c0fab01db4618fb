"""Label and flash of a card are read as root, one tool at a time, while somebody looks."""

from __future__ import annotations

from threading import Event
from typing import cast

from mlxtop.lab import LabSystem
from mlxtop.model.flash import NEEDS_ROOT, CardFlash
from mlxtop.sampler.card_flash import alone, read_card_flash
from mlxtop.sampler.discover import discover
from mlxtop.sampler.facts import EVERYTHING, ON_SCREEN, Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import System
from tests.load_lab import install, simulated
from tests.test_passport import Bench

FLASH = frozenset({Fact.FLASH})


def read(system: System) -> CardFlash:
    return read_card_flash(system, discover(system).adapters[0])


def test_label_and_flash_are_read_and_the_tool_is_named() -> None:
    found = read(simulated("pacu"))
    assert found.vpd is not None and found.vpd.part and found.absent == {}
    assert found.flash is not None and found.flash.psid == "MT_2180110032"
    assert (found.tool, found.tool_version) == ("mstflint", "4.31.0")


def test_what_cannot_be_read_has_its_reason() -> None:
    bench = Bench()
    bench.root = False
    found = read(cast(System, bench))
    assert found.absent == {"vpd": NEEDS_ROOT, "flash": NEEDS_ROOT}
    system = simulated("pacu")
    install(system, mstflint=None, mstconfig=None, mlxconfig=None)
    found = read(system)
    assert found.vpd is not None and "neither mstflint nor flint" in found.absent["flash"]


def test_a_card_at_which_another_tool_works_is_left_alone(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    system = simulated("pacu")
    (card,) = discover(system).adapters
    monkeypatch.setattr("mlxtop.sampler.card_flash.LOCK_SECONDS", 0.0)

    def taken(*words: object) -> None:
        raise BlockingIOError(11, "mstconfig (7) is at work there")

    monkeypatch.setattr(system, "claim", taken)
    found = read_card_flash(system, card)
    assert "mstconfig (7) is at work there" in found.absent["flash"]
    monkeypatch.undo()
    with alone(system, card):
        pass


def later(live: LiveSource, system: LabSystem) -> dict[str, bool]:
    """Of which cards a sample has label and flash, after the tools had their time."""
    live.take()
    system.clock.wait(10.0, Event())
    return {card: fact.value is not None for card, fact in live.take().flash.items()}


def test_a_card_is_asked_while_somebody_looks_and_not_again_when_they_come_back() -> None:
    system = simulated("pacu")
    live = LiveSource(system, calm=0.0, wants=ON_SCREEN)
    (card,) = live.take().adapters
    ran: list[str] = []
    run = system.run

    def overheard(argv, **more):  # type: ignore[no-untyped-def]
        ran.append(" ".join(argv))
        return run(argv, **more)

    system.run = overheard  # type: ignore[method-assign]
    assert later(live, system) == {}
    live.looked_at = card.ports[0]
    for wants, found in ((FLASH, {card.key: True}), (frozenset(), {}), (FLASH, {card.key: True})):
        live.more_wants = wants
        assert later(live, system) == found
    assert sum("query full" in line for line in ran) == 1
    live.close()


def test_nobody_asks_by_the_way() -> None:
    assert Fact.FLASH not in EVERYTHING | ON_SCREEN
