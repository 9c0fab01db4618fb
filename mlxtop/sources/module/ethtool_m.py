"""What `ethtool -m` printed, as text or JSON, decoded into a module.

For captured machines. The bytes that ethtool printed as words are made a module by the same rules
as bytes (`claims`, `readings`). What ethtool prints wrong cannot be mended: bias and flags of
lanes of CMIS modules that count bias in more than 2 µA.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mlxtop.model.module import Bound, Flag, Lane, Module, Quantity, Thresholds
from mlxtop.sources.module.cmis import FAULTS, STATES
from mlxtop.sources.module.ethtool_pairs import Value, parse_pairs
from mlxtop.sources.module.ethtool_words import MOST, Words, number
from mlxtop.sources.module.readings import Readings, judge, power_type

_CHANNEL = re.compile(r"(?<!\s)\s*+\(chan(?:nel)? (\d{1,3})\)$")
_QUANTITIES = {
    "module temperature": Quantity.TEMPERATURE,
    "module temperature measurement": Quantity.TEMPERATURE,
    "module voltage": Quantity.VOLTAGE,
    "module voltage measurement": Quantity.VOLTAGE,
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
_ERASED = {
    Quantity.VOLTAGE: 6.5535,
    Quantity.BIAS: 131.07,
    Quantity.TX_POWER: 6.5535,
    Quantity.RX_POWER: 6.5535,
}
"""What 0xffff is in units of a quantity."""
_SIGNALS = frozenset(
    (
        *("rx loss of signal", "tx loss of signal", "rx loss of lock", "tx loss of lock"),
        *("tx fault", "tx adaptive eq fault"),
    )
)
_STATES = {
    "modulelowpwr": STATES[1],
    "modulepwrup": STATES[2],
    "moduleready": STATES[3],
    "modulepwrdn": STATES[4],
    "modulefault": STATES[5],
}


def parse_ethtool_m(text: str) -> Module | None:
    """Return the module that `ethtool -m` or `ethtool --json -m` described; None where it did not.

    >>> parse_ethtool_m("Identifier : 0x11 (QSFP28)\\nVendor name : ACME\\n").identity.vendor
    'ACME'
    >>> parse_ethtool_m("netlink error: Invalid argument") is None
    True
    """
    parts = _Parts()
    for key, values in parse_pairs(text):
        parts.take(key, values)
    return parts.module()


def _on(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in ("on", "yes", "true"))


def _written(quantity: Quantity, value: float) -> float | None:
    """Return a number as it was written, or None where its register is erased."""
    return None if value >= _ERASED.get(quantity, MOST) else value


@dataclass(slots=True)
class _Parts:
    """What was found so far, by quantity."""

    words: Words = field(default_factory=Words)
    values: dict[Quantity, dict[int, float | None]] = field(default_factory=dict)
    limits: dict[Quantity, dict[str, float | None]] = field(default_factory=dict)
    flags: set[Flag] = field(default_factory=set)
    told: bool = False
    """Whether flags of the quantities were printed at all."""
    rx_power_type: str | None = None

    def take(self, key: str, values: list[Value]) -> None:
        """File one pair away."""
        lane = None
        if match := _CHANNEL.search(key):
            lane, key = int(match[1]), key[: match.start()].strip()
        key = re.sub(r"\s+", " ", key).removesuffix(" measurement")
        if key in _SIGNALS:
            self.flags |= {Flag(key, n + 1) for n, value in enumerate(values) if _on(value)}
        elif key == "rx power type":
            self.rx_power_type = power_type(str(values[:1])) or self.rx_power_type
        elif not self._measured(key, lane, values):
            self.words.take(key, values)

    def _measured(self, key: str, lane: int | None, values: list[Value]) -> bool:
        """Return whether the key is a quantity, one of its limits or one of its flags."""
        if key in _QUANTITIES:
            self._value(_QUANTITIES[key], lane, values)
            if _QUANTITIES[key] is Quantity.RX_POWER:
                self.rx_power_type = self.rx_power_type or power_type(key)
            return True
        limit = key.endswith(" threshold")
        head = key.removesuffix(" threshold")
        for bound in Bound:
            quantity = _QUANTITIES.get(head.removesuffix(f" {bound}"))
            if quantity is None or not head.endswith(f" {bound}"):
                continue
            if limit:
                value = number(values[0] if values else None)
                written = None if value is None else _written(quantity, value)
                self.limits.setdefault(quantity, {})[bound.name.lower()] = written
            else:
                self._flag(quantity, bound, lane, values)
            return True
        return False

    def _value(self, quantity: Quantity, lane: int | None, values: list[Value]) -> None:
        lanes = self.values.setdefault(quantity, {})
        for place, text in enumerate(values):
            if (value := number(text)) is not None:
                lanes.setdefault(lane or place + 1, _written(quantity, value))

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
        code, name = self.words.coded("identifier")
        if code is None and name is None:
            return None
        identity = self.words.identity()
        if code in (0x00, 0xFF):
            reason = f"the module's memory reads 0x{code:02x}: nothing useful answers"
            return Module(identity, refused={"diagnostics": reason})
        flags = self.flags | self._fault()
        readings = Readings(
            temperature=self._whole(Quantity.TEMPERATURE),
            voltage=self._whole(Quantity.VOLTAGE),
            lanes=self._lanes(),
            limits=[(quantity, Thresholds(**bounds)) for quantity, bounds in self.limits.items()],
            flags=frozenset(flags) if self.told or flags else None,
            absent={} if identity.passive else {"diagnostics": self._why_none()},
        )
        return judge(identity, readings)._replace(
            state=self._state(), rx_power_type=self.rx_power_type, source="ethtool -m"
        )

    def _why_none(self) -> str:
        """Return why nothing was measured, if nothing was."""
        if self.words.says("optical diagnostics support", "no"):
            return "the module says it has no diagnostics (SFF-8472 byte 92)"
        return "ethtool printed no diagnostics of this module"

    def _state(self) -> str | None:
        code, words = self.words.coded("module state")
        return STATES.get(code or 0) or _STATES.get((words or "").lower())

    def _fault(self) -> set[Flag]:
        """Return why the module is in the state of fault."""
        code, words = self.words.coded("module fault cause")
        cause = FAULTS.get(code or 0) or (words if code is None else None)
        return {Flag(f"module fault: {cause}")} if cause else set()

    def _whole(self, quantity: Quantity) -> float | None:
        return next(iter(self.values.get(quantity, {}).values()), None)

    def _lanes(self) -> tuple[Lane, ...]:
        rx, tx = self.values.get(Quantity.RX_POWER, {}), self.values.get(Quantity.TX_POWER, {})
        bias = self.values.get(Quantity.BIAS, {})
        count = max([0, *rx, *tx, *bias])
        return tuple(Lane(rx.get(n), tx.get(n), bias.get(n)) for n in range(1, min(count, 16) + 1))
