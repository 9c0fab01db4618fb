"""`mlxtop metrics`: prints, writes a file as a whole, serves scrapes, says what it cannot do."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from mlxtop.cli import main
from mlxtop.commands import exporter as exporting
from mlxtop.commands import metrics
from mlxtop.commands.exporter import EXAMINE_S, Exporter, counted
from mlxtop.commands.metrics import shared
from mlxtop.commands.metrics_target import write
from mlxtop.doctor.inspect import inspect
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.counters import Severity
from mlxtop.model.frame import derive
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import openmetrics
from mlxtop.sampler.source import frames
from mlxtop.settings import Settings
from mlxtop.system.captured import load_captured
from tests.metrics import lab_machine
from tests.samples import PACU, ethernet, pacu, sample

CAPTURE = str(Path(__file__).parent / "hosts" / "cx4-x8.txt")
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 1) -> str:
    """The one line of standard error."""
    assert main(words) == status
    (line,) = capsys.readouterr().err.splitlines()
    return line


# ---- printing


def test_it_prints_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", CAPTURE, "metrics"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert 'mlxtop_port_up{device="mlx5_0"' in out
    assert 'kind="captured"' in out
    assert "mlxtop_finding{" in out


def test_without_a_port_it_says_what_it_looked_for_and_tells_of_the_machine(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "proc").mkdir()
    assert main(["--root", str(tmp_path), "metrics"]) == 1
    out, err = capsys.readouterr()
    assert "no ConnectX port found" in err
    assert "mlxtop_build_info{" in out


@pytest.mark.parametrize("what", ["dashboard", "rules", "unit"])
def test_what_is_shipped_is_printed_as_it_is(capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert main(["metrics", f"--{what}"]) == 0
    assert capsys.readouterr().out == shared(what)


def test_the_dashboard_is_a_document_that_asks_one_data_source() -> None:
    board = json.loads(shared("dashboard"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    sources = {panel["datasource"]["uid"] for panel in board["panels"] if "datasource" in panel}
    assert sources == {"${datasource}"}


def test_the_unit_starts_the_program_that_printed_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "my bin" / "mlxtop"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    shipped = (Path(metrics.__file__).parents[1] / "share" / metrics.SHARED["unit"]).read_text()
    assert f"ExecStart={metrics.PROGRAM} metrics --listen\n" in shipped
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert f'ExecStart="{program}" metrics --listen\n' in shared("unit")


@pytest.mark.parametrize(
    ("program", "line", "home"),
    [
        (["/usr/bin/python3", "-m", "mlxtop"], "/usr/bin/python3 -m mlxtop", "yes"),
        (["/home/me/50%/mlxtop"], "/home/me/50%%/mlxtop", "read-only"),
    ],
)
def test_the_unit_can_start_any_program(
    monkeypatch: pytest.MonkeyPatch, program: list[str], line: str, home: str
) -> None:
    monkeypatch.setattr(metrics, "own_program", lambda: program)
    assert f"ExecStart={line} metrics --listen\n" in shared("unit")
    assert f"\nProtectHome={home}\n" in shared("unit")


def test_systemd_takes_the_unit_and_finds_it_hardened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "mlxtop-metrics.service"
    monkeypatch.setattr(metrics, "own_program", lambda: ["/bin/true"])
    unit.write_text(shared("unit"))
    done = subprocess.run([tool, "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "mlxtop-metrics" in line] == []
    argv = [tool, "security", "--offline=true", "--threshold=25", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:]


# ---- what goes together


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--json",), "--json"),
        (("--textfile", "/x.prom", "--listen"), "exclude each other"),
        (("--rules", "--listen"), "exclude each other"),
        (("--rules", "--unit"), "not allowed with"),
        (("--textfile", "x.txt"), ".prom"),
        (("--allow-host", "fry"), "--allow-host goes with --listen"),
        (("--cert", "x"), "--cert goes with --listen"),
        (("--listen", "--key", "x"), "--key goes with --cert"),
        (("-d", "5"), "--delay goes with"),
        (("--listen", "-d", "0"), "0.1 to 60"),
        (("--listen", "0.0.0.0:70000"), "no address and port"),
        (("--listen", "evil.example:80"), "no address and port"),
        (("--listen", "--allow-host", "a b"), "neither a host name"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    capsys: pytest.CaptureFixture[str], words: Sequence[str], complaint: str
) -> None:
    assert complaint in said(capsys, "metrics", *words)


# ---- the file


def test_the_file_is_readable_for_all_and_has_no_timestamps(tmp_path: Path) -> None:
    place = tmp_path / "mlxtop.prom"
    assert main(["--root", CAPTURE, "metrics", "--textfile", str(place)]) == 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o644
    lines = [line for line in place.read_text().splitlines() if not line.startswith("#")]
    assert lines and all(len(line.rpartition("} ")[2].split()) == 1 for line in lines)
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_is_there_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    place = tmp_path / "mlxtop.prom"
    place.write_text("old")
    place.chmod(0o640)
    number = place.stat().st_ino
    write(str(place), b"new\n")
    assert place.read_bytes() == b"new\n"
    assert place.stat().st_ino != number, "whoever reads the old one has it whole"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_directory_that_is_not_there_is_not_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "none" / "mlxtop.prom"
    line = said(capsys, "--root", CAPTURE, "metrics", "--textfile", str(place))
    assert line == f"mlxtop: {place.parent}: No such file or directory"
    assert not place.parent.exists()


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "mlxtop.prom"
    place.write_text("old")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as raised:
        write(str(place), b"new")
    assert raised.value.filename == str(place)
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]


@as_root
@pytest.mark.slow
def test_a_disk_that_is_really_full_leaves_the_old_file_whole(tmp_path: Path) -> None:
    script = (
        f"mount -t tmpfs -o size=64k none {tmp_path} && echo old > {tmp_path}/x.prom && "
        f"head -c 1M /dev/zero > {tmp_path}/rest; "
        f"{sys.executable} -m mlxtop --root {CAPTURE} metrics --textfile {tmp_path}/x.prom; "
        f"echo $?; cat {tmp_path}/x.prom; ls -A {tmp_path}"
    )
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, check=False
    )
    if "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout.split() == ["1", "old", "rest", "x.prom"]
    assert f"mlxtop: {tmp_path}/x.prom: No space left on device" in done.stderr


@as_root
def test_root_writes_into_no_directory_that_others_can_change(tmp_path: Path) -> None:
    """Whoever owns it could put a link in the file's place."""
    os.chown(tmp_path, NOBODY, NOBODY)
    with pytest.raises(PermissionError, match="other users can change"):
        write(str(tmp_path / "mlxtop.prom"), b"x")
    assert list(tmp_path.iterdir()) == []


