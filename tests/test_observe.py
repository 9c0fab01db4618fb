"""A summary of each link a minute: what counts as errors, what is better, which module it is."""

from __future__ import annotations

from math import log10
from typing import Any

import pytest

from mlxtop.health.error_rates import Counts, counts_of, most_corrected, rates
from mlxtop.health.link_health import Flap, LinkHealth, Point
from mlxtop.health.observe import HealthWatch, key_of, module_of, running
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import Frame, derive
from mlxtop.model.module import Identity, Lane, LinkReport, Module
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import LinkState, PcieStatus, Reading, Sample
from mlxtop.model.tuning import FecBin
from mlxtop.watch.watch import Watch
from tests.samples import PACU, pacu

GUID = "0c42:a103:00b7:d2e4"
SPEED = 100_000_000_000
MODULE = Module(
    Identity("QSFP28", vendor="ACME", part="X1", serial="S1"),
    temperature=41.0,
    lanes=(Lane(0.5, 0.8, 7.0), Lane(0.4, 0.8, 7.1)),
)
DRIVER = Schema(("rx_corrected_bits_phy", "rx_pcs_symbol_err_phy"))


def at(tick: float, *, key: str = GUID, wall: float | None = None, **more: Any) -> Frame:
    """The machine at a second; `more` changes its port."""
    sample = pacu(tick)
    link = more.pop("link", {})
    width = more.pop("width", 16)
    card = sample.adapters[0]._replace(key=key)
    old = sample.ports[PACU.id]
    port = old._replace(port=old.port._replace(adapter=key), link=old.link._replace(**link), **more)
    path = PciePath((PcieLink("0000:43:00.0", 8.0, width, 8.0, 16),))
    sample = sample._replace(
        adapters=(card,),
        ports={PACU.id: port},
        pcie={"0000:43:00": PcieStatus(path)},
        wall=sample.wall if wall is None else wall,
    )
    return derive(sample, None)


def counted(tick: float, corrected: int, lost: int = 0) -> dict[Origin, Reading]:
    return {Origin.DRIVER: Reading(tick, DRIVER, (corrected, lost))}


def health(watch: HealthWatch) -> LinkHealth:
    found = watch.of(PACU.id)
    assert found is not None
    return found


def test_a_link_is_known_by_its_cards_guid_wherever_the_card_sits() -> None:
    key = key_of(at(1.0), PACU.id)
    assert key is not None
    assert len(key) == 16
    assert key_of(at(1.0, key="0c42:a103:00b7:d2e5"), PACU.id) != key


def test_without_a_guid_the_hardware_address_stands_for_it_and_else_nothing() -> None:
    mac = {"address": "0c:42:a1:b7:d2:e4"}
    one = key_of(at(1.0, key="0000:43:00", link=mac), PACU.id)
    assert one is not None
    assert one != key_of(at(1.0, key="0000:43:00", link={"address": "0c:42:a1:b7:d2:e5"}), PACU.id)
    assert key_of(at(1.0, key="0000:43:00", link={"address": None}), PACU.id) is None


def test_errors_are_the_difference_of_the_drivers_count_over_the_bits_between() -> None:
    found = rates(Counts(10.0, 5000, 2), Counts(70.0, 65_000, 8), SPEED, None)
    assert found.raw == pytest.approx(log10(60_000.5 / (SPEED * 60)))
    assert found.effective == pytest.approx(log10(6.5 / (SPEED * 60)))
    assert found.lost == 6


def test_no_error_at_all_counts_as_half_a_one() -> None:
    found = rates(Counts(10.0, 5000, 2), Counts(70.0, 5000, 2), SPEED, None)
    assert found.raw == pytest.approx(log10(0.5 / (SPEED * 60)))


def test_a_counter_that_went_back_or_never_moved_says_nothing() -> None:
    assert rates(Counts(10.0, 5000, 2), Counts(70.0, 4, 0), SPEED, None).raw is None
    assert rates(Counts(10.0, 0, 0), Counts(70.0, 0, 0), SPEED, None).raw is None
    assert rates(None, Counts(70.0, 5000, 0), SPEED, None).raw is None
    assert rates(Counts(70.0, 5000, 0), Counts(70.0, 5000, 0), SPEED, None).raw is None


