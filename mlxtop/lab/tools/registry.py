"""Which command is which, and the wrappers that run another one: sudo, env, timeout."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.lab.tools.coreutils import sed, tee
from mlxtop.lab.tools.infiniband_diags import infiniband_diags
from mlxtop.lab.tools.iperf3 import iperf3
from mlxtop.lab.tools.lldpcli import lldpcli
from mlxtop.lab.tools.mstconfig import mstconfig
from mlxtop.lab.tools.mstflint import mstflint
from mlxtop.lab.tools.mstfwreset import mget_temp, mstfwreset
from mlxtop.lab.tools.mstlink import mstlink
from mlxtop.lab.tools.netools import ethtool, ibv_devinfo, ip, ping
from mlxtop.lab.tools.perftest import perftest
from mlxtop.lab.tools.shell import Machine, Running, Tool, missing
from mlxtop.lab.tools.streams import iperf, nuttcp, qperf

_TOOLS: dict[str, Tool] = {
    "mstconfig": mstconfig,
    "mlxconfig": mstconfig,
    "mstflint": mstflint,
    "flint": mstflint,
    "mstlink": mstlink,
    "mlxlink": mstlink,
    "mstfwreset": mstfwreset,
    "mlxfwreset": mstfwreset,
    "mstmget_temp": mget_temp,
    "mget_temp": mget_temp,
    "ethtool": ethtool,
    "iperf3": iperf3,
    "iperf": iperf,
    "nuttcp": nuttcp,
    "qperf": qperf,
    "ping": ping,
    "ip": ip,
    "ibv_devinfo": ibv_devinfo,
    "lldpcli": lldpcli,
    "iblinkinfo": infiniband_diags,
    "ibnetdiscover": infiniband_diags,
    "sminfo": infiniband_diags,
    "saquery": infiniband_diags,
    "smpquery": infiniband_diags,
    "ibqueryerrors": infiniband_diags,
    "ib_write_bw": perftest,
    "ib_read_bw": perftest,
    "ib_send_bw": perftest,
    "ib_send_lat": perftest,
    "ib_write_lat": perftest,
    "ib_read_lat": perftest,
    "ib_atomic_bw": perftest,
    "ib_atomic_lat": perftest,
}
_EVERYWHERE: dict[str, Tool] = {"tee": tee, "sed": sed}
"""Commands that no machine lacks."""
_PART_OF = {
    **dict.fromkeys(
        ("ib_write_lat", "ib_read_lat", "ib_atomic_bw", "ib_atomic_lat"), "ib_write_bw"
    ),
    **dict.fromkeys(
        ("ibnetdiscover", "sminfo", "saquery", "smpquery", "ibqueryerrors"), "iblinkinfo"
    ),
    "mstflint": "mstconfig",
    "flint": "mlxconfig",
}
"""Commands that come with another one: those of perftest and of infiniband-diags."""
_FLAGS_WITH_VALUE = ("-k", "-s", "-u", "-g", "-p", "-C", "-w", "-E", "--kill-after", "--signal")


def installed(machine: Machine, name: str) -> bool:
    """Return whether a machine has a command, by itself or with another one."""
    tools = machine.world.spec.tools
    return name in tools or _PART_OF.get(name, "") in tools


def start(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """The running command; raises FileNotFoundError for one that is not installed."""
    name = argv[0].rpartition("/")[2]
    if name in ("sudo", "env", "timeout", "setsid", "flock"):
        return _wrapped(machine, name, argv, stdin)
    tool = _TOOLS.get(name)
    if name in _EVERYWHERE:
        return _EVERYWHERE[name](machine, [name, *argv[1:]], stdin)
    if tool is None or not installed(machine, name):
        raise missing(argv[0])
    return tool(machine, [name, *argv[1:]], stdin)


def _wrapped(machine: Machine, name: str, argv: Sequence[str], stdin: str) -> Running:
    rest = list(argv[1:])
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        word = rest.pop(0)
        if word in _FLAGS_WITH_VALUE and rest:
            rest.pop(0)
    if name in ("timeout", "flock") and rest:
        rest.pop(0)
    if not rest or rest[0] == "true":
        return _nothing()
    return start(machine, rest, stdin)


def _nothing() -> Running:
    yield from ()
    return 0
