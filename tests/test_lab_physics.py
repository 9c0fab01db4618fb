"""The figures that users have published come out of the model, and heat does what heat does."""

import itertools
import json
from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.system.door import KernelRecord, Question

STOP = Event()


def measured(name: str, host: str, *options: str) -> float:
    """Gb/s that iperf3 receives over 20 s after 2 s of warming up."""
    system = load_lab(name, ManualClock())
    system.wait(10, STOP)
    done = system.run(["iperf3", "-c", host, "-J", "-t", "20", "-O", "2", *options], timeout=60)
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e9


def rdma(name: str, host: str, *options: str) -> float:
    """Gb/s of ib_write_bw."""
    system = load_lab(name, ManualClock())
    argv = ["ib_write_bw", "-D", "20", "--report_gbits", *options, host]
    row = system.run(argv, timeout=60).stdout.splitlines()[-2]
    return float(row.split()[3])


@pytest.mark.parametrize(
    ("name", "host", "options", "gbps"),
    [
        ("pacu", "10.0.0.3", ("-P", "4"), 46.0),
        ("fry", "10.0.0.2", ("-P", "4"), 46.0),
        ("pacu-x16", "10.0.0.3", ("-P", "8"), 93.0),
        ("fry-x16", "10.0.0.2", ("-P", "8"), 93.0),
        ("tiny", "10.40.0.1", ("-P", "4"), 20.0),
        ("odroid", "10.10.10.21", (), 11.1),
        ("odroid", "10.10.10.21", ("-R",), 14.4),
    ],
)
def test_published_tcp_figures_come_out(
    name: str, host: str, options: tuple[str, ...], gbps: float
) -> None:
    assert measured(name, host, *options) == pytest.approx(gbps, rel=0.05)


@pytest.mark.parametrize(
    ("streams", "share"), [(1, 0.70), (8, 0.96)], ids=["a core is full", "PCIe-bound"]
)
def test_small_packets_cost_the_cores_more(streams: int, share: float) -> None:
    rates = {}
    for mtu in (1500, 9000):
        system = load_lab("pacu", ManualClock())
        done = system.run(["ip", "link", "set", "enp67s0np0", "mtu", str(mtu)], change=True)
        assert done.status == 0, done
        argv = ["iperf3", "-c", "10.0.0.3", "-J", "-t", "5", "-O", "2", "-P", str(streams)]
        found = json.loads(system.run(argv, timeout=60).stdout)
        rates[mtu] = found["end"]["sum_received"]["bits_per_second"]
    assert rates[1500] == pytest.approx(share * rates[9000], rel=0.08)


def test_published_rdma_figure_comes_out() -> None:
    assert rdma("tiny", "10.40.0.1") == pytest.approx(25.3, rel=0.05)


def test_more_streams_meet_the_limit_of_pcie_and_the_card_says_so() -> None:
    assert measured("pacu", "10.0.0.3", "-P", "8") == pytest.approx(57.6 * 0.97, rel=0.05)
    system = load_lab("pacu", ManualClock())
    seen = []
    system.stream(
        ["iperf3", "-c", "10.0.0.3", "-P", "8", "-t", "3", "--json-stream"],
        lambda line: seen.append(stalled(system)),
        STOP,
    )
    assert max(seen) > 10


def stalled(system: LabSystem) -> int:
    table = system.ask(Question.DRIVER_STATISTICS, "enp67s0np0")
    return int(table["values"][table["names"].index("outbound_pci_stalled_rd")])


def heated(
    name: str, host: str, streams: int, *, seconds: int = 60, seed: int = 0, airflow: float = 0.0
) -> tuple[LabSystem, dict[int, tuple[float, float]]]:
    """A loaded machine, and ASIC and module degrees by second of the load."""
    system = load_lab(name, ManualClock(), seed)
    system.wait(10, STOP)
    system.read("/proc/uptime")
    if airflow:
        system.world.heats[0].airflow = airflow
    begin = system.now()
    found = {}

    def look(_: str) -> None:
        heat = system.world.heats[0]
        found[round(system.now() - begin)] = heat.asic.celsius, heat.modules[0].celsius

    argv = ["iperf3", "-c", host, "-P", str(streams), "-t", str(seconds), "--json-stream"]
    system.stream(argv, look, STOP)
    return system, found


def log(system: LabSystem) -> list[KernelRecord]:
    return [record for record in system.world.records if record.seconds > system.world.spec.uptime]


def test_bad_airflow_gives_69_and_100_degrees_after_18_seconds_and_rising() -> None:
    _, found = heated("fry", "10.0.0.2", 4)
    asic, module = found[18]
    assert module == pytest.approx(69, rel=0.05)
    assert asic == pytest.approx(100, rel=0.05)
    assert found[24][0] > asic
    assert found[24][1] > module
    assert found[60][1] > 80


def test_the_fan_profile_holds_64_and_78_degrees_at_93_gigabits() -> None:
    _, found = heated("fry-x16", "10.0.0.2", 8, seconds=120)
    asic, module = found[120]
    assert module == pytest.approx(64, rel=0.05)
    assert asic == pytest.approx(78, rel=0.05)


