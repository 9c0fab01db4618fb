"""Rings, queues, interrupts, moderation and offloads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.counters import Origin
from mlxtop.model.tuning import Channels, Coalesce, Interrupt, PortTuning, Rings
from tests.cases import CARD, FUNCTION, GOOD, GOOD_HOST, GOOD_PORT, NOTE, WARNING, only, run
from tests.situations import ethernet


def test_rings_are_advised_only_where_packets_found_no_buffer() -> None:
    losing = replace(GOOD, events={(Origin.DRIVER, "rx_out_of_buffer"): 40})
    finding = only(run("rings", losing))
    assert finding.advice == "ethtool -G p1 rx 8192"
    assert run("rings", losing, replace(GOOD_PORT, rings=Rings(8192, 8192, 8192))) == []


def test_one_queue_for_a_fast_port_is_a_warning() -> None:
    one = replace(GOOD_PORT, channels=Channels(1, 63))
    assert only(run("queues", GOOD, one)).advice == "ethtool -L p1 combined 8"
    assert run("queues", replace(GOOD, link=ethernet(1)), one) == []


def test_interrupts_on_one_core_or_on_the_wrong_node_are_told() -> None:
    host = replace(GOOD_HOST, processes=frozenset({"irqbalance"}))

    def placed(*cores: int) -> PortTuning:
        return replace(
            GOOD_PORT,
            interrupts=tuple(
                Interrupt(n, f"mlx5_comp{n}", (core,)) for n, core in enumerate(cores)
            ),
        )

    away = only(run("interrupts", GOOD, placed(0, 1, 2, 3), host=host))
    assert away.evidence.startswith("interrupts on cores 0-3, the card is at cores 8-15")
    assert away.severity is WARNING
    assert "systemctl stop irqbalance" in away.advice
    assert (
        "all 4 interrupts go to core 9"
        in only(run("interrupts", GOOD, placed(9, 9, 9, 9))).evidence
    )
    some = only(run("interrupts", GOOD, placed(0, 8, 9, 3)))
    assert some.evidence.startswith("2 of 4 interrupts on cores 0,3, the card is at cores 8-15")
    assert some.severity is NOTE
    assert run("interrupts", GOOD, placed(8, 9, 15)) == []
    one_node = replace(GOOD, adapter=CARD._replace(functions=(FUNCTION._replace(numa_node=None),)))
    assert run("interrupts", one_node, placed(0, 1, 2, 3)) == []


def test_fixed_moderation_and_missing_offloads_are_told() -> None:
    fixed = replace(GOOD_PORT, coalesce=Coalesce(False))
    assert only(run("interrupt moderation", GOOD, fixed)).severity is NOTE
    off = replace(GOOD_PORT, features={**(GOOD_PORT.features or {}), "rx-gro": False})
    assert only(run("offloads", GOOD, off)).advice == "ethtool -K p1 gro on"


@pytest.mark.parametrize(("size", "small"), [(8191, True), (8192, False)])
def test_a_ring_is_small_below_its_largest_size(size: int, small: bool) -> None:
    losing = replace(GOOD, events={(Origin.DRIVER, "rx_out_of_buffer"): 40})
    port = replace(GOOD_PORT, rings=Rings(size, 8192, 1024))
    assert bool(run("rings", losing, port)) is small


@pytest.mark.parametrize(
    ("gbps", "queues", "most", "few"),
    [(10, 1, 2, True), (9.9, 1, 2, False), (10, 2, 2, False), (10, 1, 1, False)],
)
def test_one_queue_is_few_from_10_gigabits_where_there_can_be_more(
    gbps: float, queues: int, most: int, few: bool
) -> None:
    port = replace(GOOD_PORT, channels=Channels(queues, most))
    assert bool(run("queues", replace(GOOD, link=ethernet(gbps)), port)) is few


@pytest.mark.parametrize(("gbps", "matters"), [(9.9, False), (10, True)])
def test_moderation_matters_from_10_gigabits(gbps: float, matters: bool) -> None:
    fixed = replace(GOOD_PORT, coalesce=Coalesce(False))
    findings = run("interrupt moderation", replace(GOOD, link=ethernet(gbps)), fixed)
    assert bool(findings) is matters


@pytest.mark.parametrize(
    ("count", "cpus", "crowded"), [(2, 16, True), (1, 16, False), (2, 1, False)]
)
def test_one_core_is_few_for_two_interrupts_on_two_cores(
    count: int, cpus: int, crowded: bool
) -> None:
    everything = tuple(Interrupt(n, f"mlx5_comp{n}", (9,)) for n in range(count))
    situation = replace(GOOD, cpu=(10.0,) * cpus)
    findings = run("interrupts", situation, replace(GOOD_PORT, interrupts=everything))
    assert bool(findings) is crowded


def test_what_the_driver_does_not_offer_is_not_switched_off() -> None:
    def offers(**features: bool) -> PortTuning:
        named = {name.replace("_", "-"): on for name, on in features.items()}
        return replace(GOOD_PORT, features={"rx-gro": True, "rx-checksum": True, **named})

    generic, four, six = "tx_checksum_ip_generic", "tx_checksum_ipv4", "tx_checksum_ipv6"
    assert run("offloads", GOOD, offers(**{generic: False, four: True, six: True})) == []
    assert run("offloads", GOOD, offers(**{four: True, six: True})) == []
    assert run("offloads", GOOD, offers(**{generic: True, four: False, six: False})) == []
    assert run("offloads", GOOD, offers()) == []
    half = only(run("offloads", GOOD, offers(**{generic: False, four: True, six: False})))
    assert half.evidence == "tx-checksum-ipv6 is off (ethtool -k p1)"
    none = only(run("offloads", GOOD, offers(**{four: False, six: False})))
    assert none.evidence == "tx-checksum-ipv4 and tx-checksum-ipv6 are off (ethtool -k p1)"
    assert none.advice == "ethtool -K p1 tx on"


def test_more_interrupts_than_the_node_has_cores_are_spread_by_the_driver() -> None:
    def on(*cores: int) -> PortTuning:
        return replace(
            GOOD_PORT,
            interrupts=tuple(
                Interrupt(n, f"mlx5_comp{n}", (core,)) for n, core in enumerate(cores)
            ),
        )

    local = range(8, 16)
    assert run("interrupts", GOOD, on(*local, 0)) == []
    assert only(run("interrupts", GOOD, on(*list(local)[:7], 0))).severity is NOTE
    assert only(run("interrupts", GOOD, on(*range(8), *range(8)))).severity is WARNING