def test_mlxlinks_counts_are_taken_where_the_driver_has_none() -> None:
    before = Counts(10.0, None, None, 1000.0, 0, 100.0)
    found = rates(before, before._replace(raw=7000.0, minutes=101.0), SPEED, None)
    assert found.raw == pytest.approx(log10(6000.5 / (SPEED * 60)))
    same = rates(before, before, SPEED, LinkReport(raw_ber=1e-8, minutes=100.0))
    assert same.raw is None, "a rate since somebody cleared the counters is old"


def test_a_rate_without_its_time_is_taken_as_it_is() -> None:
    report = LinkReport(raw_ber=1e-8, effective_ber=1.5e-254)
    found = rates(Counts(1.0), counts_of(at(5.0, report=report).ports[PACU.id].now, 5.0), 1, report)
    assert (found.raw, found.effective) == (-8.0, None)


def test_the_first_summary_comes_after_ten_seconds_and_then_one_a_minute() -> None:
    watch = HealthWatch()
    taken = [tick for tick in range(200) if watch.observe(at(float(tick)))]
    assert taken == [10, 70, 130, 190]
    assert len(health(watch).minutes) + len(health(watch).hours) <= 4


def test_a_summary_has_errors_heat_and_light() -> None:
    watch = HealthWatch()
    watch.sum_up(at(10.0, module=MODULE, readings=counted(10.0, 5000)))
    watch.sum_up(at(70.0, module=MODULE, readings=counted(70.0, 65_000)))
    found = health(watch).minutes[-1]
    assert found.raw == pytest.approx(-8.0, abs=0.001)
    assert found.celsius == 41.0
    assert found.rx_dbm == (-3.01, -3.98)
    assert found.bias_ma == (7.0, 7.1)


def test_a_link_that_is_down_has_no_summary_and_nothing_joins_what_was_before() -> None:
    watch = HealthWatch()
    watch.sum_up(at(10.0, readings=counted(10.0, 5000)))
    watch.sum_up(at(70.0, readings=counted(70.0, 9000), link={"state": LinkState.DOWN}))
    watch.sum_up(at(130.0, readings=counted(130.0, 9_000_000)))
    assert [one.raw for one in health(watch).minutes] == [None, None]


def test_the_best_is_kept_with_its_last_time() -> None:
    watch = HealthWatch()
    watch.sum_up(at(10.0))
    watch.sum_up(at(70.0))
    slower = at(130.0, width=8, link={"speed": 25_000_000_000})
    watch.sum_up(slower)
    best = health(watch).best
    assert (best["speed"].words, best["speed"].times) == ("100 Gb/s", 2)
    assert best["speed"].last == round(at(70.0).sample.wall)
    assert (best["pcie_lanes"].value, running(slower, PACU.id)["pcie_lanes"].value) == (16, 8)


def test_another_module_counts_when_it_was_read_twice() -> None:
    watch = HealthWatch()
    other = MODULE._replace(identity=MODULE.identity._replace(serial="S2"))
    watch.sum_up(at(10.0, module=MODULE))
    watch.sum_up(at(70.0, module=other))
    assert health(watch).module == module_of(MODULE)[0]
    watch.sum_up(at(130.0, module=MODULE))
    watch.sum_up(at(190.0, module=other))
    assert health(watch).module == module_of(MODULE)[0], "the other one was read once at a time"
    watch.sum_up(at(250.0, module=other))
    found = health(watch)
    assert found.module == module_of(other)[0]
    assert len(found.minutes) == 1
    assert [(one.what, one.before, one.after) for one in found.changes] == [
        ("module", "ACME X1", "ACME X1")
    ]
    assert "speed" in found.best
    assert found.best["speed"].times == 1


def test_no_serial_number_is_remembered_as_such() -> None:
    from mlxtop.health.link_health_text import to_text

    watch = HealthWatch()
    who = MODULE.identity._replace(serial="SECRET77")
    watch.sum_up(at(10.0, module=MODULE._replace(identity=who)))
    assert "SECRET77" not in to_text(health(watch))
    assert GUID not in to_text(health(watch))


def test_a_module_without_a_serial_number_changes_nothing() -> None:
    assert module_of(None) == module_of(Module(Identity(vendor="ACME", serial="  "))) == ("", "")
    watch = HealthWatch()
    watch.sum_up(at(10.0, module=MODULE))
    watch.sum_up(at(70.0, module=None))
    assert health(watch).module == module_of(MODULE)[0]


def test_a_card_in_another_slot_keeps_all_but_pcie() -> None:
    watch = HealthWatch()
    before = LinkHealth(slot="0000:01:00.0", module=module_of(MODULE)[0])
    watch.restore(PACU.id, before)
    watch.sum_up(at(10.0, module=MODULE))
    (change,) = health(watch).changes
    assert (change.what, change.before, change.after) == ("slot", "0000:01:00.0", "0000:43:00.0")


