"""A board's label and what is in a card's flash, as root reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NEEDS_ROOT = "needs root: sudo mlxtop passport"


class Vpd(NamedTuple):
    """A board as its label has it."""

    name: str | None = None
    part: str | None = None
    serial: str | None = None
    revision: str | None = None
    """Engineering change level."""
    more: Mapping[str, str] = {}
    """Other keywords to their text: `V0` to `VZ`, of the maker."""


class Flash(NamedTuple):
    """An image in flash or in a file; None where the tool does not tell it."""

    image: str | None = None
    """`FS2` (ConnectX-2 and -3), `FS3`, `FS4`, `FS5`: how the image is built."""
    version: str | None = None
    running: str | None = None
    """Told only where it differs from the version in flash."""
    date: str | None = None
    """Day of the release, as the tool writes it: 28.10.2022."""
    product: str | None = None
    psid: str | None = None
    original_psid: str | None = None
    """The PSID that the board was made with, where another one was burned."""
    security: str | None = None
    roms: tuple[str, ...] = ()
    """Expansion ROMs: `PXE 3.6.804 (AMD64)`."""
    guids: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    blank: bool = False
    """The image holds no addresses of its own: all ones or zeros."""
    more: Mapping[str, str] = {}
    """Whatever else was told, by the tool's names."""


class CardFlash(NamedTuple):
    """Label and flash of one card; `absent` has the reason for what is None."""

    vpd: Vpd | None = None
    flash: Flash | None = None
    tool: str | None = None
    """The tool that reads the flash, as it is installed."""
    tool_version: str | None = None
    absent: Mapping[str, str] = {}
    """`vpd`, `flash` or `tool` to a reason."""
