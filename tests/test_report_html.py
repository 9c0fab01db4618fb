"""The report as one HTML file: well-formed, of itself alone, whatever the names in it are."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mlxtop.model.identity import PortId
from mlxtop.outputs import report_html
from mlxtop.outputs.report_html import html
from mlxtop.outputs.report_style import STYLE
from mlxtop.report.values import Report
from tests.reports import HOSTILE, full_report, port

VOID = {"meta", "br", "path"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails where elements do not end in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_and_tells_everything() -> None:
    page = Page(html(full_report()))
    for part in (
        "What happened on pacu",
        "1 critical incident; 1 warning; 1 lost link",
        "module at 80.0 °C, alarm at 80 °C",
        "link down, was up",
        "can carry 63.0 Gb/s (PCIe)",
        "9.90 Gb/s",
        "≥ 80 °C for 1 min 20 s",
        "up, lost once, without a link for 41 s",
        "beyond its low warning for 30 s",
        "≥ 95 % of what it can carry for 12 s",
        "Frame check sequence wrong",
        "rx_crc_errors_phy",
        "0000:40:03.0 BadTLP",
        "iperf3 on p0 to far: 46.0 Gb/s",
        "records are missing",
        "the end is missing",
        "are replaced",
    ):
        assert part in page.text, part
    assert {"svg", "table"} <= page.tags


@pytest.mark.parametrize("hostile", [False, True])
def test_nothing_comes_from_elsewhere_and_nothing_runs(hostile: bool) -> None:
    report = full_report()
    if hostile:
        report = named(report, HOSTILE)
    text = html(report)
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "data"}
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", text)
    assert "\x1b" not in text


def named(report: Report, name: str) -> Report:
    """The same report of a machine whose sender chose all names."""
    [first, *_] = report.incidents
    incident = first.cause.lead.incident._replace(text=name, ifname=name, advice=name)
    lead = first.cause.lead._replace(incident=incident)
    cause = first.cause._replace(lead=lead, others=(lead,), times=2)
    [load], [gap] = report.loads, report.gaps
    [errors] = port().errors
    errors = errors._replace(meaning=name, counters=(name,), advice=name)
    [sensor] = port().sensors
    sensor = sensor._replace(limits_from=name)
    bad = replace(port(name), card=name, layer=name, state=name, errors=(errors,))
    return replace(
        report,
        host=name,
        kernel=name,
        program=name,
        cards=(name,),
        incidents=(first._replace(cause=cause),),
        ports=(replace(bad, sensors=(sensor,), lanes=(port().lanes[0]._replace(name=name),)),),
        pcie_errors={name: 1},
        loads=(load._replace(port=name, target=name, note=name, ended=name),),
        gaps=(gap._replace(why=name),),
        problems=(name,),
    )


def test_names_are_shown_as_they_are() -> None:
    assert "<script>alert(1)</script>" in Page(html(named(full_report(), HOSTILE))).text


def test_a_browser_is_told_to_load_nothing() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html(full_report()))
    assert policy is not None
    assert policy[1] == "default-src 'none'; style-src 'unsafe-inline'"


def test_an_empty_report_is_a_page() -> None:
    report = replace(
        full_report(), ports=(), incidents=(), loads=(), gaps=(), problems=(), pcie_errors={}
    )
    assert "None." in Page(html(report)).text


def test_a_port_that_carried_nothing_has_no_chart_of_it() -> None:
    silent = replace(port(), charts={}, rates=dict.fromkeys(port().rates))
    assert "Traffic" not in Page(html(replace(full_report(), ports=(silent,)))).text


def test_charts_of_very_many_ports_are_those_with_most_to_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_html, "MOST_CHARTS", 2)
    ports = [replace(port(f"p{n}"), id=PortId("a", n), flaps=n) for n in range(5)]
    text = html(replace(full_report(), ports=tuple(ports)))
    assert text.count('aria-label="traffic of') == 2
    assert 'aria-label="traffic of p4"' in text and 'aria-label="traffic of p3"' in text
    assert "Charts of 2 of 5 ports" in text


def test_every_colour_is_there_in_both_themes() -> None:
    light, dark = STYLE.split("prefers-color-scheme: dark")[:2]
    names = set(re.findall(r"var\((--[a-z]+)\)", STYLE))
    for theme in (light, dark.split("} }")[0]):
        assert names <= set(re.findall(r"(--[a-z]+):", theme))


def test_every_class_of_the_page_has_a_look() -> None:
    used = set()
    for name, value in Page(html(full_report())).attributes:
        used |= set(value.split()) if name == "class" else set()
    assert used - set(re.findall(r"\.([a-z-]+)", STYLE)) - {"note", "mean", "peak"} == set()
