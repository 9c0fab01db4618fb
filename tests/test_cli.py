"""The command line and the modes without a screen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mlxtop
from mlxtop.cli import main

HOSTS = Path(__file__).parent / "hosts"
REPOSITORY = Path(mlxtop.__file__).parent.parent


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlxtop", *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent", **environ},
        timeout=60,
        check=False,
    )


def cx4() -> str:
    return str(HOSTS / "cx4-x8.txt")


def test_version_tells_the_two_programs_of_this_name_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["-V"]) == 0
    assert "ConnectX" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--frobnicate"], 1),
        (["--delay", "0.01", "--once"], 1),
        (["--delay", "0"], 1),
        (["--once", "--batch"], 1),
        (["--json"], 1),
        (["--count", "0", "-b"], 1),
        (["--root", "/nonexistent", "--once"], 1),
        (["--demo", "nosuch", "--once"], 1),
    ],
)
def test_what_is_not_understood_is_one_line_and_never_status_2(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("mlxtop: ")
    assert said.err.count("\n") == 1


def test_the_document_keeps_its_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", cx4(), "--once", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "schema",
        "mlxtop",
        "time",
        "demo",
        "host",
        "adapters",
        "alarms",
        "incidents",
        "problems",
    }
    (adapter,) = found["adapters"]
    assert adapter["device_id"] == "15b3:1013"
    assert adapter["functions"] == ["0000:43:00.0"]
    assert adapter["pcie"] == {
        "speed_gts": 8.0,
        "width": 8,
        "max_speed_gts": 8.0,
        "max_width": 16,
        "available_mbps": 63008,
        "capable_mbps": 126016,
        "limited_by": "0000:40:03.0",
    }
    assert adapter["temperature"] == {"asic_c": 61.25, "crit_c": 105.0, "highest_c": 78.0}
    (port,) = adapter["ports"]
    assert (port["id"], port["number"]) == ("0000:43:00.0/1", 1)
    assert (port["source"], port["rx_bytes"], port["tx_bytes"]) == ("eth-mac", 5000000, 6000000)
    assert port["speed_mbps"] == 100000
    assert port["rx_bps"] is None
    assert port["absent"]["rx_bps"]
    assert port["errors"]["FrameCheckSequenceErrors"] == 2
    assert port["errors_since"] == "boot"


def test_an_infiniband_port_has_the_data_rate_and_bytes_of_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--root", str(HOSTS / "cx3-vpi.txt"), "--once", "--json", "-i", "ib0"]) == 0
    (adapter,) = json.loads(capsys.readouterr().out)["adapters"]
    (port,) = adapter["ports"]
    assert (port["source"], port["rx_bytes"], port["tx_bytes"]) == ("ib-data", 1000, 2000)
    assert port["speed_mbps"] == 32000
    assert (port["state"], port["detail"]) == ("init", "no subnet manager")


def test_no_selected_port_is_status_1_and_still_a_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--root", cx4(), "--once", "--json", "-i", "nosuch*"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["adapters"] == []
    assert "--all" in said.err


def test_the_table_names_port_card_and_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", cx4(), "--once"]) == 0
    out = capsys.readouterr().out
    for word in ("enp67s0np0", "ConnectX-4", "x8 of x16", "63.0 Gb/s", "61"):
        assert word in out


def test_modes_without_a_screen_never_load_textual() -> None:
    code = (
        "import sys; from mlxtop.cli import main; "
        f"main(['--root', {cx4()!r}, '--once', '--json']); "
        "print([m for m in ('textual', 'rich', 'plotext', 'psutil', 'sh', 'pyudev') "
        "if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stderr.strip() == "[]"


def test_asyncio_is_loaded_without_tls_which_others_still_get() -> None:
    code = (
        "from mlxtop import cli; cli._load_asyncio(); import asyncio.sslproto as proto, ssl; "
        "assert proto.ssl is None and ssl.create_default_context()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m mlxtop --all --json-stream -d 0.1 | head -n 2"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2
    assert lines[0]["time"] < lines[1]["time"]


def test_a_settings_file_that_makes_no_sense_is_told_and_ignored(tmp_path: Path) -> None:
    directory = tmp_path / "mlxtop-nic"
    directory.mkdir()
    (directory / "settings.toml").write_text('interval = "often"\ncolour = "red"\n')
    done = run("--root", cx4(), "--once", XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 0
    assert "interval is not a number of seconds" in done.stderr
    assert "colour is not a setting" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["link-type"],
        pytest.param(["doctor"], marks=pytest.mark.slow),
        pytest.param(["capture", "-"], marks=pytest.mark.slow),
        ["log"],
    ],
    ids=lambda words: str(words[0]),
)
def test_no_output_of_a_simulated_machine_can_be_taken_for_a_real_one(words: list[str]) -> None:
    done = run("--demo", "cx3-hp", *words, XDG_STATE_HOME="/nonexistent")
    assert "DEMO" in done.stderr
    assert "Traceback" not in done.stderr
