"""Stored settings of cards, errors of their PCIe links, power saving, address translation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Nothing, Setting
from mlxtop.model.linktype import StoredConfig
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
