"""Cards without power or driver, and changes that wait for a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import Case
from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType, Pending, StoredConfig
from tests.cases import CARD, CRITICAL, FUNCTION, GOOD, GOOD_HOST, NOTE, ask, only, run, unknown
from tests.situations import frame_of, infiniband


def test_a_card_that_reads_as_all_ones_is_dead() -> None:
    finding = only(run("cards answer and have a driver", dead=frozenset({"0000:43:00.0"})))
    assert finding.severity is CRITICAL
    assert "12 V" in finding.advice
    assert "clock gating" in finding.advice


@pytest.mark.parametrize(
    ("driver", "state", "severity", "advice"),
    [
        (None, "no driver is bound to it", CRITICAL, "modprobe mlx4_core"),
        ("vfio-pci", "passed through", NOTE, "virtual machine"),
        ("mlx4_core", "no network or RDMA device", CRITICAL, "modprobe mlx4_ib"),
    ],
)
def test_a_card_without_ports_says_what_to_try(
    driver: str | None, state: str, severity: Severity, advice: str
) -> None:
    card = CARD._replace(
        family="ConnectX-3",
        functions=(FUNCTION._replace(driver=driver),),
        ports=(),
        state=state,
    )
    finding = only(run("cards answer and have a driver", replace(GOOD, adapter=card)))
    assert finding.severity is severity
    assert advice in finding.advice


def test_without_any_card_nothing_can_be_told() -> None:
    frame, _ = frame_of(GOOD)
    empty = frame._replace(ports={}, sample=frame.sample._replace(adapters=()))
    finding = unknown(ask("cards answer and have a driver", Case(empty, ())))
    assert "rescan" in finding.reason


def test_an_infiniband_port_without_ipoib_carries_no_ip() -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32)
    situation = replace(GOOD, link=link)
    host = replace(GOOD_HOST, modules=frozenset({"mlx4_ib"}))
    finding = only(run("ports have network devices", situation, netdev=None, host=host))
    assert finding.advice.startswith("modprobe ib_ipoib")
    assert run("ports have network devices", situation, netdev=None) == []
    assert run("ports have network devices", situation, host=host) == []


def test_firmware_in_flash_that_does_not_run_is_told() -> None:
    card = CARD._replace(firmware_stored="12.28.4512")
    finding = only(run("firmware in flash is the running one", replace(GOOD, adapter=card)))
    assert "12.28.4512" in finding.evidence
    card = CARD._replace(firmware_stored=None, absent={"firmware_stored": "mlx4 does not tell"})
    answer = unknown(run("firmware in flash is the running one", replace(GOOD, adapter=card)))
    assert answer.reason == "mlx4 does not tell"


def test_a_link_type_that_waits_for_a_restart_is_told() -> None:
    port = PortId("0000:43:00.0", 1)
    check = "no link type is pending"
    assert run(check, stored=StoredConfig({port: Pending(LinkType.IB, LinkType.IB)})) == []
    finding = only(run(check, stored=StoredConfig({port: Pending(LinkType.IB, LinkType.ETH)})))
    assert "InfiniBand now, Ethernet after" in finding.evidence
