"""Reads this host's links to the InfiniBand fabric, and its subnet managers, by infiniband-diags.

One tool at a time, each with a limit: a few packets. https://github.com/linux-rdma/rdma-core.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.fabric import LocalFabric, OwnLink, SubnetManager
from mlxtop.model.identity import natural
from mlxtop.model.number import whole
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.ib_queries import parse_managers, parse_sminfo, parse_smpquery
from mlxtop.sources.tools.iblinkinfo import parse_iblinkinfo, speed_of
from mlxtop.system.answers import reason
from mlxtop.system.door import Finished, System

DEVICES = "/sys/class/infiniband"
NOT_INSTALLED = "not installed (apt install infiniband-diags)"
MOST_OWN_PORTS = 16
MOST_ASKED = 8
"""Subnet managers beside the master that are asked themselves."""
_QUERY_S = 10.0
_EXTENDED = re.compile(r"No Extended Speed|0")


class Via(NamedTuple):
    """A port of this host by which the fabric is asked; without a name, the tools choose it."""

    device: str = ""
    port: int = 0

    @property
    def options(self) -> tuple[str, ...]:
        return ("-C", self.device, "-P", str(self.port)) if self.device else ()


def own_ports(system: System) -> list[Via]:
    """Return the InfiniBand ports of this host that have a link, whatever adapter they are of."""
    own = []
    try:
        devices = sorted(system.list(DEVICES), key=natural)
    except OSError:
        return []
    for device in devices:
        try:
            ports = sorted(system.list(f"{DEVICES}/{device}/ports"), key=natural)
        except OSError:
            continue
        for name in ports:
            path, number = f"{DEVICES}/{device}/ports/{name}", whole(name, 254)
            is_ib = read_text(system, f"{path}/link_layer") == "InfiniBand"
            has_link = "LinkUp" in (read_text(system, f"{path}/phys_state") or "")
            if number and is_ib and has_link:
                own.append(Via(device, number))
    return own[:MOST_OWN_PORTS]


def ask(system: System, argv: Sequence[str], seconds: float = _QUERY_S) -> Finished:
    """Return what a tool printed. Raises OSError with the reason where it told nothing."""
    if system.which(argv[0]) is None:
        raise OSError(errno.ENOENT, f"{argv[0]} is {NOT_INSTALLED}")
    finished = system.run(argv, timeout=seconds)
    if finished.timed_out:
        raise OSError(errno.ETIMEDOUT, f"{argv[0]} did not end within {seconds:g} s")
    if finished.status not in (0, 1) or (finished.status and not finished.stdout.strip()):
        raise OSError(errno.EIO, f"{argv[0]}: {why(finished, system.root)}")
    return finished


_WHY = {
    r"ABI version|is ib_umad module loaded": "the kernel module ib_umad is not loaded",
    r"Permission denied|not permitted": "needs root, or access to /dev/infiniband/umad*",
    r"can't open UMAD port|Failed to open|can't open MAD port": "no InfiniBand port can be asked:"
    " needs root, ib_umad and a port with a link",
    r"No SM/SA found|Failed to bind to the SA": "no subnet manager answers",
    r"_do_madrpc failed|failed: query": "nobody answered",
}


def why(finished: Finished, root: bool) -> str:
    """Return why a tool told nothing, in words."""
    text = finished.stderr + finished.stdout
    words = next((words for key, words in _WHY.items() if re.search(key, text)), None)
    if words is not None:
        return words.replace("needs root, ib_umad", "it takes ib_umad") if root else words
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:160] if lines else f"status {finished.status}"


def read_local(system: System) -> LocalFabric:
    """Return this host's links and the subnet managers: a few packets. Raises OSError."""
    vias = own_ports(system)
    if not vias and system.which("iblinkinfo") is None:
        raise OSError(errno.ENOENT, f"iblinkinfo is {NOT_INSTALLED}")
    links: list[OwnLink] = []
    absent: dict[str, str] = {}
    managers: dict[str, SubnetManager] = {}
    for via in vias or [Via()]:
        try:
            links += _own_links(system, via)
            for one in read_managers(system, via, absent, managers):
                managers[one.guid] = one._replace(where=_name(system, via, one))
        except OSError as error:
            absent["links"] = reason(error, system.captured)
    if not links and "links" in absent:
        raise OSError(errno.EIO, absent["links"])
    return LocalFabric(tuple(links), tuple(managers.values()), absent)


def _name(system: System, via: Via, manager: SubnetManager) -> str:
    """Return what the node of a manager calls itself; empty where it does not answer."""
    if manager.lid is None:
        return ""
    try:
        argv = ("smpquery", *via.options, "nodedesc", str(manager.lid))
        return parse_smpquery(ask(system, argv).stdout).get("Node Description", "")
    except OSError:
        return ""


def _own_links(system: System, via: Via) -> Iterator[OwnLink]:
    argv = ("iblinkinfo", "-l", "-D", "0", "-n", "1", *via.options)
    for line in parse_iblinkinfo(ask(system, argv).stdout):
        if via.port in (0, line.link.a.port):
            info = _port_info(system, via, line.link.a.port)
            widths, speeds = "LinkWidth{}", "LinkSpeed{}"
            enabled, supported = (
                _together(info, widths.format(word), speeds.format(word), f"LinkSpeedExt{word}")
                for word in ("Enabled", "Supported")
            )
            yield OwnLink(via.device, line.link.a.port, line.link, enabled, supported)


def _port_info(system: System, via: Via, port: int) -> Mapping[str, str]:
    try:
        argv = ("smpquery", *via.options, "portinfo", "-D", "0", str(port))
        return parse_smpquery(ask(system, argv).stdout)
    except OSError:
        return {}  # the link is told all the same


def _together(info: Mapping[str, str], width: str, speed: str, extended: str) -> str:
    """Return widths and speeds as `1X 4X, SDR QDR FDR`; empty where they are not told."""
    more = info.get(extended, "")
    told = " or ".join(filter(None, (info.get(speed), "" if _EXTENDED.fullmatch(more) else more)))
    speeds = " ".join(speed_of(one) or one for one in told.split(" or "))
    return ", ".join(filter(None, (info.get(width, "").replace(" or ", " "), speeds)))


def read_managers(
    system: System, via: Via, absent: dict[str, str], known: Mapping[str, SubnetManager] = {}
) -> list[SubnetManager]:
    """Return the subnet managers: the master, and those on standby that it knows.

    Nothing where the master is `known`: another port was in the same fabric.
    """
    try:
        master = parse_sminfo(ask(system, ("sminfo", *via.options)).stdout)
    except OSError as error:
        absent["managers"] = reason(error, system.captured)
        return []
    if master is not None and master.guid in known:
        return []
    try:
        told = list(parse_managers(ask(system, ("saquery", *via.options, "SMIR")).stdout))
    except OSError as error:
        absent["standby"] = reason(error, system.captured)
        told = []
    others = [one for one in told if master is None or one.guid != master.guid]
    asked = [_asked(system, via, one) for one in others[:MOST_ASKED]]
    return [*([master] if master else []), *asked, *others[MOST_ASKED:]]


def _asked(system: System, via: Via, known: SubnetManager) -> SubnetManager:
    """Return a manager as it is now: the master's list is as old as its last sweep."""
    if known.lid is None:
        return known
    try:
        now = parse_sminfo(ask(system, ("sminfo", *via.options, str(known.lid))).stdout)
    except OSError:
        return known
    return now if now is not None and now.guid == known.guid else known
