"""The JSON of iperf3: one document at the end, or an object a line (--json-stream)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mlxtop.lab.tools.measure import BUFFERED, Call, Interval, Part, Run, both

CWND, WINDOW = 3_145_728, 6_291_456


def line(event: str, data: dict[str, Any]) -> str:
    """A line of --json-stream."""
    return json.dumps({"event": event, "data": data}, separators=(",", ":"))


def refused_lines(text: str) -> list[str]:
    """Return what --json-stream prints when there is no connection."""
    error = json.dumps({"event": "error", "data": text}, separators=(",", ":"))
    return [error, '{"event":"end","data":{}}']


def refused(call: Call, kernel: str, text: str) -> str:
    """Return what -J prints when there is no connection."""
    start = {"connected": [], "version": version(call), "system_info": f"Linux {kernel}"}
    return _dump({"start": start, "intervals": [], "end": {}, "error": text})


def version(call: Call) -> str:
    """`iperf 3.18`."""
    return "iperf " + ".".join(map(str, call.version))


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent="\t", separators=(",", ":\t"))


def start(run: Run, kernel: str) -> dict[str, Any]:
    """The part before the first interval."""
    call = run.call
    sockets = range(5, 5 + 2 * call.streams * (2 if call.bidir else 1), 2)
    when = datetime.fromtimestamp(int(run.wall), UTC)
    return {
        "connected": [
            {
                "socket": socket,
                "local_host": run.local,
                "local_port": 40000 + socket,
                "remote_host": call.host,
                "remote_port": call.port,
            }
            for socket in sockets
        ],
        "version": version(call),
        "system_info": f"Linux {run.label} {kernel} #1 SMP PREEMPT_DYNAMIC x86_64",
        "timestamp": {
            "time": when.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "timesecs": int(run.wall),
        },
        "connecting_to": {"host": call.host, "port": call.port},
        "cookie": "m2x7q4lablablablablablablablablablab",
        "tcp_mss_default": run.port.mtu - 52,
        "target_bitrate": int(call.bitrate),
        "fq_rate": 0,
        "sock_bufsize": 0,
        "sndbuf_actual": 16384,
        "rcvbuf_actual": 131072,
        "test_start": _test(call),
    }


def _test(call: Call) -> dict[str, Any]:
    test: dict[str, Any] = {
        "protocol": "UDP" if call.udp else "TCP",
        "num_streams": call.streams,
        "blksize": 8948 if call.udp else 131072,
        "omit": int(call.omit),
        "duration": int(call.seconds),
        "bytes": 0,
        "blocks": 0,
        "reverse": int(call.reverse),
        "tos": 0,
        "target_bitrate": int(call.bitrate),
    }
    if call.version >= (3, 17):
        test |= {"bidir": int(call.bidir), "fqrate": 0, "interval": call.interval}
    return test


def _rate(part: Part, start_: float, end_: float) -> dict[str, Any]:
    seconds = end_ - start_
    return {
        "start": start_,
        "end": end_,
        "seconds": seconds,
        "bytes": part.bytes,
        "bits_per_second": part.bytes * 8 / seconds,
    }


def _stream(run: Run, part: Part, each: Interval) -> dict[str, Any]:
    row: dict[str, Any] = {"socket": part.socket, **_rate(part, each.start, each.end)}
    if run.call.udp:
        row |= _datagrams(run, part)
    elif part.sender:
        row |= {
            "retransmits": part.retransmits,
            "snd_cwnd": CWND,
            "snd_wnd": WINDOW,
            "rtt": part.rtt,
            "rttvar": 7,
            "pmtu": run.port.mtu,
        }
    return row | {"omitted": each.omitted, "sender": part.sender}


def _datagrams(run: Run, part: Part) -> dict[str, Any]:
    packets = part.bytes // (run.port.mtu - 52)
    if part.sender:
        return {"packets": packets}
    return {"jitter_ms": 0.004, "lost_packets": 0, "packets": packets, "lost_percent": 0}


def interval(run: Run, each: Interval) -> dict[str, Any]:
    """One interval."""
    out: dict[str, Any] = {"streams": [_stream(run, part, each) for part in each.parts]}
    first = not run.call.reverse or run.call.bidir
    out["sum"] = _sum(run, both(list(each.parts), first), each)
    if run.call.bidir:
        out["sum_bidir_reverse"] = _sum(run, both(list(each.parts), False), each)
    return out


def _sum(run: Run, part: Part | None, each: Interval) -> dict[str, Any]:
    if part is None:
        return {}
    row = _rate(part, each.start, each.end)
    if run.call.udp:
        row |= _datagrams(run, part)
    elif part.sender:
        row["retransmits"] = part.retransmits
    return row | {"omitted": each.omitted, "sender": part.sender}


def _sent(run: Run, part: Part, streams: int) -> dict[str, Any]:
    """The sender's view: what it handed to its kernel."""
    more = 0 if run.call.udp else BUFFERED * streams
    handed = Part(part.socket, part.sender, part.bytes + more, part.retransmits, part.rtt)
    row = _rate(handed, 0.0, run.seconds)
    if run.call.udp:
        return row | {"jitter_ms": 0} | _datagrams(run, part) | {"sender": part.sender}
    return row | {"retransmits": part.retransmits, "sender": part.sender}


def _received(run: Run, part: Part) -> dict[str, Any]:
    row = _rate(part, 0.0, run.seconds + 0.0004)
    if run.call.udp:
        row |= {"jitter_ms": 0.004, "lost_packets": 0}
        row |= {"packets": part.bytes // (run.port.mtu - 52), "lost_percent": 0}
    return row | {"sender": part.sender}


def end(run: Run) -> dict[str, Any]:
    """The part after the last interval."""
    totals = run.totals()
    out: dict[str, Any] = {"streams": []}
    for part in totals:
        if run.call.udp:
            udp = {"socket": part.socket, **_received(run, part), "out_of_order": 0}
            out["streams"].append({"udp": udp})
            continue
        peak = {"max_snd_cwnd": CWND, "max_snd_wnd": WINDOW}
        peak |= {"max_rtt": part.rtt + 9, "min_rtt": 31, "mean_rtt": part.rtt}
        sender = {"socket": part.socket, **_sent(run, part, 1), **peak, "sender": part.sender}
        receiver = {"socket": part.socket, **_received(run, part)}
        out["streams"].append({"sender": sender, "receiver": receiver})
    first = not run.call.reverse or run.call.bidir
    for sends, suffix in ((first, ""), (not first, "_bidir_reverse")):
        total = both(totals, sends)
        if total is None:
            continue
        if run.call.udp and not suffix:
            out["sum"] = _received(run, total)
        out[f"sum_sent{suffix}"] = _sent(run, total, run.call.streams)
        out[f"sum_received{suffix}"] = _received(run, total)
    return out | _tail(run)


def _tail(run: Run) -> dict[str, Any]:
    used = 97.0 * max(run.flow.full) * run.flow.streams
    share = {"total": 1.0, "user": 0.03, "system": 0.97}
    cpu = {
        f"{where}_{name}": used * factor * scale
        for where, scale in (("host", 1.0), ("remote", 0.91))
        for name, factor in share.items()
    }
    if run.call.udp:
        return {"cpu_utilization_percent": cpu}
    return {
        "cpu_utilization_percent": cpu,
        "sender_tcp_congestion": "cubic",
        "receiver_tcp_congestion": "cubic",
    }


def document(run: Run, kernel: str) -> str:
    """The one document of -J."""
    return _dump(
        {
            "start": start(run, kernel),
            "intervals": [interval(run, each) for each in run.intervals],
            "end": end(run),
        }
    )
