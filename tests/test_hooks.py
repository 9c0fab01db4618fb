"""Users' scripts, run for real."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from mlxtop.analysis.forecast import Forecast, Trend
from mlxtop.cli import modes
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.settings import Settings, load
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished
from mlxtop.system.local import LocalSystem
from mlxtop.watch import hooks as module
from mlxtop.watch.alert import Alert, AlertKind
from mlxtop.watch.hooks import HookRefused, Hooks, environment, misnamed, runner, script_of

PORT = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="enp67s0np0")
ALERT = Alert(
    AlertKind.ALARM,
    PORT,
    "module at 76.0 °C; $(touch /tmp/never) \x1b[31m",
    10.0,
    "module",
    76.0,
    "°C",
    75.0,
    Forecast(10.0, Trend.RISING, 76.0, 81.26, 1.0),
)


def script(folder: Path, text: str, mode: int = 0o755) -> str:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return str(path)


class Watcher:
    """Collects complaints and says when the scripts are done."""

    def __init__(self, text: str, settings: Path, system: LocalSystem) -> None:
        self.complaints: list[str] = []
        self.complained = Event()
        self.hooks = Hooks(system, {"alarm": text}, settings.stat(), self.complain)

    def complain(self, text: str) -> None:
        self.complaints.append(text)
        self.complained.set()


@pytest.fixture
def local() -> Iterator[LocalSystem]:
    with closing(LocalSystem()) as system:
        yield system


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text("")
    return path


def await_file(path: Path) -> str:
    for _ in range(1000):
        if path.exists():
            return path.read_text()
        Event().wait(0.01)
    raise AssertionError(f"{path} never came")


def test_a_script_learns_everything_from_its_environment(
    tmp_path: Path, settings: Path, local: LocalSystem
) -> None:
    out = tmp_path / "out"
    text = script(tmp_path, f"env > {out}.new; mv {out}.new {out}")
    Watcher(text, settings, local).hooks.fire(ALERT)
    found = dict(line.split("=", 1) for line in await_file(out).splitlines())
    assert found["MLXTOP_NIC_EVENT"] == "alarm"
    assert found["MLXTOP_NIC_PORT"] == "0000:43:00.0/1"
    assert found["MLXTOP_NIC_NETDEV"] == "enp67s0np0"
    assert (found["MLXTOP_NIC_VALUE"], found["MLXTOP_NIC_LIMIT"]) == ("76", "75")
    assert found["MLXTOP_NIC_FORECAST"] == "81.3"
    assert "$(touch /tmp/never) ?[31m" in found["MLXTOP_NIC_TEXT"]
    assert "PYTHONPATH" not in found
    assert found["HOME"] == pwd.getpwuid(os.geteuid()).pw_dir


def test_a_script_starts_where_nobody_can_leave_files_for_it(
    tmp_path: Path, settings: Path, local: LocalSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.chdir(tmp_path)
    Watcher(script(tmp_path, f"pwd > {out}.new; mv {out}.new {out}"), settings, local).hooks.fire(
        ALERT
    )
    assert await_file(out) == "/\n"


@pytest.mark.slow
def test_a_script_that_fails_or_hangs_is_told(
    tmp_path: Path, settings: Path, local: LocalSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(script(tmp_path, "echo no modem >&2; exit 3"), settings, local)
    watcher.hooks.fire(ALERT)
    assert watcher.complained.wait(10)
    assert watcher.complaints == ["hook alarm: status 3 no modem"]
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    watcher = Watcher(script(tmp_path, "sleep 60"), settings, local)
    watcher.hooks.fire(ALERT)
    watcher.hooks.fire(ALERT)
    assert watcher.complained.wait(10)
    assert "still running" in watcher.complaints[0]
    watcher.complained.clear()
    assert watcher.complained.wait(10)
    assert "ended after" in watcher.complaints[-1]


@pytest.mark.parametrize(
    ("mode", "runs"), [(0o700, True), (0o610, True), (0o601, True), (0o600, False)]
)
def test_a_script_is_a_file_that_anybody_may_execute(tmp_path: Path, mode: int, runs: bool) -> None:
    user, path = pwd.getpwuid(os.geteuid()), script(tmp_path, "true", mode)
    if runs:
        assert script_of(path, user) == path
    else:
        with pytest.raises(HookRefused, match="executable"):
            script_of(path, user)


class Held(LocalSystem):
    """Runs no command; those that were started end when they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.started: SimpleQueue[float] = SimpleQueue()
        self.let_go = Event()

    def run(
        self, argv: Sequence[str], *, timeout: float = 0.0, stdin: str = "", change: bool = False
    ) -> Finished:
        self.started.put(timeout)
        self.let_go.wait(60)
        return Finished(0, "", "")