# ---- the doctor


def test_findings_are_those_of_the_doctor_at_their_port_and_card() -> None:
    machine = lab_machine("pacu")
    report = inspect(machine.frame, machine.frame.ports, ())
    found = list(counted(report, machine.frame))
    assert len(found) == len(report.findings)
    (slot,) = [one for one in found if one.check == "PCIe slot"]
    assert (slot.severity, slot.about) == (Severity.WARNING, "0000:43:00.0")
    names = {one.about for one in found}
    assert names <= {None, "0000:43:00.0", *machine.frame.ports}


def exporter() -> Exporter:
    return Exporter(SourceKind.DEMO, load_lab("pacu", ManualClock()).now)


def test_the_doctor_looks_from_the_second_frame_on_and_then_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[float] = []
    one = exporter()
    examine = one.examine

    def note() -> None:
        assert one.frame is not None
        looked.append(one.frame.sample.tick)
        examine()

    monkeypatch.setattr(one, "examine", note)
    last = None
    for tick in (1.0, 6.0, 11.0, 6.0 + EXAMINE_S - 0.1, 6.0 + EXAMINE_S):
        last = derive(pacu(tick), last)
        one.take(last)
    assert looked == [6.0, 6.0 + EXAMINE_S]


def test_a_doctor_that_stumbles_is_told_once_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(*_: object, **more: object) -> None:
        raise ZeroDivisionError("no lanes")

    one, last = exporter(), None
    for tick in (1.0, 6.0):
        last = derive(pacu(tick), last)
        one.take(last)
    assert b'mlxtop_source_up{device="",netdev="",pci="",port="",source="doctor"} 1.0' in one.text()
    monkeypatch.setattr(exporting, "inspect", stumble)
    one.examine()
    one.examine()
    assert capsys.readouterr().err == "mlxtop: the doctor stumbled: ZeroDivisionError: no lanes\n"
    assert b'mlxtop_source_up{device="",netdev="",pci="",port="",source="doctor"} 0.0' in one.text()


