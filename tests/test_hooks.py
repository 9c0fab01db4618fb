"""Users' scripts, run for real."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from mlxtop.actions import hooks as module
from mlxtop.actions.hooks import HookRefused, Hooks, environment, misnamed, owner_of, script_of
from mlxtop.analysis.heat import Forecast, Trend
from mlxtop.analysis.heatwatch import Alert, AlertKind
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.local import LocalSystem

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

    def __init__(self, text: str, settings: Path) -> None:
        self.complaints: list[str] = []
        self.complained = Event()
        self.hooks = Hooks(LocalSystem(), {"alarm": text}, str(settings), self.complain)

    def complain(self, text: str) -> None:
        self.complaints.append(text)
        self.complained.set()


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


def test_a_script_learns_everything_from_its_environment(tmp_path: Path, settings: Path) -> None:
    out = tmp_path / "out"
    text = script(tmp_path, f"env > {out}.new; mv {out}.new {out}")
    Watcher(text, settings).hooks.fire(ALERT)
    found = dict(line.split("=", 1) for line in await_file(out).splitlines())
    assert found["MLXTOP_NIC_EVENT"] == "alarm"
    assert found["MLXTOP_NIC_PORT"] == "0000:43:00.0/1"
    assert found["MLXTOP_NIC_NETDEV"] == "enp67s0np0"
    assert (found["MLXTOP_NIC_VALUE"], found["MLXTOP_NIC_LIMIT"]) == ("76", "75")
    assert found["MLXTOP_NIC_FORECAST"] == "81.3"
    assert "$(touch /tmp/never) ?[31m" in found["MLXTOP_NIC_TEXT"]
    assert "PYTHONPATH" not in found
    assert found["HOME"] == pwd.getpwuid(os.geteuid()).pw_dir


@pytest.mark.slow
def test_a_script_that_fails_or_hangs_is_told(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(script(tmp_path, "echo no modem >&2; exit 3"), settings)
    watcher.hooks.fire(ALERT)
    assert watcher.complained.wait(10)
    assert watcher.complaints == ["hook alarm: status 3 no modem"]
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    watcher = Watcher(script(tmp_path, "sleep 60"), settings)
    watcher.hooks.fire(ALERT)
    watcher.hooks.fire(ALERT)
    assert watcher.complained.wait(10)
    assert "still running" in watcher.complaints[0]
    watcher.complained.clear()
    assert watcher.complained.wait(10)
    assert "ended after" in watcher.complaints[-1]


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


def test_a_script_that_others_can_change_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HookRefused, match="others"):
        script_of(script(tmp_path, "true", 0o777), pwd.getpwuid(os.geteuid()))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_another_users_settings_run_as_that_user_or_not_at_all(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(settings, nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(HookRefused, match="another user"):
        owner_of(str(settings), {})
    assert owner_of(str(settings), {"SUDO_UID": str(nobody.pw_uid)}) == nobody
    monkeypatch.setenv("SUDO_UID", str(nobody.pw_uid))
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        out = folder / "out"
        text = script(folder, f"id -un > {out}.new; id -G >> {out}.new; mv {out}.new {out}")
        Watcher(text, settings).hooks.fire(ALERT)
        user, groups = await_file(out).splitlines()
    assert user == "nobody"
    assert "0" not in groups.split()


def test_simulated_and_captured_machines_run_no_script(tmp_path: Path, settings: Path) -> None:
    out = tmp_path / "out"
    capture = parse_capture("mlxtop capture 1\n")
    system = CapturedSystem("x", capture, capture)
    complaints: list[str] = []
    scripts = {"alarm": script(tmp_path, f"touch {out}")}
    Hooks(system, scripts, str(settings), complaints.append).fire(ALERT)
    assert not out.exists()
    assert complaints == []


def test_unknown_events_are_named() -> None:
    assert misnamed({"alarm": "/a", "link-down": "/b", "fire": "/c"}) == ["fire"]


def test_unknown_values_are_empty_and_text_is_printable() -> None:
    bare = Alert(AlertKind.PORT_GONE, PORT, "gone\n\x07", 1.0)
    known = environment(bare, pwd.getpwuid(os.geteuid()))
    assert (known["MLXTOP_NIC_VALUE"], known["MLXTOP_NIC_FORECAST"]) == ("", "")
    assert known["MLXTOP_NIC_TEXT"] == "gone??"
