"""Simulated machines answer like the real ones, and the same seed gives the same history."""

import errno
from pathlib import Path
from threading import Event

import pytest

from mlxtop import lab
from mlxtop.lab import MACHINES, LabSystem, ManualClock, load_lab
from mlxtop.sampler.discover import discover
from mlxtop.system.door import Question

SUBCOMMANDS = {"path", "capture", "doctor", "link-type", "load", "runs", "log", "list"}


@pytest.fixture
def pacu() -> LabSystem:
    return load_lab("pacu", ManualClock())


def text_of(system: LabSystem, path: str) -> str:
    return system.read(path).decode().strip()


def test_no_machine_is_called_like_a_subcommand() -> None:
    assert not SUBCOMMANDS & set(MACHINES)


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_starts_and_is_marked_demo(name: str) -> None:
    system = load_lab(name, ManualClock())
    assert system.demo
    assert not system.captured
    assert system.complaints == []
    assert system.list("/sys/class/net")


@pytest.mark.quick("pacu", "ceph", "aging", "hdr")
@pytest.mark.parametrize("name", MACHINES)
def test_every_link_of_a_machine_leads_somewhere(name: str) -> None:
    system = load_lab(name, ManualClock())
    broken = []
    todo = ["/sys", "/proc"]
    while todo:
        directory = todo.pop()
        for child in system.list(directory):
            path = f"{directory}/{child}"
            try:
                target = system.link(path)
            except OSError:
                try:
                    system.list(path)
                    todo.append(path)
                except OSError:
                    pass
                continue
            try:
                system.real(path)
            except OSError:
                broken.append((path, target))
    namespaces = [path for path, _ in broken if path.startswith("/proc/self/ns/")]
    assert [path for path, _ in broken] == namespaces, "which lead to no path on any machine"


def test_the_card_is_found_the_way_the_kernel_shows_it(pacu: LabSystem) -> None:
    function = "/sys/bus/pci/devices/0000:43:00.0"
    assert text_of(pacu, f"{function}/vendor") == "0x15b3"
    assert text_of(pacu, f"{function}/class") == "0x020000"
    assert pacu.real(function) == "/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0"
    assert pacu.real(f"{function}/driver") == "/sys/bus/pci/drivers/mlx5_core"
    assert text_of(pacu, "/sys/devices/pci0000:40/0000:40:03.0/current_link_width") == "8"
    assert text_of(pacu, "/sys/class/infiniband/mlx5_0/board_id") == "MT_2180110032"
    assert pacu.list(f"{function}/net") == ["enp67s0np0"]


def test_the_wire_carries_kernel_and_rdma_traffic_and_four_bytes_a_frame(pacu: LabSystem) -> None:
    stop = Event()
    for _ in range(13):
        pacu.wait(10.37, stop)
        mac = pacu.ask(Question.MAC_STATISTICS, "enp67s0np0")
        driver = pacu.ask(Question.DRIVER_STATISTICS, "enp67s0np0")
        table = dict(zip(driver["names"], driver["values"], strict=True))
        kernel = int(text_of(pacu, "/sys/class/net/enp67s0np0/statistics/tx_bytes"))
        assert mac["OctetsTransmittedOK"] == table["tx_bytes_phy"]
        assert mac["OctetsTransmittedOK"] == (
            kernel + table["tx_vport_rdma_unicast_bytes"] + 4 * mac["FramesTransmittedOK"]
        )
        words = int(text_of(pacu, "/sys/class/infiniband/mlx5_0/ports/1/counters/port_xmit_data"))
        assert words == table["tx_vport_rdma_unicast_bytes"] // 4
        assert sum(table[f"tx_prio{n}_bytes"] for n in range(8)) == table["tx_bytes_phy"]


def test_the_same_seed_gives_the_same_history_however_often_it_is_looked_at() -> None:
    often, once = (load_lab("pacu", ManualClock(), seed=3) for _ in range(2))
    stop = Event()
    for _ in range(301):
        often.wait(0.3, stop)
        often.ask(Question.MAC_STATISTICS, "enp67s0np0")
    once.wait(often.clock.now(), stop)
    for question in (Question.MAC_STATISTICS, Question.DRIVER_STATISTICS, Question.MODULE_EEPROM):
        assert often.ask(question, "enp67s0np0") == once.ask(question, "enp67s0np0")


def test_another_seed_gives_another_history() -> None:
    clock = ManualClock()
    one, other = (load_lab("pacu", clock, seed=seed) for seed in (1, 2))
    clock.wait(60, Event())
    assert one.ask(Question.LINK_COUNTERS) != other.ask(Question.LINK_COUNTERS)


def test_counters_move_between_two_readings_a_tenth_of_a_second_apart(pacu: LabSystem) -> None:
    stop = Event()
    pacu.wait(5, stop)
    before = pacu.ask(Question.MAC_STATISTICS, "enp67s0np0")["OctetsTransmittedOK"]
    for _ in range(20):
        pacu.wait(0.1, stop)
        now = pacu.ask(Question.MAC_STATISTICS, "enp67s0np0")["OctetsTransmittedOK"]
        assert 40e9 / 80 < now - before < 50e9 / 80
        before = now


def test_an_unknown_device_is_no_device(pacu: LabSystem) -> None:
    with pytest.raises(OSError) as caught:
        pacu.ask(Question.MAC_STATISTICS, "eth9")
    assert caught.value.errno == errno.ENODEV
    with pytest.raises(OSError) as caught:
        pacu.ask(Question.FEC, "eno1")
    assert caught.value.errno == errno.EOPNOTSUPP


def test_names_of_the_driver_statistics_stay_the_same_object(pacu: LabSystem) -> None:
    first, second = (pacu.ask(Question.DRIVER_STATISTICS, "enp67s0np0") for _ in range(2))
    assert first["names"] is second["names"]


def test_the_kernel_log_has_the_pcie_line_of_the_slot(pacu: LabSystem) -> None:
    stop = Event()
    lines = []
    for record in pacu.kernel_log(stop):
        lines.append((record.device, record.text))
        if "Link up" in record.text:
            stop.set()
    assert (
        "0000:43:00.0",
        "mlx5_core 0000:43:00.0: 63.008 Gb/s available PCIe bandwidth, limited by "
        "8.0 GT/s PCIe x8 link at 0000:40:03.0 (capable of 126.016 Gb/s with "
        "8.0 GT/s PCIe x16 link)",
    ) in lines


def test_the_machine_that_contributing_shows_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
    example = text.partition("```\nmlxtop capture 1\n")[2].partition("```")[0]
    (tmp_path / "desk.txt").write_text(f"mlxtop capture 1\n{example}")
    monkeypatch.setattr(lab, "MACHINE_FILES", tmp_path)
    monkeypatch.setattr(lab, "MACHINES", lab.machine_list())
    assert lab.MACHINES == {"desk": "ConnectX-5 in a desktop, Gen3 x4 behind the chipset"}
    system = load_lab("desk", ManualClock())
    inventory = discover(system)
    assert [port.netdev for port in inventory.ports] == ["enp5s0np0"]
    system.wait(50, Event())
    assert text_of(system, "/sys/class/net/enp5s0np0/operstate") == "down"
