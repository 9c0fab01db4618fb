"""ib_write_bw and its kin, in the layout of https://github.com/linux-rdma/perftest."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.shell import Err, Machine, Running
from mlxtop.lab.traffic import GREEDY, RX, TX, Flow

_TITLES = {
    "ib_write_bw": "RDMA_Write BW Test",
    "ib_read_bw": "RDMA_Read BW Test",
    "ib_send_bw": "Send BW Test",
    "ib_send_lat": "Send Latency Test",
    "ib_write_lat": "RDMA_Write Latency Test",
    "ib_read_lat": "RDMA_Read Latency Test",
    "ib_atomic_bw": "Atomic BW Test",
    "ib_atomic_lat": "Atomic Latency Test",
}
_RULE = "-" * 87
_USAGE = """\
Usage:
  {name}            start a server and wait for connection
  {name} <host>     connect to server at <host>

Options:
  -b, --bidirectional  Measure bidirectional bandwidth (default unidirectional)
  -d, --ib-dev=<dev>  Use IB device <dev> (default first device found)
  -D, --duration  Run test for a customized period of seconds.
  -R, --rdma_cm  Connect QPs with rdma_cm and run test on those QPs
      --rate_limit=<rate>  Set the maximum rate of sent packages
      --report_gbits  Report Max/Average BW of test in Gbit/sec (instead of MiB/sec)
"""
MESSAGES = {True: 4.2e6, False: 9.0e6}
"""Messages a second of a queue pair: mlx4, and newer."""
_PAIRS = 4
"""Queue pairs from which more do not send more messages."""
_VALUES = ("-d", "-i", "-x", "-D", "-q", "-s", "-n", "-p", "-m", "-t", "-Q", "-f")


def _options(argv: Sequence[str]) -> tuple[dict[str, str], str]:
    """Options with their values, and the host (empty: server)."""
    options: dict[str, str] = {}
    host = ""
    rest = list(argv[1:])
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word in _VALUES or word in ("--rate_limit", "--rate_units", "--rate_limit_type"):
            options[word] = value if equals else (rest.pop(0) if rest else "")
        elif word.startswith("-"):
            options[word] = "yes"
        else:
            host = word
    return options, host


def perftest(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`ib_write_bw -d DEVICE [-D SECONDS] [-q QPS] [-b] [-R] [--report_gbits] HOST`."""
    name = argv[0]
    options, host = _options(argv)
    if "--version" in options or "-V" in options:
        tools = machine.world.spec.tools
        yield f"Version: {tools.get(name) or tools['ib_write_bw']}"
        return 0
    if "--help" in options or "-h" in options:
        yield from (_USAGE.format(name=name)).splitlines()
        return 0
    ports = [port for port in machine.world.ports if port.present and port.carrier]
    wanted = options.get("-d")
    port = next((port for port in ports if wanted in (None, port.spec.rdma)), None)
    if port is None:
        yield Err(f"IB device {wanted} not found" if wanted else " Did not detect devices")
        yield Err(" Unable to find the Infiniband/RoCE device")
        return 1
    if not host:
        yield "************************************"
        yield "* Waiting for client to connect... *"
        yield "************************************"
        while True:
            yield 3600.0
    if not machine.network.answers(host):
        yield 3.0
        yield Err(f"Couldn't connect to {host}:18515")
        yield Err("Unable to open file descriptor for socket connection")
        return 1
    yield from _opening(port, name, options)
    if name.endswith("_lat"):
        return (yield from _latency(port, name, options))
    return (yield from _bandwidth(machine, port, name, options))


def _opening(port: PortState, name: str, options: dict[str, str]) -> list[str]:
    latency = name.endswith("_lat")
    kind = "IB" if port.infiniband else "Ethernet"
    mtu = port.framing["rdma"].payload
    return [
        _RULE,
        f"                    {_title(name, '-b' in options)}",
        f" Dual-port       : OFF\t\tDevice         : {port.spec.rdma}",
        f" Number of qps   : {options.get('-q', '1')}\t\tTransport type : IB",
        " Connection type : RC\t\tUsing SRQ      : OFF",
        " PCIe relax order: ON",
        " ibv_wr* API     : ON",
        f" TX depth        : {1 if latency else 128}",
        *([] if latency else [" CQ Moderation   : 100"]),
        f" Mtu             : {mtu}[B]",
        f" Link type       : {kind}",
        *([] if port.infiniband else [" GID index       : 3"]),
        " Max inline data : 0[B]",
        f" rdma_cm QPs\t : {'ON' if '-R' in options else 'OFF'}",
        " Data ex. method : Ethernet",
        _RULE,
        " local address: LID 0000 QPN 0x0108 PSN 0xe562d0 RKey 0x17fc00 VAddr 0x007f4a5d6000",
        " remote address: LID 0000 QPN 0x0108 PSN 0xf670e8 RKey 0x17fc00 VAddr 0x007f91c2e000",
        _RULE,
    ]


