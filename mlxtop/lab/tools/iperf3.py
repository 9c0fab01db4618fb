"""iperf3 as client and server: a run is a flow over a port, told in the real tool's formats.

Formats of iperf 3.12 (text, one JSON document) and 3.18 (also a JSON object a line); the far end
of a simulated machine runs `iperf3 -s` on ports 5201 to 5264.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.lab.ports import PortState
from mlxtop.lab.tools import iperf3_json, iperf3_text
from mlxtop.lab.tools.measure import Call, Run
from mlxtop.lab.tools.shell import Err, Machine, Running
from mlxtop.lab.traffic import GREEDY, Flow

THREADS, STREAMED = (3, 16), (3, 17)
"""First releases with a thread a stream, and with --json-stream."""
SERVED = range(5201, 5265)

_REFUSED = {
    False: "unable to connect to server: {why}",
    True: "unable to connect to server - server may have stopped running or use a different "
    "port, firewall issue, etc.: {why}",
}
_VALUES = {
    "-c": "host",
    "--client": "host",
    "-p": "port",
    "--port": "port",
    "-t": "seconds",
    "--time": "seconds",
    "-P": "streams",
    "--parallel": "streams",
    "-O": "omit",
    "--omit": "omit",
    "-i": "interval",
    "--interval": "interval",
    "-b": "bitrate",
    "--bitrate": "bitrate",
    "-B": "bind",
    "--bind": "bind",
    "--bind-dev": "device",
}
_FLAGS = {
    "-R": "reverse",
    "--reverse": "reverse",
    "--bidir": "bidir",
    "-u": "udp",
    "--udp": "udp",
    "-J": "json",
    "--json": "json",
    "--json-stream": "streamed",
    "-s": "server",
    "--server": "server",
    "-1": "once",
    "--one-off": "once",
}
_SINCE = {
    "--json-stream": STREAMED,
    "--skip-rx-copy": (3, 19),
    "--bind-dev": (3, 10),
    "--idle-timeout": (3, 10),
    "--dont-fragment": (3, 10),
    "--bidir": (3, 7),
}
_IGNORED_VALUES = (
    *("-A", "--affinity", "-l", "--length", "-w", "-C", "-M", "-f", "-S", "-T", "--title"),
    *("--connect-timeout", "--idle-timeout", "--rcv-timeout", "--cport"),
)
_IGNORED_FLAGS = (
    *("-4", "-6", "-Z", "--zerocopy", "--forceflush", "-V", "-N", "--no-delay", "-D"),
    *("--get-server-output", "--dont-fragment", "--skip-rx-copy"),
)


def parse(argv: Sequence[str], version: tuple[int, ...]) -> Call | str:
    """The call, or the option that this version does not know."""
    options: dict[str, str] = {}
    rest = list(argv[1:])
    while rest:
        word = rest.pop(0)
        word, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if len(word) > 2 and word[0] == "-" and word[1] in "pPtOibBclwCMfSAT" and word[1] != "-":
            word, equals, value = word[:2], "=", word[2:]
        if version < _SINCE.get(word, (0,)):
            return word
        if word in _FLAGS:
            options[_FLAGS[word]] = "yes"
        elif word in _VALUES or word in _IGNORED_VALUES:
            value = value if equals else (rest.pop(0) if rest else "")
            if word in _VALUES:
                options[_VALUES[word]] = value
        elif word not in _IGNORED_FLAGS:
            return word
    return Call(
        host=options.get("host", ""),
        port=int(options.get("port", 5201)),
        seconds=float(options.get("seconds", 10)),
        streams=int(options.get("streams", 1)),
        omit=float(options.get("omit", 0)),
        interval=float(options.get("interval", 1)) or 1.0,
        bitrate=bits(options.get("bitrate", "1M" if "udp" in options else "0")),
        bind=options.get("bind", ""),
        device=options.get("device", ""),
        reverse="reverse" in options,
        bidir="bidir" in options,
        udp="udp" in options,
        json="json" in options,
        streamed="streamed" in options,
        server="server" in options,
        once="once" in options,
        version=version,
    )


def bits(text: str) -> float:
    """bit/s of `500M`, `10G`."""
    text = text.partition("/")[0]
    scale = {"K": 1e3, "M": 1e6, "G": 1e9}.get(text[-1:].upper(), 1.0)
    return float(text.rstrip("kKmMgG") or 0) * scale


def iperf3(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """A call of iperf3."""
    version = machine.version("iperf3")
    number = machine.world.spec.tools["iperf3"]
    kernel = machine.world.spec.kernel
    if "-v" in argv or "--version" in argv:
        yield f"iperf {number} (cJSON 1.7.15)"
        yield f"Linux {machine.world.spec.label} {kernel} #1 SMP PREEMPT_DYNAMIC x86_64"
        yield (
            "Optional features available: CPU affinity setting, IPv6 flow label, SCTP, TCP "
            "congestion algorithm setting, sendfile / zerocopy, socket pacing, authentication, "
            "bind to device, support IPv4 don't fragment"
        )
        return 0
    if "-h" in argv or "--help" in argv:
        yield from iperf3_text.usage(version)
        return 0
    call = parse(argv, version)
    if isinstance(call, str):
        yield Err(f"iperf3: unrecognized option '{call}'")
        yield Err("")
        yield Err("Usage: iperf3 [-s|-c host] [options]")
        yield Err("Try `iperf3 --help' for more information.")
        return 1
    if call.server:
        return (yield from _server(machine, call))
    return (yield from _client(machine, call))


def connect(machine: Machine, call: Call) -> PortState | str:
    """The port that the run goes over, or why there is no connection."""
    try:
        route = machine.network.route(call.host)
    except OSError:
        return "Name or service not known"
    device = call.device or str(route["dev"])
    port = machine.network.port_of(device)
    if route["local"]:
        return "Connection refused"
    if port is None or not port.carrier or not machine.network.answers(call.host):
        return "No route to host"
    if call.port not in SERVED:
        return "Connection refused"
    return port


def _client(machine: Machine, call: Call) -> Running:
    port = connect(machine, call)
    if isinstance(port, str):
        if port == "No route to host":
            yield 3.0
        text = _REFUSED[call.version >= STREAMED].format(why=port)
        if call.streamed:
            yield from iperf3_json.refused_lines(text)
        elif call.json:
            yield iperf3_json.refused(call, machine.world.spec.kernel, text)
        else:
            yield Err(f"iperf3: error - {text}")
        return 1
    run = begin_run(machine, call, port)
    try:
        return (yield from _measure(machine, call, run))
    finally:
        with machine.world.lock:
            run.stop()


def begin_run(machine: Machine, call: Call, port: PortState) -> Run:
    """Put the flow on the port; all streams of an old iperf3 share one core."""
    cores = call.streams if call.version >= THREADS else 1
    offered = call.bitrate * call.streams or GREEDY
    sends, receives = not call.reverse or call.bidir, call.reverse or call.bidir
    flow = Flow(True, cores, (offered if receives else 0.0, offered if sends else 0.0))
    port.flows.append(flow)
    local = port.spec.ip.partition("/")[0]
    return Run(call, port, flow, local, machine.world.wall_start, machine.world.spec.label)


def _measure(machine: Machine, call: Call, run: Run) -> Running:
    kernel = machine.world.spec.kernel
    if call.streamed:
        yield iperf3_json.line("start", iperf3_json.start(run, kernel))
    elif not call.json:
        for text in iperf3_text.opening(run):
            yield text
    omitted = round(call.omit / call.interval)
    count = omitted + max(1, round(call.seconds / call.interval))
    for number in range(count):
        run.begin(number == omitted)
        yield call.interval
        if not run.port.carrier:
            yield 10.0
            yield Err("iperf3: error - control socket has closed unexpectedly")
            return 1
        interval = run.interval(machine.world.rest, number < omitted)
        if call.streamed:
            yield iperf3_json.line("interval", iperf3_json.interval(run, interval))
        elif not call.json:
            for text in iperf3_text.interval(run, interval, number + 1 == count):
                yield text
    yield 0.02
    if call.streamed:
        yield iperf3_json.line("end", iperf3_json.end(run))
    elif call.json:
        yield iperf3_json.document(run, kernel)
    else:
        for text in iperf3_text.ending(run):
            yield text
    return 0


def _server(machine: Machine, call: Call) -> Running:
    """Listen; a client of the far end comes after a while and sends for ten seconds."""
    port = next((port for port in machine.world.ports if port.carrier and port.spec.peer), None)
    for number in range(1, 1000):
        for text in iperf3_text.listening(call.port, number):
            yield text
        if port is None:
            yield 3600.0
            continue
        yield 5.0
        visit = Call(host=port.spec.peer, port=call.port, reverse=True, version=call.version)
        run = begin_run(machine, visit, port)
        try:
            for text in iperf3_text.accepted(run):
                yield text
            for second in range(10):
                run.begin(False)
                yield 1.0
                for text in iperf3_text.interval(
                    run, run.interval(machine.world.rest, False), second == 9
                ):
                    yield text
            for text in iperf3_text.served(run):
                yield text
        finally:
            with machine.world.lock:
                run.stop()
        if call.once:
            break
    return 0
