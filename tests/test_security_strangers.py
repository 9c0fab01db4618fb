"""What strangers send is data: no escape reaches a terminal, no path leads out, nothing listens."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlxtop
from mlxtop.change.log import own_log
from mlxtop.cli import main
from mlxtop.load.run_log import own_runs
from mlxtop.system import capture_file
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem, DirectoryTree
from tests import netns
from tests.hostile import TEXTS
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
ESCAPES = (
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x9b2J",
    "\r",
    "\x08",
    "\u202e",
    "\u2066",
    "\x7f",
    "\x00",
)
hostile_text = st.lists(
    st.sampled_from([*ESCAPES, "eth0", "$(id)", "%s", "[bold]", "é", "\ud800"]), max_size=4
).map("".join)
in_tmp_path = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def shown(*words: str) -> str:
    """What the program writes on both outputs; it ends in order."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(words)
    assert status in (0, 1, 2, 3), words
    assert "(--debug shows where)" not in err.getvalue(), err.getvalue()
    return out.getvalue() + err.getvalue()


def harmless(text: str) -> bool:
    """Whether a terminal only prints it; a capture has tabs, as /proc/cpuinfo has."""
    return all(character.isprintable() or character in "\n\t" for character in text)


# ---- captured machines

MODES = (
    *(("--once",), ("--all", "--once"), ("--once", "--json"), ("doctor",), ("doctor", "--json")),
    *(("doctor", "--udev-rules"), ("link-type",), ("load", "--plan", "10.0.0.3"), ("log",)),
    *(("capture", "--no-mask", "-"), ("--batch", "--count", "1"), ("--json-stream", "-n1")),
)


@st.composite
def poisoned(draw: st.DrawFn) -> str:
    """A captured machine some of whose values, names and answers hold escapes."""
    lines = draw(st.sampled_from(sorted(TEXTS.values()))).split("\n")
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(1, len(lines) - 1))
        text = draw(hostile_text)
        head, mark, value = lines[place].partition(" = ")
        if mark and head.startswith("/"):
            lines[place] = f"{head} = {json.dumps(value + text)}"
        elif mark:
            lines[place] = lines[place].replace('": "', f'": {json.dumps(text)[:-1]}', 1)
        elif lines[place].startswith("  | "):
            lines[place] += text.replace("\n", "")
    name = draw(hostile_text)
    quoted = "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "replace"))
    return "\n".join(lines).replace("enp67s0np0", f"en{quoted}" if draw(st.booleans()) else "enp0")


@in_tmp_path
@given(poisoned(), st.sampled_from(MODES))
def test_no_escape_of_a_captured_machine_reaches_a_terminal(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert harmless(shown("--root", str(path), *words))


def test_a_capture_cannot_make_us_run_out_of_memory_or_time(tmp_path: Path) -> None:
    deep = "/a" * 2_000_000
    lines = [HEADER, f"{deep} = 1", f"{deep}/", "$ " + "x " * 1_000_000, "/sys/ok = 1"]
    lines += ["nonsense"] * 100_000
    began = time.process_time()
    capture = parse_capture("\n".join(lines))
    assert time.process_time() - began < 5
    assert len(capture.complaints) <= capture_file.MOST_COMPLAINTS
    assert list(capture.children("/")) == ["sys"] and not capture.commands


def test_a_capture_with_too_many_names_keeps_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_file, "MOST_NAMES", 10)
    capture = parse_capture(HEADER + "".join(f"\n/d/{n} = 1" for n in range(100)))
    assert 5 <= len(list(capture.children("/d"))) <= 10
    assert "too many" in capture.complaints[0]


# ---- directories whose links point outside


