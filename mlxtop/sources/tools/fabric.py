"""Reads the InfiniBand fabric by infiniband-diags: one tool at a time, each with a limit.

Every port that is asked costs packets of the subnet's management, so that this host's links alone
are asked about where the fabric is large. https://github.com/linux-rdma/rdma-core.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.model.fabric import (
    Fabric,
    FabricEnd,
    FabricLink,
    FabricNode,
    LocalFabric,
    OwnLink,
    SubnetManager,
    each_once,
)
from mlxtop.model.identity import natural
from mlxtop.model.number import whole
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.ib_queries import (
    NO_ERRORS,
    parse_ibqueryerrors,
    parse_managers,
    parse_sminfo,
    parse_smpquery,
)
from mlxtop.sources.tools.iblinkinfo import guid_of, parse_iblinkinfo, speed_of
from mlxtop.sources.tools.ibnetdiscover import Topology, parse_ibnetdiscover
from mlxtop.system.answers import reason
from mlxtop.system.door import Finished, System

DEVICES = "/sys/class/infiniband"
NOT_INSTALLED = "not installed (apt install infiniband-diags)"
MOST_OWN_PORTS = 16
MOST_ASKED = 8
"""Subnet managers beside the master that are asked themselves."""
LARGE = 1500
"""Addresses (LIDs) of a fabric from which it has about 10 000 ports, and is only asked on demand:
four to six ports for each adapter in a fat tree, and an address for each adapter and switch."""
_QUERY_S, _SCAN_S = 10.0, 120.0
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


def _ask(system: System, argv: Sequence[str], seconds: float = _QUERY_S) -> Finished:
    """Return what a tool printed. Raises OSError with the reason where it told nothing."""
    if system.which(argv[0]) is None:
        raise OSError(errno.ENOENT, f"{argv[0]} is {NOT_INSTALLED}")
    finished = system.run(argv, timeout=seconds)
    if finished.timed_out:
        raise OSError(errno.ETIMEDOUT, f"{argv[0]} did not end within {seconds:g} s")
    if finished.status not in (0, 1) or (finished.status and not finished.stdout.strip()):
        raise OSError(errno.EIO, f"{argv[0]}: {_why(finished, system.root)}")
    return finished


_WHY = {
    r"ABI version|is ib_umad module loaded": "the kernel module ib_umad is not loaded",
    r"Permission denied|not permitted": "needs root, or access to /dev/infiniband/umad*",
    r"can't open UMAD port|Failed to open|can't open MAD port": "no InfiniBand port can be asked:"
    " needs root, ib_umad and a port with a link",
    r"No SM/SA found|Failed to bind to the SA": "no subnet manager answers",
    r"_do_madrpc failed|failed: query": "nobody answered",
}


def _why(finished: Finished, root: bool) -> str:
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
        return parse_smpquery(_ask(system, argv).stdout).get("Node Description", "")
    except OSError:
        return ""


def _own_links(system: System, via: Via) -> Iterator[OwnLink]:
    argv = ("iblinkinfo", "-l", "-D", "0", "-n", "1", *via.options)
    for line in parse_iblinkinfo(_ask(system, argv).stdout):
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
        return parse_smpquery(_ask(system, argv).stdout)
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
        master = parse_sminfo(_ask(system, ("sminfo", *via.options)).stdout)
    except OSError as error:
        absent["managers"] = reason(error, system.captured)
        return []
    if master is not None and master.guid in known:
        return []
    try:
        told = list(parse_managers(_ask(system, ("saquery", *via.options, "SMIR")).stdout))
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
        now = parse_sminfo(_ask(system, ("sminfo", *via.options, str(known.lid))).stdout)
    except OSError:
        return known
    return now if now is not None and now.guid == known.guid else known


def _placed(
    managers: Iterable[SubnetManager], ends: Sequence[FabricEnd]
) -> tuple[SubnetManager, ...]:
    """Return managers with the names of the nodes that they run on."""
    names = {guid: end.name for end in ends for guid in (end.guid, end.node) if guid}
    return tuple(one._replace(where=names.get(one.guid, "")) for one in managers)


def addresses(system: System, via: Via) -> int | None:
    """Return the highest address (LID) that the nearest switch knows; None without a switch.

    It is as large as the fabric, and costs two packets.
    """
    try:
        own = parse_smpquery(_ask(system, ("smpquery", *via.options, "nodeinfo", "-D", "0")).stdout)
        port = own.get("LocalPort", "")
        path = "0" if own.get("NodeType") == "Switch" else f"0,{via.port or whole(port, 254) or 1}"
        argv = ("smpquery", *via.options, "switchinfo", "-D", path)
        top = parse_smpquery(_ask(system, argv).stdout).get("LinearFdbTop", "")
    except OSError:
        return None
    return whole(top, 65535)


def read_fabric(system: System, everything: bool = False) -> Fabric:
    """Return the whole fabric; of a large one this host's links, unless `everything` is wanted.

    A host with ports in several fabrics has them side by side. Raises OSError where none answers.
    """
    vias = own_ports(system) or [Via()]
    size = max((addresses(system, via) or 0 for via in vias), default=0)
    if size > LARGE and not everything:
        local = read_local(system)
        links = tuple(own.link for own in local.links)
        words = f"about {size} addresses: only this host's links; --all asks every port"
        own = frozenset(own.link.a.guid for own in local.links)
        absent = {**local.absent, "nodes": words}
        return Fabric(_nodes_of(links), links, (), local.managers, (), own, absent, False)
    fabric: Fabric | None = None
    failure: OSError | None = None
    for via in vias:
        if fabric is not None and _guid(system, via) in _guids(fabric):
            continue  # one fabric by another port
        try:
            part = _scan(system, via)
        except OSError as error:
            failure = error
        else:
            fabric = part if fabric is None else _joined(fabric, part)
    if fabric is None:
        raise failure or OSError(errno.ENODEV, "no InfiniBand port has a link")
    return fabric._replace(own=frozenset(filter(None, (_guid(system, via) for via in vias))))


def _guid(system: System, via: Via) -> str:
    """Return the GUID of a port of this host; empty where it does not tell."""
    gid = read_text(system, f"{DEVICES}/{via.device}/ports/{via.port}/gids/0") if via.device else ""
    if gid:
        return guid_of("".join(gid.split(":")[4:]))
    try:
        argv = ("smpquery", *via.options, "nodeinfo", "-D", "0")
        return guid_of(parse_smpquery(_ask(system, argv).stdout).get("PortGuid", ""))
    except OSError:
        return ""


def _guids(fabric: Fabric) -> set[str]:
    links = (*fabric.links, *fabric.down)
    return {guid for link in links for end in link.ends for guid in (end.guid, end.node) if guid}


def _scan(system: System, via: Via) -> Fabric:
    """Return the fabric behind one port. Raises OSError where no port was told."""
    absent: dict[str, str] = {}
    topology = Topology({}, (), {})
    try:
        finished = _ask(system, ("ibnetdiscover", *via.options), _SCAN_S)
        topology = parse_ibnetdiscover(finished.stdout)
        absent |= {"nodes": "there are more than are read"} if finished.cut else {}
    except OSError as error:
        absent["nodes"] = reason(error, system.captured)
    lines: tuple[FabricLink, ...] = topology.links
    down: list[FabricLink] = []
    try:
        finished = _ask(system, ("iblinkinfo", "-l", *via.options), _SCAN_S)
        told = [_owned(line.link, topology) for line in parse_iblinkinfo(finished.stdout)]
        lines = tuple(link for link in told if link.b is not None)
        down = [link for link in told if link.b is None]
        absent |= {"links": "there are more than are read"} if finished.cut else {}
    except OSError as error:
        absent["links"] = reason(error, system.captured)
        if not lines:
            raise
    managers = read_managers(system, via, absent)
    ends = [end for link in lines for end in link.ends]
    nodes = {**_nodes_of(lines), **topology.nodes}
    fabric = Fabric(nodes, each_once(lines), tuple(down), _placed(managers, ends), absent=absent)
    return _with_errors(system, via, fabric, topology)


def _owned(link: FabricLink, topology: Topology) -> FabricLink:
    """Return a link whose ends have the GUIDs of their nodes."""
    a, b = (
        end and end._replace(node=topology.owners.get(end.guid, end.guid))
        for end in (link.a, link.b)
    )
    assert a is not None
    return link._replace(a=a, b=b)


def _nodes_of(links: Sequence[FabricLink]) -> dict[str, FabricNode]:
    """Return the nodes at the ends of links, as far as these tell."""
    return {end.node: FabricNode(end.node, None, end.name) for link in links for end in link.ends}


def _with_errors(system: System, via: Via, fabric: Fabric, topology: Topology) -> Fabric:
    """Return a fabric with what its ports have counted: a packet or more for every port."""
    try:
        argv = ("ibqueryerrors", "-s", ",".join(NO_ERRORS), *via.options)
        finished = _ask(system, argv, _SCAN_S)
        if "## Summary" not in finished.stdout:  # without a manager it ends well, and tells nothing
            raise OSError(errno.EIO, f"{argv[0]}: {_why(finished, system.root)}")
        told = parse_ibqueryerrors(finished.stdout)
    except OSError as error:
        return fabric._replace(absent={**fabric.absent, "errors": reason(error, system.captured)})
    errors = tuple(one._replace(node=topology.owners.get(one.node, one.node)) for one in told)
    return fabric._replace(errors=errors)


def _joined(one: Fabric, other: Fabric) -> Fabric:
    return one._replace(
        nodes={**one.nodes, **other.nodes},
        links=one.links + other.links,
        down=one.down + other.down,
        managers=one.managers + other.managers,
        errors=one.errors + other.errors,
        absent={**one.absent, **other.absent},
    )
