"""Lines of the kernel log that are one incident: its words, its count, and what ends it."""

from __future__ import annotations

import pytest

from mlxtop.model.counters import Severity
from mlxtop.model.identity import slot_of
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.sampler.incident_fold import AGE_S, MOST_OF_A_CAUSE, REOPEN_S, IncidentFold
from mlxtop.sources.kernel.kernel_log import read_line

NOTE, WARNING, CRITICAL = Severity.NOTE, Severity.WARNING, Severity.CRITICAL
CARD = "0000:81:00"
PORT = "0000:80:02.0"
P0, P1 = f"mlx5_core {CARD}.0: ", f"mlx5_core {CARD}.1: "
N0 = f"mlx5_core {CARD}.0 ens8f0np0: "
B = f"pcieport {PORT}: "
M4 = "mlx4_core 0000:05:00.0: "


class OneCard:
    """A machine with a card below a port, and names of its devices."""

    def __init__(self, soldered: bool = False) -> None:
        self.soldered = soldered

    def refresh(self, now: float) -> None:
        """Nothing changes."""

    def card(self, address: str) -> str:
        return CARD if address == PORT else slot_of(address)

    def is_ours(self, address: str) -> bool:
        return address == PORT or slot_of(address) == CARD

    def function(self, name: str) -> str | None:
        names = {"ens8f1np1": f"{CARD}.1", "mlx5_6": f"{CARD}.0", "mlx5_core.sf.4": f"{CARD}.1"}
        return {**names, "veth3": None, "nvme": "0000:02:00.0"}.get(name)

    def is_soldered(self, address: str) -> bool:
        return self.soldered


def fold(*lines: str, places: OneCard | None = None, now: float = 0.0) -> list[Incident]:
    """Return the incidents of lines a second apart; `+600 text` is so many seconds later."""
    one = IncidentFold(places or OneCard())
    tick = 0.0
    for timed in lines:
        later, _, line = timed.partition(" ") if timed.startswith("+") else ("1", "", timed)
        tick += float(later)
        known = read_line(line, tick)
        if known is not None:
            one.add(known)
        elif one.awaits_backtrace:
            one.add_backtrace(line, tick)
    return list(one.take(now or tick))


def only(*lines: str, places: OneCard | None = None) -> Incident:
    (incident,) = [one for one in fold(*lines, places=places) if one.severity is not NOTE]
    return incident


def test_a_fatal_fault_is_one_incident_until_the_recovery() -> None:
    lines = [
        f"{P0}print_health_info:423:(pid 0): Health issue observed, firmware internal error,"
        " severity(3) ERROR:",
        f"{P0}print_health_info:427:(pid 0): assert_var[0] 0x0000cafe",
        f"{P0}print_health_info:441:(pid 0): synd 0x1: firmware internal error",
        f"{P0}poll_health:836:(pid 0): Fatal error 3 detected",
        f"{P0}mlx5_handle_bad_state:310:(pid 7): handling bad device here",
        f"{P0}mlx5_error_sw_reset:204:(pid 7): start",
        f"{P0}mlx5_error_sw_reset:252:(pid 7): end",
        f"{P0}mlx5_health_try_recover:333:(pid 7): starting health recovery flow",
    ]
    going_on = only(*lines)
    assert (going_on.kind, going_on.severity) == (IncidentKind.HEALTH, CRITICAL)
    assert going_on.text == (
        "fatal error 3 (the firmware closed the interface);"
        " firmware reports: firmware internal error"
    )
    assert (going_on.tick, going_on.until, going_on.times) == (1.0, None, 1)
    assert going_on.details["value"] == "0x0000cafe"
    over = only(*lines, f"{P0}firmware version: 28.41.1000", f"{P0}health recovery succeeded")
    assert over.until == 9.0
    assert over.text.endswith("recovered: the driver is loaded again")
    failed = only(*lines, f"{P0}firmware version: 28.41.1000", f"{P0}health recovery failed")
    assert failed.until is None
    assert failed.text.endswith("recovery failed, the interfaces stay down")


