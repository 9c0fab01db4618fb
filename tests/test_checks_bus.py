"""Stored settings of cards, errors of their PCIe links, power saving, address translation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Nothing, Setting
from mlxtop.model.linktype import StoredConfig
from mlxtop.model.pcie import PcieReport
from mlxtop.model.sample import AerError, PcieStatus
from tests.cases import GOOD, GOOD_PORT, NOTE, WARNING, X16, ask, case, only, run, unknown
from tests.situations import ethernet


def test_stored_settings_of_a_card_are_shown_or_it_is_told_why_not() -> None:
    name = "stored performance settings"
    speed = {"CQE_COMPRESSION": "BALANCED(0)", "PCI_WR_ORDERING": "per_mkey(0)"}
    (setting,) = ask(name, case(stored=StoredConfig(speed=speed)))
    assert isinstance(setting, Setting)
    assert setting.text == "CQE_COMPRESSION BALANCED(0), PCI_WR_ORDERING per_mkey(0) (mstconfig)"
    answer = unknown(run(name, stored=StoredConfig(unanswered="needs root")))
    assert answer.label == "ConnectX-4 at 0000:43:00.0: stored performance settings"
    assert answer.reason == "needs root"
    (none,) = ask(name, case())
    assert isinstance(none, Nothing)


def test_bus_errors_are_told_when_they_grow_or_are_many_or_severe() -> None:
    check = "PCIe errors"
    assert run(check, aer={"0000:40:03.0 BadTLP": 3}) == []
    assert only(run(check, aer={"0000:40:03.0 BadTLP": 30})).severity is NOTE
    before = {"0000:43:00": PcieStatus(X16, aer={AerError("0000:40:03.0", "BadTLP"): 1})}
    grown = only(run(check, aer={"0000:40:03.0 BadTLP": 3}, pcie_before=before))
    assert grown.severity is WARNING
    assert "2 more just now" in grown.evidence
    assert only(run(check, aer={"0000:43:00.0 CmpltTO": 1})).severity is WARNING


BY_CARD = "PCIe as the card has it"


@pytest.mark.parametrize(("crc", "told"), [(9, False), (10, True)])
def test_what_arrives_damaged_is_told_by_the_card_itself(crc: int, told: bool) -> None:
    errors = {"rx_errors": 500, "crc_dllp": crc - 4, "crc_tlp": 4}
    page = PcieReport(width=16, enabled_width=16, errors=errors, lane_errors=(0, 3))
    findings = run(BY_CARD, pcie_report=page._replace(source="mlxlink"))
    assert bool(findings) is told
    if told:
        assert only(findings).severity is NOTE
        for part in ("rx_errors 500", f"crc_dllp {crc - 4}", "by lane 0, 3", "mlxlink"):
            assert part in only(findings).evidence


def test_a_link_that_the_kernel_does_not_show_is_judged_by_the_card() -> None:
    page = PcieReport(speed=8.0, enabled_speed=16.0, width=16, enabled_width=16, source="mstlink")
    assert run(BY_CARD, pcie_report=page) == []
    hidden = replace(GOOD, path=None)
    assert "PCIe 3.0 of 4.0 x16" in only(run(BY_CARD, hidden, pcie_report=page)).evidence
    full = page._replace(speed=16.0)
    assert run(BY_CARD, hidden, pcie_report=full) == []


def test_a_page_that_a_tool_did_not_print_judges_nothing() -> None:
    (outcome,) = ask(BY_CARD, case(pcie_report=PcieReport(caveat="no such page")))
    assert isinstance(outcome, Nothing)


def test_power_saving_of_the_link_and_translation_are_notes() -> None:
    assert only(run("PCIe power saving", aspm="L1")).severity is NOTE
    assert only(run("IOMMU", GOOD, replace(GOOD_PORT, iommu="DMA-FQ"))).severity is NOTE
    slow = replace(GOOD, link=ethernet(10))
    assert run("IOMMU", slow, replace(GOOD_PORT, iommu="DMA-FQ")) == []


@pytest.mark.parametrize(("count", "many"), [(9, False), (10, True)])
def test_corrected_errors_are_many_from_ten(count: int, many: bool) -> None:
    assert bool(run("PCIe errors", aer={"0000:40:03.0 BadTLP": count})) is many


@pytest.mark.parametrize(("count", "grown"), [(3, False), (4, True)])
def test_one_more_error_is_growth(count: int, grown: bool) -> None:
    before = {"0000:43:00": PcieStatus(X16, aer={AerError("0000:40:03.0", "BadTLP"): 3})}
    findings = run("PCIe errors", aer={"0000:40:03.0 BadTLP": count}, pcie_before=before)
    assert bool(findings) is grown


@pytest.mark.parametrize(("gbps", "reported"), [(24.9, False), (25, True)])
def test_translation_matters_from_25_gigabits(gbps: float, reported: bool) -> None:
    link = replace(GOOD, link=ethernet(gbps))
    assert bool(run("IOMMU", link, replace(GOOD_PORT, iommu="DMA"))) is reported


@pytest.mark.parametrize("count", [1, 4000])
def test_advisory_errors_are_none(count: int) -> None:
    assert run("PCIe errors", aer={"0000:43:00.0 NonFatalErr": count}) == []
    assert only(run("PCIe errors", aer={"0000:43:00.0 CmpltTO": 1})).severity is WARNING
