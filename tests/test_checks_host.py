"""Processor clock and kernel settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.tuning import HostTuning
from tests.cases import CARD, FUNCTION, GOOD, GOOD_HOST, NOTE, host, only, report, run, unknown
from tests.situations import ethernet

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
    found = only(run("kernel settings", host=host))
    assert found.evidence.startswith(f"{key} = {value}")
    assert f"sysctl -w {key}=" in found.advice


@pytest.mark.parametrize("qdisc", ["fq", "fq_codel", "pfifo_fast"])
@pytest.mark.parametrize("control", ["cubic", "bbr"])
def test_ordinary_queueing_is_no_finding(qdisc: str, control: str) -> None:
    usual = host(net__core__default_qdisc=qdisc, net__ipv4__tcp_congestion_control=control)
    assert run(QUEUEING, host=usual) == []


def test_a_single_queue_or_old_congestion_control_is_a_note_on_a_fast_link() -> None:
    odd = host(net__core__default_qdisc="pfifo", net__ipv4__tcp_congestion_control="cubic")
    assert "default_qdisc = pfifo" in only(run(QUEUEING, host=odd)).evidence
    old = host(net__core__default_qdisc="fq", net__ipv4__tcp_congestion_control="reno")
    found = only(run(QUEUEING, host=old))
    assert found.severity is NOTE
    assert "tcp_congestion_control = reno" in found.evidence
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
