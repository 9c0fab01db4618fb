"""Nonsense in any file or answer of a machine is no reason for `doctor` to fail."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxtop.cli import main

HOSTS = sorted((Path(__file__).parent / "hosts").glob("*.txt"))
JUNK = ("", "-1", "9" * 30, "\x1b[31m", "nan", "0x", "Unknown", "[]", "{}", "null", "é中", "1e400")
FAILURES = ("EIO", "EINVAL", "ENODEV", "EACCES", "ENOENT")


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A captured machine of which some lines are missing, junk, or fail."""
    lines = draw(st.sampled_from(HOSTS)).read_text().split("\n")
    for _ in range(draw(st.integers(1, 12))):
        place = draw(st.integers(1, len(lines) - 1))
        head, mark, _ = lines[place].partition(" = ")
        kind = draw(st.integers(0, 2))
        if kind == 0 or not mark:
            lines[place] = ""
        elif kind == 1:
            lines[place] = f"{head} = {draw(st.sampled_from(JUNK))}"
        else:
            lines[place] = f"{head} ! {draw(st.sampled_from(FAILURES))}"
    return "\n".join(lines)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=spoilt())
def test_a_spoilt_machine_is_examined_all_the_same(tmp_path: Path, text: str) -> None:
    host = tmp_path / "host.txt"
    host.write_text(text)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(["--debug", "--root", str(host), "doctor", "--json"])
    assert status in (0, 1, 2, 3)
    assert all("not understood; line" in line for line in err.getvalue().splitlines())
    assert set(json.loads(out.getvalue())) == {"findings", "could_not_tell"}


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.stem)
def test_every_captured_machine_is_examined(host: Path) -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        status = main(["--debug", "--root", str(host), "--all", "doctor"])
    assert status in (0, 1, 2)
    assert "Checked, nothing found:" in out.getvalue()