def test_functions_of_a_card_tell_of_one_incident_and_each_ends_its_own() -> None:
    fatal = "Fatal error 3 detected"
    both = only(P0 + fatal, P1 + fatal, P0 + "health recovery succeeded")
    assert (both.functions, both.times, both.until) == ((f"{CARD}.0", f"{CARD}.1"), 1, None)
    over = only(P0 + fatal, P1 + fatal, P0 + "health recovery succeeded", P1 + fatal[:0])
    assert over.until is None
    ends = (P0 + "health recovery succeeded", P1 + "health recovery succeeded")
    assert only(P0 + fatal, P1 + fatal, *ends).until == 4.0


def test_an_old_buffer_without_a_headline_is_one_incident_by_its_syndrome() -> None:
    one = only(f"{P0}assert_var[0] 0x00000001", f"{P0}synd 0x10: High temprature")
    assert (one.kind, one.severity) == (IncidentKind.OVERHEAT, CRITICAL)
    assert fold(f"{P0}assert_var[0] 0x00000000", f"{P0}synd 0x0: unrecognized error") == []


def test_a_failed_start_says_why_and_the_next_start_ends_it() -> None:
    lines = [
        f"{P0}firmware version: 24.41.1000",
        f"{P0}wait_fw_init:211:(pid 8): Waiting for FW initialization, timeout abort in 99s (0x8)",
        f"{P0}wait_fw_init:211:(pid 8): Waiting for FW initialization, timeout abort in 79s (0x8)",
        f"{P0}wait_fw_init:201:(pid 8): Firmware over 120000 MS in initializing state, aborting",
        f"{P0}probe_one:1987:(pid 8): mlx5_init_one failed with error code -110",
        f"mlx5_core: probe of {CARD}.0 failed with error -110",
    ]
    one = only(*lines)
    assert (one.kind, one.cause, one.times) == (IncidentKind.DRIVER, "load", 1)
    assert one.text == (
        "the driver gave up, error -110 (Connection timed out);"
        " firmware never left its state initializing in 120000 ms"
    )
    assert (one.device, one.tick, one.until) == (f"{CARD}.0", 2.0, None)
    other = only(*lines, f"{P1}firmware version: 24.41.1000")
    assert other.until is None
    assert only(*lines, f"{P0}firmware version: 24.41.1000").until == 7.0
    again = only(*lines, *lines)
    assert (again.until, again.times) == (None, 2)


def test_a_start_that_only_waited_is_over_when_the_function_lives() -> None:
    wait = f"{P0}Waiting for FW initialization, timeout abort in 99s (0x8)"
    assert only(wait).until is None
    assert only(wait, f"{P0}E-Switch: Total vports 4, per vport: max uc(1)").until == 2.0


def test_errors_of_pcie_are_one_incident_filed_under_the_card() -> None:
    lines = [
        f"{B}DPC: containment event, status:0x1f01 source:0x8100",
        f"{B}DPC: unmasked uncorrectable error detected",
        f"{P0}PCIe Bus Error: severity=Uncorrectable (Fatal), type=Transaction Layer, (Requester)",
        f"{P0}  device [15b3:1021] error status/mask=00004000/00000000",
        f"{P0}   [14] CmpltTO                (First)",
        f"{P0}mlx5_pci_err_detected Device state = 1 health sensors: 0 pci_status: 1. Enter, pci"
        " channel state = 2",
        f"{P0}mlx5_pci_slot_reset Device state = 2 pci_status: 0. Enter",
    ]
    one = only(*lines)
    assert (one.kind, one.severity, one.device) == (IncidentKind.AER, CRITICAL, f"{CARD}.0")
    assert one.until is None
    assert one.details["error"] == "CmpltTO"
    assert only(*lines, f"{B}AER: device recovery successful").until == 8.0
    failed = only(*lines, f"{B}AER: device recovery failed")
    assert failed.until is None
    assert failed.text.endswith("recovery failed")


@pytest.mark.parametrize(("apart", "severity"), [(60, WARNING), (61, NOTE)])
def test_corrected_errors_of_pcie_are_worse_from_two_a_minute(
    apart: int, severity: Severity
) -> None:
    event = f"{B}AER: Correctable error message received from {CARD}.0"
    detail = f"{P0}PCIe Bus Error: severity=Correctable, type=Data Link Layer, (Receiver ID)"
    (single,) = fold(event, detail, f"{P0}   [ 7] BadDLLP")
    assert (single.severity, single.times, single.device) == (NOTE, 1, f"{CARD}.0")
    newest = fold(event, f"+{apart} {event}")[-1]
    assert newest.severity is severity


