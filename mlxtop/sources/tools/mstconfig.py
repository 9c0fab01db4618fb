"""The non-volatile configuration of a card, from mstconfig and mlxconfig (read only).

Columns, widths and marks differ between releases and errors come on standard output; see
mlxconfig/mlxcfg_ui.cpp of https://github.com/Mellanox/mstflint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlxtop.model.linktype import LinkType, link_type_of

TOOLS = ("mstconfig", "mlxconfig")
"""The same tool as mstflint and as MFT ship it."""


class Column(StrEnum):
    """The columns of a report, by the words of its header."""

    DEFAULT = "Default"
    CURRENT = "Current"
    NEXT = "Next Boot"
    NEW = "New"


class Trouble(StrEnum):
    """Why a tool did not answer."""

    NO_PARAMETER = "no such parameter"
    UNSUPPORTED = "unsupported device"
    NO_ACCESS = "cannot open the device"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row: its values by column, and the marks before its name."""

    values: Mapping[Column, str]
    differs: bool = False
    """`*`: the value of the next boot is not the current or default one."""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """What a query or a set printed about one card."""

    device_type: str | None = None
    name: str | None = None
    """The part number; None where the card has none."""
    description: str | None = None
    device: str | None = None
    """As it was asked for, `0000:05:00.0` where the tool prints its sysfs path."""
    columns: tuple[Column, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    applied: bool = False
    reboot: bool = False
    """The tool asks for a reboot or a power cycle."""
    errors: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """Lines that are no part of the report: driver and library messages."""

    @property
    def error(self) -> str | None:
        """The first error."""
        return self.errors[0] if self.errors else None

    @property
    def trouble(self) -> Trouble | None:
        """What kind of error it is; None where there is none."""
        return None if self.error is None else trouble_of(self.error)

    def link_type(self, port: int, column: Column) -> LinkType | None:
        """LINK_TYPE of a port, counted from 1; None where the column or value is missing."""
        row = self.parameters.get(f"LINK_TYPE_P{port}")
        return None if row is None else link_type_of(row.values.get(column))


_HEADING = re.compile(r"^\s*Device \\?#(\d+):\s*$")
_FIELD = re.compile(r"^\s*(Device type|Name|Description|(?:PCI )?[Dd]evice):(.*)$")
_SYSFS = re.compile(r"^/sys/bus/pci/devices/([^/]+)/config$")
_HEADER = re.compile(r"^\s*Configurations:(.*)$")
_COLUMN = re.compile(r"Default|Current|Next Boot|New\b")
_ROW = re.compile(
    r"^\s*+(\*)?\s*+(?:(RO)\s++)?([A-Z][A-Z0-9_][A-Za-z0-9_]*+(?:\[[0-9.]+\])?)"
    r"\s++(\S++(?:\s++\S++){0,3})\s*+$"
)
_ERROR = re.compile(r"-E-(.*)$")
_APPLIED = re.compile(r"^\s*Applying\.\.\.\s*Done!\s*$")
_REBOOT = re.compile(r"^\s*-I-\s.*\b(?:reboot|power cycle)\b", re.IGNORECASE)
_TROUBLES = (
    (re.compile(r"Device doesn't support \S+ parameter|Unknown Parameter", re.I), "NO_PARAMETER"),
    (re.compile(r"Unsupported device|Device is not supported", re.I), "UNSUPPORTED"),
    (re.compile(r"Failed to open|Permission denied|not permitted", re.I), "NO_ACCESS"),
)


def trouble_of(error: str) -> Trouble:
    """The kind of an error text.

    >>> trouble_of("The Device doesn't support LINK_TYPE_P2 parameter")
    <Trouble.NO_PARAMETER: 'no such parameter'>
    """
    for pattern, kind in _TROUBLES:
        if pattern.search(error):
            return Trouble[kind]
    return Trouble.OTHER


@dataclass(slots=True)
class _Draft:
    """A report while its lines are read."""

    fields: dict[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] | None = None
    parameters: dict[str, Parameter] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    applied: bool = False
    reboot: bool = False

    def line(self, line: str) -> None:
        """Take one line."""
        error = _ERROR.search(line)
        if error:
            self.errors.append(error[1].strip())
        elif header := _HEADER.match(line):
            self.columns = tuple(Column(name) for name in _COLUMN.findall(header[1]))
        elif self.columns is not None:
            self._after_header(line)
        elif field_ := _FIELD.match(line):
            self.fields.setdefault(field_[1].lower().removeprefix("pci "), field_[2].strip())
        elif line.strip(" -\t"):
            self.remarks.append(line.strip())

    def _after_header(self, line: str) -> None:
        if _APPLIED.match(line):
            self.applied = True
        elif _REBOOT.match(line):
            self.reboot = True
        elif row := _ROW.match(line):
            values = row[4].split()
            if self.columns and len(values) == len(self.columns):
                pairs = dict(zip(self.columns, values, strict=True))
                self.parameters[row[3]] = Parameter(pairs, bool(row[1]), bool(row[2]))

    def report(self) -> ConfigReport:
        """What was read."""
        device = self.fields.get("device")
        path = _SYSFS.match(device or "")
        return ConfigReport(
            _known(self.fields.get("device type")),
            _known(self.fields.get("name")),
            _known(self.fields.get("description")),
            path[1] if path else _known(device),
            self.columns or (),
            self.parameters,
            self.applied and not self.errors,
            self.reboot,
            tuple(self.errors),
            tuple(self.remarks),
        )


def _known(text: object) -> str | None:
    return text if isinstance(text, str) and text not in ("", "N/A") else None


def parse_mstconfig(text: str) -> ConfigReport:
    """The report of the first card in the output of a query or a set.

    >>> text = "Device: 0000:43:00.0\\nConfigurations: Next Boot\\n*  LINK_TYPE_P1 ETH(2)"
    >>> parse_mstconfig(text).link_type(1, Column.NEXT)
    <LinkType.ETH: 'eth'>
    """
    draft = _Draft()
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading is None:
            draft.line(line)
        elif draft.fields or draft.columns is not None:
            break
    return draft.report()


_JSON_COLUMNS = {
    "default_value": Column.DEFAULT,
    "current_value": Column.CURRENT,
    "next_value": Column.NEXT,
}


def parse_mstconfig_json(text: str) -> ConfigReport:
    """The report of the first card in the file that `-j` writes (mstflint 4.31 and later)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ConfigReport()
    cards = document.values() if isinstance(document, dict) else ()
    card = next((card for card in cards if isinstance(card, dict)), {})
    rows = card.get("tlv_configuration")
    parameters: dict[str, Parameter] = {}
    for name, row in rows.items() if isinstance(rows, dict) else ():
        if isinstance(row, dict):
            values = {
                column: str(row[key])
                for key, column in _JSON_COLUMNS.items()
                if isinstance(row.get(key), str | int)
            }
            marks = row.get("modified") is True, row.get("read_only") is True
            parameters[name] = Parameter(values, *marks)
    present = {column for row in parameters.values() for column in row.values}
    return ConfigReport(
        _known(card.get("device_type")),
        _known(card.get("name")),
        _known(card.get("description")),
        _known(card.get("device")),
        tuple(column for column in Column if column in present),
        parameters,
    )
