"""`mlxtop log` prints every entry, whatever is in it."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.change.log import ActionLog, log_path
from mlxtop.cli import main
from mlxtop.commands import log as log_command
from mlxtop.system.owner import Owner, invoking_owner
from tests.test_json_text import strict

SELF = Owner(os.geteuid(), os.getegid(), "/home/me")


@given(
    st.dictionaries(
        st.sampled_from(["time", "action", "argv", "status", "errors", "result", "types"]),
        st.none() | st.text() | st.integers() | st.lists(st.text()),
    )
)
def test_any_entry_is_printed_in_one_harmless_line(entry: dict[str, Any]) -> None:
    (line,) = log_command.lines([entry])
    assert line.isprintable()


def test_the_log_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)

    def show(**options: object) -> str:
        args = argparse.Namespace(last=None, json=False, **options)
        assert log_command.run(args, None, None) == 0  # type: ignore[arg-type]
        return capsys.readouterr().out

    assert show() == "nothing was changed by mlxtop\n"
    log = ActionLog(log_path(invoking_owner()), SELF)
    log.record(action="begin", argv=["mstconfig", "-d", "0000:08:00.0"], title="t")
    log.record(action="end", status=3)
    assert "mstconfig -d 0000:08:00.0" in show() and "status 3" in show()
    args = argparse.Namespace(last=1, json=True)
    log_command.run(args, None, None)  # type: ignore[arg-type]
    assert [entry["status"] for entry in json.loads(capsys.readouterr().out)] == [3]


@pytest.mark.parametrize("words", [["log"], ["log", "--json"], ["log", "--last", "1", "--json"]])
def test_a_damaged_log_is_shown_as_far_as_it_goes(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "mlxtop-nic").mkdir(mode=0o700)
    entries = (
        *('{"action":NaN}', '{"action":"a","status":1e999}', '{"n":' + "9" * 5000 + "}"),
        *("[1]", '{"a":' * 90 + "1" + "}" * 90, '{"time":"t","action":{"x":[1]},"argv":[{"a":1}]}'),
    )
    (tmp_path / "mlxtop-nic" / "actions.jsonl").write_text("\n".join(entries))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err == ""
    if "--json" in words:
        assert strict(said.out) == [{"time": "t", "action": {"x": [1]}, "argv": [{"a": 1}]}]