def test_many_scrapes_of_a_moment_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count: list[tuple[str, bool]] = []
    real = openmetrics.render

    def render(machines: openmetrics.Machines, accept: str, zipped: bool) -> openmetrics.Rendered:
        count.append((accept, zipped))
        return real(machines, accept, zipped)

    monkeypatch.setattr(exporting, "render", render)
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    one = exporter()
    one.take(derive(pacu(1.0), None))
    threads = [threading.Thread(target=one.render, args=("", False)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(count) == 1
    one.render("application/openmetrics-text; version=1.0.0", False)
    one.render("", True)
    assert len(count) == 3
    monkeypatch.setattr(time, "monotonic", lambda: 8.1)
    one.render("", False)
    assert len(count) == 4


def test_a_scrape_reads_nothing_of_the_machine() -> None:
    system = load_captured(CAPTURE)
    one = Exporter(SourceKind.CAPTURED, system.now)
    source = metrics._source(system, Settings(), 0.5, once=True)

    for frame in frames(source, Event()):
        one.take(frame)
    source.close()

    def touched(*_: object) -> None:
        raise AssertionError("the machine was asked")

    for name in ("read", "list", "link", "ask", "run"):
        setattr(system, name, touched)
    assert b"mlxtop_port_up" in one.render("", False).body


def test_ports_of_odd_names_reach_the_scrape_escaped() -> None:
    one = exporter()
    odd = ethernet(PACU._replace(netdev='a"b\n\x1b'), 1.0, 0, 0)
    one.take(derive(sample(1.0, odd), None))
    assert rb'netdev="a\"b ?"' in one.render("", False).body


# ---- serving


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """The program that serves at a free port, that port, and the lines that it said."""
    argv = [sys.executable, "-m", "mlxtop", "--root", CAPTURE, "metrics", *words]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            first = process.stderr.readline()
            yield process, int(first.rpartition(":")[2].partition("/")[0]), [first]
        finally:
            process.terminate()
            process.wait(20)


def scrape(port: int, host: str = "127.0.0.1", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    connection.request("GET", "/metrics", headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_it_serves_until_a_signal_and_ends_in_order() -> None:
    with serving("--listen", "127.0.0.1:0") as (process, port, said):
        status = 503
        while status == 503:
            status, body = scrape(port)
        assert status == 200
        assert b"mlxtop_port_up" in body
        assert scrape(port, Host="evil.example")[0] == 421
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert said[0] == f"mlxtop: http://127.0.0.1:{port}/metrics\n"
        assert process.stderr.read() == ""


def test_a_name_that_is_allowed_is_taken() -> None:
    with serving("--listen", "127.0.0.1:0", "--allow-host", "fry.example") as (_, port, _):
        assert scrape(port, Host="fry.example")[0] in (200, 503)


def test_a_taken_port_is_one_line() -> None:
    with serving("--listen", "127.0.0.1:0") as (_, port, _):
        argv = [sys.executable, "-m", "mlxtop", "--root", CAPTURE, "metrics", "--listen"]
        done = subprocess.run(
            [*argv, f"127.0.0.1:{port}"], capture_output=True, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr == f"mlxtop: 127.0.0.1:{port}: Address already in use\n"


def test_an_address_that_is_not_loopback_is_said_in_a_line() -> None:
    with serving("--listen", "0.0.0.0:0") as (process, port, said):
        assert process.stderr is not None
        line = process.stderr.readline()
        assert said[0].startswith("mlxtop: http://0.0.0.0:")
    assert line == (
        f"mlxtop: 0.0.0.0:{port} is no loopback address: everybody can read it from afar\n"
    )


def test_the_file_is_written_again_and_again(tmp_path: Path) -> None:
    place = tmp_path / "mlxtop.prom"
    argv = [sys.executable, "-m", "mlxtop", "--demo", "metrics", "-d", "0.1", "--textfile"]
    with subprocess.Popen([*argv, str(place)], stderr=subprocess.PIPE) as process:
        try:
            seen: set[int] = set()
            while len(seen) < 3 and process.poll() is None:
                if place.exists():
                    seen.add(place.stat().st_mtime_ns)
                time.sleep(0.02)
        finally:
            process.terminate()
        assert process.wait(20) == 0
    assert len(seen) == 3
    assert "mlxtop_port_up" in place.read_text()
