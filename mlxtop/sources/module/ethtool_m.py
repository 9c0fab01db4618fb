"""What `ethtool -m` printed, as text or JSON, decoded into a module.

For captured machines. JSON of ethtool 6.14 to 6.18 holds `module_temperature` and others twice:
a number, then an object with its thresholds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

from mlxtop.model.module import Bound, Flag, Identity, Lane, Module, Quantity, Thresholds
from mlxtop.model.number import real
from mlxtop.sources.module.memory import COLDEST, HOTTEST, check_thresholds, no_diagnostics
from mlxtop.sources.module.sff8024 import IDENTIFIERS

MOST = 1e9
"""More than any voltage, power, length or wave length of a module."""

_LINE = re.compile(r"^\s*+([A-Za-z](?:[^:]*[^:\s])?)\s*+:\s(.*)$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CHANNEL = re.compile(r"(?<!\s)\s*+\(chan(?:nel)? (\d{1,3})\)$")
_CODE = re.compile(r"^0x([0-9a-f]{2})\b\s*(?:\((.*)\))?")

_QUANTITIES = {
    "module temperature": Quantity.TEMPERATURE,
    "module voltage": Quantity.VOLTAGE,
    **dict.fromkeys(("laser bias current", "laser tx bias current"), Quantity.BIAS),
    **dict.fromkeys(
        ("laser output power", "laser tx power", "transmit avg optical power"), Quantity.TX_POWER
    ),
    **dict.fromkeys(
        (
            *("laser rx power", "rx power", "receiver signal oma", "rcvr signal oma"),
            *("receiver signal average optical power", "rcvr signal avg optical power"),
        ),
        Quantity.RX_POWER,
    ),
}

_SIGNALS = frozenset(
    (*("rx loss of signal", "tx loss of signal", "rx loss of lock", "tx loss of lock"), "tx fault")
)

_LENGTH = re.compile(
    r"length (?:(smf)|(om\d)|(50um)|(62\.5um)|(copper))\b|(cable assembly length)$"
)
_MEDIA = ("SMF", None, "OM2", "OM1", "cable", "cable")
"""Media of the groups of `_LENGTH`; the second names its own."""

Value = str | float | bool | None
Pair = tuple[str, list[Value]]


def _key(text: str) -> str:
    """Return a key in one spelling: lower case, blanks, no brackets but those of a channel."""
    text = re.sub(r"\s+", " ", text.replace("_", " ").lower()).strip()
    return text if "(chan" in text else re.sub(r"[(),]", " ", text).replace("  ", " ").strip()


def _text_pairs(text: str) -> Iterator[Pair]:
    """Yield `key : value` lines; a line without a key goes on with the value before it."""
    pending: tuple[str, str] | None = None
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            if pending is not None and line.strip():
                pending = (pending[0], f"{pending[1]} {line.strip()}")
            continue
        if pending is not None:
            yield pending[0], _text_values(pending[1])
        pending = (_key(match[1]), match[2].strip())
    if pending is not None:
        yield pending[0], _text_values(pending[1])


def _text_values(text: str) -> list[Value]:
    if text.startswith("[") and text.endswith("]"):
        return [part.strip() for part in text[1:-1].split(",")]
    return [text]


def _json_pairs(node: object, above: str = "") -> Iterator[Pair]:
    """Yield pairs of nested objects, in order, with duplicate keys kept."""
    if not isinstance(node, _Object):
        return
    for name, value in node.pairs:
        key = f"{above} {_key(name)}".strip()
        if isinstance(value, _Object):
            yield from _json_pairs(value, key)
        elif isinstance(value, list):
            yield key.removesuffix(" values"), [v for v in value if _is_value(v)]
        elif _is_value(value):
            yield key, [value]


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object as its pairs."""

    pairs: list[tuple[str, object]]


def _is_value(value: object) -> TypeGuard[Value]:
    return value is None or isinstance(value, str | int | float | bool)


