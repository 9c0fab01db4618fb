"""The catalogue: a row a counter, a row a family of counters, and no name twice."""

from __future__ import annotations

import pytest

from mlxtop.analysis.faults import faults
from mlxtop.model.catalogue import CATALOGUE, FAMILIES, counters_of, lookup
from mlxtop.model.counters import Origin, Schema, Severity
from mlxtop.model.frame import Frame, derive
from mlxtop.model.sample import Reading
from mlxtop.outputs.document import document
from tests.samples import PACU, ethernet, sample

DRIVER = Schema(
    (
        "rx_prio3_bytes",
        "rx_prio3_pause",
        "tx_prio5_packets",
        "rx_err_lane_2_phy",
        "rx7_packets",
        "rx_prio_4_bytes",
        "vendor_secret",
    )
)


def frame(*rows: tuple[int, ...]) -> Frame:
    last: Frame | None = None
    for tick, values in enumerate(rows, 1):
        port = ethernet(PACU, float(tick), 1e9, 1e9)
        readings = {**port.readings, Origin.DRIVER: Reading(float(tick), DRIVER, values)}
        last = derive(sample(float(tick), port._replace(readings=readings)), last)
    assert last is not None
    return last


def test_no_two_counters_have_one_name() -> None:
    keys = [key for _, key in CATALOGUE] + [family.key for family in FAMILIES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("key", "family", "number"),
    [
        ("rx_prio3_bytes", "rx_prio{n}_bytes", 3),
        ("rx_prio_3_bytes", "rx_prio_{n}_bytes", 3),
        ("tx_prio7_pause", "tx_prio{n}_pause", 7),
        ("tx_pause_prio_7", "tx_pause_prio_{n}", 7),
        ("rx_err_lane_0_phy", "rx_err_lane_{n}_phy", 0),
        ("rx12_packets", "rx{n}_packets", 12),
    ],
)
def test_members_of_families_are_known_by_their_number(key: str, family: str, number: int) -> None:
    counter = lookup(Origin.DRIVER, key)
    assert counter is not None
    assert (counter.key, counter.family, counter.number) == (key, family, number)
    assert "{n}" not in counter.help


@pytest.mark.parametrize("key", ["rx_prio_bytes", "rx_priox_bytes", "rx99999_packets", "secret"])
def test_other_names_are_not_taken_for_members(key: str) -> None:
    assert lookup(Origin.DRIVER, key) is None


def test_families_belong_to_the_drivers_table() -> None:
    assert lookup(Origin.RDMA_HW, "rx_prio3_bytes") is None


def test_a_table_gives_its_known_counters_in_its_order() -> None:
    keys = [counter.key for counter in counters_of(Origin.DRIVER, DRIVER)]
    assert keys == list(DRIVER.keys[:-1])


def test_counters_that_are_not_zero_are_in_the_document_faults_or_not() -> None:
    now = frame((0,) * 7, (900, 12, 0, 5, 8, 0, 99))
    (port,) = document(now, False)["adapters"][0]["ports"]
    assert port["counters"]["rx_prio3_bytes"] == 900
    assert port["counters"]["rx_err_lane_2_phy"] == 5
    assert port["counters"]["rx7_packets"] == 8
    assert port["counters"]["OctetsReceivedOK"] > 0
    assert "tx_prio5_packets" not in port["counters"]
    assert "vendor_secret" not in port["counters"]
    assert port["errors"]["rx_prio3_pause"] == 12
    assert "rx_prio3_bytes" not in port["errors"]


def test_members_are_faults_with_the_severity_of_their_family() -> None:
    moved = {
        f.counter.key: f for f in faults(frame((0,) * 7, (900, 12, 0, 5, 8, 0, 99)).ports[PACU.id])
    }
    assert moved["rx_err_lane_2_phy"].counter.severity is Severity.NOTE
    assert moved["rx_err_lane_2_phy"].since_start == 5
    assert "rx7_packets" not in moved
