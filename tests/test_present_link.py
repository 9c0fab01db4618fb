"""The link and its signal in words."""

from __future__ import annotations

from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame
from mlxtop.model.module import LinkReport
from mlxtop.model.sample import Link, LinkLayer, LinkState, Reading
from mlxtop.present.link import link
from mlxtop.present.text import plain
from mlxtop.present.view import View
from mlxtop.watch.heat import HeatWatch
from tests.samples import IB, PACU, ethernet, frame, sample
from tests.test_present_pages import text_of


def text(shown: Frame, watch: HeatWatch | None = None) -> str:
    sections = link(View(shown, PACU.id, heat=watch))
    return "\n".join(plain(row) for section in sections for row in section.lines)


def test_bit_errors_are_told_by_the_tool_and_by_the_driver() -> None:
    report = LinkReport(
        recommendation="Bad signal integrity",
        fec="Standard RS-FEC",
        raw_ber=2e-5,
        effective_ber=1.5e-254,
        raw_errors=(7, 0),
        link_down=6,
        tick=10.0,
        source="mstlink",
        caveat="MCIA: no page",
    )
    schema = Schema(("rx_corrected_bits_phy", "rx_err_lane_0_phy", "rx_err_lane_1_phy"))
    port = ethernet(PACU, 30.0, 0, 0)
    driver = {Origin.DRIVER: Reading(30.0, schema, (1234567, 3, 0))}
    now = port._replace(report=report, readings={**port.readings, **driver})
    before = now._replace(readings={Origin.DRIVER: Reading(1.0, schema, (7, 0, 0))})
    shown = text(frame(sample(1.0, before), sample(30.0, now)))
    assert "Bad signal integrity" in shown
    assert "2e-05 before, 0 after correction" in shown
    assert "1,234,560 bits" in shown
    assert "3, 0" in shown
    assert "20 s ago" in shown
    assert "MCIA: no page" in shown


def test_a_missing_subnet_manager_is_told_with_what_to_do() -> None:
    down = Link(LinkLayer.INFINIBAND, LinkState.INIT, phys_state="LinkUp", lid=0, sm_lid=0)
    shown = frame(sample(1.0, ethernet(IB, 1.0, 0, 0, link=down)))
    words = text_of("2", shown, IB.id)
    assert "no subnet manager" in words
    assert "opensm" in words
