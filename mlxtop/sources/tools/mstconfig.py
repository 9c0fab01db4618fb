"""The non-volatile configuration of a card, from mstconfig and mlxconfig (read only).

Columns, widths and marks differ between releases and errors come on standard output; see
mlxconfig/mlxcfg_ui.cpp of https://github.com/Mellanox/mstflint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from mlxtop.model.linktype import LinkType, link_type_of
from mlxtop.sources.tools.card_tool import Trouble, in_words, plain, trouble_of
from mlxtop.system.answers import Fields, parse_json

TOOLS = ("mstconfig", "mlxconfig")
"""The same tool as mstflint and as MFT ship it."""


class Column(StrEnum):
    """The columns of a report, by the words of its header."""

    DEFAULT = "Default"
    CURRENT = "Current"
    NEXT = "Next Boot"
    NEW = "New"


class Parameter(NamedTuple):
    """A row: its values by column, and the mark RO before its name."""

    values: Mapping[Column, str]
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """The output of a query or a set about one card."""

    device: str | None = None
    """As it was asked for, `0000:05:00.0` where the tool prints its sysfs path."""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    """The deepest cause first."""

    @property
    def error(self) -> str | None:
        return in_words(self.errors)

    @property
    def trouble(self) -> Trouble | None:
        kinds = [trouble_of(error) for error in self.errors]
        return next((kind for kind in kinds if kind is not Trouble.OTHER), next(iter(kinds), None))

    def link_type(self, port: int, column: Column) -> LinkType | None:
        """Return LINK_TYPE of a port, counted from 1; None where the column or value is missing."""
        row = self.parameters.get(f"LINK_TYPE_P{port}")
        return None if row is None else link_type_of(row.values.get(column))


_HEADING = re.compile(r"^\s*Device \\?#(\d+):\s*$")
_DEVICE = re.compile(r"^\s*(?:PCI )?[Dd]evice:(.*)$")
_SYSFS = re.compile(r"^/sys/bus/pci/devices/([^/]+)/config$")
_HEADER = re.compile(r"^\s*Configurations:(.*)$")
_COLUMN = re.compile(r"Default|Current|Next Boot|New\b")
_ROW = re.compile(
    r"^\s*+\*?\s*+(?:(RO)\s++)?([A-Z][A-Z0-9_][A-Za-z0-9_]*+(?:\[[0-9.]+\])?)"
    r"\s++(\S++(?:\s++\S++){0,3})\s*+$"
)
_ERROR = re.compile(r"-E-(.*)$")


def parse_mstconfig(text: str) -> ConfigReport:
    """Return the report of the first card in the output of a query or a set.

    >>> text = "Device: 0000:43:00.0\\nConfigurations: Next Boot\\n*  LINK_TYPE_P1 ETH(2)"
    >>> parse_mstconfig(text).link_type(1, Column.NEXT)
    <LinkType.ETH: 'eth'>
    """
    device: str | None = None
    columns: list[Column] | None = None
    parameters: dict[str, Parameter] = {}
    errors: list[str] = []
    for line in plain(text).splitlines():
        if _HEADING.match(line):
            if device is not None or columns is not None:
                break
        elif error := _ERROR.search(line):
            errors.append(error[1].strip())
        elif header := _HEADER.match(line):
            columns = [Column(name) for name in _COLUMN.findall(header[1])]
        elif columns is None:
            match = _DEVICE.match(line)
            device = match[1].strip() if match and device is None else device
        elif row := _ROW.match(line):
            values = row[3].split()
            if columns and len(values) == len(columns):
                pairs = dict(zip(columns, values, strict=True))
                parameters[row[2]] = Parameter(pairs, bool(row[1]))
    return ConfigReport(_address(device), parameters, tuple(errors))


def _address(device: str | None) -> str | None:
    path = _SYSFS.match(device or "")
    return path[1] if path else None if device in ("", "N/A") else device


_JSON_COLUMNS = {
    "default_value": Column.DEFAULT,
    "current_value": Column.CURRENT,
    "next_value": Column.NEXT,
}


def parse_mstconfig_json(text: str) -> ConfigReport:
    """Return the report of the first card in the file that `-j` writes (mstflint 4.31 on)."""
    card = next((card for _, card in Fields(parse_json(text)).members()), Fields(None))
    parameters = {}
    for name, row in card.fields("tlv_configuration").members():
        values = {
            _JSON_COLUMNS[key]: str(value)
            for key, value in row.items()
            if key in _JSON_COLUMNS and isinstance(value, str | int)
        }
        parameters[name] = Parameter(values, row.flag("read_only") or False)
    return ConfigReport(_address(card.text("device")), parameters)