def test_a_lost_link_is_remembered_with_its_reason_also_when_that_is_told_later() -> None:
    watch = Watch(frames=False)
    down = {"state": LinkState.DOWN, "carrier_changes": 3}
    watch.ingest(at(1.0, link={"carrier_changes": 2}))
    watch.ingest(at(2.0, link=down))
    (flap,) = health(watch.health).flaps
    assert flap.reason == ""
    watch.ingest(at(20.0, link=down, report=LinkReport(opcode=15)))
    assert [one.reason for one in health(watch.health).flaps] == ["bad signal integrity"]


def test_a_lost_link_is_remembered_with_how_long_it_was_away() -> None:
    watch = Watch(frames=False)
    watch.ingest(at(1.0, link={"carrier_changes": 2}))
    watch.ingest(at(2.0, link={"state": LinkState.DOWN, "carrier_changes": 3}))
    before = LinkHealth(flaps=(Flap(at(2.0).sample.wall + 9), Flap(1.0)))
    watch.health.restore(PACU.id, before)
    watch.ingest(at(9.5, link={"carrier_changes": 4}))
    assert [one.down_s for one in health(watch.health).flaps] == [None, 7.5, None]
    watch.ingest(at(12.0, link={"carrier_changes": 8}))
    assert [one.down_s for one in health(watch.health).flaps][-2:] == [0.0, 0.0]


@pytest.mark.parametrize(("downs", "lost"), [(4, 0), (5, 1)])
def test_a_carrier_that_the_driver_takes_away_itself_is_no_lost_link(downs: int, lost: int) -> None:
    """As `ethtool -L` and another MTU do on mlx5, where the port itself counts no loss."""
    watch, before = Watch(frames=False), None
    schema = Schema(("link_down_events_phy",))
    for tick, read, value, changes in (
        (1.0, 0.0, 4, 2),
        (6.0, 5.0, 4, 2),
        (7.0, 5.0, 4, 4),
        (8.0, 7.9, downs, 4),
        (11.0, 10.0, downs, 4),
    ):
        readings = {Origin.DRIVER: Reading(read, schema, (value,))}
        frame = at(tick, link={"carrier_changes": changes}, readings=readings)
        before = derive(frame.sample, before)
        watch.ingest(before)
        if tick == 8.0:
            assert len(health(watch.health).flaps) == 1, "not known yet"
    assert len(health(watch.health).flaps) == lost


def test_the_kernels_word_for_it_is_taken_where_no_tool_tells() -> None:
    watch = Watch(frames=False)
    watch.ingest(at(1.0))
    watch.ingest(at(2.0, link={"state": LinkState.DOWN, "detail": "no cable"}))
    assert [one.reason for one in health(watch.health).flaps] == ["no cable"]


def test_what_was_remembered_is_joined_with_what_is_known() -> None:
    watch = HealthWatch()
    watch.sum_up(at(10.0, module=MODULE))
    earlier = Point(at(10.0).sample.wall - 7200)
    watch.restore(PACU.id, LinkHealth(hours=(earlier,)))
    assert health(watch).hours == (earlier,)
    assert len(health(watch).minutes) == 1


def test_replayed_samples_are_remembered_by_their_own_time() -> None:
    watch = HealthWatch()
    for minute in range(130):
        watch.observe(at(60.0 * minute, wall=480_000 * 3600.0 + 60 * minute))
    assert len(health(watch).hours) == 2


def test_a_sample_without_ports_is_nothing() -> None:
    watch = HealthWatch()
    watch.sum_up(derive(Sample(0.0, 0.0, at(1.0).sample.host, (), {}), None))
    assert watch.all() == {}


def bins(*words: int) -> Counts:
    return Counts(0.0, bins=tuple(FecBin(n, n, count) for n, count in enumerate(words)))


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [
        (bins(9, 5, 2, 1), bins(99, 8, 3, 1), 2),
        (bins(9, 5), bins(99, 5), 0),
        (bins(9, 5), bins(9, 5), None),  # not read anew yet
        (bins(9, 5), bins(2, 9), None),  # the driver was started anew
        (bins(), bins(9, 5), None),
        (None, bins(9, 5), None),
    ],
)
def test_the_deepest_bin_that_has_grown_counts(
    before: Counts | None, now: Counts, most: int | None
) -> None:
    assert most_corrected(before, now) == most
