"""Ways in words, and how they did before."""

from __future__ import annotations

from mlxtop.model.path import NO_PATHS, PathStatus, PeerStatus, Way, WayState, WayStatus
from mlxtop.present.path import LOST, document, history_cells, sections, text_lines
from mlxtop.present.text import line_width, plain
from mlxtop.watch.paths import PathWatch

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


def page(status: PathStatus, columns: int, past: PathWatch | None = None) -> str:
    boxes = sections(status, past, columns)
    return "\n".join(plain(line) for box in boxes for line in box.lines)


def test_the_page_tells_state_trip_loss_use_and_why() -> None:
    text = page(STATUS, 96)
    assert "route via 10.0.0.3 dev fast1  the best that is up" in text
    assert "▸ via 10.0.0.3 dev fast1" in text
    assert "0.091 ms" in text
    assert "no carrier, lost 2 times" in text
    assert "25 %" in text
    assert "up in 7 s" in text
    assert "through c" in text
    assert "judged by the peer's answers through c" in text
    assert "both hosts need mlxtop path keep" in " ".join(text.split())
    assert "\x1b" not in text


def test_every_line_fits_a_narrow_screen() -> None:
    for columns in (40, 60, 76, 120):
        for box in sections(STATUS, None, columns):
            assert max(map(line_width, box.lines)) <= columns, (columns, box.title)


def test_without_peers_the_page_says_how_to_name_them() -> None:
    assert "[[path.peers]]" in page(NO_PATHS, 76)
    dead = STATUS._replace(peers=(STATUS.peers[0]._replace(dead=True),))
    assert "answers by no way" in sections(dead, None, 76)[0].title


def test_the_past_is_one_cell_an_instant() -> None:
    watch = PathWatch()
    for tick in range(10):
        watch.observe(STATUS, float(tick), {})
    down = history_cells(watch.history["b", "dev fast0"], 5)
    assert "".join(text for text, _ in down) == LOST * 5
    fast = history_cells(watch.history["b", "via 10.0.0.3 dev fast1"], 50)
    assert len(fast) == 10
    assert LOST not in plain(fast)
    assert history_cells(watch.history["b", "dev fast0"], 0) == ()
    assert LOST * 5 in page(STATUS, 76, watch)


def test_the_table_has_a_line_a_way() -> None:
    head, *lines = text_lines(STATUS)
    assert head == "b (10.0.0.2): route via 10.0.0.3 dev fast1; the best that is up"
    assert lines[0].startswith("    dev fast0")
    assert "down" in lines[0]
    assert lines[1].startswith("  > via 10.0.0.3 dev fast1")
    assert list(text_lines(NO_PATHS)) == []


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
