"""The error rate that a link's FEC corrects, by the names that mlxlink and ethtool have for it."""

from __future__ import annotations

import pytest

from mlxtop.health.ber_limit import ber_limit, floor_of, lane_count, limit_of
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.module import Identity, LinkReport, Module, Quantity, Thresholds
from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Slow
from mlxtop.model.tuning import Fec, LinkModes, PortTuning

PORT = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL)


@pytest.mark.parametrize(
    ("name", "lane", "limit"),
    [
        ("Standard RS-FEC - RS(528,514)", 25e9, 5e-5),
        ("Standard_RS-FEC - (544,514)", 53e9, 2.4e-4),
        ("Standard LL RS-FEC - RS(271,257)", 25e9, 5e-5),
        ("Ethernet_Consortium_LL_50G_RS_FEC_PLR -(272,257+1)", 50e9, 5e-5),
        ("Firecode FEC", 25e9, 1e-8),
        ("BASER", 10e9, 1e-8),
        ("RS", 25e9, 5e-5),
        ("RS", 50e9, 2.4e-4),
        ("RS", 49.9e9, 5e-5),
        ("No FEC", 10e9, 1e-12),
        ("Off", 10e9, 1e-12),
    ],
)
def test_a_name_has_its_limit(name: str, lane: float, limit: float) -> None:
    assert ber_limit(name, lane) == limit


@pytest.mark.parametrize("name", [None, "", "N/A", "Auto", "something new"])
def test_an_unknown_fec_has_none(name: str | None) -> None:
    assert ber_limit(name, 25e9) is None


def test_rs_without_known_lanes_has_none() -> None:
    assert ber_limit("RS", None) is None


def test_the_firmware_names_it_better_than_ethtool() -> None:
    tuning = PortTuning(fec=Fec("RS"), modes=LinkModes(lanes=4))
    link = Link(LinkLayer.ETHERNET, LinkState.UP, speed=200_000_000_000)
    now = PortSample(PORT, link, settings=Slow(tuning, 1.0))
    assert limit_of(now) == 2.4e-4
    assert limit_of(now._replace(report=LinkReport(fec="Standard RS-FEC - RS(528,514)"))) == 5e-5
    assert limit_of(PortSample(PORT, link)) is None


def test_lanes_are_those_of_infiniband_or_of_the_link_mode() -> None:
    link = Link(LinkLayer.INFINIBAND, LinkState.UP, rate="100 Gb/sec (4X EDR)")
    assert lane_count(PortSample(PORT, link)) == 4
    tuning = Slow(PortTuning(modes=LinkModes(lanes=2)), 1.0)
    assert lane_count(PortSample(PORT, Link(), settings=tuning)) == 2
    assert lane_count(PortSample(PORT, Link())) is None


def test_the_floor_of_light_is_the_modules_alarm_in_dbm() -> None:
    limits = {Quantity.RX_POWER: Thresholds(low_alarm=0.1)}
    now = PortSample(PORT, Link(), module=Module(Identity(), thresholds=limits))
    assert floor_of(now) == pytest.approx(-10.0)
    assert floor_of(PortSample(PORT, Link())) is None
    assert floor_of(now._replace(module=Module(Identity()))) is None
