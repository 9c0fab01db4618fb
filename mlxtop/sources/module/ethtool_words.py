"""Who a module is by what `ethtool -m` printed, as text or JSON.

The words are made an identity by the same rules as bytes (`claims`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mlxtop.model.module import Identity
from mlxtop.model.number import real
from mlxtop.sources.module.claims import (
    QSFP_WATTS,
    Claims,
    Power,
    cmis_power,
    qsfp_power,
    sfp_power,
)
from mlxtop.sources.module.ethtool_pairs import Value
from mlxtop.sources.module.memory import printable
from mlxtop.sources.module.sff8024 import Layout, layout

MOST = 1e9
"""More than any voltage, power, length or wave length of a module."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CODE = re.compile(r"^0x([0-9a-f]{2})\b\s*(?:\((.*)\))?", re.IGNORECASE)
_OUI = re.compile(r"^(?:[0-9a-f]{2}:){2}[0-9a-f]{2}$")
_WATTS = re.compile(r"(\d+(?:\.\d+)?)\s*W max\. power", re.IGNORECASE)
_LENGTH = re.compile(
    r"length (?:(smf)|(om\d)|(50um)|(62\.5um)|(copper))\b|(cable assembly length)$"
)
_MEDIA = ("SMF", None, "OM2", "OM1", "cable", "cable")
"""Media of the groups of `_LENGTH`; the second names its own."""
MOST_KM = 255.0
"""Kilometres at most that modules can tell: a byte."""
_OM4_STEPS = {Layout.SFF8472: 10.0, Layout.SFF8636: 2.0}


def number(value: Value) -> float | None:
    """Return the first number of `0.5155 mW / -2.88 dBm`; JSON's numbers as they are."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = _NUMBER.match(value.strip().lstrip("> "))
        value = match[0] if match else ""
    return real(value, MOST)


@dataclass(slots=True)
class Words:
    """Fields of one module by their keys, and those that need more than their first value."""

    words: dict[str, Value] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    reach: dict[str, float] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    watts: float | None = None

    def take(self, key: str, values: list[Value]) -> None:
        """File one pair away."""
        first = values[0] if values else None
        if key.startswith("attenuation at "):
            if loss := number(first):
                self.losses[key.removeprefix("attenuation at ").replace("ghz", "GHz")] = loss
        elif match := _LENGTH.match(key):
            self._length(_MEDIA[(match.lastindex or 1) - 1] or match[2].upper(), key, first)
        elif key == "transceiver type":
            self.types += [v for v in values if isinstance(v, str) and v != "(reserved or unknown)"]
        elif key == "vendor oui" and len(values) == 3:
            self.words[key] = ":".join(f"{int(number(v) or 0):02x}" for v in values)
        elif key == "extended identifier description":
            self._power(values)
        elif values:
            self.words.setdefault(key, first)

    def _power(self, values: list[Value]) -> None:
        """Keep the last of `3.5W max. Power consumption`: high classes follow the low ones."""
        for value in values:
            if match := _WATTS.search(value) if isinstance(value, str) else None:
                self.watts = number(match[1]) or self.watts

    def _length(self, medium: str, key: str, value: Value) -> None:
        """Keep a length; ethtool up to 5.13 calls the metres of a CMIS cable kilometres."""
        metres = number(value)
        far = "km" in key or (isinstance(value, str) and "km" in value)
        if key == "length smf" and not isinstance(value, str):
            far = metres is not None and metres <= MOST_KM
        if key == "cable assembly length" and value != "> 6.3km":
            far = False
        if metres:
            self.reach.setdefault(medium, metres * (1000.0 if far else 1.0))

    def coded(self, key: str) -> tuple[int | None, str | None]:
        """Return number and words of `0x07 (LC)`, or of JSON's number and description."""
        value, words = self.words.get(key), self.word(f"{key} description")
        if isinstance(value, str) and (match := _CODE.match(value)):
            return int(match[1], 16), words or match[2]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (int(value) if 0 <= value <= 0xFF else None), words
        return None, words or (self.word(key) if key != "identifier" else None)

    def says(self, key: str, word: str) -> bool:
        """Return whether a field is a word, in JSON true or false for yes or no."""
        value = self.words.get(key)
        if isinstance(value, bool):
            value = "yes" if value else "no"
        return isinstance(value, str) and value.lower() == word

    def word(self, key: str) -> str | None:
        value = self.words.get(key)
        return printable(value) if isinstance(value, str) else None

    def identity(self) -> Identity:
        """Return who the module is."""
        code, name = self.coded("identifier")
        connector, connector_words = self.coded("connector")
        technology, technology_words = self.coded("transmitter technology")
        if technology is not None and layout(code) is not Layout.CMIS and technology > 0x0F:
            technology >>= 4
        oui = (self.word("vendor oui") or "").lower()
        power = self._power_of(code)
        claims = Claims(
            code=code,
            connector=connector,
            technology=technology,
            types=tuple(self.types),
            wavelength=number(self.words.get("laser wavelength")),
            passive=self._told_cable("passive") or None,
            active=self._told_cable("active") or None,
            reach={medium: metres for medium, metres in self.reach.items() if medium != "cable"},
            cable=self.reach.get("cable", 0.0),
            om4_step=_OM4_STEPS.get(layout(code) or Layout.CMIS),
            losses=self.losses,
            om1_is_loss=layout(code) is Layout.SFF8636,
        )
        return claims.identity(name, connector_words, technology_words)._replace(
            vendor=self.word("vendor name"),
            oui=oui if _OUI.match(oui) and oui not in ("00:00:00", "ff:ff:ff") else None,
            part=self.word("vendor pn"),
            serial=self.word("vendor sn"),
            revision=self.word("vendor rev"),
            date=self.word("date code"),
            firmware=self._firmware(),
            power_class=power.level,
            max_power=power.watts,
        )

    def _told_cable(self, kind: str) -> bool:
        """Return whether the text speaks of an `active` or a `passive` cable of an SFP."""
        types = [text.lower() for text in self.types]
        return f"{kind} cu cmplnce." in self.words or f"{kind} cable" in types

    def _power_of(self, code: int | None) -> Power:
        """Return power class and W: for QSFP those that ethtool described last."""
        if layout(code) is Layout.CMIS:
            level = number(self.words.get("power class"))
            watts = number(self.words.get("max power"))
            return cmis_power(code, int(level) if level else None, watts)
        if layout(code) is Layout.SFF8472:
            return sfp_power(self.coded("option values")[0])
        option = self.coded("extended identifier")[0]
        by_code = qsfp_power(option, None)
        if self.watts is None or by_code.level == 8 or (by_code.level == 2 and self.watts < 2.0):
            return by_code  # ethtool writes 1.5 W for classes 1 and 2
        levels = [level for level, watts in QSFP_WATTS.items() if watts == self.watts]
        unclear = self.watts == QSFP_WATTS[1]
        return Power(by_code.level if unclear or not levels else levels[0], self.watts)

    def _firmware(self) -> str | None:
        """Return `1.4` of text, or of JSON's two numbers."""
        key = "active firmware version"
        major, minor = (
            number(self.words.get(f"{key} major")),
            number(self.words.get(f"{key} minor")),
        )
        if major is not None and minor is not None:
            return f"{major:.0f}.{minor:.0f}"
        version = self.word(key)
        return version if version and _NUMBER.match(version) else None
