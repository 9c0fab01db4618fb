"""This machine, compared with what its own tools say."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread, Timer

import pytest

from mlxtop.system import local
from mlxtop.system.door import FILE_LIMIT, CommandRefused, Question
from mlxtop.system.local import KEPT, FdCache, LocalSystem, often


@pytest.fixture
def system() -> Iterator[LocalSystem]:
    machine = LocalSystem()
    yield machine
    machine.close()


def test_links_are_those_of_ip(system: LocalSystem) -> None:
    if shutil.which("ip") is None:
        pytest.skip("ip is not installed")
    expected = json.loads(subprocess.check_output(["ip", "-j", "-d", "link"]))
    links = {link["index"]: link for link in system.ask(Question.LINKS)}
    for entry in expected:
        link = links[entry["ifindex"]]
        assert link["name"] == entry["ifname"]
        assert link["mtu"] == entry["mtu"]
        assert link["address"] == entry["address"]
        assert link["parent"] == entry.get("parentdev")
        assert link["kind"] == entry.get("linkinfo", {}).get("info_kind")
    assert len(links) == len(expected)


def test_files_are_read_whole_and_bounded(system: LocalSystem) -> None:
    assert system.read("/sys/class/net/lo/mtu") == b"65536\n"
    assert len(system.read("/proc/net/dev").splitlines()) == 2 + len(system.ask(Question.LINKS))
    assert len(system.read("/dev/zero")) == FILE_LIMIT


def test_missing_things_keep_the_errno_of_the_kernel(system: LocalSystem) -> None:
    with pytest.raises(FileNotFoundError):
        system.read("/sys/class/net/nothing/mtu")
    with pytest.raises(FileNotFoundError):
        system.real("/sys/class/net/nothing")
    for question in (Question.DRIVER_INFO, Question.MAC_STATISTICS, Question.LINK_STATE):
        with pytest.raises(OSError, match=r"No such device|no device"):
            system.ask(question, "nothing0")


def test_readonly_refuses_what_changes() -> None:
    system = LocalSystem(readonly=True)
    for change in (
        lambda: system.write("/tmp/nothing", b""),
        lambda: system.run(["true"], change=True),
        lambda: system.stream(["true"], print, Event()),
    ):
        with pytest.raises(CommandRefused):
            change()
    system.close()


def test_a_command_is_run_without_terminal_and_with_the_c_locale(system: LocalSystem) -> None:
    finished = system.run(["sh", "-c", "cat; tty; echo $LC_ALL >&2; exit 3"], stdin="hello\n")
    assert (finished.status, finished.stdout) == (3, "hello\nnot a tty\n")
    assert finished.stderr == "C\n"


def test_a_pipe_never_holds_a_reader(system: LocalSystem, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert system.read(str(pipe)) == b""
    writer = os.open(pipe, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        system.read(str(pipe))
    os.close(writer)


def test_a_write_changes_what_is_there_and_makes_nothing(
    system: LocalSystem, tmp_path: Path
) -> None:
    place = tmp_path / "mlx4_port1"
    with pytest.raises(FileNotFoundError):
        system.write(str(place), b"eth\n")
    place.write_bytes(b"auto (ib)\n")
    system.write(str(place), b"eth\n")
    assert place.read_bytes() == b"eth\n (ib)\n"  # in one write, and sysfs needs no more
    with pytest.raises(OSError, match="No space left"):
        system.write("/dev/full", b"eth\n")


def test_load_is_known_from_the_second_look_of_each_thread(system: LocalSystem) -> None:
    assert system.cpu() == ()
    assert len(system.cpu()) == os.cpu_count()
    first: list[tuple[float, ...]] = []
    other = Thread(target=lambda: first.append(system.cpu()))
    other.start()
    other.join()
    assert first == [()]


def test_a_wait_ends_with_stop(system: LocalSystem) -> None:
    stop = Event()
    assert not system.wait(0.01, stop)
    Timer(0.05, stop.set).start()
    assert system.wait(60, stop)


def test_questions_about_impossible_names_are_refused(system: LocalSystem) -> None:
    for question in (Question.DRIVER_INFO, Question.RINGS, Question.ROUTE):
        for name in ("a\0b", "", "x" * 300, "eth0; rm", "::g"):
            with pytest.raises(OSError):
                system.ask(question, name)


# ---- files that are kept open


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
    files._own.until -= KEPT
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
    monkeypatch.setattr(local, "HIGHEST", 0)
    assert FdCache().read(str(file)) == b"61250\n"
    assert descriptors(file) == 0


def test_attributes_of_the_kernel_are_made_anew() -> None:
    files = FdCache()
    path = "/proc/self/stat"
    deadline = time.monotonic() + 10
    first = files.read(path)
    while files.read(path) == first:  # time of this process, in hundredths
        assert time.monotonic() < deadline


def test_only_what_is_read_often_is_kept() -> None:
    base = "/sys/class/infiniband/mlx5_0/ports/1"
    for path in (f"{base}/counters/port_rcv_data", f"{base}/hw_counters/x", f"{base}/state"):
        assert often(path)
    assert often("/sys/devices/pci0000:40/0000:43:00.0/hwmon/hwmon3/temp2_input")
    assert often("/sys/class/net/ib0/mode")
    for path in ("/sys/class/net/eth0/mtu", "/proc/counters/x", "/tmp/temp1_input"):
        assert not often(path)
