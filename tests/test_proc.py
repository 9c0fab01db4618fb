"""Processes and their options."""

from mlxtop.sources.kernel.proc import Process, option
from mlxtop.sources.kernel.tcp import (
    iperf3_ports,
)


def test_options_are_found_in_every_spelling() -> None:
    assert option(("iperf3", "-p5202"), "p", "port") == "5202"
    assert option(("iperf3", "--port=5203"), "p", "port") == "5203"
    assert option(("iperf3", "--port", "5204"), "p", "port") == "5204"
    assert option(("iperf3", "-p"), "p", "port") is None
    assert iperf3_ports([Process(1, "iperf3", ("iperf3", "-c", "x"))]) == {5201}
