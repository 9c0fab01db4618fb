"""iperf 2, nuttcp and qperf as clients: a run is a flow over a port, told in each tool's format.

Formats of iperf 2.1.8, nuttcp 6.1.2 (`-fparse`) and qperf 0.4.11; the far end of a simulated
machine serves all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.iperf3 import begin_run, bits, connect
from mlxtop.lab.tools.measure import Call, Interval, Part, Run, both
from mlxtop.lab.tools.perftest import MESSAGES, half_round_trip, payload
from mlxtop.lab.tools.shell import Err, Machine, Running
from mlxtop.lab.traffic import GREEDY, Flow

TCP_ROUND_TRIP_US = {True: 21.0, False: 11.0}
"""Microseconds of half a TCP round trip: small boards, and servers."""


def _words(argv: Sequence[str], valued: str) -> tuple[dict[str, str], list[str]]:
    """Short options with their values, `-t10` or `-t 10`, and operands."""
    options: dict[str, str] = {}
    operands = []
    rest = list(argv[1:])
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            operands.append(word)
        elif word.startswith("--"):
            options[word] = "yes"
        elif word[1] in valued:
            options[word[:2]] = word[2:] or (rest.pop(0) if rest else "")
        else:
            options[word[:2]] = word[2:] or "yes"
    return options, operands


def iperf(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`iperf -c HOST [-t S] [-i S] [-P N] [-R | --full-duplex] [-u -b RATE] [-e] [-n SIZE]`."""
    if "--version" in argv or "-v" in argv:
        yield f"iperf version {machine.world.spec.tools['iperf']} (12 August 2022) pthreads"
        return 0
    if "--help" in argv or "-h" in argv:
        yield "  -e, --enhanced    use enhanced reporting giving more tcp/udp information"
        yield "      --full-duplex run full duplex test using same socket"
        return 0
    options, _ = _words(argv, "cptiPfBbln")
    if "-c" not in options:
        yield "Server listening on TCP port 5001"
        while True:
            yield 3600.0
    call = _iperf_call(options)
    port = connect(machine, call)
    if isinstance(port, str):
        yield Err(f"tcp connect failed: {port}")
        return 0
    run = begin_run(machine, call, port)
    try:
        for text in _opening(run):
            yield text
        for _ in range(max(1, round(call.seconds / call.interval))):
            yield call.interval
            for text in _iperf_rows(run.interval(machine.world.rest, False)):
                yield text
        whole = Interval(0.0, run.seconds + 0.0021, False, tuple(run.totals()))
        for text in _iperf_rows(whole):
            yield text
    finally:
        with machine.world.lock:
            run.stop()
    return 0


def _iperf_call(options: Mapping[str, str]) -> Call:
    return Call(
        host=options["-c"],
        seconds=float(options.get("-t", 10)),
        streams=int(options.get("-P", 1)),
        interval=float(options.get("-i", 1)) or 1.0,
        bitrate=bits(options.get("-b", "0")),
        reverse="-R" in options,
        bidir="--full-duplex" in options,
    )


def _opening(run: Run) -> Iterator[str]:
    yield "-" * 60
    yield f"Client connecting to {run.call.host}, TCP port 5001 with pid 711"
    yield "-" * 60
    yield "[ ID] Interval            Transfer    Bandwidth       Write/Err  Rtry     Cwnd/RTT(var)"


def _iperf_rows(interval: Interval) -> Iterator[str]:
    """The rows of every stream, and of all."""
    span = f"{interval.start:.4f}-{interval.end:.4f} sec"
    for number, part in enumerate(interval.parts):
        name = f"{'' if part.sender else '*'}{1 + number % max(1, len(interval.parts))}"
        rate = part.bytes * 8 / interval.seconds / 1e3
        more = f"  100/0 {part.retransmits:>10}      340K/{part.rtt}(7) us  170"
        text = f"[{name:>3}] {span}  {part.bytes >> 10} KBytes  {rate:.0f} Kbits/sec"
        yield text + (more if part.sender else "  3903=10:5:5:40:7:3:5:3828")
    sides = {part.sender for part in interval.parts}
    if len(interval.parts) > 1 and len(sides) == 1:
        whole = both(list(interval.parts), sides.pop())
        assert whole is not None
        rate = whole.bytes * 8 / interval.seconds / 1e3
        more = f"  200/0 {whole.retransmits:>9}" if whole.sender else ""
        yield f"[SUM] {span}  {whole.bytes >> 10} KBytes  {rate:.0f} Kbits/sec{more}"


