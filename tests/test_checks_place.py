"""Programs that measure, on cores near the card or far from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.tuning import LoadProgram
from tests.cases import (
    CARD,
    FUNCTION,
    GOOD,
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

PLACE = "cores of test programs"


def program(*words: str, cpus: tuple[int, ...] | None = (0, 1)) -> LoadProgram:
    return LoadProgram(4711, words[0], words, cpus)


def test_a_test_program_bound_to_the_other_node_is_a_note() -> None:
    found = only(run(PLACE, host=host(program("iperf3", "-c", "10.0.0.3"))))
    assert found.severity is NOTE
    assert (
        "iperf3 (PID 4711) may run on cores 0-1 only, the card is at cores 8-15" in found.evidence
    )
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
    assert "no iperf3" in next(iter(ask(PLACE, case(idle)))).missing  # type: ignore[union-attr]


def test_cores_that_cannot_be_read_are_told() -> None:
    told = unknown(run(PLACE, host=host(program("iperf3", cpus=None))))
    assert told.reason == "/proc/4711/status does not tell them"


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
