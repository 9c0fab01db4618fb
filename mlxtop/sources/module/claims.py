"""What a module claims to be, made an `Identity` by the same rules from every memory and text.

SFF-8024 numbers the connectors and technologies. SFF-8636 and SFF-8472 use one byte for two things
each: metres of a cable or reach over OM4, reach over OM1 or the loss of a copper cable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mlxtop.model.module import Identity
from mlxtop.sources.module.sff8024 import (
    CONNECTORS,
    COPPER,
    FIBRE_CONNECTORS,
    IDENTIFIERS,
    PASSIVE,
    TECHNOLOGIES,
    named,
)

COPPER_PIGTAIL, RJ45, NO_CONNECTOR, OPTICAL_PIGTAIL = 0x21, 0x22, 0x23, 0x0B
_OPTICAL = re.compile(r"\bAOC\b|active optical", re.IGNORECASE)
_COPPER = re.compile(r"-CR\d*\b|-CX\d*\b|BASE-T\b|\bcopper\b|\bACC\b", re.IGNORECASE)
_CABLE = re.compile(r"\bcable\b", re.IGNORECASE)

QSFP_WATTS = {1: 1.5, 2: 2.0, 3: 2.5, 4: 3.5, 5: 4.0, 6: 4.5, 7: 5.0}
"""W at most by power class of SFF-8636."""
_CMIS_WATTS = {1: 1.5, 2: 3.5, 3: 7.0, 4: 8.0, 5: 10.0, 6: 12.0, 7: 14.0}
"""The same of QSFP-DD (hardware specification 6.3) and OSFP."""
_WIDE = (0x18, 0x19)
"""QSFP-DD and OSFP: other forms with CMIS have other classes."""


class Claims(NamedTuple):
    """What a module says of its medium; None is what it does not say."""

    code: int | None = None
    connector: int | None = None
    technology: int | None = None
    types: tuple[str, ...] = ()
    wavelength: float | None = None
    passive: bool | None = None
    active: bool | None = None
    """A cable with circuits in its ends, by SFF-8472."""
    reach: Mapping[str, float] = {}
    """Metres by kind of fibre."""
    cable: float = 0.0
    """Metres, if it is a cable."""
    om4_step: float | None = None
    """Metres of OM4 that the same number counts in, if it is no cable; None where it never does."""
    losses: Mapping[str, float] = {}
    """dB by frequency, if it is of copper."""
    om1_is_loss: bool = False
    """Whether a copper cable has its loss at 25.78 GHz where others have the reach over OM1."""

    @property
    def is_copper(self) -> bool:
        """Return whether it sends no light."""
        if self.technology is not None and self.technology in TECHNOLOGIES:
            return self.technology in COPPER
        if self.connector in (COPPER_PIGTAIL, RJ45) or self.passive:
            return True
        if self.connector in FIBRE_CONNECTORS or any(map(_OPTICAL.search, self.types)):
            return False
        return bool(self.active) or any(map(_COPPER.search, self.types))

    @property
    def is_cable(self) -> bool:
        """Return whether both ends hang on it."""
        if self.is_copper or self.connector in (NO_CONNECTOR, OPTICAL_PIGTAIL):
            return True
        if self.connector in FIBRE_CONNECTORS:
            return False
        named_so = any(_OPTICAL.search(text) or _CABLE.search(text) for text in self.types)
        return bool(self.active) or named_so or not self.wavelength

    @property
    def is_passive(self) -> bool | None:
        """Return whether it is a copper cable without any circuit; None where nothing tells."""
        if self.technology in TECHNOLOGIES:
            return self.technology in PASSIVE
        if self.passive is None and (self.active or self.wavelength):
            return False
        return self.passive

    def lengths(self) -> dict[str, float]:
        """Return reach in metres by medium."""
        lengths = {} if self.is_copper else dict(self.reach)
        if self.is_cable or self.om4_step is None:
            lengths["cable"] = self.cable
        else:
            lengths["OM4"] = self.cable * self.om4_step
        return {medium: metres for medium, metres in lengths.items() if metres}

    def attenuation(self) -> dict[str, float]:
        """Return dB of a copper cable by frequency."""
        if not self.is_copper:
            return {}
        last = self.reach.get("OM1") if self.om1_is_loss else None
        return {**self.losses, "25.78GHz": last} if last else dict(self.losses)

    def identity(
        self, name: str | None = None, connector: str | None = None, technology: str | None = None
    ) -> Identity:
        """Return the medium's part of an identity; words stand in for numbers without a name."""
        return Identity(
            identifier=IDENTIFIERS.get(self.code or 0) or name or named({}, self.code),
            code=self.code,
            types=self.types,
            connector=CONNECTORS.get(self.connector or 0)
            or _known(connector)
            or named({}, self.connector),
            technology=TECHNOLOGIES.get(-1 if self.technology is None else self.technology)
            or _known(technology)
            or ("copper" if self.is_copper else None),
            wavelength=None if self.is_copper else self.wavelength or None,
            lengths=self.lengths(),
            attenuation=self.attenuation(),
            passive=self.is_passive,
        )


def _known(words: str | None) -> str | None:
    """Return words for a number, or None where they only say that nobody knows it."""
    return None if words is None or "unknown" in words.lower() else words


class Power(NamedTuple):
    """Power class and W at most; None where the module does not tell."""

    level: int | None = None
    watts: float | None = None


def sfp_power(option: int | None) -> Power:
    """Return the power of SFF-8472 byte 64.

    >>> sfp_power(0x02), sfp_power(0x00), sfp_power(None)
    (Power(level=2, watts=1.5), Power(level=1, watts=1.0), Power(level=None, watts=None))
    """
    if option is None:
        return Power()
    if option & 0x40:
        return Power(4)
    return Power(3, 2.0) if option & 0x20 else Power(2, 1.5) if option & 0x02 else Power(1, 1.0)


def qsfp_power(option: int | None, declared: int | None) -> Power:
    """Return the power of SFF-8636 byte 129; class 8 declares its watts in byte 107.

    >>> qsfp_power(0x8C, None), qsfp_power(0xCF, None), qsfp_power(0x20, 75)
    (Power(level=3, watts=2.5), Power(level=7, watts=5.0), Power(level=8, watts=7.5))
    """
    if option is None:
        return Power()
    if option & 0x20:
        return Power(8, declared / 10.0 if declared and declared != 0xFF else None)
    level = 4 + (option & 3) if option & 3 else (option >> 6) + 1
    return Power(level, QSFP_WATTS[level])


def cmis_power(code: int | None, level: int | None, watts: float | None) -> Power:
    """Return the power of CMIS: the declared watts, else those of the class.

    >>> cmis_power(0x18, 4, 0.0), cmis_power(0x18, 4, 7.5)
    (Power(level=4, watts=8.0), Power(level=4, watts=7.5))
    """
    limit = _CMIS_WATTS.get(level or 0) if code in _WIDE else None
    return Power(level, watts or limit)
