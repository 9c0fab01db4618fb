"""The ethtool ioctl against drivers whose statistics change while they are read."""

from __future__ import annotations

import array
import errno
import struct
from collections.abc import Iterator

import pytest

from mlxtop.system.ethtool_ioctl import EthtoolIoctl

INFO, STRINGS, STATS = 0x37, 0x1B, 0x1D


class Driver(EthtoolIoctl):
    """A kernel with a driver whose table of statistics the test sets."""

    def __init__(self, *tables: list[str], careful: bool = True) -> None:
        super().__init__()
        self.tables = list(tables)
        self.careful = careful
        self.index = 1
        self.asked: list[int] = []

    @property
    def table(self) -> list[str]:
        return self.tables[0]

    def next_table(self) -> None:
        if len(self.tables) > 1:
            del self.tables[0]

    def _index(self, netdev: str) -> int:
        return self.index

    def _ioctl(self, netdev: str, buffer: array.array[int]) -> None:
        command = struct.unpack_from("=I", buffer)[0]
        self.asked.append(command)
        if command == INFO:
            struct.pack_into("=I", buffer, 16, len(self.table))
        elif command == STRINGS:
            struct.pack_into("=I", buffer, 8, len(self.table))
            for place, name in enumerate(self.table):
                struct.pack_into("32s", buffer, 12 + 32 * place, name.encode())
            self.next_table()
        elif command == STATS:
            asked = struct.unpack_from("=I", buffer, 4)[0]
            if self.careful and asked != len(self.table):
                struct.pack_into("=I", buffer, 4, 0)
                return
            struct.pack_into("=I", buffer, 4, len(self.table))
            for place in range(len(self.table)):
                buffer[1 + place] = 100 + place


@pytest.fixture
def names() -> list[str]:
    return [f"rx{place}_packets" for place in range(40)]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr("mlxtop.system.ethtool_ioctl.time.monotonic", lambda: now[0])
    yield now


def test_names_are_read_once_and_stay_the_same_object(names: list[str]) -> None:
    driver = Driver(names)
    first, second = driver.statistics("eth0"), driver.statistics("eth0")
    assert first == {"names": names, "values": list(range(100, 140))}
    assert second["names"] is first["names"]
    assert driver.asked == [INFO, STRINGS, STATS, STATS]
    driver.close()


@pytest.mark.parametrize("careful", [True, False])
@pytest.mark.parametrize("count", [0, 3, 41, 900])
def test_a_changed_count_is_noticed_and_read_again(
    names: list[str], careful: bool, count: int
) -> None:
    driver = Driver(names, careful=careful)
    driver.statistics("eth0")
    driver.tables = [[f"new{place}" for place in range(count)]]
    again = driver.statistics("eth0")
    assert again["names"] == driver.table
    assert again["values"] == list(range(100, 100 + count))
    driver.close()


def test_a_table_that_never_settles_is_given_up(names: list[str]) -> None:
    driver = Driver(*(names[: 10 + place % 2] for place in range(20)))
    with pytest.raises(OSError, match="keep changing") as caught:
        driver.statistics("eth0")
    assert caught.value.errno == errno.EAGAIN
    driver.close()


def test_names_are_read_again_for_a_new_device_and_after_a_while(
    names: list[str], clock: list[float]
) -> None:
    driver = Driver(names)
    first = driver.statistics("eth0")["names"]
    driver.index = 2
    assert driver.statistics("eth0")["names"] is first
    clock[0] = 31.0
    other = [name.upper() for name in names]
    driver.tables = [other]
    assert driver.statistics("eth0")["names"] == other
    assert driver.asked.count(STRINGS) == 3
    driver.close()


def test_names_that_fit_no_interface_are_refused() -> None:
    ioctl = EthtoolIoctl()
    for name in ("", "x" * 16):
        with pytest.raises(OSError, match="No such device"):
            ioctl.driver_info(name)
    ioctl.close()
