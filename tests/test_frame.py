"""Where two samples become rates: the laws that must hold whatever the counters do."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.catalogue import CATALOGUE, MAC, RDMA, STALLED_RD
from mlxtop.model.counters import Counter, Origin, Schema
from mlxtop.model.frame import Frame, PortFrame, derive
from mlxtop.model.identity import Host, Port, PortId, PortKind
from mlxtop.model.sample import Link, PortSample, Reading, Sample

PORT = PortId("0000:43:00.0", 1)
SCHEMA = {counter: Schema((counter.key,)) for counter in CATALOGUE.values()}


def sample(tick: float, readings: Mapping[Origin, Reading]) -> Sample:
    port = PortSample(Port(PORT, PortKind.PHYSICAL), Link(), readings)
    return Sample(0.0, tick, Host("h"), (), {PORT: port})


def run(counter: Counter, points: list[tuple[float, int | None]]) -> list[PortFrame]:
    """Frames of one counter at these ticks and raw values."""
    last: Frame | None = None
    found = []
    for tick, value in points:
        reading = Reading(tick, SCHEMA[counter], (value,))
        last = derive(sample(tick, {counter.origin: reading}), last)
        found.append(last.ports[PORT])
    return found


def test_the_first_frame_has_totals_and_no_rates() -> None:
    (frame,) = run(MAC.rx_bytes, [(1.0, 1000)])
    assert frame.total(MAC.rx_bytes) == 1000
    assert frame.rate(MAC.rx_bytes) is None


def test_a_rate_is_over_the_measured_time_between_the_two_readings() -> None:
    frame = run(MAC.rx_bytes, [(1.0, 1000), (3.5, 6000)])[-1]
    assert frame.rate(MAC.rx_bytes) == 2000.0
    assert frame.gain(MAC.rx_bytes) == 5000


def test_infiniband_data_is_words_of_four_bytes_whatever_the_width() -> None:
    frame = run(RDMA.rx_bytes, [(0.0, 100), (1.0, 350)])[-1]
    assert frame.rate(RDMA.rx_bytes) == 1000.0
    assert frame.total(RDMA.rx_bytes) == 1400


def test_a_counter_that_goes_back_is_a_reset_and_a_gap() -> None:
    _, reset, after = run(MAC.rx_bytes, [(0.0, 5000), (1.0, 10), (2.0, 110)])
    assert reset.rate(MAC.rx_bytes) is None
    assert after.rate(MAC.rx_bytes) == 100.0
    assert after.since_start(MAC.rx_bytes) == 110


def test_a_32_bit_counter_that_wraps_goes_on_and_one_from_low_values_was_reset() -> None:
    counter = CATALOGUE[Origin.RDMA_HW, "out_of_sequence"]
    assert run(counter, [(0.0, 2**32 - 10), (1.0, 5)])[-1].gain(counter) == 15
    assert run(counter, [(0.0, 1000), (1.0, 5)])[-1].gain(counter) is None


def test_a_saturated_counter_has_no_rate_since_it_cannot_move() -> None:
    counter = CATALOGUE[Origin.RDMA_ERRORS, "symbol_error"]
    frame = run(counter, [(0.0, 65535), (1.0, 65535)])[-1]
    assert frame.stuck(counter)
    assert frame.rate(counter) is None


def test_a_gauge_is_never_differentiated() -> None:
    frame = run(STALLED_RD, [(0.0, 10), (1.0, 90)])[-1]
    assert frame.rate(STALLED_RD) is None
    assert frame.total(STALLED_RD) == 90


def test_a_table_that_was_not_read_again_keeps_its_rate() -> None:
    first, second = (Reading(t, SCHEMA[MAC.rx_bytes], (v,)) for t, v in ((0.0, 0), (2.0, 400)))
    last: Frame | None = None
    for tick, reading in ((0.0, first), (1.0, first), (2.0, second), (3.0, second)):
        last = derive(sample(tick, {Origin.MAC: reading}), last)
    assert last is not None
    assert last.ports[PORT].rate(MAC.rx_bytes) == 200.0


def test_a_table_that_is_missing_once_is_a_gap() -> None:
    one = Reading(0.0, SCHEMA[MAC.rx_bytes], (0,))
    two = Reading(2.0, SCHEMA[MAC.rx_bytes], (400,))
    last = derive(sample(0.0, {Origin.MAC: one}), None)
    last = derive(sample(1.0, {}), last)
    last = derive(sample(2.0, {Origin.MAC: two}), last)
    assert last.ports[PORT].rate(MAC.rx_bytes) is None


@given(
    st.sampled_from(sorted(CATALOGUE.values(), key=lambda counter: counter.key)),
    st.lists(
        st.tuples(
            st.floats(0, 1e6, allow_nan=False),
            st.none() | st.integers(0, 2**64 - 1),
        ),
        max_size=12,
    ),
)
def test_a_rate_is_none_or_not_negative(
    counter: Counter, points: list[tuple[float, int | None]]
) -> None:
    for frame in run(counter, points):
        rate = frame.rate(counter)
        assert rate is None or rate >= 0
        gained = frame.since_start(counter)
        assert gained is None or gained >= 0


def test_every_counter_explains_itself() -> None:
    for counter in CATALOGUE.values():
        assert len(counter.help) > 10, counter
        assert counter.severity is None or counter.advice, counter


@pytest.mark.parametrize(
    ("before", "now", "rate"),
    [
        (2**32 - 1, 2**32 - 1, None),
        (2**32 - 9, 2**32 - 1, None),
        (2**32 - 9, 2**32 - 2, 28.0),
        (2**32 - 1, 2**32 + 9, 40.0),
        (2**33, 2**33 + 1, 4.0),
    ],
)
def test_traffic_at_the_ceiling_of_32_bits_is_unknown_and_beyond_it_goes_on(
    before: int, now: int, rate: float | None
) -> None:
    frame = run(RDMA.rx_bytes, [(0.0, before), (1.0, now)])[-1]
    assert frame.rate(RDMA.rx_bytes) == rate
    assert frame.stuck(RDMA.rx_bytes) is (now == 2**32 - 1)


def test_errors_that_reach_their_ceiling_were_at_least_so_many() -> None:
    counter = CATALOGUE[Origin.RDMA_ERRORS, "port_xmit_wait"]
    frames = run(counter, [(0.0, 2**32 - 9), (1.0, 2**32 - 1), (2.0, 2**32 - 1)])
    assert [frame.gain(counter) for frame in frames] == [None, 8, None]


@pytest.mark.parametrize(
    "key",
    [
        *("rx_out_of_buffer", "link_down_events_phy", "rx_pci_signal_integrity"),
        *("tx_pci_signal_integrity", "outbound_pci_stalled_wr_events", "dev_internal_queue_oob"),
    ],
)
def test_driver_counters_of_32_bits_go_on_after_they_wrap(key: str) -> None:
    counter = CATALOGUE[Origin.DRIVER, key]
    frames = run(counter, [(0.0, 2**32 - 3), (1.0, 2**32 - 1), (2.0, 4)])
    assert [frame.gain(counter) for frame in frames] == [None, 2, 5]
