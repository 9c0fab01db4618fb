"""Slots that are too narrow, links that ports and cards share, packet sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Case, Nothing, Setting
from mlxtop.model.counters import Severity
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from mlxtop.model.tuning import PciControl, PortTuning
from tests.cases import (
    CARD,
    FUNCTION,
    GOOD,
    GOOD_PORT,
    NOTE,
    WARNING,
    X16,
    ask,
    case,
    judged,
    only,
    run,
    unknown,
)
from tests.situations import Situation, ethernet, slot


@pytest.mark.parametrize(
    ("path", "gbps", "severity", "words"),
    [
        (slot((8.0, 8), (8.0, 16), (8.0, 8)), 100, WARNING, "the slot gives x8 to a card of x16"),
        (slot((8.0, 8), (8.0, 16), (8.0, 16)), 100, WARNING, "could both do x16 but run at x8"),
        (
            slot((8.0, 16), (16.0, 16), (8.0, 16)),
            200,
            WARNING,
            "the slot is PCIe 3.0, the card PCIe 4.0",
        ),
        (slot((2.5, 16), (8.0, 16), (8.0, 16)), 100, WARNING, "could both do PCIe 3.0"),
        (slot((8.0, 8), (8.0, 16), (8.0, 8)), 40, None, ""),
        (slot((8.0, 16), (16.0, 16), (8.0, 16)), 100, None, ""),
        (X16, 100, None, ""),
        (slot((8.0, 4), (8.0, 8)), 40, WARNING, "card and slot could both do x8"),
    ],
)
def test_the_slot_is_a_finding_only_where_the_line_is_faster(
    path: PciePath, gbps: int, severity: Severity | None, words: str
) -> None:
    finding = run("PCIe slot", replace(GOOD, path=path, link=ethernet(gbps), rx=gbps / 5))
    if severity is None:
        assert finding == []
    else:
        assert only(finding).severity is severity
        assert words in only(finding).evidence
        assert "available PCIe bandwidth" in only(finding).evidence


def test_a_link_that_sleeps_while_idle_is_only_a_note() -> None:
    asleep = replace(GOOD, path=slot((2.5, 16), (8.0, 16), (8.0, 16)), rx=0.0)
    finding = only(run("PCIe slot", asleep))
    assert finding.severity is NOTE
    assert "under load" in finding.advice


def test_an_uplink_above_the_slot_is_named() -> None:
    path = PciePath(
        (
            PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16),
            PcieLink("0000:42:08.0", 8.0, 16, 8.0, 16),
            PcieLink("0000:41:00.0", 8.0, 4, 8.0, 16),
            PcieLink("0000:40:03.0", 8.0, 4, 8.0, 4),
        )
    )
    finding = only(run("PCIe slot", replace(GOOD, path=path, rx=10.0)))
    assert "uplink above the slot, at 0000:40:03.0" in finding.evidence


def test_two_ports_on_one_slot_are_a_note_where_the_card_is_as_wide() -> None:
    x8 = slot((8.0, 8), (8.0, 8), (8.0, 8))
    dual = replace(GOOD, link=ethernet(40), path=x8, others=(Situation(ethernet(40)),))
    finding = only(run("PCIe shared by ports", dual))
    assert finding.severity is NOTE
    assert "80.0 Gb/s of line, 57.6 usable" in finding.evidence
    alone = replace(GOOD, link=ethernet(40), path=x8)
    assert run("PCIe shared by ports", alone) == []


def two_cards(gbps: float) -> Case:
    """Two cards behind one bridge, each with one port of such a speed."""

    def path(card: str, port: str) -> PciePath:
        return PciePath(
            (
                PcieLink(f"{card}", 8.0, 16, 8.0, 16),
                PcieLink(port, 8.0, 16, 8.0, 16),
                PcieLink("0000:41:00.0", 8.0, 16, 8.0, 16),
                PcieLink("0000:40:03.0", 8.0, 16, 8.0, 16),
            )
        )

    second = Port(
        PortId("0000:44:00.0", 1), PortKind.PHYSICAL, "mlx5_core", "0000:44:00.0", "two", "p2"
    )
    situation = replace(
        GOOD,
        link=ethernet(gbps),
        path=path("0000:43:00.0", "0000:42:08.0"),
        others=(Situation(ethernet(gbps), port=second),),
    )
    base = case(situation)
    card = CARD._replace(key="two", functions=(FUNCTION._replace(address="0000:44:00.0"),))
    sample = base.frame.sample._replace(
        adapters=(CARD, card._replace(ports=(second.id,))),
        pcie={
            **base.frame.sample.pcie,
            "0000:44:00": PcieStatus(path("0000:44:00.0", "0000:42:09.0"), aspm="off"),
        },
    )
    return replace(base, frame=base.frame._replace(sample=sample))


def test_two_cards_behind_a_narrow_bridge_are_found() -> None:
    finding = only(ask("PCIe shared by cards", two_cards(100)))
    assert "0000:40:03.0" in finding.evidence
    assert "carry 200.0 Gb/s, the bridge 115.2 usable" in finding.why


@pytest.mark.parametrize(("gbps", "narrow"), [(57.6, False), (57.7, True)])
def test_a_bridge_is_narrow_where_the_lines_carry_more(gbps: float, narrow: bool) -> None:
    assert bool(judged(ask("PCIe shared by cards", two_cards(gbps)))) is narrow


def test_one_card_shares_its_bridge_with_none() -> None:
    assert list(ask("PCIe shared by cards", case())) == [Nothing("one card")]


def test_small_packets_are_found_where_they_cost_something() -> None:
    small = replace(GOOD_PORT, control=PciControl(128, 512, 512, True))
    narrow = replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))
    assert "MaxPayload 128" in only(run("PCIe packet sizes", narrow, small)).evidence
    fast_enough = replace(narrow, link=ethernet(40))
    assert run("PCIe packet sizes", fast_enough, small) == []
    reads = replace(GOOD_PORT, control=PciControl(256, 256, 128, True))
    assert "MaxReadReq 128" in only(run("PCIe packet sizes", GOOD, reads)).evidence


def test_writes_that_wait_without_relaxed_ordering_are_a_note() -> None:
    strict = replace(GOOD_PORT, control=PciControl(256, 256, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": 40})
    assert "relaxed ordering is off" in only(run("PCIe packet sizes", waiting, strict)).evidence
    assert run("PCIe packet sizes", waiting) == []
    assert run("PCIe packet sizes", GOOD, strict) == []


def test_read_requests_of_a_function_are_shown_or_it_is_told_why_not() -> None:
    (setting,) = ask("PCIe read requests", case())
    assert isinstance(setting, Setting)
    assert setting.subject == "0000:43:00.0"
    assert setting.text == "MaxPayload 256, MaxReadReq 512, relaxed ordering on"
    hidden = replace(GOOD_PORT, control=None, absent={"control": "needs root"})
    assert unknown(run("PCIe read requests", GOOD, hidden)).reason == "needs root"


def test_the_register_lines_are_for_the_function_itself() -> None:
    small = replace(GOOD_PORT, control=PciControl(256, 256, 128, True))
    advice = only(run("PCIe packet sizes", GOOD, small)).advice
    assert advice.startswith("setpci -s 0000:43:00.0 CAP_EXP+8.w=5000:7000 ")
    strict = replace(GOOD_PORT, control=PciControl(256, 256, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": 40})
    advice = only(run("PCIe packet sizes", waiting, strict)).advice
    assert advice.startswith("setpci -s 0000:43:00.0 CAP_EXP+8.w=10:10 ")
    assert "mstconfig -d 0000:43:00.0 set PCI_WR_ORDERING=1" in advice


X8_OF_X16 = slot((8.0, 8), (8.0, 16), (8.0, 8))
X8 = slot((8.0, 8), (8.0, 8), (8.0, 8))
PACKETS = "PCIe packet sizes"


def reading(most: int) -> PortTuning:
    """A port whose read requests are of so many bytes."""
    return replace(GOOD_PORT, control=PciControl(256, 256, most, True))


@pytest.mark.parametrize(("gbps", "narrow"), [(57.6, False), (57.7, True)])
def test_a_slot_is_narrow_where_the_line_carries_more(gbps: float, narrow: bool) -> None:
    alone = Situation(ethernet(gbps), X8_OF_X16)
    assert bool(run("PCIe slot", alone, PortTuning())) is narrow


@pytest.mark.parametrize(("gbps", "narrow"), [(28.8, False), (28.9, True)])
def test_a_slot_is_shared_where_the_lines_together_carry_more(gbps: float, narrow: bool) -> None:
    dual = Situation(ethernet(gbps), X8, others=(Situation(ethernet(gbps)),))
    assert bool(run("PCIe shared by ports", dual, PortTuning())) is narrow


@pytest.mark.parametrize(("gbps", "severity"), [(1.99, NOTE), (2.0, WARNING)])
def test_a_link_may_sleep_below_two_percent_of_the_lines(gbps: float, severity: Severity) -> None:
    asleep = replace(GOOD, path=slot((2.5, 16), (8.0, 16), (8.0, 16)), rx=gbps)
    assert only(run("PCIe slot", asleep)).severity is severity


@pytest.mark.parametrize(("payload", "worth"), [(128, True), (256, False)])
def test_larger_packets_are_advised_where_they_gain_five_percent(payload: int, worth: bool) -> None:
    small = replace(GOOD_PORT, control=PciControl(payload, 512, 512, True), bridge_control=None)
    above = replace(small, bridge_control=PciControl(payload, 2 * payload, 512, True))
    assert bool(run(PACKETS, replace(GOOD, path=X8_OF_X16), above)) is worth
    assert run(PACKETS, replace(GOOD, path=X8_OF_X16), small) == []


@pytest.mark.parametrize(
    ("gbps", "most", "small"), [(25, 511, True), (25, 512, False), (24.9, 511, False)]
)
def test_read_requests_are_small_below_512_bytes_from_25_gigabits(
    gbps: float, most: int, small: bool
) -> None:
    assert bool(run(PACKETS, replace(GOOD, link=ethernet(gbps)), reading(most))) is small


@pytest.mark.parametrize(
    ("percent", "most", "small"),
    [(30, 512, True), (29, 512, False), (30, 4095, True), (30, 4096, False)],
)
def test_reads_that_wait_ask_for_the_largest_request(percent: int, most: int, small: bool) -> None:
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_rd": percent})
    assert bool(run(PACKETS, waiting, reading(most))) is small


@pytest.mark.parametrize(("percent", "long"), [(29, False), (30, True)])
def test_writes_wait_long_from_30_percent_of_a_second(percent: int, long: bool) -> None:
    strict = replace(GOOD_PORT, control=PciControl(256, 256, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": percent})
    assert bool(run(PACKETS, waiting, strict)) is long


def test_two_cards_with_room_for_both_are_fine() -> None:
    assert list(ask("PCIe shared by cards", two_cards(50))) == []


NARROW = slot((8.0, 4), (8.0, 8), (8.0, 4))
"""31.5 Gb/s raw."""


@pytest.mark.parametrize(("rx", "counts"), [(31.0, True), (31.6, False)])
def test_a_limit_that_was_exceeded_is_none(rx: float, counts: bool) -> None:
    busy = replace(GOOD, link=ethernet(40), path=NARROW, rx=rx)
    assert bool(run("PCIe slot", busy)) is counts
    small = replace(GOOD_PORT, control=PciControl(128, 512, 512, True))
    assert bool(run("PCIe packet sizes", busy, small)) is counts


def test_an_idle_link_tells_what_it_may_be_under_load() -> None:
    chipset = slot((2.5, 4), (16.0, 16), (8.0, 4))
    finding = only(run("PCIe slot", replace(GOOD, path=chipset, rx=0.0)))
    assert finding.severity is WARNING
    assert "7.3 can reach memory" in finding.why
    assert "(28.8 if the idle link speeds up under load)" in finding.why
    busy = only(run("PCIe slot", replace(GOOD, path=chipset, rx=6.0)))
    assert "idle" not in busy.why
    enough = slot((2.5, 8), (16.0, 16), (16.0, 8))
    assert only(run("PCIe slot", replace(GOOD, path=enough, rx=0.0))).severity is NOTE


def with_status(found: Case, root: str | None = None, removable: bool | None = None) -> Case:
    pcie = {
        key: status._replace(root=root, removable=removable)
        for key, status in found.frame.sample.pcie.items()
    }
    sample = found.frame.sample._replace(pcie=pcie)
    return replace(found, frame=found.frame._replace(sample=sample))


def test_relaxed_ordering_is_not_advised_below_a_root_port_with_an_erratum() -> None:
    strict = replace(GOOD_PORT, control=PciControl(256, 512, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": 47})
    found = case(waiting, strict)
    assert "relaxed ordering is off" in only(ask("PCIe packet sizes", found)).evidence
    spared = with_status(found, root="8086:6f08")
    assert judged(ask("PCIe packet sizes", spared)) == []
    (setting,) = ask("PCIe read requests", spared)
    assert isinstance(setting, Setting)
    assert "off (the root port has an erratum)" in setting.text


def test_a_tunnel_is_not_judged() -> None:
    found = with_status(
        case(replace(GOOD, path=slot((2.5, 4), (2.5, 4), (2.5, 4)))), removable=True
    )
    assert "tunnel" in unknown(ask("PCIe slot", found)).reason
    fixed = case(replace(GOOD, path=slot((2.5, 4), (8.0, 4), (2.5, 4)), rx=5.0))
    assert only(ask("PCIe slot", fixed)).severity is WARNING


def test_packet_sizes_of_a_virtual_function_are_not_those_of_the_card() -> None:
    answers = run("PCIe read requests", replace(GOOD, kind=PortKind.VF))
    assert "physical function count" in unknown(answers).reason
