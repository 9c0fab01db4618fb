"""Tools that are missing, hang, print 100 MB or escapes, or die, as real programs on the path."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mlxtop.change.privilege import Access, RootCommands
from mlxtop.link_type.card import read_config
from mlxtop.model.counters import Origin
from mlxtop.model.json_text import encode
from mlxtop.outputs.document import document
from mlxtop.present.pages import PAGES
from mlxtop.present.text import clean, plain
from mlxtop.present.view import View
from mlxtop.sources.tools import mget_temp, mlxlink
from mlxtop.system import owner, process
from mlxtop.system.commands import Commands
from mlxtop.system.door import Finished
from tests.test_faults_readers import printable
from tests.test_faults_sampler import shown
from tests.test_live import PORT, VETH, Machine

ESCAPES = r"\033]0;owned\007\033[2J\033[31mred\033[5n"
FLOODS = {
    "blanks": "head -c 100000000 /dev/zero | tr '\\0' ' '",
    "lines": "head -c 100000000 /dev/zero | tr '\\0' '\\n'",
    "words": "yes 'a row : of words' | head -c 100000000",
}
FAULTS = {
    "hangs": ("exec sleep 1000", "in time"),
    "is killed": ("kill -9 $$", "status -9"),
    "fails": (f"printf -- '-E- {ESCAPES}\\n' >&2; exit 1", "red"),
    "prints escapes": (f"printf '{ESCAPES}\\n'", "nothing that is understood|no temperature"),
    **{f"prints 100 MB of {what}": (text, "more than is read") for what, text in FLOODS.items()},
}


class Workshop(Machine):
    """A captured machine whose tools are programs of this one."""

    def __init__(self) -> None:
        super().__init__()
        self.commands = Commands()
        self.limit = 30.0
        """Seconds that a tool gets, whatever it is said to get."""

    @property
    def root(self) -> bool:
        return True

    def which(self, command: str) -> str | None:
        return owner.which(command)

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        return self.commands.run(argv, min(timeout, self.limit), stdin)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(owner, "SAFE_PATH", str(tmp_path))
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    made = Workshop()
    yield made
    made.commands.close()


def install(folder: Path, name: str, script: str) -> None:
    """Put a program on the path."""
    program = folder / name
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)


READERS: dict[str, Callable[[Workshop], object]] = {
    "mstlink": lambda machine: mlxlink.read_link_report(machine, PORT.device, "mstlink"),
    "mlxlink": lambda machine: mlxlink.read_link_report(machine, PORT.device, "mlxlink"),
    "mget_temp": lambda machine: mget_temp.read_mget_temp(machine, PORT.device, "mget_temp"),
}


@pytest.mark.parametrize("tool", READERS)
def test_a_tool_that_is_missing_is_told(tool: str, machine: Workshop) -> None:
    with pytest.raises(OSError, match="not installed"):
        READERS[tool](machine)


@pytest.mark.slow
@pytest.mark.parametrize("tool", READERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_tool_that_fails_in_any_way_is_a_reason_in_one_line(
    tool: str, fault: str, machine: Workshop, tmp_path: Path
) -> None:
    script, reason = FAULTS[fault]
    install(tmp_path, tool, script)
    machine.limit = 0.5 if fault == "hangs" else 30.0
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match=reason) as caught:
            READERS[tool](machine)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert printable(clean(str(caught.value)))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [*FAULTS, "is missing"])
def test_a_configuration_tool_that_fails_in_any_way_says_why(
    fault: str, machine: Workshop, tmp_path: Path
) -> None:
    machine.limit = 0.5 if fault == "hangs" else 30.0
    if fault != "is missing":
        install(tmp_path, "mstconfig", FAULTS[fault][0])
    try:
        report = read_config(RootCommands(machine, Access.ROOT), "mstconfig", PORT.device)
    except OSError as error:
        assert fault in ("hangs", "is missing")
        assert printable(clean(str(error)))
        return
    assert not report.parameters
    if fault in ("is killed", "fails"):
        assert report.error and printable(clean(report.error))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_the_sampler_goes_on_and_nothing_of_a_tool_reaches_the_terminal_unclean(
    fault: str, machine: Workshop, tmp_path: Path
) -> None:
    install(tmp_path, "mstlink", FAULTS[fault][0])
    machine.limit = 0.5 if fault == "hangs" else 30.0
    with shown(machine) as one:
        reasons: list[str] = []
        deadline = time.monotonic() + 30
        while not reasons and time.monotonic() < deadline:
            frame = one()
            reasons = [text for text in frame.ports[PORT].now.absent.values() if "mstlink:" in text]
            assert frame.sample.tick == frame.ports[VETH].now.readings[Origin.NETDEV].tick
            time.sleep(0.002)
        assert reasons
        json.loads(encode(document(frame, demo=False)).encode())
        for page in PAGES:
            for section in page.sections(View(frame, PORT)):
                assert printable("\n".join(map(plain, section.lines)))