def test_errors_of_other_cards_are_none_of_ours() -> None:
    other = "pcieport 0000:00:1c.0: AER: Correctable error message received from 0000:02:00.0"
    assert fold(other) == []
    assert fold("pcieport 0000:00:1c.0: pciehp: Slot(2): Link Down") == []
    assert fold("DMAR: [DMA Read] Request device [02:00.0] fault addr 0x1") == []


def test_a_planned_reset_alarms_nobody() -> None:
    lines = [
        f"{P0}PCI Sync FW Update Reset Ack. Device reset is expected.",
        f"{P0}Sync Reset now. Device is going to reset.",
        f"{N0}Link down",
        f"{P0}Fatal error 4 detected",
        f"{P0}firmware version: 28.41.1002",
        f"{N0}Link up",
    ]
    found = fold(*lines)
    assert {one.severity for one in found} == {NOTE}
    reset = next(one for one in found if one.kind is IncidentKind.RESET)
    assert (reset.tick, reset.until) == (1.0, 5.0)
    down = next(one for one in found if one.kind is IncidentKind.LINK_DOWN)
    assert down.until is not None
    late = fold(*lines, f"+61 {N0}Link down")
    assert late[-1].severity is WARNING
    aborted = fold(lines[0], f"{P0}PCI Sync FW Update Reset Aborted.")
    assert [one.until for one in aborted] == [2.0]


def test_a_transmit_timeout_is_one_incident_from_the_watchdog_to_the_lost_interrupt() -> None:
    lines = [
        f"{N0}NETDEV WATCHDOG: CPU: 4: transmit queue 9 timed out 15520 ms",
        f"{N0}TX timeout detected",
        f"{N0}TX timeout on queue: 9, SQ: 0x8a, CQ: 0x88, SQ Cons: 0x1 SQ Prod: 0x9, usecs since",
        f"{N0}EQ 0x9: Cons = 0x12, irqn = 0x55",
    ]
    one = only(*lines)
    assert (one.kind, one.severity, one.times) == (IncidentKind.QUEUE, WARNING, 1)
    assert one.ifname == "ens8f0np0"
    assert only(*lines, f"{N0}Recovered 3 eqes on EQ 0x9").until == 5.0
    dead = f"{N0}mlx5e_safe_reopen_channels failed recovering from a tx_timeout, err(-5)."
    assert only(*lines, dead).severity is CRITICAL


@pytest.mark.parametrize(("apart", "severity"), [(1200, CRITICAL), (1201, WARNING)])
def test_more_than_three_transmit_timeouts_in_an_hour_are_critical(
    apart: int, severity: Severity
) -> None:
    timeout = f"{N0}TX timeout detected"
    assert only(timeout, *[f"+{apart} {timeout}"] * 3).severity is severity


def test_the_watchdog_of_old_kernels_names_device_and_driver() -> None:
    one = only("NETDEV WATCHDOG: ens8f1np1 (mlx5_core): transmit queue 2 timed out")
    assert (one.ifname, one.device) == ("ens8f1np1", f"{CARD}.1")
    assert fold("NETDEV WATCHDOG: eth0 (r8169): transmit queue 0 timed out") == []


def test_a_command_without_answer_ends_with_a_late_one_but_not_with_a_leak() -> None:
    late = f"{P0}cmd[4]: CREATE_CQ(0x400) No done completion"
    found = f"{P0}cmd[4]: CREATE_CQ(0x400) recovered after timeout"
    leak = f"{P0}CREATE_CQ(0x400) timeout. Will cause a leak of a command resource"
    assert only(late).severity is WARNING
    over = only(late, found)
    assert (over.severity, over.until) == (WARNING, 2.0)
    lost = only(late, leak, found)
    assert (lost.severity, lost.until) == (CRITICAL, None)
    assert "can no longer be managed" in lost.text
    assert only(late, leak, f"{P0}firmware version: 28.41.1000").until == 3.0


def test_a_reset_of_mlx4_is_one_incident() -> None:
    lines = [
        f"{M4}Internal error detected:",
        f"{M4}  buf[00]: 00000001",
        f"{M4}device is going to be reset",
        f"{M4}device was reset successfully",
    ]
    one = only(*lines)
    assert (one.severity, one.until, one.times) == (CRITICAL, None, 1)
    assert one.text == "internal error of the card"
    assert only(*lines, f"{M4}mlx4_restart_one was ended, ret=0").until == 5.0
    assert only(*lines, f"{M4}mlx4_restart_one was ended, ret=-5").until is None


