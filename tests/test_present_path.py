"""Ways in words, and how they did before."""

from __future__ import annotations

from math import inf, nan

from mlxtop.model.incident import IncidentKind
from mlxtop.model.path import NO_PATHS, PathStatus, PeerStatus, Way, WayState, WayStatus
from mlxtop.present.heat import Clock
from mlxtop.present.path import LOST, NOT_UP, document, lane, sections, text_lines, way_lines
from mlxtop.present.text import Role, line_width, plain
from mlxtop.watch.changes import own_incident
from tests.samples import PACU

WAYS = (
    WayStatus(
        Way("fast0"),
        WayState.DOWN,
        "no carrier",
        judged_by="the peer's answers",
        flaps=2,
    ),
    WayStatus(
        Way("fast1", "10.0.0.3", 2),
        WayState.UP,
        "answers",
        used=True,
        third="c",
        judged_by="the peer's answers through c",
        rtt_s=0.000091,
        loss=0.0,
        last_rtt_s=0.000091,
    ),
    WayStatus(
        Way("slow0", "192.0.2.2", 3),
        WayState.WAITING,
        "answers again",
        rtt_s=0.0123,
        loss=0.25,
        up_in_s=7.0,
        last_rtt_s=0.0123,
    ),
)
STATUS = PathStatus(
    (PeerStatus("b", "10.0.0.2", WAYS, "via 10.0.0.3 dev fast1", "the best that is up"),),
    keeping=True,
    notes=("the kernel refused \x1b[31m a route",),
)


def page(status: PathStatus, columns: int) -> str:
    boxes = sections(status, columns)
    return "\n".join(plain(line) for box in boxes for line in box.lines)


def test_the_page_tells_state_trip_loss_use_and_why() -> None:
    text = page(STATUS, 96)
    assert "route via 10.0.0.3 dev fast1  the best that is up" in text
    assert "▸ via 10.0.0.3 dev fast1" in text
    assert "0.091 ms" in text
    assert "no carrier, lost 2 times" in text
    assert "25 %" in text
    assert "up in 7 s" in text
    assert text.count("through c") == 1, "who judges it says so already"
    assert "judged by the peer's answers through c" in text
    assert "both hosts need mlxtop path keep" in " ".join(text.split())
    assert "\x1b" not in text


def test_every_line_fits_a_narrow_screen() -> None:
    for columns in (40, 60, 76, 120):
        for box in sections(STATUS, columns):
            assert max(map(line_width, box.lines)) <= columns, (columns, box.title)


def test_without_peers_the_page_says_how_to_name_them() -> None:
    assert "[[path.peers]]" in page(NO_PATHS, 76)
    dead = STATUS._replace(peers=(STATUS.peers[0]._replace(dead=True),))
    assert "answers by no way" in sections(dead, 76)[0].title


def text_of(values: list[float], rows: int = 1) -> list[str]:
    return [plain(line) for line in lane(values, rows)]


def test_a_lane_has_a_bar_a_cross_a_dot_or_nothing_for_every_instant() -> None:
    assert text_of([0.02, 2.0, 300.0, inf, -inf, -5.0, nan]) == [f"▁▅█{LOST}{LOST}{NOT_UP} "]
    assert text_of([0.02, 2.0, 300.0, inf, -5.0, nan], 3) == [
        "  █   ",
        " ▅█   ",
        f"▁██{LOST}{NOT_UP} ",
    ]
    roles = [role for _, role in lane([1.0, inf, -1.0], 1)[0]]
    assert roles == [Role.GOOD, Role.CRITICAL, Role.WARNING]


def test_an_instant_tells_how_many_ways_were_up_and_what_happened() -> None:
    clock = Clock(100.0, 1_700_000_000.0)
    ways = {("b", "dev a"): 0.1, ("b", "dev c"): -inf, ("c", "dev a"): nan}
    happened = own_incident(PACU, IncidentKind.PATH, "route to b goes dev a", 90.0)
    first, second = way_lines(clock, 90.0, ways, [happened], 80)
    assert "10 s ago" in plain(first)
    assert "b 1 of 2 ways up  c not known then" in plain(first)
    assert plain(second).startswith("▲ route to b goes dev a")
    assert plain(way_lines(clock, 90.0, ways, [], 80)[1]) == "nothing happened to the ways"


def test_the_table_has_a_row_a_way_and_why_below_it() -> None:
    head, *lines = map(plain, text_lines(STATUS, 80))
    assert head == "b (10.0.0.2): route via 10.0.0.3 dev fast1; the best that is up"
    assert lines[0].startswith("  dev fast0")
    assert "down" in lines[0]
    assert lines[1] == "    no carrier, lost 2 times; judged by the peer's answers"
    assert "lost" not in lines[0], "no probe was sent"
    assert lines[2].startswith("> via 10.0.0.3 dev fast1")
    assert lines[3] == "    judged by the peer's answers through c"
    assert not any("\x1b" in line for line in lines)
    assert list(text_lines(NO_PATHS, 80)) == []


def test_every_line_of_the_table_fits_the_terminal() -> None:
    way = WAYS[1]._replace(way=Way("enp139s0f0np0", "fd00:1234:5678:9abc::1", 2))
    peer = STATUS.peers[0]._replace(ways=(*WAYS, way), why="the best that is up: " * 6)
    for columns in (60, 80, 120):
        for line in text_lines(STATUS._replace(peers=(peer,)), columns):
            assert line_width(line) <= columns, plain(line)


def test_the_document_has_everything() -> None:
    told = document(STATUS)
    (peer,) = told["peers"]
    assert (peer["name"], peer["route"], peer["dead"]) == ("b", "via 10.0.0.3 dev fast1", False)
    assert peer["ways"][1] == {
        "dev": "fast1",
        "via": "10.0.0.3",
        "prefer": 2,
        "state": "up",
        "reason": "answers",
        "used": True,
        "through": "c",
        "judged_by": "the peer's answers through c",
        "rtt_s": 0.000091,
        "loss": 0.0,
        "flaps": 0,
        "up_in_s": None,
    }
    assert told["keeping"]
