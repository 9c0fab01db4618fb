"""Simulated drivers change port types, forget counters and hang as the real ones do."""

import errno
from threading import Event, Thread

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.system.door import DeviceEvent, Question

CARD = "/sys/bus/pci/devices/0000:03:00.0"
STOP = Event()


@pytest.fixture
def ceph() -> LabSystem:
    return load_lab("ceph", ManualClock())


def kinds(system: LabSystem) -> list[str]:
    return [system.read(f"{CARD}/mlx4_port{port}").decode().strip() for port in (1, 2)]


def index(system: LabSystem, netdev: str) -> int:
    return int(system.read(f"/sys/class/net/{netdev}/ifindex"))


@pytest.mark.parametrize("data", [b"eth", b"ib", b"ETH\n", b"eth\n\n", b" ib\n", b"vpi\n", b""])
def test_a_type_without_its_newline_or_with_anything_else_is_invalid(
    ceph: LabSystem, data: bytes
) -> None:
    with pytest.raises(OSError) as caught:
        ceph.write(f"{CARD}/mlx4_port1", data)
    assert caught.value.errno == errno.EINVAL
    assert kinds(ceph) == ["eth", "eth"]


def test_a_new_type_registers_both_ports_anew(ceph: LabSystem) -> None:
    ceph.wait(10, STOP)
    before = index(ceph, "enp3s0d1")
    ceph.write(f"{CARD}/mlx4_port1", b"ib\n")
    ceph.wait(3, STOP)
    assert kinds(ceph) == ["ib", "eth"]
    assert "enp3s0" not in ceph.list("/sys/class/net")
    assert index(ceph, "ib0") > before
    assert index(ceph, "enp3s0d1") > before
    assert int(ceph.read("/sys/class/net/enp3s0d1/statistics/rx_bytes")) < 10e9 / 8 * 6
    assert ceph.read("/sys/class/infiniband/mlx4_0/ports/1/link_layer") == b"InfiniBand\n"
    gone = [event.name for event in ceph.world.happened if event.action == "remove"]
    assert gone == ["enp3s0", "mlx4_0", "enp3s0d1", "mlx4_0"]


def test_while_the_types_change_there_are_no_devices(ceph: LabSystem) -> None:
    port = ceph.world.ports[0]
    with ceph.world.lock:
        ceph._drivers.write_port_type(port, b"ib\n")
    assert "enp3s0" not in ceph.list("/sys/class/net")
    with pytest.raises(OSError):
        ceph.list("/sys/class/infiniband/mlx4_0")
    with pytest.raises(OSError) as caught, ceph.world.lock:
        ceph._drivers.write_port_type(port, b"eth\n")
    assert caught.value.errno == errno.EBUSY


def test_the_same_type_again_changes_nothing(ceph: LabSystem) -> None:
    before = index(ceph, "enp3s0")
    ceph.write(f"{CARD}/mlx4_port1", b"eth\n")
    ceph.write(f"{CARD}/mlx4_port2", b"auto\n")
    assert kinds(ceph) == ["eth", "auto (eth)"]
    assert index(ceph, "enp3s0") == before


def test_nothing_else_can_be_written(ceph: LabSystem) -> None:
    with pytest.raises(PermissionError):
        ceph.write("/sys/class/net/enp3s0/address", b"00:00:00:00:00:00\n")


def test_events_tell_what_happens_while_somebody_listens() -> None:
    system = load_lab("ceph", ManualClock())
    stop = Event()
    seen: list[DeviceEvent] = []
    events = system.events(stop)
    system.wait(80, stop)
    for event in events:
        seen.append(event)
        stop.set()
    assert [(event.action, event.name, event.device) for event in seen] == [
        ("link", "enp3s0d1", "0000:03:00.0")
    ]


def test_a_sensor_that_hangs_holds_its_reader_alone_until_the_machine_is_closed() -> None:
    system = load_lab("faulty", ManualClock())
    system.wait(30, STOP)
    failed: list[OSError] = []

    def read() -> None:
        try:
            system.read("/sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon2/temp1_input")
        except OSError as error:
            failed.append(error)

    thread = Thread(target=read, daemon=True)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    assert system.read("/sys/bus/pci/devices/0000:65:00.0/hwmon/hwmon2/temp2_input")
    system.close()
    thread.join(5)
    assert [error.errno for error in failed] == [errno.EIO]


def test_errors_come_in_storms_and_on_one_lane() -> None:
    system = load_lab("faulty", ManualClock())
    counts = []
    for seconds in (30, 8, 4):
        system.wait(seconds, STOP)
        counts.append(system.ask(Question.FEC, "enp101s0f0np0")["uncorrectable"])
    assert counts[0] == 0
    assert counts[2] > counts[1] > 0
    table = system.ask(Question.DRIVER_STATISTICS, "enp101s0f0np0")
    values = dict(zip(table["names"], table["values"], strict=True))
    assert values["rx_err_lane_2_phy"] > 100 * max(values["rx_err_lane_0_phy"], 1)


def test_errors_of_the_link_above_are_counted_at_the_root_port() -> None:
    system = load_lab("faulty", ManualClock())
    root = "/sys/bus/pci/devices/0000:60:01.1"
    before = system.read(f"{root}/aer_dev_correctable").decode()
    system.wait(60, STOP)
    after = system.read(f"{root}/aer_dev_correctable").decode()
    assert after.splitlines()[1].startswith("BadTLP ")
    assert int(after.split()[-1]) > int(before.split()[-1])
    assert (
        system.read(f"{root}/aer_rootport_total_err_cor").split()[0].decode() == after.split()[-1]
    )
