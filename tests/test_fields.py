"""Every field has a meaning and a place in the document and in the README."""

from __future__ import annotations

import re
from pathlib import Path

from mlxtop.model.frame import derive
from mlxtop.model.identity import Host, Port, PortId, PortKind
from mlxtop.model.json_text import encode
from mlxtop.model.sample import Link, PortSample, Sample
from mlxtop.outputs.document import document
from mlxtop.present.columns import COLUMNS
from mlxtop.settings import ROWS
from tests.samples import frame, pacu

ID = PortId("0000:43:00.0", 1)


def table(row: str) -> list[str]:
    text = (Path(__file__).parent.parent / "README.md").read_text()
    (line,) = re.findall(rf"^\| {row} \|(.*)\|$", text, re.MULTILINE)
    return re.findall(r"`(\w+)`", line)


def test_the_readme_names_the_keys_of_the_document() -> None:
    whole = document(frame(pacu(1.0), pacu(2.0)), demo=False)
    (card,) = whole["adapters"]
    assert table("port") == list(card["ports"][0])
    assert table("adapter") == list(card)
    assert table("`host`") == list(whole["host"])
    assert table("top") == list(whole)


def test_no_document_has_the_hardware_address() -> None:
    port = Port(ID, PortKind.PHYSICAL, netdev="enp1s0")
    now = PortSample(port, Link(address="24:8a:07:12:34:56"))
    sample = Sample(0.0, 0.0, Host("pacu"), (), {port.id: now})
    assert "24:8a:07" not in encode(document(derive(sample, None), False))


def test_every_column_has_a_meaning() -> None:
    for column in COLUMNS:
        assert column.help


def test_the_readme_names_every_setting_of_the_file() -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text()
    block = text[text.index("## Settings") :].split("```")[1]
    named = set(re.findall(r"^(\w+) =|^\[(\w+)\]", text[text.index("[hooks]") :] + block, re.M))
    names = {name for pair in named for name in pair if name}
    assert {name for name, row in ROWS.items() if row.read is not None} <= names
