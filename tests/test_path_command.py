"""`mlxtop path` on simulated machines: what it prints, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from mlxtop import cli
from mlxtop.change.privilege import ActionContext
from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.path import PathSettings, path_settings
from mlxtop.path.peers import propose
from mlxtop.path.run import PathRun
from tests.netns import own

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Main]:
    """Run the program on a simulated machine whose clock passes by itself."""
    systems: list[LabSystem] = []

    def load(name: str) -> LabSystem:
        systems.append(load_lab(name, ManualClock()))
        return systems[-1]

    monkeypatch.setattr("mlxtop.lab.load_lab", load)

    def run(*words: str) -> tuple[int, str, str]:
        status = cli.main([*words])
        out = capsys.readouterr()
        return status, out.out, out.err

    yield run


def test_every_way_is_shown_with_the_one_in_use(main: Main) -> None:
    status, out, _ = main("--demo", "ceph", "path")
    assert status == 0
    assert out.startswith("ceph2 (10.15.15.2): route dev enp3s0; the most preferred way\n")
    assert re.search(r"> dev enp3s0 +up +0\.0\d\d ms +0 % lost\n    judged by the peer's", out)
    assert "via 10.15.15.3 dev enp3s0d1" in out
    assert "both hosts need mlxtop path keep" in " ".join(out.split())


def test_the_document_is_json_alone(main: Main) -> None:
    status, out, _ = main("--demo", "ceph", "path", "--json")
    document = json.loads(out)
    assert (status, document["keeping"], len(document["peers"])) == (0, False, 2)
    assert [way["state"] for way in document["peers"][0]["ways"]] == ["up", "up", "up"]


def test_what_is_proposed_is_a_block_of_settings(main: Main) -> None:
    status, out, _ = main("--demo", "ceph", "path", "--propose")
    peers = path_settings(tomllib.loads(out)["path"]).peers
    assert status == 0
    assert peers == propose(load_lab("ceph", ManualClock()))


def test_the_plan_has_the_exact_commands_and_needs_no_root(main: Main) -> None:
    status, out, _ = main("--demo", "ceph", "path", "keep", "--dry-run")
    assert status == 0
    lines = out.splitlines()
    assert "ip route replace 10.15.15.2/32 dev enp3s0 src 10.15.15.1 proto 77 metric 9" in lines
    assert "ip route flush table main exact 10.15.15.3/32 proto 77" in lines
    assert all(line.startswith(("# ", "ip ")) for line in lines)
    left = main("--demo", "ceph", "path", "keep", "--dry-run", "--leave")[1]
    assert "flush table main" not in left


def test_the_unit_is_printed(main: Main) -> None:
    status, out, _ = main("path", "keep", "--unit")
    assert status == 0
    assert re.search(r"^ExecStart=\S.*path keep$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("path", "--dry-run"), "--dry-run goes with path keep"),
        (("path", "watch", "--leave"), "--leave goes with path keep"),
        (("path", "--unit"), "--unit goes with path keep"),
        (("--demo", "ceph", "--readonly", "path", "keep"), "not changed with --readonly"),
    ],
)
def test_what_does_not_go_is_told(main: Main, words: tuple[str, ...], why: str) -> None:
    status, _, err = main(*words)
    assert status == 1
    assert why in err


def test_without_peers_nothing_is_kept_or_watched(main: Main) -> None:
    for words in (("path", "keep"), ("path", "watch")):
        status, _, err = main(*words)
        assert status == 1
        assert "no [[path.peers]] in the settings" in err


def test_wrong_peers_are_told_with_their_line(
    main: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = tmp_path / "mlxtop-nic" / "settings.toml"
    place.parent.mkdir()
    place.write_text('# first\n\n[[path.peers]]\naddress = "nowhere"\nways = []\n')
    _, _, err = main("--demo", "ceph", "path", "--propose")
    assert f"{place}:3: path 'nowhere' is no address" in err


def test_a_run_of_the_demo_keeps_and_puts_back() -> None:
    system = load_lab("ceph", ManualClock())
    fib = system._network.fib
    before = list(fib.routes)
    said: list[str] = []
    run = PathRun(ActionContext(system), PathSettings(propose(system)), True, said.append)
    stop, until = Event(), system.now() + 80.0

    def each() -> None:
        if system.now() >= until:
            stop.set()

    run.run(stop, each=each)
    assert any(line.startswith("ceph3 goes via 10.15.15.2 dev enp3s0") for line in said)
    assert (fib.routes, fib.rules) == (before, [])
    assert run.status.keeping


def test_a_script_hears_of_a_way_that_is_lost(tmp_path: Path) -> None:
    """With real scripts, in a namespace where the device of the only way is missing."""
    home = tmp_path / "mlxtop-nic"
    home.mkdir(mode=0o755)
    script, heard = tmp_path / "script", tmp_path / "heard"
    script.write_text(
        f'#!/bin/sh\necho "$MLXTOP_NIC_EVENT $MLXTOP_NIC_PEER $MLXTOP_NIC_WAY" >> {heard}\n'
    )
    script.chmod(0o755)
    settings = home / "settings.toml"
    settings.write_text(
        f'[hooks]\npath-down = "{script}"\n'
        '[[path.peers]]\naddress = "10.9.9.9"\nways = [{ dev = "none0" }]\n'
    )
    settings.chmod(0o644)
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    environ["XDG_CONFIG_HOME"] = environ["XDG_STATE_HOME"] = str(tmp_path)
    argv = [*own(), sys.executable, "-m", "mlxtop", "path", "watch"]
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        first = process.stdout.readline().decode()
        assert "10.9.9.9 dev none0 down: no such network device" in first
        lines: list[str] = []
        for _ in range(500):
            lines = heard.read_text().splitlines() if heard.exists() else []
            if len(lines) == 2 or process.poll() is not None:
                break
            Event().wait(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)[0].decode()
    if "other users can change" in rest:
        pytest.skip(f"scripts do not run from this directory: {rest}")
    assert sorted(lines) == ["path-down 10.9.9.9 ", "path-down 10.9.9.9 dev none0"]
    assert process.returncode == 0