def test_four_scripts_run_at_once_for_half_a_minute_and_a_fifth_is_left_out(
    tmp_path: Path, settings: Path
) -> None:
    system, complaints = Held(), SimpleQueue[str]()
    scripts = {"alarm": script(tmp_path, "true")}
    hooks = Hooks(system, scripts, settings.stat(), complaints.put)
    for number in range(4):
        hooks.fire(ALERT._replace(port=PORT._replace(id=PortId("0000:43:00.0", number))))
    assert [system.started.get(timeout=60) for _ in range(4)] == [30.0] * 4
    assert complaints.empty()
    hooks.fire(ALERT._replace(port=PORT._replace(id=PortId("0000:43:00.0", 4))))
    assert "still running" in complaints.get(timeout=60)
    system.let_go.set()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hook.sh", "absolute"),
        ("-oProxyCommand", "absolute"),
        ("/nonexistent/hook", "No such file"),
        ("/etc", "executable"),
        ("/etc/passwd", "executable"),
    ],
)
def test_what_is_no_script_is_refused(text: str, words: str) -> None:
    with pytest.raises(HookRefused, match=words):
        script_of(text, pwd.getpwuid(os.geteuid()))


ME = pwd.getpwuid(os.geteuid())
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")


def test_a_script_that_others_can_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HookRefused, match="other users can change"):
        script_of(script(tmp_path, "true", 0o777), ME)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_script_in_a_folder_that_others_can_change_is_refused(depth: int, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    path = script(folder, "true")
    assert script_of(path, ME) == path
    weak = Path(path).parents[depth]
    weak.chmod(0o777)
    with pytest.raises(HookRefused, match=f"other users can change {weak}$"):
        script_of(path, ME)
    weak.chmod(0o1777)  # what is there stays there
    assert script_of(path, ME) == path


def test_a_link_by_way_of_a_folder_that_others_can_change_is_refused(tmp_path: Path) -> None:
    weak = tmp_path / "weak"
    (weak / "bin").mkdir(parents=True)
    weak.chmod(0o777)
    script(weak / "bin", "true")
    (tmp_path / "bin").symlink_to("weak/bin")
    with pytest.raises(HookRefused, match=f"other users can change {weak}$"):
        script_of(str(tmp_path / "bin" / "hook"), ME)
    weak.chmod(0o755)
    assert script_of(str(tmp_path / "bin" / "hook"), ME)
    (tmp_path / "hook").symlink_to(tmp_path / "hook")
    with pytest.raises(HookRefused, match="Too many levels"):
        script_of(str(tmp_path / "hook"), ME)


@as_root
def test_a_folder_of_a_stranger_or_of_a_strangers_group_is_refused(tmp_path: Path) -> None:
    path = script(tmp_path, "true")
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(HookRefused, match="other users can change"):
        script_of(path, ME)
    with TemporaryDirectory() as name:
        os.chmod(name, 0o775)
        path = script(Path(name), "true")
        os.chown(name, NOBODY.pw_uid, 12345)
        with pytest.raises(HookRefused, match="other users can change"):
            script_of(path, NOBODY)
        os.chown(name, NOBODY.pw_uid, NOBODY.pw_gid)
        assert script_of(path, NOBODY) == path


@as_root
def test_scripts_are_looked_at_with_the_rights_of_the_user(tmp_path: Path) -> None:
    """Whoever may not enter a folder does not learn what is in it."""
    tmp_path.chmod(0o700)
    for name in (script(tmp_path, "true"), str(tmp_path / "missing")):
        with pytest.raises(HookRefused, match="Permission denied"):
            script_of(name, NOBODY)


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_settings_that_others_can_change_run_no_script(settings: Path, mode: int) -> None:
    assert runner(settings.stat(), {}) == ME
    settings.chmod(mode)
    with pytest.raises(HookRefused, match="other users can change the settings"):
        runner(settings.stat(), {})


@as_root
def test_another_users_settings_run_no_script(settings: Path) -> None:
    os.chown(settings, NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(HookRefused, match="another user"):
        runner(settings.stat(), {})
    assert runner(settings.stat(), {"SUDO_UID": str(NOBODY.pw_uid)}) == NOBODY
    with pytest.raises(HookRefused, match="another user"):
        runner(settings.stat(), {"SUDO_UID": "1"})


@pytest.fixture
def under_sudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of nobody, who called us with sudo; its settings name a script that says who ran."""
    monkeypatch.setenv("SUDO_UID", str(NOBODY.pw_uid))
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("XDG_CONFIG_HOME", name)
        out = folder / "out"
        text = script(folder, f"id -un > {out}.new; id -G >> {out}.new; mv {out}.new {out}")
        (folder / "mlxtop-nic").mkdir()
        settings = folder / "mlxtop-nic" / "settings.toml"
        settings.write_text(f'hooks.alarm = "{text}"\n')
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        yield settings


def fire_as_read(settings: Path, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
    """Read the settings, let something happen, fire; who ran the script, with its groups."""
    values, complaints = load({})
    assert complaints == []
    complain: list[str] = []
    with closing(LocalSystem()) as system:
        hooks = Hooks(system, values.hooks, values.file, complain.append)
        assert hooks.faults() == []
        meanwhile()
        hooks.fire(ALERT)
        lines = await_file(settings.parent.parent / "out").splitlines()
    assert complain == []
    return lines


@as_root
def test_under_sudo_a_script_runs_as_the_caller(under_sudo: Path) -> None:
    user, groups = fire_as_read(under_sudo)
    assert user == "nobody"
    assert "0" not in groups.split()


@as_root
def test_a_link_to_roots_file_put_there_meanwhile_makes_nobody_root(under_sudo: Path) -> None:
    def swap() -> None:
        under_sudo.unlink()
        under_sudo.symlink_to("/etc/passwd")

    assert fire_as_read(under_sudo, swap)[0] == "nobody"


@as_root
def test_a_file_of_roots_in_the_callers_home_makes_nobody_root(under_sudo: Path) -> None:
    """As home-manager has it: a link to a file of root's that everybody can read."""
    with TemporaryDirectory() as store:
        os.chmod(store, 0o755)
        target = Path(store) / "settings.toml"
        target.write_bytes(under_sudo.read_bytes())
        under_sudo.unlink()
        under_sudo.symlink_to(target)
        assert fire_as_read(under_sudo)[0] == "nobody"


def started_with(
    capsys: pytest.CaptureFixture[str], settings: Path, hooks: dict[str, str]
) -> list[str]:
    """What the start of the screen says of these hooks."""
    with closing(LocalSystem()) as system:
        modes.hooks(system, Settings(hooks=hooks, file=settings.stat()), print)
    return capsys.readouterr().err.splitlines()


def test_hooks_are_checked_at_the_start(
    tmp_path: Path, settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = script(tmp_path, "true")
    weak = tmp_path / "weak"
    weak.mkdir()
    open_to_all = script(weak, "true")
    weak.chmod(0o777)
    hooks = {
        "warning": good,
        "alarm": "/nonexistent/hook",
        "stale": str(settings),
        "link-down": open_to_all,
        "link-dwon\x1b[2J": good,
        "port-gone": "a\0b",
        "module-out": "",
    }
    assert sorted(started_with(capsys, settings, hooks)) == [
        "mlxtop: hooks: alarm: /nonexistent/hook: No such file or directory",
        f"mlxtop: hooks: link-down: {open_to_all}: other users can change {weak}",
        "mlxtop: hooks: link-dwon?[2J is no event",
        "mlxtop: hooks: port-gone: a?b: not an absolute path",
        f"mlxtop: hooks: stale: {settings}: not an executable file",
    ]
    assert started_with(capsys, settings, {"alarm": good}) == []


def test_simulated_and_captured_machines_run_no_script(tmp_path: Path, settings: Path) -> None:
    out = tmp_path / "out"
    capture = parse_capture("mlxtop capture 1\n")
    system = CapturedSystem("x", capture, capture)
    complaints: list[str] = []
    scripts = {"alarm": script(tmp_path, f"touch {out}")}
    Hooks(system, scripts, settings.stat(), complaints.append).fire(ALERT)
    assert not out.exists()
    assert complaints == []


def test_unknown_events_are_named() -> None:
    assert misnamed({"alarm": "/a", "link-down": "/b", "fire": "/c"}) == ["fire"]
    assert misnamed({"errors": "/a", "warming": "/b"}) == ["warming"]


def test_unknown_values_are_empty_and_text_is_printable() -> None:
    bare = Alert(AlertKind.PORT_GONE, PORT, "gone\n\x07", 1.0)
    known = environment(bare, pwd.getpwuid(os.geteuid()))
    assert (known["MLXTOP_NIC_VALUE"], known["MLXTOP_NIC_FORECAST"]) == ("", "")
    assert known["MLXTOP_NIC_TEXT"] == "gone??"