def nuttcp(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`nuttcp -fparse [-iS] [-TS] [-NN] [-r] [-u -RRATE] HOST`."""
    if "-V" in argv:
        yield f"nuttcp-{machine.world.spec.tools['nuttcp']}"
        return 0
    options, operands = _words(argv, "fiTNlRpPn")
    if not operands:
        while True:
            yield 3600.0
    streams = int(options.get("-N", 1))
    rate = bits(options.get("-R", "0"))
    call = Call(
        host=operands[0],
        seconds=float(options.get("-T", 10)),
        streams=streams,
        interval=float(options.get("-i", 1)) or 1.0,
        bitrate=rate / streams,
        reverse="-r" in options,
        udp="-u" in options,
    )
    port = connect(machine, call)
    if isinstance(port, str):
        yield Err(f"connect failed: {port}")
        return 1
    run = begin_run(machine, call, port)
    try:
        for _ in range(max(1, round(call.seconds / call.interval))):
            yield call.interval
            interval = run.interval(machine.world.rest, False)
            yield _pairs(interval.parts, interval.seconds, "real_sec", call.udp)
        busy = min(99, round(100 * max(run.flow.full)))
        yield ""
        yield _pairs(run.totals(), run.seconds, "real_seconds", call.udp, busy)
    finally:
        with machine.world.lock:
            run.stop()
    return 0


def _pairs(
    parts: Sequence[Part], seconds: float, name: str, udp: bool, busy: int | None = None
) -> str:
    carried = sum(part.bytes for part in parts)
    text = f"megabytes={carried / 2**20:.4f} {name}={seconds:.2f} "
    text += f"rate_Mbps={carried * 8 / seconds / 1e6:.4f}"
    if busy is not None:
        text += f" tx_cpu={busy} rx_cpu={busy}"
    if udp:
        return f"{text} drop=0 pkt={carried // 8972} data_loss=0.00000"
    retransmits = sum(part.retransmits for part in parts)
    return f"{text} retrans={retransmits}"


def qperf(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`qperf [-uu] [-v] [-t S] [-m SIZE] [-f1] HOST TEST`, of one test."""
    if "--version" in argv or "-V" in argv:
        yield f"qperf {machine.world.spec.tools['qperf']}"
        return 0
    words = [word for word in argv if word not in ("-uu", "-v", "-cm1", "-f1")]
    seconds, size, operands = 2.0, 65536, []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word in ("-t", "-m", "-li", "-lp"):
            value = rest.pop(0)
            seconds = float(value) if word == "-t" else seconds
            size = int(value) if word == "-m" else size
        else:
            operands.append(word)
    if len(operands) < 2:
        while True:
            yield 3600.0
    host, test = operands[:2]
    yield f"{test}:"
    port = connect(machine, Call(host=host))
    if isinstance(port, str):
        yield Err(f"{host}: failed to connect: {port}")
        return 1
    if test.endswith("_lat"):
        yield seconds
        yield f"    latency  =  {_latency_ns(machine, port, test)} ns"
        return 0
    return (yield from _qperf_bandwidth(machine, port, test, (seconds, size, "-f1" in argv)))


def _latency_ns(machine: Machine, port: PortState, test: str) -> int:
    if test.startswith(("tcp", "udp")):
        return round(TCP_ROUND_TRIP_US[machine.world.spec.cpus <= 8] * 1000)
    return round(half_round_trip(port, 1, "read" in test) * 1000)


def _qperf_bandwidth(
    machine: Machine, port: PortState, test: str, how: tuple[float, int, bool]
) -> Running:
    seconds, size, flipped = how
    kernel = test.startswith(("tcp", "udp"))
    offered = GREEDY if kernel else size * 8 * MESSAGES[port.card.spec.family.mlx4]
    receives = flipped is not ("read" in test)
    two = "_bi_" in test
    flow = Flow(kernel, 1, (offered if receives or two else 0.0, 0.0 if receives else offered))
    port.flows.append(flow)
    try:
        yield seconds
        carried = payload(machine, flow)
    finally:
        with machine.world.lock:
            port.flows.remove(flow)
    rate = round(carried / seconds)
    if test.startswith("ud"):
        yield f"    send_bw  =  {rate} bytes/sec"
        yield f"    recv_bw  =  {rate} bytes/sec"
    else:
        yield f"    bw  =  {rate} bytes/sec"
    return 0
