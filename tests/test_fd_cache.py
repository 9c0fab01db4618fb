"""Files that are kept open say what is true now, and are given back."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from mlxtop.system import fd_cache as kept
from mlxtop.system.fd_cache import KEPT, FdCache, often


def descriptors(path: Path) -> int:
    """How many descriptors of this process are open on a file."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{fd}").startswith(str(path))
        except FileNotFoundError:
            continue
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "temp1_input"
    path.write_text("61250\n")
    return path


def test_what_is_written_later_is_read(file: Path) -> None:
    files = FdCache()
    assert files.read(str(file)) == b"61250\n"
    file.write_text("9\n")
    assert files.read(str(file)) == b"9\n"
    assert descriptors(file) == 1


def test_another_file_of_the_same_name_is_seen_after_an_event_and_soon_without(
    file: Path,
) -> None:
    files = FdCache()
    files.read(str(file))

    def replace(text: str) -> None:
        other = file.with_name("other")
        other.write_text(text)
        other.rename(file)

    replace("event\n")
    files.forget()
    assert files.read(str(file)) == b"event\n"
    replace("time\n")
    files._mine.until -= KEPT
    assert files.read(str(file)) == b"time\n"


def test_a_file_that_is_gone_is_an_error_and_read_again_when_it_is_back(file: Path) -> None:
    files = FdCache()
    files.read(str(file))
    file.unlink()
    files.forget()
    with pytest.raises(FileNotFoundError):
        files.read(str(file))
    assert descriptors(file) == 0
    file.write_text("1\n")
    assert files.read(str(file)) == b"1\n"


def test_a_thread_gives_its_files_back_when_it_ends(file: Path) -> None:
    files = FdCache()
    thread = Thread(target=files.read, args=(str(file),))
    thread.start()
    thread.join()
    assert descriptors(file) == 0


def test_too_many_are_not_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "HIGHEST", 0)
    assert FdCache().read(str(file)) == b"61250\n"
    assert descriptors(file) == 0


def test_attributes_of_the_kernel_are_made_anew() -> None:
    files = FdCache()
    path = "/proc/self/stat"
    deadline = monotonic() + 10
    first = files.read(path)
    while files.read(path) == first:  # time of this process, in hundredths
        assert monotonic() < deadline


def test_only_what_is_read_often_is_kept() -> None:
    base = "/sys/class/infiniband/mlx5_0/ports/1"
    for path in (f"{base}/counters/port_rcv_data", f"{base}/hw_counters/x", f"{base}/state"):
        assert often(path)
    assert often("/sys/devices/pci0000:40/0000:43:00.0/hwmon/hwmon3/temp2_input")
    assert often("/sys/class/net/ib0/mode")
    for path in ("/sys/class/net/eth0/mtu", "/proc/counters/x", "/tmp/temp1_input"):
        assert not often(path)
