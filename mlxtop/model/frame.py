"""Two samples become rates here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from mlxtop.model.counters import Counter, Origin
from mlxtop.model.identity import Adapter, Function, PortId, PortKind, slot_of
from mlxtop.model.sample import PcieStatus, PortSample, Reading, Sample

A = TypeVar("A")
R = TypeVar("R")
_REMEMBERED = 4
"""Arguments whose results are kept; more would keep old frames from being freed."""


def remembered(function: Callable[[A], R], most: int = _REMEMBERED) -> Callable[[A], R]:
    """Return a function of one immutable value that works only once on the same object.

    By identity, since comparing whole frames costs more than the work it saves. `most`: results
    that are kept.
    """
    results: dict[int, tuple[A, R]] = {}

    def ask(argument: A) -> R:
        earlier = results.get(id(argument))
        if earlier is not None and earlier[0] is argument:
            return earlier[1]
        result = function(argument)
        if len(results) >= most:
            results.clear()
        results[id(argument)] = (argument, result)
        return result

    return ask


def _raw(readings: Mapping[Origin, Reading], counter: Counter) -> int | None:
    reading = readings.get(counter.origin)
    return None if reading is None else reading.get(counter.key)


def _difference(counter: Counter, now: int | None, before: int | None) -> int | None:
    """Return what a counter gained between two raw values; None over a reset or a stuck value."""
    if now is None or before is None or counter.gauge:
        return None
    if now < before:
        if counter.wraps and before > 1 << (counter.width - 1):
            return (now - before) % (1 << counter.width) * counter.scale
        return None
    is_full = counter.width < 64 and now == counter.ceiling
    if is_full and (now == before or counter.severity is None):
        return None  # at its ceiling, traffic tells nothing; of errors there are at least so many
    return (now - before) * counter.scale


def _gain(counter: Counter, now: Reading, before: Reading) -> int | None:
    """Return what a counter gained between two readings of its table."""
    place = now.schema.index.get(counter.key)
    if place is None:
        return None
    if before.schema is now.schema:
        return _difference(counter, now.values[place], before.values[place])
    return _difference(counter, now.values[place], before.get(counter.key))


class PortFrame(NamedTuple):
    """A port now, and the reading of each of its tables before that."""

    now: PortSample
    before: Mapping[Origin, Reading]
    start: Mapping[Origin, Reading]
    """The first reading since the start, or since the counters were last reset."""

    @property
    def id(self) -> PortId:
        return self.now.port.id

    def raw(self, counter: Counter) -> int | None:
        """Return the total as the kernel holds it, unscaled."""
        return _raw(self.now.readings, counter)

    def total(self, counter: Counter) -> int | None:
        """Return the scaled total that the kernel holds."""
        value = _raw(self.now.readings, counter)
        return None if value is None else value * counter.scale

    def gain(self, counter: Counter) -> int | None:
        """Return what the last interval counted; None without two readings or over a reset."""
        now, before = self.now.readings.get(counter.origin), self.before.get(counter.origin)
        return None if now is None or before is None else _gain(counter, now, before)

    def rate(self, counter: Counter) -> float | None:
        """Return units per second over the time between two readings of this very counter."""
        now, before = self.now.readings.get(counter.origin), self.before.get(counter.origin)
        if now is None or before is None or now.tick <= before.tick:
            return None
        gain = _gain(counter, now, before)
        return None if gain is None else gain / (now.tick - before.tick)

    def rates(self, counters: Sequence[Counter]) -> list[float | None]:
        """Return the rates of counters that are all of one table."""
        origin = counters[0].origin
        now, before = self.now.readings.get(origin), self.before.get(origin)
        if now is None or before is None or now.tick <= before.tick:
            return [None] * len(counters)
        seconds = now.tick - before.tick
        gains = [_gain(counter, now, before) for counter in counters]
        return [None if gain is None else gain / seconds for gain in gains]

    def seconds(self, origin: Origin) -> float | None:
        """Return the time between the last two readings of a table; None without two."""
        now, before = self.now.readings.get(origin), self.before.get(origin)
        if now is None or before is None or now.tick <= before.tick:
            return None
        return now.tick - before.tick

    def since_start(self, counter: Counter) -> int | None:
        """Return what was counted since the program started or the counter was reset."""
        value, first = _raw(self.now.readings, counter), _raw(self.start, counter)
        if value is None or first is None:
            return None
        return (value - first if value >= first else value) * counter.scale

    def stuck(self, counter: Counter) -> bool:
        """Return whether the counter has reached its ceiling and can no longer move."""
        value = _raw(self.now.readings, counter)
        return value is not None and value == counter.ceiling


class Frame(NamedTuple):
    """A sample beside the one before: screens, JSON, alarms and forecasts work on it."""

    sample: Sample
    ports: Mapping[PortId, PortFrame]

    def adapter(self, port: PortId) -> Adapter | None:
        frame = self.ports.get(port)
        return _adapters(self.sample.adapters).get(frame.now.port.adapter) if frame else None

    def slot_number(self, slot: str) -> int:
        """Return which slot of its card one is, from 0."""
        return _slot_numbers(self.sample.adapters).get(slot, 0)

    def function(self, port: PortId) -> Function | None:
        """Return the PCI function of a port on a card."""
        frame = self.ports.get(port)
        return _functions(self.sample.adapters).get(frame.now.port.function) if frame else None

    def functions(self, port: PortId) -> tuple[Function, ...]:
        """Return the PCI functions of a port on a card: several for a multi-PF netdev."""
        frame, known = self.ports.get(port), _functions(self.sample.adapters)
        if frame is None:
            return ()
        used = (frame.now.port.function, *frame.now.port.extra_functions)
        return tuple(function for address in used if (function := known.get(address)))

    def pcie(self, port: PortId) -> PcieStatus | None:
        """Return PCIe of the slot of a port's function; None where it has none to be seen.

        A virtual function shares the slot of its physical one and has no share of its own.
        """
        now = self.ports[port].now.port
        if now.function is None or now.kind is not PortKind.PHYSICAL:
            return None
        return self.sample.pcie.get(slot_of(now.function))

    def paths(self, port: PortId) -> tuple[PcieStatus, ...]:
        """Return PCIe of every slot that a port uses and that shows a path.

        There are several for a multi-PF netdev only; traffic uses them at the same time.
        """
        slots = map(self.sample.pcie.get, _slots_of(self.ports[port].now))
        return tuple(status for status in slots if status is not None and status.path.links)

    def slots(self, adapter: Adapter) -> tuple[PcieStatus, ...]:
        """Return PCIe of every slot of a card that shows a path, the first function's first."""
        statuses = map(self.sample.pcie.get, adapter.slots)
        return tuple(status for status in statuses if status is not None and status.path.links)

    def beside(self, port: PortId) -> tuple[PortId, ...]:
        """Return the physical ports that share a slot with a port, itself among them."""
        by_slot = _ports_by_slot(self)
        slots = _slots_of(self.ports[port].now)
        if len(slots) == 1:
            return by_slot.get(slots[0], ())
        return tuple(dict.fromkeys(one for slot in slots for one in by_slot.get(slot, ())))


