"""The vocabulary of the kernel log: every row has an example, and no row hides another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlxtop.model.counters import Severity
from mlxtop.model.incident import IncidentKind
from mlxtop.sources.kernel.kernel_log import read_line
from mlxtop.sources.kernel.vocabulary.index import BARE, DEVICE, DRIVER, NAME, Texts, texts
from mlxtop.sources.kernel.vocabulary.judges import JUDGES
from mlxtop.sources.kernel.vocabulary.row import Role, table_rows

LINES = Path(__file__).with_name("kernel_lines.txt").read_text().splitlines()
EXAMPLES = [line for line in LINES if line and not line.startswith("#")]
HEADS = {
    "P": "mlx5_core 0000:41:00.0: ",
    "F": "mlx5_core 0000:41:00.0: some_function:812:(pid 4711): ",
    "N": "mlx5_core 0000:41:00.0 ens3np0: ",
    "R": "infiniband mlx5_2: some_function:272:(pid 99): ",
    "4": "mlx4_core 0000:05:00.0: ",
    "E": "mlx4_en: ens5: ",
    "B": "pcieport 0000:40:01.0: ",
    "=": "",
}
CAUSES = {row.cause for table in {*DRIVER, *NAME, *BARE} for row in table_rows(table)}


def split(example: str) -> tuple[str, str, str, str]:
    """Return severity, cause, role and line of an example."""
    what, _, line = example.partition("  ")
    severity, cause, role = what.split()
    head, _, text = line.partition(" ")
    return severity, cause, role, HEADS[head] + text


def test_every_example_is_what_it_says() -> None:
    for example in EXAMPLES:
        severity, cause, role, text = split(example)
        line = read_line(text)
        assert line is not None, text
        said = (line.severity or "-", line.row.cause, line.role.value)
        assert said == (severity, cause, role), text


def test_every_row_has_an_example() -> None:
    lines = [read_line(split(example)[3]) for example in EXAMPLES]
    found = {(line.row.cause, line.row.patterns) for line in lines if line is not None}
    rows = [row for table in {*DRIVER, *NAME, *BARE} for row in table_rows(table)]
    assert [row.patterns[0] for row in rows if (row.cause, row.patterns) not in found] == []


SAMPLES = {
    "b": "0000:41:00.0",
    "C": "Correctable",
    "I": "internal error",
    "B": "2",
    "V": "8",
    "U": "Uncorrectable (Fatal)",
    "D": "DMA Write",
    "M": "mlx5_core",
    "x": "0x7",
    "f": "8.5",
    "w": "word",
    "n": "name",
    "p": "7",
    "d": "7",
}
"""What stands for a placeholder; words for all others."""


def sample(template: str) -> str:
    """Return a text that a template of a table stands for."""

    def value(hole: re.Match[str]) -> str:
        kind = hole["type"] or (hole["format"] or "s").lower()
        return SAMPLES.get(
            kind.replace("u", "d"), "some:words" if hole["pointer"] else "some words"
        )

    named, pointer = r"\{\w+:(?P<type>\w)\}", r"%(?P<pointer>p(?:M|I6|R|bl)?)"
    number = r"%[-+#]?[0-9.]*(?:l{0,2}|z)(?P<format>[udxXsci])"
    return (
        re.sub(f"{named}|{pointer}|{number}", value, template)
        .replace("…", " some ")
        .removesuffix("$")
    )


def templates(table: str) -> list[tuple[str, str]]:
    """Return cause and text of every text of a table."""
    found: list[tuple[str, str]] = []
    cause = ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            cause, advised = line.split()[0], False
        elif line.startswith("  > "):
            advised = True
        elif line.startswith("    "):
            if not advised:
                found[-1] = (cause, f"{found[-1][1]} {line.strip()}")
        else:
            found.append((cause, line.strip()))
    return found


@pytest.mark.parametrize(
    "tables", [DRIVER, DEVICE, NAME, BARE], ids=["driver", "device", "name", "bare"]
)
def test_no_text_is_hidden_by_one_of_another_cause(tables: tuple[str, ...]) -> None:
    known = Texts(tables)
    hidden = []
    for table in tables:
        for cause, template in templates(table):
            found = known.find(sample(template))
            if found is None or found[1].cause != cause:
                hidden.append((cause, template, found and found[1].cause))
    assert hidden == []


def test_what_a_row_names_exists() -> None:
    for table in {*DRIVER, *NAME, *BARE}:
        for row in table_rows(table):
            assert not row.judge or row.judge in JUDGES
            assert set(row.ends) | set(row.joins) <= CAUSES, row
            assert row.role is not Role.END or row.ends, row
            assert isinstance(row.kind, IncidentKind)
            assert row.severity is None or isinstance(row.severity, Severity)
            assert row.words, row


@pytest.mark.parametrize(
    "text",
    [
        "mlx5_core 0000:41:00.0: synd 0x0: unrecognized error",
        "mlx5_core 0000:41:00.0: assert_var[0] 0x00000000",
        "mlx5_core 0000:41:00.0: Sensor name[63]: words",
        "kauditd_printk_skb: 30 callbacks suppressed",
        "eth7: some other driver's words",
        "nvme 0000:02:00.0: AER: Correctable error message received from 0000:02:00.0",
        "",
    ],
)
def test_what_says_nothing_is_nothing(text: str) -> None:
    assert read_line(text) is None


def test_a_bare_line_of_others_is_not_searched() -> None:
    assert not texts("bare").knows("usb 1-1: new high-speed USB device")
    assert texts("bare").knows("DMAR: DRHD: handling fault status reg 2")
