"""The memory of a pluggable module, as bytes that may be missing or rubbish.

SFF-8472, SFF-8636 and CMIS share their units: 1/256 °C, 100 µV, 2 µA and 0.1 µW, big endian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from mlxtop.model.module import Bound, Quantity, Thresholds

COLDEST, HOTTEST = -40.0, 125.0
"""°C between which a module's sensor is believed; its register ends at 127.996."""

BOUNDS = (Bound.HIGH_ALARM, Bound.LOW_ALARM, Bound.HIGH_WARNING, Bound.LOW_WARNING)
"""The order of thresholds and of flag bits in all three layouts."""


class Memory:
    """Bytes of one half page by their number in the standard; None for what was not read."""

    __slots__ = ("data", "start")

    def __init__(self, data: bytes = b"", start: int = 0) -> None:
        self.data = data
        self.start = start

    def bytes(self, at: int, size: int) -> bytes | None:
        """Return `size` bytes from number `at`."""
        begin = at - self.start
        if begin < 0 or begin + size > len(self.data):
            return None
        return self.data[begin : begin + size]

    def u8(self, at: int) -> int | None:
        """Return one byte."""
        data = self.bytes(at, 1)
        return None if data is None else data[0]

    def u16(self, at: int) -> int | None:
        """Return two bytes, unsigned."""
        data = self.bytes(at, 2)
        return None if data is None else int.from_bytes(data)

    def s16(self, at: int) -> int | None:
        """Return two bytes, signed."""
        data = self.bytes(at, 2)
        return None if data is None else int.from_bytes(data, signed=True)

    def bit(self, at: int, number: int) -> bool | None:
        """Return one bit of a byte."""
        value = self.u8(at)
        return None if value is None else bool(value >> number & 1)

    def text(self, at: int, size: int) -> str | None:
        """Return ASCII padded with blanks or zeros; None where it is empty or erased (0xff).

        >>> Memory(b"ACME    ").text(0, 8)
        'ACME'
        """
        data = self.bytes(at, size)
        if data is None or not data.strip(b"\xff\0 "):
            return None
        return data.decode("latin-1").strip("\0 ") or None

    def oui(self, at: int) -> str | None:
        """Return the IEEE company id, `00:02:c9`; None where it is zero or erased."""
        data = self.bytes(at, 3)
        return None if data is None or data in (bytes(3), b"\xff" * 3) else data.hex(":")

    def overlaid(self, newer: Memory) -> Memory:
        """Return this memory with the bytes that were read again in place of the old ones.

        >>> Memory(b"abcd").overlaid(Memory(b"X", 2)).data
        b'abXd'
        """
        begin = newer.start - self.start
        if begin < 0 or not newer.data:
            return self
        data = bytearray(self.data.ljust(begin, b"\0"))
        data[begin : begin + len(newer.data)] = newer.data
        return Memory(bytes(data), self.start)

    @property
    def erased(self) -> bool:
        """Return whether every byte is 0xff: nothing answers on the bus."""
        return bool(self.data) and not self.data.strip(b"\xff")


def celsius(raw: int | None) -> float | None:
    """Return °C of a temperature register; None outside of what any module survives.

    -1 is 0xffff, the "-0.004 °C" of an erased memory.

    >>> celsius(12096), celsius(-1), celsius(32767)
    (47.25, None, None)
    """
    if raw is None or raw == -1:
        return None
    degrees = raw / 256.0
    return degrees if COLDEST <= degrees <= HOTTEST else None


def volts(raw: int | None, scale: float = 1e4) -> float | None:
    """Return V of a voltage register; None where it is erased."""
    return None if raw is None or raw == 0xFFFF else raw / scale


def milliamperes(raw: int | None) -> float | None:
    """Return mA of a bias register; None where it is erased."""
    return volts(raw, 500.0)


milliwatts = volts
"""mW of a power register; None where it is erased or beyond its range."""


SCALES: dict[Quantity, Callable[[int | None], float | None]] = {
    Quantity.TEMPERATURE: celsius,
    Quantity.VOLTAGE: volts,
    Quantity.BIAS: milliamperes,
    Quantity.TX_POWER: milliwatts,
    Quantity.RX_POWER: milliwatts,
}


def believed(quantity: Quantity, limits: Thresholds) -> Thresholds | None:
    """Return thresholds that can be limits: not all zero, not inverted; else None.

    >>> believed(Quantity.TEMPERATURE, Thresholds(0.0, 0.0, 0.0, 0.0)) is None
    True
    """
    high, low = limits.high_alarm, limits.low_alarm
    if high is None and limits.high_warning is None:
        return None
    if high is not None and low is not None and high <= low:
        return None
    warning, low_warning = limits.high_warning, limits.low_warning
    if warning is not None and low_warning is not None and warning <= low_warning:
        return None
    if high is not None and warning is not None and warning > high:
        return None
    if quantity is Quantity.TEMPERATURE and (high or warning or 0.0) <= 0.0:
        return None
    return limits


def check_thresholds(
    thresholds: Iterable[tuple[Quantity, Thresholds]],
) -> tuple[dict[Quantity, Thresholds], dict[str, str]]:
    """Return the thresholds that can be limits, and why the others are refused."""
    limits: dict[Quantity, Thresholds] = {}
    refused: dict[str, str] = {}
    for quantity, bounds in thresholds:
        if believed(quantity, bounds) is None:
            refused[f"{quantity} limits"] = "the module's own limits make no sense"
        else:
            limits[quantity] = bounds
    return limits, refused


def read_thresholds(
    memory: Memory, places: Mapping[Quantity, int], bias_scale: int = 1
) -> tuple[dict[Quantity, Thresholds], dict[str, str]]:
    """Return the thresholds at `places`, and why some of them are refused."""

    def read() -> Iterator[tuple[Quantity, Thresholds]]:
        for quantity, at in places.items():
            register = memory.s16 if quantity is Quantity.TEMPERATURE else memory.u16
            factor = bias_scale if quantity is Quantity.BIAS else 1
            if register(at) is not None:
                scale = SCALES[quantity]
                values = (_scaled(scale(register(at + 2 * n)), factor) for n in range(4))
                yield quantity, Thresholds(*values)

    return check_thresholds(read())


def _scaled(value: float | None, factor: int) -> float | None:
    return None if value is None else value * factor


def by_name(memory: Memory, places: Mapping[str, tuple[int, float]]) -> dict[str, float]:
    """Return the bytes at `places` that are not zero, times a unit, by name."""
    values = {name: float((memory.u8(at) or 0) * unit) for name, (at, unit) in places.items()}
    return {name: value for name, value in values.items() if value}


def no_diagnostics(temperature: float | None, voltage: float | None) -> bool:
    """Return whether both monitors read exactly zero, as in modules that have none."""
    return temperature == 0.0 and not voltage


def read_monitors(
    raw_temperature: int | None, raw_voltage: int | None, refused: dict[str, str]
) -> tuple[float | None, float | None] | None:
    """Return °C and V of a module's monitors; why one is not believed goes to `refused`.

    None for a module without diagnostics.
    """
    temperature, voltage = celsius(raw_temperature), volts(raw_voltage)
    if no_diagnostics(temperature, voltage):
        return None
    if temperature is None and raw_temperature is not None:
        refused["temperature"] = f"the sensor reads {raw_temperature / 256:.3f} °C"
    if voltage is None and raw_voltage is not None:
        refused["voltage"] = "the sensor reads 0xffff"
    return temperature, voltage