@remembered
def _adapters(adapters: tuple[Adapter, ...]) -> Mapping[str | None, Adapter]:
    return {adapter.key: adapter for adapter in reversed(adapters)}


@remembered
def _slot_numbers(adapters: tuple[Adapter, ...]) -> Mapping[str, int]:
    return {slot: number for card in adapters for number, slot in enumerate(card.slots)}


@remembered
def _functions(adapters: tuple[Adapter, ...]) -> Mapping[str | None, Function]:
    return {function.address: function for adapter in adapters for function in adapter.functions}


def _slots_of(sample: PortSample) -> tuple[str, ...]:
    """Return the slots that a physical port uses, that of its own function first."""
    port = sample.port
    if port.kind is not PortKind.PHYSICAL or port.function is None:
        return ()
    if not port.extra_functions:
        return (slot_of(port.function),)
    return tuple(dict.fromkeys(map(slot_of, (port.function, *port.extra_functions))))


@remembered
def _ports_by_slot(frame: Frame) -> Mapping[str, tuple[PortId, ...]]:
    slots: dict[str, list[PortId]] = {}
    for port, its in frame.ports.items():
        for slot in _slots_of(its.now):
            slots.setdefault(slot, []).append(port)
    return {slot: tuple(ports) for slot, ports in slots.items()}


def derive(sample: Sample, last: Frame | None) -> Frame:
    """Put a sample beside the readings that came before it."""
    ports: dict[PortId, PortFrame] = {}
    for port, now in sample.ports.items():
        old = last.ports.get(port) if last else None
        ports[port] = PortFrame(now, {}, now.readings) if old is None else _join(now, old)
    return Frame(sample, ports)


def _join(now: PortSample, old: PortFrame) -> PortFrame:
    before: dict[Origin, Reading] = {}
    start = old.start
    for origin, reading in now.readings.items():
        last = old.now.readings.get(origin)
        if last is None:
            start = {**start, origin: reading}
        elif last is reading or last.tick == reading.tick:
            earlier = old.before.get(origin)
            if earlier is not None:
                before[origin] = earlier
        else:
            before[origin] = last
            if origin not in start:
                start = {**start, origin: last}
    return PortFrame(now, before, start)
