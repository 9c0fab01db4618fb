"""Both ends of a link side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mlxtop.ends.counts import Span
from mlxtop.ends.follow import Ends
from mlxtop.ends.matching import match
from mlxtop.model.machine import PortRef, SeenMachine
from mlxtop.model.module import Lane
from mlxtop.model.sample import Temperature
from mlxtop.present.ends import both_ends
from mlxtop.present.ends_tables import BothEnds, lost_share
from mlxtop.present.text import Line, Role, line_width, plain
from mlxtop.present.view import View
from mlxtop.watch.watch import Watch
from tests.cases import GOOD, GOOD_PORT, MODULE
from tests.ends import PORT, End, joined, pair
from tests.situations import ethernet, slot

NOTHING_LOST = Span(100.0, 100_000, 0, 500)


def page(
    a: End | None = None,
    b: End | None = None,
    columns: int = 76,
    lost: tuple[Span, Span] = (NOTHING_LOST, NOTHING_LOST),
) -> dict[str, list[Line]]:
    """The lines of the page by the titles of its sections."""
    return shown(pair(a, b), columns, lost)


def shown(
    machines: Iterable[SeenMachine], columns: int = 76, lost: tuple[Span, Span] | None = None
) -> dict[str, list[Line]]:
    machines = list(machines)
    (link,) = match(machines).links
    views = []
    for one, ref in zip(machines, link.ends, strict=True):
        watch = Watch()
        watch.ingest(one.frame)
        views.append(View(one.frame, ref.port, columns, heat=watch.heat))
    ends = BothEnds(link, (views[0], views[1]), lost or (NOTHING_LOST, NOTHING_LOST))
    return {one.title: list(one.lines) for one in both_ends(views[0]._replace(ends=ends))}


def glance(sections: dict[str, list[Line]]) -> dict[str, tuple[str, Role]]:
    """What is said at a glance: text and role by label."""
    (title,) = (title for title in sections if "⇄" in title)
    told: dict[str, tuple[str, Role]] = {}
    label = ""
    for (head, _), *_, (text, role) in sections[title]:
        label = head.strip() or label
        before = told.get(label, ("", role))[0]
        told[label] = f"{before} {text.strip()}".strip(), role
    return told


def texts(lines: Iterable[Line]) -> str:
    return "\n".join(map(plain, lines))


def hot(celsius: float) -> dict[str, Any]:
    return {"temperatures": (Temperature("module", celsius, 12.0, 70.0, 75.0),)}


def test_the_end_that_is_hot_is_named_with_its_machine() -> None:
    cool = glance(page(End("a", sample=hot(50.0)), End("b", sample=hot(60.0))))
    assert cool["hot"] == ("neither end; b: module 60 °C 10 °C below its warning", Role.DIM)
    text, role = glance(page(End("a", sample=hot(50.0)), End("b", sample=hot(76.0))))["hot"]
    assert text.startswith("b: module 76 °C, alarm since")
    assert role is Role.CRITICAL
    none = glance(page(End("a", sample=hot(None)), End("b", sample={"temperatures": ()})))  # type: ignore[arg-type]
    assert none["hot"] == ("no sensor of either end answers", Role.DIM)


def test_the_end_in_the_narrow_slot_is_what_limits_the_link() -> None:
    narrow = replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))
    text, _ = glance(page(b=End("b", situation=narrow)))["limit"]
    assert text == "b: PCIe carries 63.0 Gb/s of 100G now both not saturated"
    both = glance(page(End("a", situation=narrow), End("b", situation=narrow)))["limit"]
    assert both[0].startswith("PCIe of both ends, 63.0 Gb/s")
    assert glance(page())["limit"][0].startswith("the link, 100.0 Gb/s")


def test_the_direction_that_loses_is_named_and_nothing_is_claimed_without_proof() -> None:
    losing = Span(60.0, 10_000, 1000, 1200)
    told = page(lost=(NOTHING_LOST, losing))
    text, role = glance(told)["loss"]
    kept = "unless a switch between has kept them"
    assert text == f"b → a: 10 to 12 %, 1,000 packets at the least, {kept}"
    assert role is Role.WARNING
    assert "10 to 12 %" in texts(told["Traffic"])
    assert glance(page())["loss"] == ("none seen in 100 s, below 0.5 %", Role.GOOD)
    unknown = Span(0.0, 0, 0, 0, "a counts what the kernel handled alone")
    text, role = glance(page(lost=(unknown, unknown)))["loss"]
    assert (text, role) == ("cannot tell: a counts what the kernel handled alone", Role.DIM)
    silent = Span(9.0, 0, 0, 0)
    assert glance(page(lost=(silent, silent)))["loss"][0] == "cannot tell: nothing is sent"
    assert glance(page(lost=(silent, NOTHING_LOST)))["loss"][1] is Role.GOOD


def test_a_share_that_is_lost_is_as_exact_as_it_is_known() -> None:
    assert lost_share(Span(9.0, 1000, 100, 100))[0] == "10 %"
    assert lost_share(Span(9.0, 1000, 0, 0))[0] == "none"
    assert lost_share(Span(0.0, 0, 0, 0, "no"))[0] == "–"


def test_the_weak_lane_is_named_with_its_direction() -> None:
    dim = MODULE._replace(lanes=(Lane(0.8, 0.9, 7.0), Lane(0.1, 0.9, 7.0), *MODULE.lanes[2:]))
    sections = page(b=End("b", sample={"module": dim}))
    text, role = glance(sections)["weak lane"]
    assert text == "a → b lane 2: 9.5 dB lost, 9.0 dB more than the others"
    assert role is Role.WARNING
    light = texts(sections["Light lost on the way, dB"])
    assert "9.5▲" in light
    assert glance(page())["weak lane"] == ("none", Role.GOOD)
    dark = dim._replace(lanes=(Lane(0.0, 0.9, 7.0), *MODULE.lanes[1:]))
    unlit = glance(page(b=End("b", sample={"module": dark})))["weak lane"]
    assert "a → b lane 1: no light arrives" in unlit[0]


def test_copper_has_no_light_to_lose() -> None:
    copper = MODULE._replace(identity=MODULE.identity._replace(passive=True))
    sections = page(b=End("b", sample={"module": copper}))
    assert glance(sections)["weak lane"] == ("cannot tell: copper: no light", Role.DIM)
    assert texts(sections["Light lost on the way, dB"]).count("copper: no light") == 2


def test_what_has_to_be_alike_and_is_not_is_marked_without_colour_too() -> None:
    other = End("b", situation=replace(GOOD, link=ethernet(100, mtu=1500)))
    settings = texts(page(b=other)["Settings and cards"])
    assert "≠ 1500" in settings
    assert settings.count("≠") == 1
    assert "≠" not in texts(page()["Settings and cards"])
    silent = replace(GOOD_PORT, fec=None)
    assert "≠" not in texts(page(b=End("b", settings=silent))["Settings and cards"])


def test_sure_matches_contradictions_and_lost_machines_are_told() -> None:
    machines = pair()
    (link,) = match(machines).links
    views = [View(one.frame, PORT, 76) for one in machines]
    ends = BothEnds(
        link._replace(against="by the settings it is another"),
        (views[0], views[1]),
        (NOTHING_LOST, NOTHING_LOST),
        ("", "lost 12 s ago"),
    )
    told = glance({one.title: list(one.lines) for one in both_ends(views[0]._replace(ends=ends))})
    assert told["stale"][0] == "b lost 12 s ago"
    assert told["but"][0] == "by the settings it is another"
    assert "by neighbour table, likely" in told["matched"][0]


def test_a_port_without_a_known_end_says_why_and_how_to_name_it() -> None:
    (machine, _) = pair()
    view = View(machine.frame, PORT, 76)
    (alone,) = both_ends(view)
    assert "only this machine is shown" in texts(alone.lines)
    (told,) = both_ends(view._replace(ends="several neighbours"))
    text = texts(told.lines)
    assert "several neighbours" in text
    assert "[[links]]" in text
    assert "mlxtop -H HOST" in text


def test_every_table_fits_in_the_width_of_the_page() -> None:
    for columns in (56, 76, 116):
        sections = page(columns=columns)
        for title, lines in sections.items():
            widest = max(map(line_width, lines))
            assert widest <= columns, (title, widest)


def test_simulated_machines_show_what_one_sends_and_the_other_receives() -> None:
    ends = Ends()
    for machines in joined("pacu", "fry", seconds=6):
        ends.take(machines)
    sections = shown(machines)
    assert "pacu enp67s0np0 ⇄ fry enp67s0np0" in sections
    traffic = texts(sections["Traffic"])
    assert "pacu → fry" in traffic
    (link,) = ends.matches.links
    assert [span.absent for span in ends.passed(link).packets] == ["", ""]
    assert ends.why_not(PortRef("pacu", PORT)).startswith("no port")
