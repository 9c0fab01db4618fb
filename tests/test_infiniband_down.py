"""InfiniBand ports that are not active: the cable, or the logical port that is held down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.identity import PortKind
from mlxtop.model.sample import Link, LinkLayer, LinkState
from tests.cases import CARD, GOOD, WARNING, only, run, unknown
from tests.situations import Situation


def port(
    state: LinkState,
    phys: str,
    changes: int = 0,
    kind: PortKind = PortKind.PHYSICAL,
    family: str = "ConnectX-6",
) -> Situation:
    link = Link(
        LinkLayer.INFINIBAND, state, f"DOWN, {phys}", phys_state=phys, carrier_changes=changes
    )
    return replace(GOOD, link=link, rx=0.0, kind=kind, adapter=CARD._replace(family=family))


@pytest.mark.parametrize(
    ("kind", "family", "holder"),
    [
        (PortKind.PHYSICAL, "ConnectX-6", "the subnet manager or the firmware holds it down"),
        (PortKind.VF, "ConnectX-6 VF", "gives this virtual function no GUID"),
        (PortKind.PHYSICAL, "BlueField-3 (ConnectX-7)", "the BlueField owns the port"),
    ],
)
def test_a_port_that_is_down_on_a_good_cable_is_held_down(
    kind: PortKind, family: str, holder: str
) -> None:
    held = port(LinkState.DOWN, "LinkUp", kind=kind, family=family)
    finding = only(run("links are up", held))
    assert finding.severity is WARNING
    assert finding.why.startswith("the cable is fine; the logical port is held down")
    assert holder in finding.why
    assert "autoneg" not in finding.advice


def test_other_states_get_advice_for_infiniband() -> None:
    training = only(run("links are up", port(LinkState.DOWN, "PortConfigurationTraining")))
    assert "try another cable" in training.advice
    armed = only(run("links are up", port(LinkState.ARMED, "LinkUp")))
    assert "subnet manager" in armed.advice
    lost = only(run("links are up", port(LinkState.POLLING, "Polling", changes=2)))
    assert "it changed 2 times" in lost.evidence
    for finding in (training, armed, lost):
        assert "FEC" not in finding.advice


@pytest.mark.parametrize(("state", "changes"), [(LinkState.POLLING, 1), (LinkState.DISABLED, 4)])
def test_a_port_that_nobody_uses_is_no_finding(state: LinkState, changes: int) -> None:
    answer = unknown(run("links are up", port(state, "Polling", changes=changes)))
    assert answer.reason == "DOWN, Polling"