def test_a_link_that_flaps_is_one_incident_with_a_count() -> None:
    up, down = f"{N0}Link up", f"{N0}Link down"
    flapping = fold(up, down, up, down, up, f"+59 {down}")
    one = next(one for one in flapping if one.kind is IncidentKind.LINK_DOWN)
    assert (one.times, one.until, one.severity) == (3, None, WARNING)
    ups = [one for one in flapping if one.kind is IncidentKind.LINK_UP]
    assert [one.times for one in ups] == [3]
    two = [one for one in fold(up, down, up, f"+61 {down}") if one.severity is WARNING]
    assert [one.until for one in two] == [3.0, None]


def test_a_link_without_carrier_right_after_the_start_is_a_note() -> None:
    start = f"{N0}renamed from eth0"
    assert fold(start, f"{N0}Link down")[-1].severity is NOTE
    assert only(start, f"{N0}Link up", f"{N0}Link down").severity is WARNING
    assert only(start, f"+61 {N0}Link down").severity is WARNING


def test_a_module_ends_its_own_faults_only() -> None:
    fault = f"{P0}Port module event[error]: module 2, Cable error, Power budget exceeded"
    assert only(fault, f"{P0}Port module event: module 3, Cable plugged").until is None
    assert only(fault, f"{P0}Port module event: module 2, Cable plugged").until == 2.0


@pytest.mark.parametrize(("before", "severity"), [(11, NOTE), (10, WARNING)])
def test_a_module_pulled_from_a_port_that_is_down_is_a_note(
    before: int, severity: Severity
) -> None:
    lines = (f"{N0}Link down", f"+{before} {P0}Port module event: module 0, Cable unplugged")
    assert fold(*lines)[-1].severity is severity


def test_power_is_short_until_there_is_enough_and_never_where_the_card_is_soldered() -> None:
    short = f"{P0}Detected insufficient power on the PCIe slot (31W)."
    assert only(short, short.replace(P0, P1)).times == 1
    enough = only(short, f"{P1}PCIe slot advertised sufficient power (75W).")
    assert enough.until == 2.0
    (usual,) = fold(short, places=OneCard(soldered=True))
    assert usual.severity is NOTE
    assert "soldered" in usual.text


def test_names_lead_to_the_function() -> None:
    rdma = only("infiniband mlx5_6: Couldn't open port 1")
    assert (rdma.rdma, rdma.device) == ("mlx5_6", f"{CARD}.0")
    sub = only("mlx5_core mlx5_core.sf.4: firmware_x:1:(pid 1): Failed to create async EQs")
    assert (sub.ifname, sub.device) == (None, f"{CARD}.1")
    known = fold(f"{N0}Link up", "ens8f0np0: hw csum failure")
    assert known[-1].device == f"{CARD}.0"


def test_a_bond_without_a_member_of_ours_is_none_of_ours() -> None:
    down = "now running without any active interface!"
    assert fold(f"bond7: {down}") == []
    slave = "bond7: (slave ens8f1np1): link status definitely down, disabling slave"
    found = fold(slave, f"bond7: {down}")
    assert [one.severity for one in found] == [WARNING, CRITICAL]
    up = "bond7: (slave ens8f1np1): link status definitely up, 100000 Mbps full duplex"
    assert [one.until for one in fold(slave, f"bond7: {down}", up)][:2] == [3.0, 3.0]


def test_lines_that_the_kernel_left_out_are_counted_where_they_belong() -> None:
    refused = (
        f"{P0}mlx5_cmd_out_err:808:(pid 9): CREATE_QP(0x500) op_mod(0x0) failed, status"
        " no resources(0xf), syndrome (0x5), err(-12)"
    )
    found = fold(refused, "mlx5_cmd_out_err: 30 callbacks suppressed")
    assert [(one.kind, one.times) for one in found] == [
        (IncidentKind.COMMAND, 31),
        (IncidentKind.LOST, 30),
    ]


