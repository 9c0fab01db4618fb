"""The fields of the load dialog, and the options that their values stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from mlxtop.load.hold import HOLD_TIME_S
from mlxtop.load.measure import ITEM_S, MeasureOptions
from mlxtop.load.request import GuardOptions, LoadOptions, LoadRequest, Timing
from mlxtop.model.load import Direction, Tool, typed_bits, typed_seconds
from mlxtop.model.number import whole

ANY = "any"
MOST_PROCESSES = 64
N = TypeVar("N", int, float)


class Field(NamedTuple):
    """A field: a choice where it has options, else text, with what an empty one means."""

    id: str
    label: str
    options: tuple[str, ...] = ()
    placeholder: str = ""


FIELDS = (
    Field("host", "Far end", placeholder="host, ↓ offers"),
    Field("direction", "Direction", tuple(Direction)),
    Field("time", "Time", placeholder="10 s; 15m"),
    Field("mode", "Kind", ("test", "soak", "hold", "measure")),
    Field("streams", "Streams", placeholder="for its speed"),
    Field("protocol", "Protocol", ("TCP", "UDP")),
    Field("bitrate", "Bitrate", placeholder="all there is; 10G"),
    Field("tool", "Tool", tuple(Tool)),
    Field("port", "Server port", placeholder="5201"),
    Field("guard", "Heat guard", ("all", "module", "asic", "off")),
    Field("processes", "Processes", placeholder="as needed"),
    Field("family", "IP", (ANY, "4", "6")),
    Field("omit", "Omit", placeholder="0 s"),
    Field("zerocopy", "Zero copy", ("off", "on")),
    Field("cores", "Cores", placeholder="the card's; off"),
    Field("note", "Note", placeholder="kept with the run"),
)


class WrongField(ValueError):
    """A field has a wrong value; `field` is its id."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def _number(values: Mapping[str, str], field: str, most: int, least: int = 1) -> int | None:
    def parse(text: str) -> int:
        number = whole(text, most)
        if number is None or number < least:
            raise ValueError(f"{text!r} is no number from {least} to {most}")
        return number

    return _typed(values, field, parse)


def _typed(values: Mapping[str, str], field: str, parse: Callable[[str], N]) -> N | None:
    text = values[field].strip()
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise WrongField(field, str(error)) from None


def measure_options(values: Mapping[str, str], via: str | None) -> MeasureOptions:
    """Return the measurement that the fields ask for: every tool's tests. Raises WrongField."""
    chosen = options(values, via)
    seconds = chosen.request.seconds if values["time"].strip() else ITEM_S
    request = LoadRequest(chosen.request.host, via, seconds=seconds, family=chosen.request.family)
    return MeasureOptions(request, guard=chosen.guard, note=chosen.note)


def options(values: Mapping[str, str], via: str | None) -> LoadOptions:
    """Return what the fields ask for. Raises WrongField."""
    if not values["host"].strip():
        raise WrongField("host", "which far end? a name or an address")
    hold = values["mode"] == "hold"
    seconds = _typed(values, "time", typed_seconds) or (HOLD_TIME_S if hold else 10)
    request = LoadRequest(
        host=values["host"].strip(),
        via=via,
        tool=Tool(values["tool"]),
        direction=Direction(values["direction"]),
        seconds=seconds,
        omit=_number(values, "omit", 60, 0) or 0,
        streams=_number(values, "streams", 1024),
        processes=_number(values, "processes", MOST_PROCESSES),
        udp=values["protocol"] == "UDP",
        bitrate=_typed(values, "bitrate", typed_bits),
        port=_number(values, "port", 65000),
        family=None if values["family"] == ANY else int(values["family"]),
        zero_copy=values["zerocopy"] == "on",
        affinity=values["cores"].strip() or None,
    )
    timing = Timing.for_soak(seconds) if values["mode"] == "soak" else Timing()
    guard = GuardOptions.choose(values["guard"])
    if hold and not guard.armed:
        raise WrongField("guard", "hold needs the heat guard")
    return LoadOptions(request, guard, timing, values["note"].strip(), hold)
