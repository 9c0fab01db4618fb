"""The text of iperf3 3.12 and later, by iperf_locale.c and units.c of https://github.com/esnet/iperf."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.lab.tools.measure import BUFFERED, Interval, Part, Run, both

_RULE = "- - - - - - - - - - - - - - - - - - - - - - - - -"
_BAR = "-----------------------------------------------------------"


def _unit(value: float, base: float, names: tuple[str, ...]) -> str:
    step = 0
    while value >= base and step < len(names) - 1:
        value /= base
        step += 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:4.{digits}f} {names[step]}"


def _bytes(value: float) -> str:
    return _unit(value, 1024.0, ("Bytes", "KBytes", "MBytes", "GBytes", "TBytes"))


def _bits(value: float) -> str:
    return _unit(value, 1000.0, ("bits", "Kbits", "Mbits", "Gbits", "Tbits")) + "/sec"


def _span(start: float, end: float) -> str:
    return f" {start:6.2f}-{end:<6.2f} sec"


def _role(run: Run, part: Part) -> str:
    return ("[TX-C]" if part.sender else "[RX-C]") if run.call.bidir else ""


def _head(run: Run, part: Part, start: float, end: float) -> str:
    name = f"[{part.socket:3d}]" if part.socket >= 0 else "[SUM]"
    rate = part.bytes * 8 / max(end - start, 1e-9)
    return f"{name}{_role(run, part)}{_span(start, end)}  {_bytes(part.bytes)}  {_bits(rate)}"


def opening(run: Run) -> Iterator[str]:
    """The lines before the first interval."""
    call = run.call
    yield f"Connecting to host {call.host}, port {call.port}"
    if call.reverse:
        yield f"Reverse mode, remote host {call.host} is sending"
    for number in range(call.streams * (2 if call.bidir else 1)):
        socket = 5 + 2 * number
        yield (
            f"[{socket:3d}] local {run.local} port {40000 + socket} "
            f"connected to {call.host} port {call.port}"
        )
    yield _columns(run, ending=False)


def _columns(run: Run, ending: bool) -> str:
    role = "[Role] " if run.call.bidir else " "
    head = f"[ ID]{role}Interval           Transfer     Bitrate"
    if run.call.udp:
        return head + (
            "         Jitter    Lost/Total Datagrams" if ending else "         Total Datagrams"
        )
    if ending:
        return f"{head}         Retr"
    return head if run.call.reverse else f"{head}         Retr  Cwnd"


def interval(run: Run, each: Interval, last: bool) -> Iterator[str]:
    """The lines of one interval."""
    tail = "(omitted)" if each.omitted else ""
    for part in each.parts:
        head = _head(run, part, each.start, each.end)
        if run.call.udp:
            packets = part.bytes // (run.port.mtu - 52)
            loss = f"{packets}" if part.sender else f"0.004 ms  0/{packets} (0%)"
            yield f"{head}  {loss}  {tail}"
        elif part.sender:
            yield f"{head}  {part.retransmits:3d}   3.00 MBytes       {tail}"
        else:
            yield f"{head}                  {tail}"
    if run.call.streams > 1:
        for sender in (True, False):
            total = both(list(each.parts), sender)
            if total is not None:
                head = _head(run, total, each.start, each.end)
                middle = f"  {total.retransmits:3d}             " if sender else " " * 18
                if run.call.udp:
                    middle = f"  {total.bytes // (run.port.mtu - 52)}  "
                yield f"{head}{middle}{tail}"
        if not last:
            yield _RULE


def ending(run: Run) -> Iterator[str]:
    """The summary."""
    yield _RULE
    yield _columns(run, ending=True)
    totals = run.totals()
    for part in totals:
        yield from _summary(run, part, 1)
    if run.call.streams > 1:
        for sender in (True, False):
            total = both(totals, sender)
            if total is not None:
                yield from _summary(run, total, run.call.streams)
    yield ""
    yield "iperf Done."


def _summary(run: Run, part: Part, streams: int) -> Iterator[str]:
    if run.call.udp:
        packets = part.bytes // (run.port.mtu - 52)
        head = _head(run, part, 0.0, run.seconds)
        yield f"{head}  0.000 ms  0/{packets} (0%)  sender"
        yield f"{head}  0.004 ms  0/{packets} (0%)  receiver"
        return
    gap = 12 if run.call.version >= (3, 17) else 13
    handed = Part(part.socket, part.sender, part.bytes + BUFFERED * streams, 0, 0)
    head = _head(run, handed, 0.0, run.seconds)
    yield f"{head}  {part.retransmits:3d}{' ' * gap}sender"
    yield f"{_head(run, part, 0.0, run.seconds)}                  receiver"


def listening(port: int, number: int) -> Iterator[str]:
    """A server that waits."""
    yield _BAR
    yield f"Server listening on {port} (test #{number})"
    yield _BAR


def accepted(run: Run) -> Iterator[str]:
    """A server whose client has come."""
    yield f"Accepted connection from {run.call.host}, port 47184"
    yield (f"[  5] local {run.local} port {run.call.port} connected to {run.call.host} port 47194")
    yield "[ ID] Interval           Transfer     Bitrate"


def served(run: Run) -> Iterator[str]:
    """The summary of a server."""
    yield _RULE
    yield "[ ID] Interval           Transfer     Bitrate"
    for part in run.totals():
        yield f"{_head(run, part, 0.0, run.seconds)}                  receiver"


_USAGE = """\
Usage: iperf3 [-s|-c host] [options]
       iperf3 [-h|--help] [-v|--version]

