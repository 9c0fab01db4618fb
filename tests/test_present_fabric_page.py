"""Page 9: this host's links, what they could be, managers, LLDP; read while it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.fabric import LocalFabric
from mlxtop.model.identity import PortId
from mlxtop.model.sample import UNREAD, Slow
from mlxtop.present.fabric_page import fabric
from mlxtop.present.pages import PAGES
from mlxtop.present.text import line_width, plain
from mlxtop.present.view import View
from mlxtop.sampler.facts import EVERYTHING, JOINED, ON_SCREEN, Fact
from mlxtop.settings import Settings
from mlxtop.sources.tools.fabric import read_local
from mlxtop.tui.app import MlxtopApp
from mlxtop.tui.screens.pages import Detail
from tests.metrics import lab_machine
from tests.samples import Samples
from tests.test_tui_app import until


def page(told: Slow[LocalFabric], machine: str = "hdr", port: int = 1, columns: int = 76) -> str:
    """The text of the page of a port of a simulated machine."""
    frame = lab_machine(machine, 2).frame
    frame = frame._replace(sample=frame.sample._replace(fabric=told))
    ports: list[PortId] = list(frame.ports)
    sections = fabric(View(frame, ports[port], columns))
    lines = [line for section in sections for line in section.lines]
    assert max(line_width(line) for line in lines) <= columns
    return "\n".join([*(section.title for section in sections), *map(plain, lines)])


@pytest.fixture(scope="module")
def local() -> LocalFabric:
    return read_local(load_lab("hdr", ManualClock()))


@pytest.mark.parametrize("columns", [56, 76, 116])
def test_own_links_tell_what_they_could_be_and_where_they_go(
    local: LocalFabric, columns: int
) -> None:
    text = page(Slow(local, 1.0), columns=columns)
    assert "▸ mlx5_1 1" in text and "4X FDR     4X HDR" in text
    assert "both ends can do 4X HDR" in text and "leaf2" in text
    assert "It is no fault where the cable" in " ".join(text.split())
    assert "login mlx5_0" in text and "standby" in text
    assert "enabled here" not in text, "all that it can do"


def test_a_link_that_runs_as_it_can_is_said_to(local: LocalFabric) -> None:
    assert "all that both ends can do" in page(Slow(local, 1.0), port=0)


@pytest.mark.parametrize("columns", [56, 76])
def test_a_dash_is_for_what_is_not_known(local: LocalFabric, columns: int) -> None:
    text = page(Slow(local, 1.0), port=0, columns=columns)
    assert "4X HDR    no more" in text
    young = tuple(own._replace(link=own.link._replace(state="Initialize")) for own in local.links)
    text = page(Slow(local._replace(links=young), 1.0), port=0, columns=columns)
    assert "4X HDR          –" in text and "all that both ends can do" not in text
    first = next(line for line in text.splitlines() if "mlx5_0 1" in line)
    assert "Initialize" in first
    assert "state Initialize, not settled" in " ".join(text.split())
    alone = tuple(own._replace(link=own.link._replace(b=None)) for own in local.links)
    text = page(Slow(local._replace(links=alone), 1.0), port=0, columns=columns)
    assert "nobody answers at the other end" in text and "no more" not in text


def test_half_of_what_both_ends_name_is_no_claim(local: LocalFabric) -> None:
    links = tuple(own._replace(link=own.link._replace(speed="EDR")) for own in local.links)
    text = page(Slow(local._replace(links=links), 1.0))
    assert "half of what both ends name" in text and "HDR100" in text
    assert "both ends can do" not in text
    assert "4X EDR       half" in text


def test_what_is_switched_off_at_this_end_is_told(local: LocalFabric) -> None:
    links = tuple(own._replace(enabled="4X, EDR") for own in local.links)
    assert "enabled here" in page(Slow(local._replace(links=links), 1.0))


@pytest.mark.parametrize(
    ("managers", "absent", "words"),
    [
        (0, {}, "none answers"),
        (0, {"managers": "sminfo: nobody answered"}, "nobody answered"),
        (1, {}, "no other stands by"),
        (1, {"standby": "saquery is not installed"}, "others are not known"),
    ],
)
def test_lacking_managers_are_told(
    local: LocalFabric, managers: int, absent: dict[str, str], words: str
) -> None:
    few = local._replace(managers=local.managers[:managers], absent=absent)
    assert words in page(Slow(few, 1.0))


@pytest.mark.parametrize(
    ("told", "words"),
    [(UNREAD, "not read"), (Slow(), "being asked"), (Slow(absent="needs root"), "needs root")],
)
def test_without_an_answer_the_reason_is_there(told: Any, words: str) -> None:
    assert words in page(told)


def test_an_ethernet_port_has_its_neighbour_by_lldp() -> None:
    text = page(Slow(absent="no InfiniBand port"), "dscp", 0)
    assert "Neighbour by LLDP" in text and "no InfiniBand port" in text


def test_only_the_page_and_several_machines_ask_the_fabric() -> None:
    assert Fact.FABRIC in JOINED and Fact.FABRIC not in ON_SCREEN | EVERYTHING


async def test_the_fabric_is_wanted_while_the_page_is_shown() -> None:
    app = MlxtopApp(Samples([lab_machine("hdr", 1).frame.sample]), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.state.frame is not None)
        await pilot.press("enter", "9")
        await until(pilot, lambda: isinstance(app.screen, Detail))
        await until(pilot, lambda: Fact.FABRIC in app.screen.wants)  # type: ignore[attr-defined]
        await pilot.press("8")
        await until(pilot, lambda: not app.screen.wants)  # type: ignore[attr-defined]
    assert PAGES[-1].key == "9"
