"""A slot, and the several slots of one network device."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Case
from mlxtop.doctor.slots import PcieSlot, slots_of
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import PcieStatus
from tests.cases import GOOD, ask, case, judged, only
from tests.situations import ethernet, slot

SECOND = "0000:83:00.0"


def multi_pf(lanes: int, gbps: float = 100) -> Case:
    """A port of two functions: x8 of x16 in the first slot, so many lanes in the second."""
    half = slot((8.0, 8), (8.0, 16), (8.0, 8))
    base = case(replace(GOOD, link=ethernet(gbps), path=half))
    (port,) = base.ports
    now = base.frame.ports[port].now
    now = now._replace(port=now.port._replace(extra_functions=(SECOND,)))
    ports = {port: base.frame.ports[port]._replace(now=now)}
    other = PcieStatus(PciePath((PcieLink(SECOND, 8.0, lanes, 8.0, 16),)))
    sample = base.frame.sample
    sample = sample._replace(pcie={**sample.pcie, "0000:83:00": other})
    return replace(base, frame=base.frame._replace(ports=ports, sample=sample))


def only_slot(about: Case) -> PcieSlot:
    (found,) = slots_of(about)
    return found


def test_two_paths_of_one_port_are_one_slot_that_carries_both() -> None:
    half = only_slot(case(replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))))
    both = only_slot(multi_pf(8))
    assert half.hop is not None and both.hop is None
    assert both.usable == pytest.approx(2 * half.usable)
    assert len(both.paths) == 2


@pytest.mark.parametrize(("lanes", "narrow"), [(8, False), (4, True)])
def test_what_both_paths_carry_together_is_judged(lanes: int, narrow: bool) -> None:
    found = judged(ask("PCIe slot", multi_pf(lanes, 200)))
    assert bool(found) is narrow
    if narrow:
        assert "of 200.0 Gb/s on the line 86.4 can reach memory" in only(found).why


def test_a_line_that_both_paths_fill_is_no_finding() -> None:
    assert judged(ask("PCIe slot", multi_pf(8, 100))) == []
