"""The pages of a port say what is known, and why the rest is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.frame import Frame
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.pcie import PcieReport
from mlxtop.model.sample import Link, PortSample, Problem
from mlxtop.present.pages import PAGES
from mlxtop.present.text import line_width, plain
from mlxtop.present.view import View
from tests.samples import IB, PACU, ethernet, frame, sample, veth


def machine() -> Frame:
    problems = (Problem("0000:43:00.0 hwmon", "Input/output error\x1b[2J"),)
    return frame(
        *(
            sample(
                tick,
                ethernet(PACU, tick, 46.1e9, 1.2e9, errors=int(tick)),
                ethernet(IB, tick, 0.0, 99e9, module=82.0),
                veth("veth0", 5, tick, 1e6),
                problems=problems,
            )
            for tick in (1.0, 2.0)
        )
    )


def text_of(key: str, shown: Frame | None = None, port: PortId = PACU.id) -> str:
    page = next(page for page in PAGES if page.key == key)
    sections = page.sections(View(shown or machine(), port))
    return "\n".join(plain(line) for section in sections for line in (*section.lines,))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_a_port_of_which_nothing_is_known_has_a_reason_behind_every_dash(page: object) -> None:
    port = Port(PortId("0000:41:00.0", 1), PortKind.PHYSICAL)
    shown = frame(sample(1.0, PortSample(port, Link())))
    text = text_of(page.key, shown, port.id)  # type: ignore[attr-defined]
    for line in text.splitlines():
        label, dash, reason = line.partition("–")
        assert not dash or reason.strip(), f"no reason after {label!r}"


def test_problems_are_listed_harmlessly() -> None:
    text = text_of("6")
    assert "0000:43:00.0 hwmon" in text
    assert "Input/output error?[2J" in text


@given(st.text(max_size=30), st.sampled_from(PAGES))
def test_no_name_of_a_device_breaks_a_page(name: str, page: object) -> None:
    port = Port(
        PortId("0000:41:00.0", 1), PortKind.PHYSICAL, driver=name, netdev=name, rdma=name, bond=name
    )
    link = Link(phys_state=name, detail=name, rate=name, address=name, ipoib_mode=name)
    shown = frame(sample(1.0, PortSample(port, link, absent={"mtu": name})))
    for section in page.sections(View(shown, port.id)):  # type: ignore[attr-defined]
        for line in section.lines:
            assert plain(line).isprintable()
            assert line_width(line) >= 0


def test_the_card_itself_tells_its_link_and_what_arrived_damaged() -> None:
    errors = {"link_downs": 2, "rx_errors": 0, "crc_tlp": 1234}
    report = PcieReport((0, 0, 0), 2.5, 16.0, 4, 16, "Fatal Error detected", errors, (7, 0))
    report = report._replace(ber=2e-9, caveat="no eye at Gen1", tick=10.0, source="mstlink")
    port = ethernet(PACU, 30.0, 0, 0)._replace(pcie_report=report)
    text = text_of("3", frame(sample(30.0, port)))
    for part in ("PCIe 1.0 of 4.0 x4 of x16", "bad TLPs", "1,234", "7, 0", "2e-09", "Fatal Error"):
        assert part in text
    for part in ("no eye at Gen1", "mstlink", "20 s ago"):
        assert part in text
    assert "By the card itself" not in text_of("3")


def test_pcie_names_the_limiting_device_and_the_shared_limit() -> None:
    text = text_of("3")
    assert "63.008 Gb/s" in text
    assert "of 126.016 the card can" in text
    assert "0000:40:03.0 (PCIe 3.0 x8 of x16)" in text
    assert "shared by 2 ports" in text
    assert "BadTLP 3" in text


def test_the_limiting_device_is_marked_whatever_was_looked_at_before() -> None:
    """The narrowest link is kept by value: it may be that of an equal path of an earlier frame."""
    marked = [line for line in text_of("3").splitlines() if line.startswith("▸")]
    assert marked == [line for line in text_of("3").splitlines() if line.startswith("▸")]
    assert len(marked) == 1
    assert marked[0].endswith("limits")