@pytest.mark.parametrize("seed", range(0, 40, 8))
def test_every_fry_passes_80_degrees_within_a_minute_and_no_pacu_gets_warm(seed: int) -> None:
    _, found = heated("fry", "10.0.0.2", 4, seed=seed)
    assert found[60][1] > 80
    assert max(module for _, module in found.values()) < 85
    _, found = heated("pacu", "10.0.0.3", 4, seed=seed)
    assert max(module for _, module in found.values()) < 55
    assert max(asic for asic, _ in found.values()) < 70


def test_a_module_over_its_limit_takes_itself_and_the_link_down_and_the_driver_says_why() -> None:
    system, found = heated("fry-x16", "10.0.0.2", 8, airflow=0.4)
    assert max(module for _, module in found.values()) > 83
    texts = [record.text for record in log(system)]
    assert any(
        text.endswith("Port module event[error]: module 0, Cable error, High Temperature")
        for text in texts
    )
    assert texts[-1] == "mlx5_core 0000:43:00.0 enp67s0np0: Link down"
    assert system.read("/sys/class/net/enp67s0np0/carrier") == b"0\n"
    assert system.ask(Question.LINK_STATE, "enp67s0np0")["extended"] == 9
    assert [event.name for event in system.world.happened] == ["enp67s0np0"]


def test_no_single_exponential_describes_the_warm_up() -> None:
    _, found = heated("fry", "10.0.0.2", 4)
    module = [found[second][1] for second in (10, 20, 30, 40, 50, 60)]
    gains = [after - before for before, after in itertools.pairwise(module)]
    ratios = [after / before for before, after in itertools.pairwise(gains)]
    assert max(ratios) - min(ratios) > 0.02


def test_a_link_of_ceph_dies_in_the_second_minute() -> None:
    system = load_lab("ceph", ManualClock())
    system.wait(60, STOP)
    assert system.read("/sys/class/net/enp3s0d1/operstate") == b"up\n"
    system.wait(60, STOP)
    assert system.read("/sys/class/net/enp3s0d1/operstate") == b"down\n"
    assert system.read("/sys/class/net/enp3s0/operstate") == b"up\n"
    assert [record.text for record in log(system)] == ["mlx4_en: enp3s0d1: Link Down"]


def test_congestion_marks_slow_the_sender_and_are_answered() -> None:
    system = load_lab("dgx", ManualClock())
    system.wait(40, STOP)
    hw = "/sys/class/infiniband/mlx5_100/ports/1/hw_counters"
    counts = [
        int(system.read(f"{hw}/{name}"))
        for name in ("np_ecn_marked_roce_packets", "np_cnp_sent", "rp_cnp_handled")
    ]
    assert min(counts) > 0
    table = system.ask(Question.DRIVER_STATISTICS, "enp48s0f0np0")
    values = dict(zip(table["names"], table["values"], strict=True))
    assert values["rx_prio3_pause"] > 0
    assert "rx_global_pause" not in values


def test_the_busy_cores_are_those_of_the_cards_node() -> None:
    system = load_lab("pacu", ManualClock())
    system.wait(20, STOP)
    system.cpu()
    system.wait(5, STOP)
    busy = system.cpu()
    assert len(busy) == 32
    assert {core for core, percent in enumerate(busy) if percent > 90} == {1, 5, 9, 13}
    assert max(busy[0::2]) < 5


def test_infiniband_cuts_large_packets_of_ipoib() -> None:
    system = load_lab("odroid", ManualClock())
    stats, counters = (
        "/sys/class/net/ib0/statistics",
        "/sys/class/infiniband/mlx4_0/ports/1/counters",
    )
    before = [
        int(system.read(path)) for path in (f"{stats}/tx_packets", f"{counters}/port_xmit_packets")
    ]
    system.wait(20, STOP)
    after = [
        int(system.read(path)) for path in (f"{stats}/tx_packets", f"{counters}/port_xmit_packets")
    ]
    assert (after[1] - before[1]) / (after[0] - before[0]) > 25


@pytest.mark.parametrize(("seconds", "quiet"), [(10, 35.0), (50, 50.0)])
def test_a_card_is_left_alone_after_a_measurement_for_as_long_as_it_took(
    seconds: int, quiet: float
) -> None:
    system = load_lab("fry", ManualClock())
    system.wait(25, STOP)
    port = system.world.port("enp67s0np0")
    assert port is not None

    def sent() -> float:
        system.read("/proc/uptime")
        return sum(flow.rate[1] for flow in port.flows)

    assert sent() > 40e9, "the machine's own traffic"
    system.run(["iperf3", "-c", "10.0.0.2", "-P", "4", "-t", str(seconds)], timeout=90)
    assert system.world.programme.rests("enp67s0np0")
    system.wait(quiet - 2.0, STOP)
    assert sent() < 1e6 and system.world.programme.rests("enp67s0np0")
    system.wait(4.0, STOP)
    system.read("/proc/uptime")
    assert not system.world.programme.rests("enp67s0np0")