def test_an_internal_error_of_commands_is_critical_when_it_repeats() -> None:
    refused = (
        f"{P0}mlx5_cmd_out_err:808:(pid 9): CREATE_QP(0x500) op_mod(0x0) failed, status"
        " internal error(0x1), syndrome (0x5), err(-5)"
    )
    assert only(refused, refused).severity is WARNING
    assert only(refused, refused, refused).severity is CRITICAL


def test_what_is_harmless_stays_harmless_however_often_it_is_told() -> None:
    asked = f"{P0}ACCESS_REG(0x805) op_mod(0x1) failed, status internal error(0x1), syndrome (0x7)"
    lack = f"{P0}CREATE_TIR(0x900) op_mod(0x0) failed, status bad parameter(0x3), syndrome (0x7)"
    assert [one.severity for one in fold(*[asked] * 9, *[lack] * 9)] == [NOTE, NOTE]
    full = f"{P0}CREATE_QP(0x500) op_mod(0x0) failed, status limits exceeded(0x8), syndrome (0x7)"
    assert only(*[full] * 9).severity is WARNING


def test_a_stuck_core_is_ours_where_the_backtrace_says_so() -> None:
    stuck = "watchdog: BUG: soft lockup - CPU#2 stuck for 23s! [ksoftirqd/2:20]"
    assert fold(stuck, " ? ext4_writepages+0x1/0x2") == []
    assert only(stuck, " ? mlx5e_napi_poll+0x1b2/0x7a0 [mlx5_core]").severity is CRITICAL
    assert fold(stuck, "+6 mlx5e_napi_poll+0x1") == []
    assert fold(stuck, "Modules linked in: mlx5_ib mlx5_core(OE) nvme mlxfw") == []
    assert only(stuck, "RIP: 0010:mlx4_en_poll_rx_cq+0x9/0x80").details["driver"] == "mlx4"


def test_a_memory_window_is_missing_until_it_was_assigned() -> None:
    lines = (f"pci {CARD}.0: BAR 0: no space for [mem size 0x00800000 64bit pref]",)
    assert only(*lines).text == "no memory window for BAR 0"
    assert only(*lines).until is None
    given = (*lines, f"pci {CARD}.0: BAR 0: assigned [mem 0x383ffe000000-0x383ffe7fffff]")
    assert only(*given).until is not None
    assert fold(f"pci {CARD}.0: BAR 7: failed to assign [mem size 0x1000 64bit pref]") == []


def test_what_the_bios_tells_has_the_severity_of_the_line_before() -> None:
    device = f"{{4}}[Hardware Error]:   device_id: {CARD}.0"
    assert only(device).severity is WARNING
    assert only("{4}[Hardware Error]: event severity: fatal", device).severity is CRITICAL
    assert fold("{4}[Hardware Error]: event severity: corrected", device)[-1].severity is NOTE


def test_an_event_without_an_end_is_over_after_a_day_and_a_state_never() -> None:
    cq, power = f"{P0}CQ error on CQN 0x9, syndrome 0x1", f"{P0}retraining failed"
    young = fold(cq, power, now=1.0 + AGE_S)
    assert [one.until for one in young] == [None, None]
    old = fold(cq, power, now=1.5 + AGE_S)
    assert [one.until for one in old] == [1.0, None]


def test_a_state_that_comes_back_soon_is_the_same_incident() -> None:
    bad, good = f"{P0}health recovery failed", f"{P0}health recovery succeeded"
    assert only(bad, good, f"+{REOPEN_S:.0f} {bad}").until is None
    two = fold(bad, good, f"+{REOPEN_S + 1:.0f} {bad}")
    assert [one.until for one in two] == [2.0, None]


def test_an_incident_that_did_not_change_is_not_told_again() -> None:
    one = IncidentFold(OneCard())
    line = read_line(f"{P0}Fatal error 3 detected", 1.0)
    assert line is not None
    one.add(line)
    (first,) = one.take(1.0)
    assert one.take(2.0) == ()
    one.add(line)
    (second,) = one.take(3.0)
    assert (second.key, second.times) == (first.key, 2)


def test_a_flood_of_different_incidents_is_bounded() -> None:
    refused = "op_mod(0x0) failed, status bad parameter(0x3), syndrome (0x5), err(-22)"
    lines = [f"{P0}OPERATION_{number}(0x500) {refused}" for number in range(200)]
    assert len(fold(*lines)) == MOST_OF_A_CAUSE
