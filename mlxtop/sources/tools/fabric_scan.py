"""Reads the whole InfiniBand fabric by infiniband-diags: one tool at a time, each with a limit.

Every port that is asked costs packets of the subnet's management, so that this host's links alone
are asked about where the fabric is large. https://github.com/linux-rdma/rdma-core.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

from mlxtop.model.fabric import Fabric, FabricEnd, FabricLink, FabricNode, SubnetManager, each_once
from mlxtop.model.number import whole
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.sources.tools.fabric import DEVICES, Via, ask, own_ports, read_local, read_managers, why
from mlxtop.sources.tools.ib_queries import NO_ERRORS, parse_ibqueryerrors, parse_smpquery
from mlxtop.sources.tools.iblinkinfo import guid_of, parse_iblinkinfo
from mlxtop.sources.tools.ibnetdiscover import Topology, parse_ibnetdiscover
from mlxtop.system.answers import reason
from mlxtop.system.door import System

LARGE = 1500
"""Addresses (LIDs) of a fabric from which it has about 10 000 ports, and is only asked on demand:
four to six ports for each adapter in a fat tree, and an address for each adapter and switch."""
_SCAN_S = 120.0


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


def addresses(system: System, via: Via) -> int | None:
    """Return the highest address (LID) that the nearest switch knows; None without a switch.

    It is as large as the fabric, and costs two packets.
    """
    try:
        own = parse_smpquery(ask(system, ("smpquery", *via.options, "nodeinfo", "-D", "0")).stdout)
        port = own.get("LocalPort", "")
        path = "0" if own.get("NodeType") == "Switch" else f"0,{via.port or whole(port, 254) or 1}"
        argv = ("smpquery", *via.options, "switchinfo", "-D", path)
        top = parse_smpquery(ask(system, argv).stdout).get("LinearFdbTop", "")
    except OSError:
        return None
    return whole(top, 65535)


def _guid(system: System, via: Via) -> str:
    """Return the GUID of a port of this host; empty where it does not tell."""
    gid = read_text(system, f"{DEVICES}/{via.device}/ports/{via.port}/gids/0") if via.device else ""
    if gid:
        return guid_of("".join(gid.split(":")[4:]))
    try:
        argv = ("smpquery", *via.options, "nodeinfo", "-D", "0")
        return guid_of(parse_smpquery(ask(system, argv).stdout).get("PortGuid", ""))
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
        finished = ask(system, ("ibnetdiscover", *via.options), _SCAN_S)
        topology = parse_ibnetdiscover(finished.stdout)
        absent |= {"nodes": "there are more than are read"} if finished.cut else {}
    except OSError as error:
        absent["nodes"] = reason(error, system.captured)
    lines: tuple[FabricLink, ...] = topology.links
    down: list[FabricLink] = []
    try:
        finished = ask(system, ("iblinkinfo", "-l", *via.options), _SCAN_S)
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


def _placed(
    managers: Iterable[SubnetManager], ends: Sequence[FabricEnd]
) -> tuple[SubnetManager, ...]:
    """Return managers with the names of the nodes that they run on."""
    names = {guid: end.name for end in ends for guid in (end.guid, end.node) if guid}
    return tuple(one._replace(where=names.get(one.guid, "")) for one in managers)


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
        finished = ask(system, argv, _SCAN_S)
        if "## Summary" not in finished.stdout:  # without a manager it ends well, and tells nothing
            raise OSError(errno.EIO, f"{argv[0]}: {why(finished, system.root)}")
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