Server or Client:
  -p, --port      #         server port to listen on/connect to
  -f, --format   [kmgtKMGT] format to report: Kbits, Mbits, Gbits, Tbits
  -i, --interval  #         seconds between periodic throughput reports
  -A, --affinity n/n,m      set CPU affinity
  -B, --bind <host>[%<dev>] bind to the interface associated with the address <host>
{device}  -V, --verbose             more detailed output
  -J, --json                output in JSON format
{streamed}  --forceflush              force flushing output at every interval
  -v, --version             show version information and quit
  -h, --help                show this message and quit
Server specific:
  -s, --server              run in server mode
  -1, --one-off             handle one client connection then exit
{idle}Client specific:
  -c, --client <host>[%<dev>] run in client mode, connecting to <host>
  -u, --udp                 use UDP rather than TCP
  --connect-timeout #       timeout for control connection setup (ms)
  -b, --bitrate #[KMG][/#]  target bitrate in bits/sec (0 for unlimited)
  -t, --time      #         time in seconds to transmit for (default 10 secs)
  -P, --parallel  #         number of parallel client streams to run
  -R, --reverse             run in reverse mode (server sends, client receives)
  --bidir                   run in bidirectional mode.
  -C, --congestion <algo>   set TCP congestion control algorithm (Linux and FreeBSD only)
  -4, --version4            only use IPv4
  -6, --version6            only use IPv6
  -Z, --zerocopy            use a 'zero copy' method of sending data
  -O, --omit N              perform pre-test for N seconds and omit the pre-test statistics
"""
_SINCE_17 = "  --json-stream             output in line-delimited JSON format\n"
_SINCE_10 = (
    "  --bind-dev <dev>          bind to the network interface with SO_BINDTODEVICE\n",
    "  --idle-timeout #          restart idle server after # seconds in case it\n"
    "                            got stuck (default - no timeout)\n",
)


def usage(version: tuple[int, ...]) -> list[str]:
    """Return what --help prints, as far as it concerns the product."""
    streamed = _SINCE_17 if version >= (3, 17) else ""
    device, idle = _SINCE_10 if version >= (3, 10) else ("", "")
    return _USAGE.format(streamed=streamed, device=device, idle=idle).splitlines()
