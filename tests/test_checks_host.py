"""Processor clock, kernel settings, and programs that measure on cores near the card or far."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.tuning import HostTuning, LoadProgram
from tests.cases import (
    CARD,
    FUNCTION,
    GOOD,
    GOOD_HOST,
    NOTE,
    ask,
    case,
    host,
    only,
    report,
    run,
    unknown,
)
from tests.situations import Situation, ethernet

QUEUEING = "queueing and congestion control"


def test_a_slow_governor_is_a_note_on_a_fast_port() -> None:
    host = replace(GOOD_HOST, governors={"powersave": 14, "performance": 2})
    assert "powersave on 14 cores" in only(run("processor clock", host=host)).evidence
    assert run("processor clock", replace(GOOD, link=ethernet(10)), host=host) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net.ipv4.tcp_timestamps", "0"),
        ("net.ipv4.tcp_sack", "0"),
        ("net.ipv4.tcp_low_latency", "1"),
        ("net.ipv4.tcp_rmem", "4096 87380 2097152"),
        ("vm.zone_reclaim_mode", "1"),
    ],
)
def test_settings_of_old_guides_are_flagged(key: str, value: str) -> None:
    host = replace(GOOD_HOST, sysctls={**GOOD_HOST.sysctls, key: value})
    finding = only(run("kernel settings", host=host))
    assert finding.evidence.startswith(f"{key} = {value}")
    assert f"sysctl -w {key}=" in finding.advice


@pytest.mark.parametrize("qdisc", ["fq", "fq_codel", "pfifo_fast"])
@pytest.mark.parametrize("control", ["cubic", "bbr"])
def test_ordinary_queueing_is_no_finding(qdisc: str, control: str) -> None:
    usual = host(net__core__default_qdisc=qdisc, net__ipv4__tcp_congestion_control=control)
    assert run(QUEUEING, host=usual) == []


def test_a_single_queue_or_old_congestion_control_is_a_note_on_a_fast_link() -> None:
    odd = host(net__core__default_qdisc="pfifo", net__ipv4__tcp_congestion_control="cubic")
    assert "default_qdisc = pfifo" in only(run(QUEUEING, host=odd)).evidence
    old = host(net__core__default_qdisc="fq", net__ipv4__tcp_congestion_control="reno")
    finding = only(run(QUEUEING, host=old))
    assert finding.severity is NOTE
    assert "tcp_congestion_control = reno" in finding.evidence
    assert run(QUEUEING, replace(GOOD, link=ethernet(10)), host=old) == []
    assert "proc" in unknown(run(QUEUEING, host=HostTuning())).reason


def test_zone_reclaim_matters_only_with_several_nodes() -> None:
    reclaim = host(vm__zone_reclaim_mode="1")
    assert "zone_reclaim_mode = 1" in only(run("kernel settings", host=reclaim)).evidence
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
    assert unknown(run("memory and watchdog settings", host=HostTuning())).label


@pytest.mark.parametrize(
    ("key", "most", "gbps", "small"),
    [
        ("net.ipv4.tcp_rmem", 4194303, 25, True),
        ("net.ipv4.tcp_rmem", 4194304, 25, False),
        ("net.ipv4.tcp_rmem", 4194303, 24.9, False),
        ("net.ipv4.tcp_wmem", 2097151, 25, True),
        ("net.ipv4.tcp_wmem", 2097152, 25, False),
    ],
)
def test_windows_are_small_for_a_fast_link_below_4_and_2_megabytes(
    key: str, most: int, gbps: float, small: bool
) -> None:
    usual = replace(GOOD_HOST, sysctls={**GOOD_HOST.sysctls, key: f"4096 16384 {most}"})
    findings = run("kernel settings", replace(GOOD, link=ethernet(gbps)), host=usual)
    assert bool(findings) is small


@pytest.mark.parametrize(("cores", "several"), [("0-14", True), ("0-15", False)])
def test_there_are_several_nodes_where_a_core_is_not_on_the_cards(
    cores: str, several: bool
) -> None:
    function = FUNCTION._replace(numa_node=0, local_cpus=cores)
    card = replace(GOOD, adapter=CARD._replace(functions=(function,)))
    findings = run("kernel settings", card, host=host(vm__zone_reclaim_mode="1"))
    assert bool(findings) is several


PLACE = "cores of test programs"


def program(*words: str, cpus: tuple[int, ...] | None = (0, 1)) -> LoadProgram:
    return LoadProgram(4711, words[0], words, cpus)


def test_a_test_program_bound_to_the_other_node_is_a_note() -> None:
    finding = only(run(PLACE, host=host(program("iperf3", "-c", "10.0.0.3"))))
    assert finding.severity is NOTE
    assert (
        "iperf3 (PID 4711) may run on cores 0-1 only, the card is at cores 8-15" in finding.evidence
    )
    assert finding.advice.startswith("taskset -acp 8-15 4711, or")
    assert "numactl --cpunodebind=1 --membind=1" in finding.advice


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
    assert "no iperf3" in next(iter(ask(PLACE, case(idle)))).missing  # type: ignore[union-attr]


def test_cores_that_cannot_be_read_are_told() -> None:
    answer = unknown(run(PLACE, host=host(program("iperf3", cpus=None))))
    assert answer.reason == "/proc/4711/status does not tell them"


@pytest.mark.parametrize(("gbps", "busy"), [(1.99, False), (2.0, True)])
def test_a_port_is_busy_from_two_percent_of_its_line(gbps: float, busy: bool) -> None:
    findings = run(PLACE, replace(GOOD, rx=gbps), host=host(program("iperf3", "-s")))
    assert bool(findings) is busy


@pytest.mark.parametrize(("far", "reported"), [(63, False), (64, True)])
def test_a_program_is_compared_with_64_ports(far: int, reported: bool) -> None:
    """So many ports are far from the cores that it may run on; the next one is near them."""
    near = FUNCTION._replace(address="0000:44:00.0", local_cpus="0-7")
    second = Port(
        PortId("0000:44:00.0", 1), PortKind.PHYSICAL, "mlx5_core", near.address, "card", "p99"
    )
    situation = replace(
        GOOD,
        adapter=CARD._replace(functions=(FUNCTION, near)),
        others=(*[Situation(ethernet(100))] * (far - 1), Situation(ethernet(100), port=second)),
    )
    words = ("iperf3", *(f"p{number}" for number in range(1, far + 1)), "p99")
    assert bool(run(PLACE, situation, host=host(program(*words)))) is reported


def test_a_port_of_unknown_speed_is_not_busy() -> None:
    unmeasured = replace(GOOD, link=ethernet(None))
    assert run(PLACE, unmeasured, host=host(program("iperf3", "-s"))) == []
