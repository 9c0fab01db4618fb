"""Checks of the host beside the cards: test programs, queueing, settings that are only read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Nothing, Setting
from mlxtop.doctor.checks import CHECKS
from mlxtop.model.tuning import HostTuning, LoadProgram, PciControl
from tests.cases import (
    CARD,
    FUNCTION,
    GOOD,
    GOOD_HOST,
    GOOD_PORT,
    NOTE,
    case,
    only,
    report,
    run,
    unknown,
)
from tests.situations import ethernet

PLACE = "cores of test programs"
QUEUEING = "queueing and congestion control"


def host(*programs: LoadProgram, **sysctls: str) -> HostTuning:
    named = {key.replace("__", "."): value for key, value in sysctls.items()}
    return replace(GOOD_HOST, programs=programs, sysctls={**GOOD_HOST.sysctls, **named})


def program(*words: str, cpus: tuple[int, ...] | None = (0, 1)) -> LoadProgram:
    return LoadProgram(4711, words[0], words, cpus)


def test_a_test_program_bound_to_the_other_node_is_a_note() -> None:
    found = only(run(PLACE, host=host(program("iperf3", "-c", "10.0.0.3"))))
    assert found.severity is NOTE
    assert "iperf3 (PID 4711) may run on cores 0-1 only, the card is at cores 8-15" in found.seen
    assert found.advice.startswith("taskset -acp 8-15 4711, or")
    assert "numactl --cpunodebind=1 --membind=1" in found.advice


@pytest.mark.parametrize("cpus", [(8, 9), (0, 8), tuple(range(16))])
def test_a_test_program_that_may_run_on_the_cards_node_is_fine(cpus: tuple[int, ...]) -> None:
    assert run(PLACE, host=host(program("iperf3", "-s", cpus=cpus))) == []
    assert PLACE in report(host=host(program("iperf3", "-s", cpus=cpus))).fine


def test_on_one_node_every_core_is_as_good() -> None:
    alone = replace(GOOD, adapter=CARD._replace(functions=(FUNCTION._replace(numa_node=None),)))
    assert run(PLACE, alone, host=host(program("iperf3", "-s"))) == []


def test_a_test_program_belongs_to_the_port_that_its_command_names() -> None:
    idle = replace(GOOD, rx=0.0)
    assert run(PLACE, idle, host=host(program("iperf3", "-s"))) == []
    assert only(run(PLACE, idle, host=host(program("iperf3", "-c", "fry", "--bind-dev", "p1"))))
    assert only(run(PLACE, idle, host=host(program("iperf3", "-c", "fry", "-B", "10.0.0.2%p1"))))
    assert "no iperf3" in next(iter(CHECKS[PLACE](case(idle)))).missing  # type: ignore[union-attr]


def test_cores_that_cannot_be_read_are_told() -> None:
    told = unknown(run(PLACE, host=host(program("iperf3", cpus=None))))
    assert told.reason == "/proc/4711/status does not tell them"


@pytest.mark.parametrize("qdisc", ["fq", "fq_codel", "pfifo_fast"])
@pytest.mark.parametrize("control", ["cubic", "bbr"])
def test_ordinary_queueing_is_no_finding(qdisc: str, control: str) -> None:
    usual = host(net__core__default_qdisc=qdisc, net__ipv4__tcp_congestion_control=control)
    assert run(QUEUEING, host=usual) == []


def test_a_single_queue_or_old_congestion_control_is_a_note_on_a_fast_link() -> None:
    odd = host(net__core__default_qdisc="pfifo", net__ipv4__tcp_congestion_control="cubic")
    assert "default_qdisc = pfifo" in only(run(QUEUEING, host=odd)).seen
    old = host(net__core__default_qdisc="fq", net__ipv4__tcp_congestion_control="reno")
    found = only(run(QUEUEING, host=old))
    assert found.severity is NOTE
    assert "tcp_congestion_control = reno" in found.seen
    assert run(QUEUEING, replace(GOOD, link=ethernet(10)), host=old) == []
    assert "proc" in unknown(run(QUEUEING, host=HostTuning())).reason


def test_zone_reclaim_matters_only_with_several_nodes() -> None:
    reclaim = host(vm__zone_reclaim_mode="1")
    assert "zone_reclaim_mode = 1" in only(run("kernel settings", host=reclaim)).seen
    everywhere = FUNCTION._replace(numa_node=0, local_cpus="0-15")
    one = replace(GOOD, adapter=CARD._replace(functions=(everywhere,)))
    assert run("kernel settings", one, host=reclaim) == []


def test_settings_of_the_machine_are_shown_and_no_findings() -> None:
    usual = replace(host(kernel__numa_balancing="1", kernel__nmi_watchdog="1"), huge_pages="always")
    seen = report(host=usual)
    assert seen.findings == ()
    (text,) = (setting.text for setting in seen.settings if setting.subject == "host")
    assert text.startswith(
        "transparent huge pages always, numa_balancing 1, zone_reclaim_mode 0, nmi_watchdog 1"
    )
    assert text.endswith("SMT on, irqbalance does not run")
    assert unknown(run("memory and watchdog settings", host=HostTuning())).check


def test_stored_settings_of_a_card_are_shown_or_it_is_told_why_not() -> None:
    name = "stored performance settings"
    stored = {"card": {"CQE_COMPRESSION": "BALANCED(0)", "PCI_WR_ORDERING": "per_mkey(0)"}}
    (setting,) = CHECKS[name](case(stored=stored))
    assert isinstance(setting, Setting)
    assert setting.text == "CQE_COMPRESSION BALANCED(0), PCI_WR_ORDERING per_mkey(0) (mstconfig)"
    told = unknown(run(name, unanswered={"card": "needs root"}))
    assert told.check == "ConnectX-4 at 0000:43:00.0: stored performance settings"
    assert told.reason == "needs root"
    (none,) = CHECKS[name](case())
    assert isinstance(none, Nothing)


def test_read_requests_of_a_function_are_shown_or_it_is_told_why_not() -> None:
    (setting,) = CHECKS["PCIe read requests"](case())
    assert isinstance(setting, Setting)
    assert setting.subject == "0000:43:00.0"
    assert setting.text == "MaxPayload 256, MaxReadReq 512, relaxed ordering on"
    hidden = replace(GOOD_PORT, control=None, absent={"control": "needs root"})
    assert unknown(run("PCIe read requests", GOOD, hidden)).reason == "needs root"


def test_the_register_lines_are_for_the_function_itself() -> None:
    small = replace(GOOD_PORT, control=PciControl(256, 256, 128, True))
    advice = only(run("PCIe packet sizes", GOOD, small)).advice
    assert advice.startswith("setpci -s 0000:43:00.0 CAP_EXP+8.w=5000:7000 ")
    strict = replace(GOOD_PORT, control=PciControl(256, 256, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": 40})
    advice = only(run("PCIe packet sizes", waiting, strict)).advice
    assert advice.startswith("setpci -s 0000:43:00.0 CAP_EXP+8.w=10:10 ")
    assert "mstconfig -d 0000:43:00.0 set PCI_WR_ORDERING=1" in advice