def _title(name: str, both: bool) -> str:
    title = _TITLES[name]
    return title.replace(" BW", " Bidirectional BW") if both else title


def half_round_trip(port: PortState, size: int, reads: bool = False) -> float:
    """Microseconds that a message takes; what is read has to be asked for first."""
    base = 0.92 if not port.card.spec.family.mlx4 else 1.34
    return base * (1.9 if reads else 1.0) + size * 8 / max(port.line_rate, 1e9) * 1e6


def _latency(port: PortState, name: str, options: dict[str, str]) -> Running:
    size = 8 if "atomic" in name else int(options.get("-s", 2))
    base = half_round_trip(port, size, "read" in name or "atomic" in name)
    if "-D" in options:
        yield " #bytes        #iterations       t_avg[usec]    tps average"
        seconds = float(options["-D"])
        yield seconds
        count = int(seconds * 1e6 / base / 2)
        yield f" {size:<10}    {count:<12}     {base * 1.04:<10.2f}     {count / seconds:<10.2f}"
        yield _RULE
        return 0
    yield (
        " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    "
        "t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec]"
    )
    count = int(options.get("-n", 1000))
    yield max(0.1, count * 2 * base / 1e6)
    yield (
        f" {size:<7} {count:<11}    {base:<8.2f}       {base * 4.1:<10.2f}   {base * 1.03:<8.2f}"
        f"       \t {base * 1.04:<8.2f}       \t0.03   \t\t{base * 1.12:<8.2f}    "
        f"\t\t{base * 2.1:<8.2f}   "
    )
    yield _RULE
    return 0


def payload(machine: Machine, flow: Flow) -> float:
    """Bytes that a flow has carried in both directions until now."""
    rest = machine.world.rest
    return sum(flow.payload[n] + flow.rate[n] / 8 * rest for n in (RX, TX))


def _offered(port: PortState, size: int, pairs: int, options: dict[str, str]) -> float:
    """Return the offered load, bit/s: what queue pairs can post, and what a limit allows."""
    posted = size * 8 * MESSAGES[port.card.spec.family.mlx4] * pairs * (0.6 if size == 8 else 1.0)
    if "--rate_limit" in options:
        posted = min(posted, float(options["--rate_limit"]) * 1e9 * int(options.get("-q", 1)))
    return GREEDY if posted > 2e12 else posted


def _bandwidth(machine: Machine, port: PortState, name: str, options: dict[str, str]) -> Running:
    seconds = float(options.get("-D", 5))
    both = "-b" in options
    back = name == "ib_read_bw"
    size = 8 if "atomic" in name else int(options.get("-s", 65536))
    pairs = min(int(options.get("-q", 1)), _PAIRS)
    offered = _offered(port, size, pairs, options)
    flow = Flow(False, 1, (offered if both or back else 0.0, offered if both or not back else 0.0))
    gigabits = "--report_gbits" in options
    unit = "Gb/sec" if gigabits else "MiB/sec"
    yield f" #bytes     #iterations    BW peak[{unit}]    BW average[{unit}]   MsgRate[Mpps]"
    port.flows.append(flow)
    peak = 0.0
    try:
        margin = min(float(options.get("-f", 2)), seconds / 3) if "-D" in options else 0.0
        if margin:  # at both ends, where nothing is counted
            yield margin
        before = payload(machine, flow)
        counted = seconds - 2 * margin
        step = min(1.0, counted)
        for _ in range(max(1, round(counted / step))):
            yield step
            peak = max(peak, sum(flow.rate))
        carried = payload(machine, flow) - before
        if margin:
            yield margin
    finally:
        with machine.world.lock:
            port.flows.remove(flow)
    rate = carried * 8 / counted
    scale = 1e9 if gigabits else 8 * 1024 * 1024
    first = 0.0 if "-D" in options else peak / scale
    yield (
        f" {size:<10} {int(carried / size):<14} {first:<18.2f} {rate / scale:<20.2f} "
        f"{rate / 8 / size / 1e6:.6f}"
    )
    yield _RULE
    return 0
