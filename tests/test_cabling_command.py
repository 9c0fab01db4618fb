"""`mlxtop cabling` on simulated machines: what it prints, writes and compares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_fabric_command import run


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cabling") / "cabling.json"
    status, out, _ = run("hdr", "cabling", "--save", str(path))
    assert (status, out) == (0, f"{path}: 2 ports\n")
    return path


def changed(saved: Path, tmp_path: Path, old: str, new: str) -> str:
    """A file in which something was otherwise."""
    other = tmp_path / "other.json"
    text = saved.read_text()
    assert old in text
    other.write_text(text.replace(old, new, 1))
    return str(other)


def test_ports_are_listed_with_other_ends_and_modules() -> None:
    status, out, _ = run("hdr", "cabling")
    assert status == 0 and "leaf1 port 1" in out and "Mellanox" in out


def test_a_saved_file_has_no_serial_number_and_is_its_owners(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    told = json.loads(saved.read_text())
    assert all(len(port["plug"]["serial"]) == 16 for port in told["ports"])
    assert run("hdr", "cabling", "--check", str(saved))[:2] == (
        0,
        "2 ports: nothing differs from what was saved\n",
    )


def test_a_difference_is_told_with_status_2(saved: Path, tmp_path: Path) -> None:
    other = changed(saved, tmp_path, '"port":"1","name":"leaf1"', '"port":"5","name":"leaf1"')
    status, out, _ = run("hdr", "cabling", "--check", other)
    assert status == 2
    assert "goes elsewhere" in out and "was  leaf1 port 5" in out and "is   leaf1 port 1" in out
    status, out, _ = run("hdr", "cabling", "--check", other, "--json")
    assert status == 2
    (one,) = json.loads(out)["differences"]
    assert (one["port"], one["kind"]) == ("ibp65s0", "goes elsewhere")


def test_what_cannot_be_written_or_read_is_one_line(saved: Path, tmp_path: Path) -> None:
    status, _, err = run("hdr", "cabling", "--save", str(saved))
    assert status == 1 and "File exists" in err
    status, _, err = run("hdr", "cabling", "--check", str(tmp_path / "none"))
    assert status == 1 and err.endswith("none: No such file or directory\n")
    (tmp_path / "text").write_text("hello")
    status, _, err = run("hdr", "cabling", "--check", str(tmp_path / "text"))
    assert status == 1 and "no file of mlxtop cabling" in err
