"""Error counters: what moved, what is old, and nothing twice."""

from __future__ import annotations

from mlxtop.analysis.faults import faults, severe_since_boot, severe_since_start
from mlxtop.model.catalogue import CATALOGUE
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import PortFrame
from mlxtop.model.sample import Link, PortSample, Reading
from tests.samples import PACU, ethernet, frame, sample, veth


def port(*errors: int) -> PortFrame:
    samples = [
        sample(tick + 1.0, ethernet(PACU, tick + 1.0, 0, 0, errors=count))
        for tick, count in enumerate(errors)
    ]
    return frame(*samples).ports[PACU.id]


def test_a_fault_in_several_tables_counts_once() -> None:
    assert severe_since_start(port(0, 7)) == (7, True)


def test_errors_of_before_the_start_are_no_news() -> None:
    assert severe_since_start(port(9, 9)) == (0, False)
    (old, *_) = [f for f in faults(port(9, 9)) if f.counter.origin is Origin.MAC]
    assert (old.since_start, old.total, old.moving) == (0, 9, False)


def test_notes_are_no_errors() -> None:
    moved = [fault.counter.key for fault in faults(port(0, 0)) if fault.moving]
    assert moved == ["np_cnp_sent"]
    assert severe_since_start(port(0, 0)) == (0, False)


def test_infiniband_error_counters_are_left_out_on_ethernet() -> None:
    assert CATALOGUE[Origin.RDMA_ERRORS, "symbol_error"] not in [
        f.counter for f in faults(port(3, 3))
    ]


def test_without_a_table_the_errors_are_unknown() -> None:
    shown = frame(sample(1.0, veth("veth0", 5, 1.0))).ports
    (one,) = shown.values()
    assert severe_since_start(one) == (0, False)
    bare = PortFrame(one.now, {}, {})
    assert severe_since_start(PortFrame(type(one.now)(one.now.port, one.now.link), {}, {})) == (
        None,
        False,
    )
    assert severe_since_start(bare)[0] is not None


def counted(**counts: int) -> PortFrame:
    """A port whose driver counted so many events since the start of the program, and before it."""
    schema = Schema(tuple(counts))
    now, zero = (
        Reading(t, schema, v) for t, v in ((2.0, tuple(counts.values())), (1.0, (0,) * len(counts)))
    )
    before = {Origin.DRIVER: zero}
    return PortFrame(PortSample(PACU, Link(), {Origin.DRIVER: now}), before, before)


def test_one_event_under_several_names_of_a_table_counts_once() -> None:
    lost = counted(rx_crc_errors_phy=41, rx_symbol_err_phy=43, rx_pcs_symbol_err_phy=40)
    assert severe_since_start(lost) == (43, True)
    assert severe_since_boot(lost) == 43


def test_other_events_are_added() -> None:
    both = counted(rx_crc_errors_phy=41, rx_out_of_buffer=9, rx_corrected_bits_phy=10**6)
    assert (severe_since_start(both), severe_since_boot(both)) == ((50, True), 50)


def test_few_pcie_errors_of_the_boot_are_none_and_their_growth_is_one() -> None:
    pcie = counted(rx_pci_signal_integrity=2, tx_pci_signal_integrity=3)
    assert (severe_since_start(pcie), severe_since_boot(pcie)) == ((5, True), 0)


def test_without_a_table_the_total_is_unknown() -> None:
    assert severe_since_boot(PortFrame(PortSample(PACU, Link()), {}, {})) is None
