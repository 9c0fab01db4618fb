"""iperf3's text output, 3.1 to 3.2x, line by line as it comes.

What varies: `Bandwidth` became `Bitrate` (3.7), units mix within one run, `[SUM]` rows only with
several streams, `[TX-C]`/`[RX-C]` only with `--bidir`, UDP rows have datagrams instead of retries,
and the sender and receiver rows of UDP came with 3.7. `iperf_locale.c` of the source has all forms.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from mlxtop.model import load
from mlxtop.model.load import LoadEvent, LoadInterval

MOST = 4096
"""Rows of an interval, or of a result, that are kept: 1024 streams have half as many."""

_ROW = re.compile(
    r"\[\s*(?P<id>\d{1,6}|SUM)\](?:\[(?P<role>[TR]X)-(?P<side>[CS])\])?"
    r"\s+(?P<start>\d{1,9}\.\d{1,3})-(?P<end>\d{1,9}\.\d{1,3})\s+sec"
    r"\s+\d{1,15}(?:\.\d{1,6})?\s[KMGTPE]?Bytes"
    r"\s+(?P<rate>\d{1,15}(?:\.\d{1,6})?)\s(?P<unit>[KMGTPE]?(?:bits|Bytes))/sec(?P<tail>.*)$",
    re.ASCII,
)
_DATAGRAMS = re.compile(
    r"^\s*(?:(\d{1,9}(?:\.\d{1,6})?)|[A-Za-z/]+) ms\s+(?:(-?\d{1,15})|[A-Za-z]+)/"
    r"(?:(\d{1,15})|[A-Za-z]+)(?:\s|$)",
    re.ASCII,
)
"""Jitter, lost and all datagrams; a side that cannot know prints a word, `Unknown/416650`."""
_FIRST = re.compile(r"^\s*(\d{1,15})\b", re.ASCII)
_CONNECTED = re.compile(r"\[\s*\d+\] local \S+ port \d+ connected to \S+ port \d+")
_CPU = re.compile(
    r"CPU Utilization: local/\w+ (\d{1,6}(?:\.\d{1,6})?)%.*remote/\w+ (\d{1,6}(?:\.\d{1,6})?)%",
    re.ASCII,
)
_ERROR = re.compile(
    r"iperf3?: (?:(?:parameter )?error - (?P<error>.*)|(?P<odd>(?:interrupt - |un\w+ option ).*))$"
)

_STEPS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}


def _bits(number: str, unit: str) -> float:
    """Return bit/s: bytes count in 1024s, bits in 1000s."""
    if unit.endswith("Bytes"):
        return 8 * float(number) * 1024.0 ** _STEPS[unit.removesuffix("Bytes")]
    return float(number) * 1000.0 ** _STEPS[unit.removesuffix("bits")]


class _Row(NamedTuple):
    """One data row."""

    together: bool
    """A `[SUM]` row."""
    back: bool
    """Data from the far end to the client, in a bidirectional test."""
    side: str
    """`sender`, `receiver`, or empty for an interval."""
    data: LoadInterval


def _row(line: str, retries: bool) -> _Row | None:
    match = _ROW.search(line)
    if match is None:
        return None
    tail = match["tail"]
    data = LoadInterval(
        start=float(match["start"]),
        end=float(match["end"]),
        bps=_bits(match["rate"], match["unit"]),
        omitted="(omitted)" in tail,
    )
    if datagrams := _DATAGRAMS.match(tail):
        data = replace(
            data,
            jitter=float(datagrams[1]) / 1000 if datagrams[1] else None,
            # late ones count as lost before they arrive
            lost=max(0, int(datagrams[2])) if datagrams[2] else None,
            packets=int(datagrams[3]) if datagrams[3] else None,
        )
    elif first := _FIRST.match(tail):
        count = int(first[1])
        data = replace(data, retransmits=count) if retries else replace(data, packets=count)
    side = next((side for side in ("sender", "receiver") if side in tail), "")
    back = (match["role"], match["side"]) in (("RX", "C"), ("TX", "S"))
    return _Row(match["id"] == "SUM", back, side, data)


class TextReader:
    """Turns the lines of one iperf3 into events; never raises.

    An interval comes with its last row, so that a live chart does not lag.
    """

    def __init__(self) -> None:
        self._connected = 0
        self._retries = True
        self._headers = 0
        self._summary = False
        self._rows: list[_Row] = []
        self._result: list[_Row] = []
        self._cpu: tuple[float | None, float | None] = None, None

    def feed(self, line: str) -> list[LoadEvent]:
        line = line.rstrip()
        if error := _ERROR.search(line):
            return [load.LoadError(error["error"] or error["odd"] or "unknown error")]
        if (row := _row(line, self._retries)) is not None:
            return self._data(row)
        if _CONNECTED.search(line):
            self._connected += 1
        elif "[ ID]" in line:
            self._headers += 1
            self._retries = "Datagrams" not in line
            # iperf3 3.1's UDP summary has no sender and receiver, only a header of another form
            self._summary = self._summary or (self._headers > 1 and "Cwnd" not in line)
        elif cpu := _CPU.search(line):
            self._cpu = float(cpu[1]), float(cpu[2])
        return []

    def _data(self, row: _Row) -> list[LoadEvent]:
        if row.side or self._summary:
            if len(self._result) < MOST:
                self._result.append(row)
            return self._flush()
        # an interval's rows stand together; a new start time or a repeated row begins the next
        first = self._rows[0].data if self._rows else row.data
        same = (row.data.start, row.data.omitted) == (first.start, first.omitted)
        events = [] if same else self._flush()
        if len(self._rows) < MOST:
            self._rows.append(row)
        return [*events, *self._flush()] if self._complete() else events

    def _complete(self) -> bool:
        single = [row.back for row in self._rows if not row.together]
        sums = {row.back for row in self._rows if row.together}
        if not self._connected or len(single) < self._connected:
            return False
        return len(single) == len(set(single)) or sums == set(single)

    def _flush(self) -> list[LoadEvent]:
        rows, self._rows = self._rows, []
        if not rows:
            return []
        forward, back = _together(rows, False), _together(rows, True)
        main = forward or back
        assert main is not None
        receiving = back or main
        packets = main.packets if receiving.packets is None else receiving.packets
        jitter, lost = receiving.jitter, receiving.lost
        reverse = back.bps if forward and back else None
        return [replace(main, reverse_bps=reverse, jitter=jitter, lost=lost, packets=packets)]

    def finish(self) -> list[LoadEvent]:
        """Return a last interval, and the result, whose lines are spread over the end."""
        events, rows = self._flush(), self._result
        if not rows:
            return events
        forward = [row for row in rows if not row.back] or rows
        back = [row for row in rows if row.back] if forward is not rows else []
        seconds = max(row.data.seconds for row in forward)
        reverse = _flow(back) if back else None
        return [*events, load.LoadResult(seconds, _flow(forward), reverse, *self._cpu)]


def _together(rows: list[_Row], back: bool) -> LoadInterval | None:
    """Return one row for a direction: its `[SUM]`, its only row, or all of them added up."""
    own = [row for row in rows if row.back is back]
    sums = [row for row in own if row.together][:1]
    return load.join_intervals([row.data for row in sums or own]) if own else None


def _flow(rows: list[_Row]) -> load.FlowResult:
    """Return the result of one direction from its summary rows."""
    sides = {side: [row for row in rows if row.side == side] for side in ("sender", "receiver", "")}
    sent = _together(sides["sender"] or sides[""], rows[0].back)
    received = _together(sides["receiver"], rows[0].back)
    measured = received or sent
    assert measured is not None
    bps = received.bps if received else None
    if not received and measured.lost is not None and measured.packets:
        bps = measured.bps * (1 - measured.lost / measured.packets)
    return load.FlowResult(
        sent_bps=sent.bps if sent else None,
        received_bps=bps,
        retransmits=sent.retransmits if sent else None,
        lost=measured.lost,
        packets=measured.packets,
        jitter=measured.jitter,
    )