PARTS = st.sampled_from(["sys", "class", "net", "eth0", "device", "..", ".", "secret", "s", "mtu"])
TARGETS = st.one_of(
    st.lists(PARTS, min_size=1, max_size=8).map("/".join),
    st.lists(PARTS, min_size=1, max_size=8).map(lambda parts: "/" + "/".join(parts)),
    st.sampled_from(["OUT", "OUT/secret", "/dev/zero", "/etc/passwd", "/proc/self/root", "."]),
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The real paths of all that is opened or listed."""
    found: list[str] = []
    for name in ("open", "listdir"):
        real = getattr(os, name)

        def note(path: Any, *rest: Any, real: Any = real, **more: Any) -> Any:
            if isinstance(path, str):
                found.append(os.path.realpath(path))
            return real(path, *rest, **more)

        monkeypatch.setattr(os, name, note)
    yield found


@in_tmp_path
@given(st.dictionaries(st.lists(PARTS, min_size=1, max_size=5).map("/".join), TARGETS, max_size=8))
def test_no_link_leads_a_reader_out(opened: list[str], links: dict[str, str]) -> None:
    with TemporaryDirectory() as name:
        outside, root = Path(name) / "out", Path(name) / "root"
        outside.mkdir()
        (outside / "secret").write_text("SECRET")
        (root / "sys" / "class" / "net").mkdir(parents=True)
        (root / "sys" / "s").write_text("own")
        for place, target in links.items():
            path = Path(os.path.normpath(f"{root}/{place}"))
            if root not in path.parents or os.path.lexists(path):
                continue
            if root not in Path(os.path.realpath(path.parent)).parents:
                continue
            with suppress(OSError):  # a link or a file of before is in the way
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(target.replace("OUT", str(outside)))
        machine = CapturedSystem("tree", DirectoryTree(str(root)))
        opened.clear()
        for place in [*links, "sys/class/net/eth0/device/secret", "../out/secret", "sys/s"]:
            for ask in (machine.read, machine.list, machine.link, machine.real):
                try:
                    answer = ask("/" + place)
                except OSError:
                    continue
                assert b"SECRET" not in answer if isinstance(answer, bytes) else True
        inside = os.path.realpath(root)
        assert opened and all(one == inside or one.startswith(f"{inside}/") for one in opened)


@pytest.mark.parametrize("words", [("--all", "--once"), ("--all", "doctor"), ("--once", "--json")])
def test_no_mode_shows_what_lies_outside(tmp_path: Path, words: tuple[str, ...]) -> None:
    outside, net = tmp_path / "out", tmp_path / "root" / "sys" / "class" / "net"
    (outside / "SECRET0").mkdir(parents=True)
    (outside / "SECRET0" / "mtu").write_text("4711\n")
    net.mkdir(parents=True)
    (net / "eth0").symlink_to(outside / "SECRET0")
    (net / "eth1").symlink_to("../../../../out/SECRET0")
    (tmp_path / "root" / "proc").symlink_to("/proc")
    (net / "eth2").mkdir()
    for name, target in (("mtu", outside / "SECRET0" / "mtu"), ("address", "/etc/hostname")):
        (net / "eth2" / name).symlink_to(target)
    os.mkfifo(net / "eth2" / "operstate")
    (net / "eth2" / "carrier").symlink_to("carrier")
    with (net / "eth2" / "speed").open("wb") as file:
        file.truncate(1 << 40)
    text = shown("--root", str(tmp_path / "root"), *words)
    assert "SECRET0" not in text and "4711" not in text
    assert harmless(text)


# ---- records of load tests, and the action log

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["sensors", "name", "commands", "received_bps", "ended", "verdict", "x\x1b"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
records = st.lists(
    st.dictionaries(
        st.sampled_from(
            [
                *("plan", "result", "heat", "bps", "end", "note", "host", "started", "ended"),
                *("fingerprint", "verdict", "demo", "reverse_bps", "omitted", "t", "text\x1b"),
            ]
        ),
        values,
        max_size=8,
    ),
    max_size=5,
)
KINDS = st.sampled_from(["run", "interval", "heat", "event", "end"])


def dumped(lines: list[dict[str, Any]], kinds: list[str]) -> str:
    rows = [{"kind": kind, **line} for kind, line in zip(kinds, lines, strict=False)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    own_runs().mkdir(parents=True)
    return tmp_path


RUNS = st.sampled_from(
    [
        *(("runs",), ("runs", "--csv"), ("runs", "show", "last"), ("runs", "show", "--csv", "-1")),
        *(("runs", "compare", "20260101T000000Z", "last"), ("runs", "--json")),
        *(("runs", "compare", "last", "last", "--csv"), ("runs", "show", "last", "--json")),
    ]
)


@in_tmp_path
@given(records, st.lists(KINDS, min_size=5, max_size=5), records, RUNS)
def test_no_record_of_a_stranger_reaches_a_terminal_as_it_is(
    state: Path,
    lines: list[dict[str, Any]],
    kinds: list[str],
    others: list[dict[str, Any]],
    words: tuple[str, ...],
) -> None:
    for name, told in (("20260101T000000Z", lines), ("20260101T000001Z", others)):
        text = dumped(told, kinds)
        (own_runs() / f"{name}.jsonl").write_text(text, encoding="utf-8", errors="surrogatepass")
    assert harmless(shown(*words))


@pytest.mark.parametrize("name", ["\x1b[2J", "20260101T000000Z\n", "../x", "20260101T000000Z-\x1b"])
def test_a_file_of_another_name_is_no_record(state: Path, name: str) -> None:
    if "/" not in name:
        (own_runs() / f"{name}.jsonl").write_text('{"kind": "run"}\n')
    assert shown("runs") == "no run has been recorded yet (mlxtop load HOST records one)\n"
    assert harmless(shown("runs", "show", name))


@in_tmp_path
@given(st.lists(st.dictionaries(hostile_text | st.just("argv"), values, max_size=4), max_size=4))
def test_no_entry_of_the_action_log_reaches_a_terminal_as_it_is(
    state: Path, entries: list[dict[str, Any]]
) -> None:
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    Path(own_log().path).write_text(text, encoding="utf-8", errors="surrogatepass")
    assert harmless(shown("log")) and harmless(shown("log", "--json"))


# ---- nothing listens

LISTEN = "0A"


def listening(pid: int) -> list[str]:
    """The sockets of a process's own that take connections or datagrams from elsewhere."""
    own = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            own.add(target[8:-1])
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        table = Path(f"/proc/{pid}/net/{kind}")
        rows = [row.split() for row in table.read_text().splitlines()[1:]] if table.exists() else []
        found += [
            f"{kind} {row[1]}"
            for row in rows
            if row[9] in own and (row[3] == LISTEN or not kind.startswith("tcp"))
        ]
    for row in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[6] in own and int(fields[3], 16) & 0x10000:
            found.append(row)
    return found


def test_a_listener_is_seen() -> None:
    """So that the tests below can fail."""
    import socket

    with socket.create_server(("127.0.0.1", 0)):
        assert len(listening(os.getpid())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--all",), ("--demo",)], ids=str)
def test_the_screen_listens_to_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    argv = [sys.executable, "-m", "mlxtop", *words]
    with Terminal(argv, cwd=str(REPOSITORY), environ=home) as terminal:
        assert terminal.shows(r"b/s")
        assert listening(terminal.process.pid) == []
        terminal.send("q")
        assert terminal.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("--all", "--json-stream"), ("--all", "--batch"), ("--all", "doctor"), ("load",)],
    ids=str,
)
def test_no_mode_without_a_screen_listens_to_anything(words: tuple[str, ...]) -> None:
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.pair() as hosts, TemporaryDirectory() as state:
        if words == ("load",):
            words = ("--all", "load", hosts.far_address, "--time=3", "--cooldown=0")
            server = hosts.on(hosts.far, "iperf3", "-s", "-1")
        else:
            server = ["true"]
        with subprocess.Popen(server, stdout=subprocess.DEVNULL) as serving:
            wait_for(lambda: serving.poll() is not None or serves(serving.pid))
            argv = hosts.on(hosts.near, sys.executable, "-m", "mlxtop", *words)
            environ = {**os.environ, "XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state}
            with subprocess.Popen(
                argv,
                cwd=REPOSITORY,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as running:
                found, looks = [], 0
                deadline = time.monotonic() + 4
                while running.poll() is None and time.monotonic() < deadline:
                    if moved(running.pid):
                        found += listening_in(running.pid)
                        looks += 1
                    time.sleep(0.05)
                running.kill()
            serving.kill()
        assert looks > 3
        assert found == [], "in the whole namespace"


def listening_in(pid: int) -> list[str]:
    """Who listens in the network namespace of a process, whosoever it is."""
    found = []
    for kind in ("tcp", "tcp6"):
        try:
            rows = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
        except OSError:
            continue
        found += [row for row in rows if row.split()[3] == LISTEN]
    return found


def moved(pid: int) -> bool:
    """Whether a process that was started in another network namespace has arrived there."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    return False


def serves(pid: int) -> bool:
    return moved(pid) and bool(listening_in(pid))


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()