def parse_ethtool_m(text: str) -> Module | None:
    """Return the module that `ethtool -m` or `ethtool --json -m` described; None where it did not.

    >>> parse_ethtool_m("Identifier : 0x11 (QSFP28)\\nVendor name : ACME\\n").identity.vendor
    'ACME'
    >>> parse_ethtool_m("netlink error: Invalid argument") is None
    True
    """
    if text.lstrip()[:1] in ("[", "{"):
        try:
            document = json.loads(text, object_pairs_hook=_Object)
        except (ValueError, RecursionError):
            return None
        first = document[0] if isinstance(document, list) and document else document
        pairs = list(_json_pairs(first))
    else:
        pairs = list(_text_pairs(text))
    parts = _Parts()
    for key, values in pairs:
        parts.take(key, values)
    return parts.module()


def _number(value: Value) -> float | None:
    """Return the first number of `0.5155 mW / -2.88 dBm`; JSON's numbers as they are."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = _NUMBER.match(value.strip().lstrip("> "))
        value = match[0] if match else ""
    return real(value, MOST)


def _on(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("on", "yes", "true"))


@dataclass(slots=True)
class _Parts:
    """What was found so far, by quantity."""

    words: dict[str, Value] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    values: dict[Quantity, dict[int, float]] = field(default_factory=dict)
    limits: dict[Quantity, dict[str, float | None]] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)
    told: bool = False
    """Whether flags of the quantities were printed at all."""
    lengths: dict[str, float] = field(default_factory=dict)
    attenuation: dict[str, float] = field(default_factory=dict)
    watts: float | None = None

    def take(self, key: str, values: list[Value]) -> None:
        """File one pair away."""
        lane = None
        if match := _CHANNEL.search(key):
            lane, key = int(match[1]), key[: match.start()].strip()
        key = re.sub(r"\s+", " ", key)
        if key in _SIGNALS:
            self.flags |= {Flag(key, n + 1) for n, value in enumerate(values) if _on(value)}
        elif key.startswith("attenuation at ") and (loss := _number(values[0] if values else None)):
            self.attenuation[key.removeprefix("attenuation at ").replace("ghz", "GHz")] = loss
        elif match := _LENGTH.match(key):
            self._length(_MEDIA[(match.lastindex or 1) - 1] or match[2].upper(), key, values)
        elif key == "transceiver type":
            self.types += [v for v in values if isinstance(v, str)]
        elif key == "vendor oui" and len(values) == 3:
            self.words[key] = ":".join(f"{int(_number(v) or 0):02x}" for v in values)
        elif key == "extended identifier description" and values:
            self._power(values[0])
        elif not self._measured(key, lane, values) and values:
            self.words.setdefault(key, values[0])

    def _power(self, value: Value) -> None:
        """Keep the largest of `3.5W max. Power consumption`: high classes follow the low ones."""
        watts = _number(value)
        if watts is not None and isinstance(value, str) and "max. power" in value.lower():
            self.watts = max(watts, self.watts or 0.0)

    def _length(self, medium: str, key: str, values: list[Value]) -> None:
        value = values[0] if values else None
        metres = _number(value)
        if metres:
            far = "km" in key or (isinstance(value, str) and "km" in value)
            if key == "length smf" and not isinstance(value, str):
                far = True
            self.lengths[medium] = metres * (1000.0 if far else 1.0)

    def _measured(self, key: str, lane: int | None, values: list[Value]) -> bool:
        """Return whether the key is a quantity, one of its limits or one of its flags."""
        if key in _QUANTITIES:
            lanes = self.values.setdefault(_QUANTITIES[key], {})
            for place, value in enumerate(values):
                if (number := _number(value)) is not None:
                    lanes.setdefault(lane or place + 1, number)
            return True
        limit = key.endswith(" threshold")
        head = key.removesuffix(" threshold")
        for bound in Bound:
            quantity = _QUANTITIES.get(head.removesuffix(f" {bound}"))
            if quantity is None or not head.endswith(f" {bound}"):
                continue
            if limit:
                number = _number(values[0] if values else None)
                self.limits.setdefault(quantity, {})[bound.name.lower()] = number
            else:
                self._flag(quantity, bound, lane, values)
            return True
        return False

    def _flag(
        self, quantity: Quantity, bound: Bound, lane: int | None, values: list[Value]
    ) -> None:
        self.told = True
        whole = quantity in (Quantity.TEMPERATURE, Quantity.VOLTAGE)
        for place, value in enumerate(values):
            if _on(value):
                self.flags.add(Flag(f"{quantity} {bound}", None if whole else lane or place + 1))

    def module(self) -> Module | None:
        """Return everything together; None where nothing names a module."""
        code, name = self._identifier()
        if code is None and name is None:
            return None
        identity = self._identity(code, name)
        if code in (0x00, 0xFF):
            reason = f"the module's memory reads 0x{code:02x}: nothing useful answers"
            return Module(identity, refused={"diagnostics": reason})
        temperature = self._value(Quantity.TEMPERATURE)
        voltage = self._value(Quantity.VOLTAGE)
        limits, refused = check_thresholds(
            (quantity, Thresholds(**bounds)) for quantity, bounds in self.limits.items()
        )
        if temperature is None and voltage is None:
            refused["diagnostics"] = "the module has no diagnostics"
        elif no_diagnostics(temperature, voltage):
            refused["diagnostics"] = "the module has no diagnostics: its monitors all read zero"
            temperature = voltage = None
        elif temperature is not None and not COLDEST <= temperature <= HOTTEST:
            refused["temperature"] = f"the sensor reads {temperature:.2f} °C"
            temperature = None
        flags = frozenset(self.flags) if self.told or self.flags else None
        lanes = () if identity.passive or "diagnostics" in refused else self._lanes()
        return Module(
            identity,
            temperature,
            voltage,
            lanes,
            limits,
            flags,
            source="ethtool -m",
            refused=refused,
        )

    def _identifier(self) -> tuple[int | None, str | None]:
        value = self.words.get("identifier")
        if isinstance(value, str) and (match := _CODE.match(value.lower())):
            code = int(match[1], 16)
            return code, IDENTIFIERS.get(code, "reserved or unknown")
        if isinstance(value, int) and not isinstance(value, bool):
            name = IDENTIFIERS.get(value) or self._word("identifier description")
            return value, name
        return None, None

    def _word(self, key: str) -> str | None:
        value = self.words.get(key)
        if not isinstance(value, str) or not value.strip("_ "):
            return None  # what cannot be printed is printed as underscores
        return value.strip()

    def _named(self, key: str) -> str | None:
        """Return `LC` of `0x07 (LC)`, or JSON's description."""
        described = self._word(f"{key} description")
        match = _CODE.match((self._word(key) or "").lower())
        if described or match is None or not match[2]:
            return described
        word = self._word(key) or ""
        return word[word.index("(") + 1 :].rstrip(")")

    def _identity(self, code: int | None, name: str | None) -> Identity:
        oui = self.words.get("vendor oui")
        technology = self._named("transmitter technology")
        copper = technology is not None and "copper" in technology.lower()
        wave = _number(self.words.get("laser wavelength"))
        watts = _number(self.words.get("max power"))
        level = _number(self.words.get("power class"))
        return Identity(
            identifier=name,
            code=code,
            vendor=self._word("vendor name"),
            oui=oui if isinstance(oui, str) and oui != "00:00:00" else None,
            part=self._word("vendor pn"),
            serial=self._word("vendor sn"),
            revision=self._word("vendor rev"),
            date=self._word("date code"),
            types=tuple(self.types),
            connector=self._named("connector"),
            technology=technology,
            wavelength=wave or None,
            lengths=self.lengths,
            attenuation=self.attenuation if copper else {},
            power_class=int(level) if level else None,
            max_power=watts or self.watts,
            passive=copper and "active" not in (technology or "") if technology else None,
        )

    def _value(self, quantity: Quantity) -> float | None:
        return next(iter(self.values.get(quantity, {}).values()), None)

    def _lanes(self) -> tuple[Lane, ...]:
        rx, tx = self.values.get(Quantity.RX_POWER, {}), self.values.get(Quantity.TX_POWER, {})
        bias = self.values.get(Quantity.BIAS, {})
        count = max([0, *rx, *tx, *bias])
        return tuple(Lane(rx.get(n), tx.get(n), bias.get(n)) for n in range(1, min(count, 16) + 1))
