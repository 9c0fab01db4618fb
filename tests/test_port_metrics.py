"""What Prometheus is told of a port: from the field table and the catalogue, in base units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import pytest

from mlxtop.analysis.fields import PORT_FIELDS, Field
from mlxtop.analysis.port_view import PortView
from mlxtop.lab import MACHINES
from mlxtop.model.catalogue import FAMILIES, FAULTS, TRAFFIC
from mlxtop.model.counters import Counter, Origin, Schema, Unit
from mlxtop.model.identity import PortId
from mlxtop.model.module import Identity, Lane, Module, Quantity, Thresholds
from mlxtop.model.sample import Link, LinkLayer, LinkState, Reading, Sample
from mlxtop.outputs import port_metrics
from mlxtop.outputs.machine_metrics import Machine, families_of
from mlxtop.watch.watch import Watch
from tests.metrics import Told, told_of
from tests.samples import IB, PACU, G, ethernet, frame, pacu, readings, sample

UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G, mtu=9000, carrier_changes=2)
P = {"device": "mlx5_0", "port": "1", "netdev": "enp67s0np0", "pci": "0000:43:00.0"}


def told(*samples: Sample) -> Told:
    return told_of(*samples)


def with_counters(
    values: Mapping[tuple[Origin, str], int], layer: LinkLayer = LinkLayer.ETHERNET
) -> Told:
    """The port with these counters beside those that it has."""
    port = ethernet(PACU, 1.0, 8e9, 8e9, link=UP._replace(layer=layer))
    tables = dict(port.readings)
    for origin in {origin for origin, _ in values}:
        own = {key: value for (where, key), value in values.items() if where is origin}
        before = tables.get(origin)
        keys = before.schema.keys if before else ()
        old = before.values if before else ()
        table = {**dict(zip(keys, old, strict=True)), **own}
        tables[origin] = Reading(1.0, Schema(tuple(table)), tuple(table.values()))
    return told(sample(1.0, port._replace(readings=tables)))


# ---- names and fields


def test_every_number_of_the_field_table_is_a_metric_without_being_named_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new: Field[PortView] = Field("jitter_bps", "a new one", lambda view: 80, "bit/s")
    monkeypatch.setattr(port_metrics, "PORT_FIELDS", (*PORT_FIELDS, new))
    assert told(pacu(1.0)).value("port_jitter_bytes_per_second", **P) == 10


def test_every_unit_of_the_field_table_has_a_base_unit() -> None:
    assert {field.unit for field in PORT_FIELDS} <= set(port_metrics.UNITS)


@pytest.mark.quick("pacu", "ceph", "aging", "hdr")
@pytest.mark.parametrize("name", MACHINES)
def test_a_field_whose_value_is_a_number_has_a_unit_or_a_metric(name: str) -> None:
    """Else it would be a label of the identity where it is unknown, and a metric where not."""
    from tests.metrics import views

    for view in views(name):
        for field in PORT_FIELDS:
            if isinstance(field.get(view), int | float):
                assert field.unit or field.metric != "", field.name


def test_rates_and_speeds_are_bytes_per_second() -> None:
    one = told(pacu(1.0), pacu(2.0))
    assert one.value("port_speed_bytes_per_second", **P) == 100e9 / 8
    assert one.value("port_rx_bytes_per_second", **P) == pytest.approx(46.1e9 / 8)
    assert not [name for name in one.names if "bit" in name.split("_") or name.endswith("bps")]


def test_link_state_and_speed() -> None:
    one = told(sample(1.0, ethernet(PACU, 1.0, 0, 0, link=UP._replace(state=LinkState.NO_MODULE))))
    assert one.value("port_up", **P) == 0
    assert one.value("port_state", state="no module", **P) == 1
    assert told(pacu(1.0)).value("port_up", **P) == 1


# ---- traffic


def test_bytes_and_packets_are_totals_by_direction_and_share() -> None:
    one = told(pacu(8.0, rx=8e9, tx=4e9))
    shares = {
        (row["direction"], row["share"]): value for row, value in one.rows("port_bytes_total")
    }
    assert shares == {
        ("rx", "all"): 8e9,
        ("tx", "all"): 4e9,
        ("rx", "kernel"): 4e9,
        ("tx", "kernel"): 2e9,
        ("rx", "rdma"): 4e9,
        ("tx", "rdma"): 2e9,
    }
    assert one.value("port_packets_total", direction="rx", share="all", **P) == 8e9 // 1500


def test_an_infiniband_port_has_no_total_that_could_go_back() -> None:
    port = ethernet(IB, 1.0, 8e9, 8e9, link=UP._replace(layer=LinkLayer.INFINIBAND))
    rows = told(sample(1.0, port)).rows("port_bytes_total")
    assert {row["share"] for row, _ in rows} == {"all", "kernel"}


@pytest.mark.parametrize(
    ("state", "changes", "lost"),
    [(LinkState.UP, 2, 1), (LinkState.UP, 3, 1), (LinkState.DOWN, 3, 2), (LinkState.UP, 4, 2)],
)
def test_lost_links_are_counted_from_the_kernels_changes(
    state: LinkState, changes: int, lost: int
) -> None:
    link = UP._replace(state=state, carrier_changes=changes)
    one = told(sample(1.0, ethernet(PACU, 1.0, 0, 0, link=link)))
    assert one.value("port_flaps_total", **P) == lost


def test_lost_links_are_the_cards_own_count_where_there_is_one() -> None:
    assert (
        with_counters({(Origin.DRIVER, "link_down_events_phy"): 7}).value("port_flaps_total", **P)
        == 7
    )
    infiniband = with_counters({(Origin.RDMA_ERRORS, "link_downed"): 9}, LinkLayer.INFINIBAND)
    assert infiniband.value("port_flaps_total", **P) == 9


def test_the_last_loss_is_told_with_its_time() -> None:
    lost = UP._replace(state=LinkState.DOWN)
    one = told(pacu(1.0), sample(2.0, ethernet(PACU, 2.0, 0, 0, link=lost)))
    (when,) = one.rows("port_last_flap_timestamp_seconds")
    assert when[1] == 1_760_000_002
    assert told(pacu(1.0)).rows("port_last_flap_timestamp_seconds") == []


# ---- heat and light


def test_temperatures_have_limits_that_say_where_they_are_from() -> None:
    one = told(pacu(1.0))
    assert one.value("module_temperature_celsius", **P) == 69.3
    limits = {
        row["level"]: (value, row["from"])
        for row, value in one.rows("module_temperature_limit_celsius")
    }
    assert limits == {
        "warning": (75.0, "the module's own limits"),
        "critical": (80.0, "the module's own limits"),
    }


def test_a_sensor_that_no_longer_answers_has_no_temperature_and_is_not_up() -> None:
    calm = pacu(1.0)
    port = ethernet(PACU, 2.0, 0, 0)
    stale = tuple(one._replace(stale=True, tick=1.0) for one in port.temperatures)
    one = told(calm, sample(2.0, port._replace(temperatures=stale)))
    assert one.rows("module_temperature_celsius") == []
    assert one.value("source_up", source="module_sensor", **P) == 0
    assert one.value("source_age_seconds", source="module_sensor", **P) == 1.0


def heated(sensor: str, *celsius: float) -> Told:
    """A module or chip that has had these temperatures, ten seconds apart."""
    samples = []
    for tick, one in enumerate(celsius, 1):
        port = ethernet(PACU, 10.0 * tick, 0, 0, module=one)
        heats = (heat for heat in port.temperatures if heat.name == "module")
        known = tuple(heat._replace(name=sensor) for heat in heats)
        samples.append(sample(10.0 * tick, port._replace(temperatures=known)))
    return told(*samples)


@pytest.mark.parametrize("sensor", ["module", "asic"])
def test_a_forecast_is_told_until_the_limit_is_reached(sensor: str) -> None:
    name = f"{sensor}_temperature_forecast_seconds"
    rising = [80.0 - 40.0 * math.exp(-n / 12) for n in range(23)]
    assert rising[-1] < 75.0
    levels = {row["level"]: left for row, left in heated(sensor, *rising).rows(name)}
    assert 0 < levels["warning"] < 120
    reached = heated(sensor, *rising, 75.0).rows(name)
    assert "warning" not in {row["level"] for row, _ in reached}
    assert heated(sensor, *[50.0] * 24).rows(name) == []


def module(**more: object) -> Told:
    limits = {Quantity.RX_POWER: Thresholds(2.0, 0.1), Quantity.BIAS: Thresholds(high_alarm=15.0)}
    lanes = (Lane(1.0, 0.5, 6.5), Lane(0.0, 1.0, 7.0), Lane())
    one = Module(
        Identity(power_class=4, max_power=3.5), voltage=3.3, lanes=lanes, thresholds=limits
    )
    return told(sample(1.0, ethernet(PACU, 1.0, 0, 0)._replace(module=one)))


def test_lanes_have_power_in_dbm_and_bias_in_amperes() -> None:
    one = module()
    assert one.value("module_rx_power_dbm", lane="1", **P) == 0.0
    assert one.value("module_bias_amperes", lane="1", **P) == 0.0065
    assert one.value("module_voltage_volts", **P) == 3.3
    assert one.value("module_rx_power_limit_dbm", level="low_alarm", **P) == pytest.approx(-10.0)
    assert one.value("module_bias_limit_amperes", level="high_alarm", **P) == 0.015
    assert one.value("module_power_class", **P) == 4
    assert one.value("module_max_power_watts", **P) == 3.5


def test_a_dark_lane_has_no_power_and_is_told_as_dark_and_an_unknown_one_is_nothing() -> None:
    one = module()
    assert {row["lane"] for row, _ in one.rows("module_rx_power_dbm")} == {"1"}
    dark = {row["lane"]: value for row, value in one.rows("module_lane_dark")}
    assert dark == {"1": 0, "2": 1}


# ---- ceiling


def test_the_ceiling_is_told_by_stage() -> None:
    one = told(pacu(1.0), pacu(2.0))
    stages = {row["stage"]: value for row, value in one.rows("port_ceiling_bytes_per_second")}
    assert stages["link"] == 100e9 / 8
    assert stages["tcp"] < stages["link"]
    assert stages["pcie"] < 63.008e9 / 8
    assert one.value("pcie_available_bytes_per_second", **P) == 63.008e9 / 8
    assert one.value("pcie_capable_bytes_per_second", **P) == 126.016e9 / 8


# ---- counters


MLX4 = re.compile(r"[rt]x_(pause|pause_duration|pause_transition|prio_.*|pause.*_prio_\d)")
"""The spellings of mlx4, which no driver has beside those of mlx5."""
ELSEWHERE = {
    *("rx_global_pause", "tx_global_pause"),  # the same frames as rx_pause_ctrl_phy's
    *("rx3_bytes", "rx3_packets", "tx3_bytes", "tx3_packets"),  # of queues: the port's
    *("vf3_rx_bytes", "vf3_rx_packets", "vf3_tx_bytes", "vf3_tx_packets"),  # asked for by page 1
}


@pytest.mark.parametrize("driver", ["mlx5", "mlx4"])
def test_every_counter_of_the_catalogue_is_told(driver: str) -> None:
    """Each is given a value of its own, and that value is found; a new row needs nothing here."""
    members = [c.member(3) if "{n}" in c.key else c for c in (*FAULTS, *FAMILIES)]
    if driver == "mlx5":
        members = [counter for counter in members if not MLX4.fullmatch(counter.key)]
    else:
        members = [counter for counter in members if MLX4.fullmatch(counter.key)]
    values = {(c.origin, c.key): 1_000_003 * (n + 1) for n, c in enumerate(members)}
    one = with_counters(values, LinkLayer.INFINIBAND)
    shown = {value for name in one.names for _, value in one.rows(name)}
    lacking = {c.key for c in members if _shown(c, values[c.origin, c.key]) not in shown}
    assert lacking == (ELSEWHERE if driver == "mlx5" else set())


def _shown(counter: Counter, value: int) -> float:
    if counter.gauge:
        return value / 100
    return value / 1e6 if counter.unit is Unit.MICROSECONDS else value * counter.scale


def test_an_error_counter_is_told_by_its_own_name() -> None:
    one = with_counters({(Origin.DRIVER, "rx_crc_errors_phy"): 41})
    found = one.value("port_errors_total", name="rx_crc_errors_phy", severity="warning", **P)
    assert found == 41


def test_counters_of_priorities_and_lanes_have_these_as_labels_and_queues_are_added_up() -> None:
    one = with_counters(
        {
            (Origin.DRIVER, "rx_prio3_pause"): 5,
            (Origin.DRIVER, "rx_prio3_pause_duration"): 2_500_000,
            (Origin.DRIVER, "tx_prio0_bytes"): 77,
            (Origin.DRIVER, "rx_prio3_discards"): 6,
            (Origin.DRIVER, "rx_prio3_marked"): 9,
            (Origin.DRIVER, "rx_err_lane_2_phy"): 8,
            (Origin.DRIVER, "rx0_wqe_err"): 3,
            (Origin.DRIVER, "rx17_wqe_err"): 4,
        }
    )
    rx3 = {"direction": "rx", "priority": "3"}
    assert one.value("port_pause_frames_total", **rx3, **P) == 5
    assert one.value("port_pause_seconds_total", **rx3, **P) == 2.5
    assert one.value("port_ecn_marked_packets_total", **rx3, **P) == 9
    assert one.value("port_priority_bytes_total", direction="tx", priority="0", **P) == 77
    named = {"name": "rx_prio_discards", "severity": "warning"}
    assert one.value("port_priority_errors_total", priority="3", **named, **P) == 6
    named = {"name": "rx_err_lane_phy", "severity": "note"}
    assert one.value("port_lane_errors_total", lane="2", **named, **P) == 8
    named = {"name": "rx_queue_wqe_err", "severity": "warning"}
    assert one.value("port_errors_total", **named, **P) == 7


def test_frames_without_a_vlan_tag_are_no_priority() -> None:
    one = with_counters(
        {(Origin.DRIVER, "rx_novlan_bytes"): 55, (Origin.DRIVER, "rx_prio_0_bytes"): 7}
    )
    name = "port_priority_bytes_total"
    assert one.value(name, direction="rx", priority="no_vlan", **P) == 55
    assert one.value(name, direction="rx", priority="0", **P) == 7


def test_errors_of_rdma_mean_nothing_on_ethernet_and_are_left_out() -> None:
    values = {(Origin.RDMA_ERRORS, "symbol_error"): 5}
    for layer, there in ((LinkLayer.ETHERNET, False), (LinkLayer.INFINIBAND, True)):
        rows = with_counters(values, layer).rows("port_errors_total")
        assert any(row["name"] == "symbol_error" for row, _ in rows) is there


# ---- how many


def test_eight_ports_with_everything_that_is_known_are_under_three_thousand_samples() -> None:
    """Eight priorities, eight lanes and 64 queues each."""
    keys: dict[Origin, list[str]] = {}
    for counter in (*TRAFFIC, *FAULTS):
        keys.setdefault(counter.origin, []).append(counter.key)
    for family in FAMILIES:
        count = 64 if family.key.startswith(("rx{n}", "tx{n}")) else 8
        mlx4 = "prio_{n}" in family.key  # no driver has both spellings
        keys.setdefault(family.origin, [])
        keys[family.origin] += [] if mlx4 else [family.member(n).key for n in range(count)]
    lanes = tuple(Lane(1.0, 1.0, 6.0) for _ in range(8))
    limits = dict.fromkeys(Quantity, Thresholds(90.0, 0.1, 80.0, 0.2))
    full = Module(Identity(power_class=4, max_power=3.5), 40.0, 3.3, lanes, limits)
    ports = []
    for number in range(8):
        device = f"0000:4{number}:00.0"
        port = PACU._replace(
            id=PortId(device, 1), function=device, netdev=f"p{number}", rdma=f"mlx5_{number}"
        )
        tables = {o: (Schema(tuple(k)), (1,) * len(k)) for o, k in keys.items()}
        one = ethernet(port, 1.0, 8e9, 8e9)
        ports.append(one._replace(readings=readings(1.0, tables), module=full))
    first = sample(1.0, *ports)
    now = frame(first, first._replace(tick=2.0))
    watch = Watch()
    watch.ingest(now)
    count = sum(len(family.rows) for family in families_of([Machine(now, watch)]))
    assert 1500 < count < 3000
