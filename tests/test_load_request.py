"""What a person can choose for a load test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlxtop.load.request import IPERF3_PORT, PERFTEST_PORT, GuardOptions, LoadRequest, Timing
from mlxtop.model.linkrate import Protocol
from mlxtop.model.load import Tool, typed_bits, typed_seconds

from .load_lab import PEER


@pytest.mark.parametrize(
    ("seconds", "baseline", "cooldown"),
    [
        (50, 10.0, 50.0),
        (100, 10.0, 100.0),
        (110, 11.0, 110.0),
        (600, 60.0, 600.0),
        (610, 60.0, 610.0),
        (900, 60.0, 900.0),
        (901, 60.0, 900.0),
    ],
)
def test_baseline_and_cool_down_fit_the_soak(
    seconds: int, baseline: float, cooldown: float
) -> None:
    assert Timing.for_soak(seconds) == Timing(baseline, cooldown, soak=True)


def test_a_guard_is_chosen_by_the_name_of_a_sensor() -> None:
    assert GuardOptions.choose("all") == GuardOptions(True, None, 15.0)
    assert GuardOptions.choose("off", 20.0) == GuardOptions(False, None, 20.0)
    assert GuardOptions.choose("asic") == GuardOptions(True, frozenset({"asic"}), 15.0)


def test_port_and_protocol_follow_from_the_tool() -> None:
    write = LoadRequest(PEER, tool=Tool.IB_WRITE_BW)
    assert (write.first_port, write.protocol) == (PERFTEST_PORT, Protocol.RDMA)
    assert (LoadRequest(PEER).first_port, LoadRequest(PEER).protocol) == (
        IPERF3_PORT,
        Protocol.TCP,
    )
    assert LoadRequest(PEER, udp=True, port=6000).first_port == 6000


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (typed_seconds, ["1", "1440m", "24h", "86400"], ["0", "86401", "25h", "-1", "1.5"]),
        (typed_bits, ["1000", "1K", "2.5G"], ["999", "0.9K", "fast", "-1G"]),
    ],
)
def test_times_and_rates_have_bounds(
    parse: Callable[[str], float], good: list[str], bad: list[str]
) -> None:
    for text in good:
        assert parse(text) >= 1
    for text in bad:
        with pytest.raises(ValueError, match="is no "):
            parse(text)
