"""Page 7: who waits for whom, in words that cannot be misread."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Origin
from mlxtop.model.qos import Dcb, Gid, Roce
from mlxtop.model.sample import Link, LinkLayer, LinkState, Slow
from mlxtop.model.tuning import PortTuning
from mlxtop.present.congestion import congestion, pause_text
from mlxtop.present.qos import dscp_map, spans
from mlxtop.present.text import line_width, plain
from mlxtop.present.view import View
from mlxtop.watch.congestion import Pause
from tests.test_analysis_congestion import MLX5, PORT, SECOND, STORM, Rates, Story


def page(story: Story, columns: int = 72) -> str:
    assert story.frame is not None
    view = View(story.frame, story.port.id, columns, congestion=story.watch)
    lines = [line for section in congestion(view) for line in section.lines]
    assert [plain(line) for line in lines if line_width(line) > columns] == []
    return "\n".join(map(plain, lines))


def shown(rates: Rates, readings: int = 5) -> str:
    story = Story(dcb=Dcb(pfc=(3,)))
    story.read({f"{way}_prio{n}_bytes": 0.0 for way in ("rx", "tx") for n in range(8)})
    story.read(rates, readings)
    return page(story)


@pytest.mark.parametrize(
    ("way", "storm", "start"),
    [
        ("rx", False, "The switch or peer holds this host: priority 3 may not send 40 %"),
        ("tx", False, "This host holds the switch or peer: priority 3 is stopped there 40 %"),
        ("rx", True, "PAUSE STORM: priority 3 stood still for all of 3 readings. The switch or"),
        ("tx", True, "PAUSE STORM: priority 3 stood still for all of 3 readings. This host"),
    ],
)
def test_pause_says_who_holds_whom(way: str, storm: bool, start: str) -> None:
    assert pause_text(Pause(way, 3, 0.4, 0.4, 3, storm, "key")).startswith(start)


def test_pause_of_the_whole_link_is_of_no_priority() -> None:
    text = pause_text(Pause("rx", None, 0.4, 0.4, 3, False, "key"))
    assert "the link may not send" in text


def test_a_storm_is_the_first_thing_on_the_page() -> None:
    assert shown(STORM).startswith("▸ PAUSE STORM")


def test_a_priority_that_moves_is_marked_and_the_others_are_not() -> None:
    rows = [line for line in shown(MLX5).splitlines() if line[:1] in "▸ " and line[2:3].isdigit()]
    assert [line[:12].strip() for line in rows] == [
        *("▸ 0", "1", "2", "▸ 3 lossless", "4", "5", "6", "7"),
    ]
    assert "25 %" in rows[3]


def test_frames_and_stops_are_counted_below_the_table() -> None:
    text = " ".join(shown(MLX5).split())
    assert (
        "pause frames of priority 3 since the driver was loaded: received 700 (300 stops)" in text
    )
    assert "sent 70" in text


def test_little_pause_is_told_as_such() -> None:
    text = shown({"rx_prio3_pause_duration": 900, "tx_prio3_pause_duration": 0})
    assert "Pause takes less than 1 % of the time: nobody waits long." in text
    assert "<1 %" in text


def test_losses_say_whether_the_priority_may_lose() -> None:
    assert "though it should lose none (PFC)" in shown({"rx_prio3_discards": 5})
    assert "and may: it has no PFC" in shown({"rx_prio1_discards": 5})


def test_one_reading_shows_totals_and_says_why() -> None:
    story = Story(dcb=Dcb(pfc=(3,)))
    story.read(MLX5)
    text = page(story)
    assert "Rates need two readings; these are totals." in text
    assert "shares of time need two readings" in text


def test_a_driver_that_counts_no_time_of_pause_says_so() -> None:
    story = Story(PORT._replace(driver="mlx4_core"))
    story.read({"rx_prio_0_bytes": 1.0, "rx_novlan_bytes": 1e9}, 2)
    text = page(story)
    assert "this driver counts no time of pause" in text
    assert "▸ untagged" in text


def test_infiniband_waits_for_credits() -> None:
    story = Story(origin=Origin.RDMA_ERRORS)
    story.read({"port_xmit_wait": 5e6}, 2)
    assert story.frame is not None
    one = story.frame.ports[PORT.id]
    link = Link(LinkLayer.INFINIBAND, LinkState.UP)
    story.frame = story.frame._replace(
        ports={PORT.id: one._replace(now=one.now._replace(link=link))}
    )
    text = page(story)
    assert "credits of virtual lanes" in text
    assert "5.00M/s" in text
    assert "priority" not in text


def test_counters_that_stand_still_take_one_line() -> None:
    story = Story(PORT._replace(rdma="mlx5_0", rdma_port=1), origin=Origin.RDMA_HW)
    story.read({"np_cnp_sent": 5.0, "rp_cnp_ignored": 0.0, "out_of_sequence": 0.0}, 4)
    text = page(story)
    assert "▸ np_cnp_sent" in text
    assert "still: rp_cnp_ignored" in text
    assert "none moves: out_of_sequence" in text


def test_settings_are_shown_beside_what_they_do() -> None:
    story = Story(PORT._replace(rdma="mlx5_0", rdma_port=1))
    gids = (Gid(3, "0000:0000:0000:0000:0000:ffff:0a3c:0002", "RoCE v2", "p1"),)
    roce = Roce(gids=gids, traffic_class=106, notify=(3,), react=(), cnp_dscp=48)
    dcb = Dcb(
        pfc=(3,),
        classes=(0, 0, 0, 1, 0, 0, 0, 0),
        algorithms=("ets",) * 8,
        bandwidth=(10, 90, 0, 0, 0, 0, 0, 0),
        dscp={26: 3, 0: 0},
        trust="dscp",
        trust_from="dcb app",
    )
    story.settings = Slow(PortTuning(dcb=dcb, roce=roce), 1.0)
    story.read(MLX5, 2)
    text = page(story)
    for part in (
        "dscp (by dcb app)",
        "0 → 0 · 26 → 3",
        "0: priority 0-2, 4-7, ets 10 % · 1: priority 3, ets 90 %",
        "DSCP 26 priority 3",
        "0000:0000:0000:0000:0000:ffff:0a3c:0002",
        "DSCP 48",
    ):
        assert part in " ".join(text.split()), part


def test_numbers_and_maps_are_shortened() -> None:
    assert spans((7, 5, 6, 1)) == "1, 5-7"
    assert dscp_map({}) == ""
    assert SECOND == 1_000_000
