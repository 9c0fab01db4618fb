"""The command line and the modes without a screen."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlxtop
from mlxtop.cli import main
from mlxtop.cli.errors import report_threads
from mlxtop.cli.modes import hooks
from mlxtop.settings import Settings
from mlxtop.system.captured import load_captured
from tests.test_json_text import strict, texts

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
    assert main(["--root", cx4(), "--once", "--json", "-i", "nosuch*", "-i", "x"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["adapters"] == []
    assert said.err == (
        "mlxtop: -i 'nosuch*' x selects no port; there are enp67s0np0 "
        "(with --all every network device)\n"
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [(["doctor"], 3), (["load", "10.0.0.3", "--plan"], 1), (["--all", "doctor"], 3)],
)
def test_globs_that_select_no_port_are_named_by_subcommands_too(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", cx4(), "-i", "nosuch", *words]) == status
    said = capsys.readouterr()
    assert "mlxtop: -i nosuch selects no port; there are enp67s0np0" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "text", "status"),
    [
        ("link-type --once", "link-type goes without --once", 1),
        ("log -n 3", "log goes without -n", 1),
        ("doctor --frobnicate", "unrecognized arguments: --frobnicate", 3),
        ("doctor --prob x", "there is no option --prob; did you mean --probe?", 3),
        ("--onse", "there is no option --onse; did you mean --once?", 1),
        ("--interval 2", "there is no option --interval; did you mean --delay?", 1),
        ("export x", "export takes --csv or --perfetto (see mlxtop export --help)", 1),
        (
            "completion",
            "the following arguments are required: bash|zsh|fish (see mlxtop completion",
            1,
        ),
        ("--intervall 2 --once", "there is no option --intervall; did you mean --delay?", 1),
        ("enp1s0 --onse", "there is no option --onse; did you mean --once?", 1),
        ("load -b nonsense", "argument -b/--bitrate", 1),
        ("--demo doctr --once", "no simulated machine 'doctr'; there are pacu, fry", 1),
        ("--demo frey --once", "no simulated machine 'frey'; did you mean fry? There are pacu", 1),
        ("--root HOST doctr", "doctr is neither a port nor a command; did you mean doctor?", 1),
        ("--root HOST demo", "demo is neither a port nor a command; did you mean --demo?", 1),
        (
            "--root HOST enp67s0np",
            "enp67s0np is neither a port nor a command; did you mean enp6",
            1,
        ),
        ("--root HOST zzz", "zzz is neither a port nor a command; ports: enp67s0np0", 1),
        ("--root HOST enp67s0np0 zzz", "enp67s0np0 is no command; commands: doctor, ", 1),
        (
            "--root HOST doctor enp67snp0",
            "no port is called 'enp67snp0'; did you mean enp67s0np",
            3,
        ),
    ],
)
def test_what_is_not_understood_is_answered_with_what_was_meant(
    words: str, text: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.replace("HOST", cx4()).split()) == status
    said = capsys.readouterr()
    assert said.err.startswith(f"mlxtop: {text}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["link-type", "--root", "HOST", "--json"],
        ["link-type", "--root=HOST", "--all"],
        ["runs", "-ienp67s0np0", "--root", "HOST"],
        ["runs", "-i", "enp*", "--demo"],
        ["runs", "--demo", "tiny"],
    ],
    ids=" ".join,
)
def test_options_of_the_program_may_stand_after_the_subcommand(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main([word.replace("HOST", cx4()) for word in words]) == int(words[0] != "runs")


def test_a_port_is_a_selection_where_there_is_no_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(HOSTS / "cx3-vpi.txt"), "ib0", "--once", "--json"]) == 0
    (adapter,) = json.loads(capsys.readouterr().out)["adapters"]
    assert [port["netdev"] for port in adapter["ports"]] == ["ib0"]


def test_a_simulated_machine_knows_no_names_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--demo", "load", "myserver", "--plan"]) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert last == (
        "mlxtop: refused: myserver: a simulated machine knows no host names; "
        "give an address, like 10.0.0.3"
    )


@pytest.mark.parametrize(
    "words",
    [
        *(["-b", "-n"], ["log", "--last"], ["link-type", "--level"], ["load", "x", "-P"]),
        *(["load", "x", "-t"], ["load", "x", "-b"], ["load", "x", "-p"], ["runs", "show"]),
        *(["load", "x", "-A"], ["--once", "-d"], ["load", "x", "--interval"]),
    ],
    ids=" ".join,
)
def test_digits_of_any_length_are_one_line(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for digits in ("9" * 5000, "-" + "9" * 5000, "\u0663" * 10):
        assert main([*words, digits]) == 1
        said = capsys.readouterr().err
        assert said.startswith("mlxtop: ") and said.count("\n") == 1
        assert "int_max_str_digits" not in said and "invalid int" not in said


def test_udev_rules_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--demo", "doctor", "--udev-rules", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert found["file"].endswith(".rules")
    assert any('NAME="enp67s0np0"' in rule for rule in found["rules"])
    assert main(["--root", str(HOSTS), "doctor", "--udev-rules", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["rules"] == []


HOSTILE = {
    "time nan": "@time nan",
    "time inf": "@time inf",
    "time -inf": "@time -inf",
    "time far": "@time 1e18",
    "time before": "@time -1e18",
    "time long": "@time " + "9" * 5000,
    "names": (
        '? links = [{"name": "enp67s0np0", "index": 2, "type": 1, "parent": "0000:43:00.0", '
        '"parent_bus": "pci"}, {"name": "eth\\udc80", "index": 7, "type": 1}]'
    ),
    "negative": (
        '? mac-statistics enp67s0np0 = {"OctetsReceivedOK": -5, "OctetsTransmittedOK": -6, '
        '"FrameCheckSequenceErrors": -7}\n'
        '? driver-statistics enp67s0np0 = {"names": ["rx_bytes_phy"], "values": [-1]}\n'
        '? link-counters = {"2": [-1, -2, -3, -4, -5, -6, -7]}\n'
        "/sys/class/infiniband/mlx5_0/ports/1/counters/port_rcv_data = -9"
    ),
}


@pytest.mark.parametrize("lines", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_capture_is_a_table_and_strict_json(
    lines: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "given"
    given.write_text(Path(cx4()).read_text().replace("@time 1700000000\n", "") + lines + "\n")
    for words in (["--once"], ["--once", "--json"], ["--json-stream"], ["doctor", "--json"]):
        assert main(["--root", str(given), "--all", *words]) in (0, 1, 2)
        said = capsys.readouterr()
        assert said.err == ""
        if words == ["--once"]:
            assert "enp67s0np0" in said.out
            continue
        found = strict(said.out)
        for text in texts(found):
            text.encode()
        assert not any(key.endswith(COUNTED) and value < 0 for key, value in numbers(found))


COUNTED = ("_bytes", "_bps", "Errors", "_phy", "_changes", "mtu", "time")


def numbers(value: object, key: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a document with its key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from numbers(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from numbers(item, key)
    elif isinstance(value, int | float):
        yield key, value


def test_an_error_in_a_thread_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    lines: list[str] = []
    report_threads(lines.append)
    thread = threading.Thread(target=lambda: 1 / 0, name="readers")
    thread.start()
    thread.join()
    assert lines == ["readers: ZeroDivisionError: division by zero (--debug shows where)"]


def test_names_of_hooks_are_made_safe(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(hooks={"\x1b[2Jevil": "/nonexistent"})
    hooks(load_captured(cx4()), settings, lambda text: None)
    said = capsys.readouterr().err
    assert "evil" in said and said.rstrip("\n").isprintable()


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
        "from mlxtop.cli import screens; screens._load_asyncio(); "
        "import asyncio.sslproto as proto, ssl; "
        "assert proto.ssl is None and ssl.create_default_context()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


@pytest.mark.parametrize("words", [["link-type"], ["runs"], ["--once"]], ids=" ".join)
def test_every_socket_and_file_is_closed_at_the_end(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-m", "mlxtop", *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert "ResourceWarning" not in done.stderr


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
