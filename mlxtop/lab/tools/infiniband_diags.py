"""iblinkinfo, ibnetdiscover, sminfo, saquery, smpquery, ibqueryerrors as far as they are called.

The block `[fabric]` of a machine names what is around it; a cable to a port of this machine is up
while the port is. Layouts: infiniband-diags of https://github.com/linux-rdma/rdma-core.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mlxtop.lab.netdir import port_guid
from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.shell import Err, Machine, Running

_CABLE = re.compile(r"(\S+):(\d+) (\S+):(\d+) (\d+)X (\w+)(?: (\d+)X (\w+))?")
_GBPS = {
    "SDR": "2.5",
    "DDR": "5.0",
    "QDR": "10.0",
    "FDR": "14.0625",
    "EDR": "25.78125",
    "HDR": "53.125",
    "NDR": "106.25",
}
_STATES = ("NOTACT", "DISCOVER", "STANDBY", "MASTER")


class _Node(NamedTuple):
    name: str
    guid: int
    ports: int
    is_switch: bool
    lid: int


class _Cable(NamedTuple):
    ends: tuple[tuple[_Node, int], tuple[_Node, int]]
    now: tuple[str, str]
    could: tuple[str, str]
    """Lanes and generation that both ports support."""
    port: PortState | None
    """Its port of this machine."""

    @property
    def is_up(self) -> bool:
        return self.port is None or self.port.carrier


class _Fabric:
    """What the tools see from a port of the machine."""

    def __init__(self, machine: Machine, argv: Sequence[str]) -> None:
        self.table: Mapping[str, Any] = machine.world.spec.extra.get("fabric", {})
        self.own = {
            port.spec.rdma: port
            for port in machine.world.ports
            if port.infiniband and port.present and port.spec.rdma
        }
        self._label = machine.world.spec.label
        self.nodes: dict[str, _Node] = {}
        for name, ports in self.table.get("switches", {}).items():
            self._add(name, ports, is_switch=True)
        self.cables = [self._cable(text) for text in self.table.get("cables", ())]
        device = argv[argv.index("-C") + 1] if "-C" in argv[:-1] else next(iter(self.own), "")
        self.here = self.own.get(device)
        self.device = device

    def _add(self, name: str, ports: int = 1, is_switch: bool = False) -> _Node:
        if name not in self.nodes:
            place = len(self.nodes) + 1
            port = self.own.get(name)
            guid = (0xB8599F0300B00000 if is_switch else 0x0C42A10300C00000) + 0x20 * place
            title = f"{self._label} {name}" if port else name.replace("/", " ")
            guid = port_guid(port) if port else guid
            self.nodes[name] = _Node(title, guid, ports, is_switch, place)
        return self.nodes[name]

    def _cable(self, text: str) -> _Cable:
        match = _CABLE.fullmatch(text)
        if match is None:
            raise ValueError(f"no cable of a fabric: {text!r}")
        one, first, other, second, lanes, speed, could_lanes, could_speed = match.groups()
        ends = ((self._add(one), int(first)), (self._add(other), int(second)))
        port = self.own.get(one) or self.own.get(other)
        could = (could_lanes or lanes, could_speed or speed)
        return _Cable(ends, (lanes, speed), could, port)

    def of(self, node: _Node) -> Iterator[tuple[int, _Cable, tuple[_Node, int]]]:
        """The ports of a node that have a cable which is up, with their other ends."""
        for cable in self.cables:
            for (here, port), there in (cable.ends, cable.ends[::-1]):
                if here is node and cable.is_up:
                    yield port, cable, there

    def around(self) -> list[_Node]:
        """The nodes that can be asked: all but those behind a cable that is down."""
        if self.here is None or not self.here.carrier:
            return []
        met = [self.nodes[self.device]]
        for node in met:
            met += [there[0] for _, _, there in self.of(node) if there[0] not in met]
        return met

    def managers(self) -> list[tuple[_Node, int, int]]:
        """Node, priority and state of each subnet manager, the master first."""
        rows = self.table.get("managers", ())
        return [(self._add(name), priority, state) for name, priority, state in rows]


def infiniband_diags(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """Any of the tools, for root with a port that has a link."""
    fabric = _Fabric(machine, argv)
    around = fabric.around()
    yield machine.world.tool_seconds
    if not machine.root or not around:
        yield Err("ibwarn: [7100] mad_rpc_open_port: can't open UMAD port ((null):0)")
        return 1 if argv[0] == "iblinkinfo" else 255
    if argv[0] == "ibnetdiscover":
        for node in around:
            yield from _topology(fabric, node)
    elif argv[0] == "iblinkinfo":
        shown = [fabric.nodes[fabric.device]] if "-D" in argv else around
        for node in shown:
            yield from _links(fabric, node)
    elif argv[0] == "ibqueryerrors":
        return (yield from _errors(fabric))
    elif argv[0] == "smpquery":
        yield from _query(fabric, argv)
    else:
        return (yield from _managers(fabric, argv))
    return 0


def _topology(fabric: _Fabric, node: _Node) -> Iterator[str]:
    letter = "S" if node.is_switch else "H"
    ident = f'"{letter}-{node.guid:016x}"\t\t# "{node.name}"'
    yield ""
    if node.is_switch:
        yield f"switchguid=0x{node.guid:x}({node.guid:x})"
        yield f"Switch\t{node.ports} {ident} enhanced port 0 lid {node.lid} lmc 0"
    else:
        yield f"caguid=0x{node.guid:x}"
        yield f"Ca\t{node.ports} {ident}"
    for port, cable, (other, number) in fabric.of(node):
        own = "" if node.is_switch else f"({node.guid:x})"
        far = "S" if other.is_switch else "H"
        there = "" if other.is_switch else f"({other.guid:x})"
        lid = "" if node.is_switch else f"lid {node.lid} lmc 0 "
        rate = f"{cable.now[0]}x{cable.now[1]}"
        target = f'"{far}-{other.guid:016x}"[{number}]{there}'
        yield f'[{port}]{own}\t{target}\t\t# {lid}"{other.name}" lid {other.lid} {rate}'


def _links(fabric: _Fabric, node: _Node) -> Iterator[str]:
    used = {port: (cable, there) for port, cable, there in fabric.of(node)}
    for port in range(1, node.ports + 1):
        head = f'0x{node.guid:016x} "{node.name:>30}" {node.lid:6} {port:4}[  ] =='
        if port not in used:
            yield f'{head}(              {"Down":>6}/{"Polling":>8})==>             [  ] "" ( )'
            continue
        cable, (other, number) = used[port]
        lanes, speed = cable.now
        state = "Active" if fabric.managers() else "Initialize"
        told = f"({lanes + 'X':>3} {_GBPS[speed] + ' Gbps':>18} {state:>6}/{'LinkUp':>8})"
        wider = f"Could be {cable.could[0]}X" if cable.could[0] != lanes else ""
        faster = f"Could be {_GBPS[cable.could[1]]} Gbps" if cable.could[1] != speed else ""
        there = f'0x{other.guid:016x} {other.lid:6} {number:4}[  ] "{other.name}"'
        yield f"{head}{told}==>  {there} ({wider} {faster})"


def _errors(fabric: _Fabric) -> Running:
    bad = 0
    for text in fabric.table.get("errors", ()):
        place, *counts = text.split()
        name, _, port = place.rpartition(":")
        node = fabric.nodes[name]
        told = " ".join(f"[{one.replace('=', ' == ')}]" for one in counts)
        yield f'Errors for 0x{node.guid:x} "{node.name}"'
        yield f"   GUID 0x{node.guid:x} port {port}: {told}"
        bad += 1
    yield ""
    yield f"## Summary: {len(fabric.nodes)} nodes checked, {bad} bad nodes found"
    return 1 if bad else 0


def _query(fabric: _Fabric, argv: Sequence[str]) -> Iterator[str]:
    node = fabric.nodes[fabric.device]
    rows: dict[str, object] = {}
    if "nodeinfo" in argv:
        rows = {"NodeType": "Channel Adapter", "NumPorts": node.ports, "LocalPort": 1}
        rows |= {"Guid": f"0x{node.guid:016x}", "PortGuid": f"0x{node.guid:016x}"}
    elif "switchinfo" in argv:
        rows = {"LinearFdbTop": fabric.table.get("addresses", len(fabric.nodes))}
    elif "nodedesc" in argv:
        names = {str(one.lid): one.name for one in fabric.nodes.values()}
        rows = {"Node Description": names.get(argv[-1], node.name)}
    elif "portinfo" in argv:
        rows = {
            "LinkWidthEnabled": "1X or 2X or 4X",
            "LinkWidthSupported": "1X or 2X or 4X",
            "LinkSpeedSupported": "2.5 Gbps or 5.0 Gbps or 10.0 Gbps",
            "LinkSpeedEnabled": "2.5 Gbps or 5.0 Gbps or 10.0 Gbps",
            "LinkSpeedExtSupported": fabric.table.get("speeds", "No Extended Speed"),
            "LinkSpeedExtEnabled": fabric.table.get("speeds", "No Extended Speed"),
        }
    for name, value in rows.items():
        yield f"{name}:{'.' * max(1, 32 - len(name))}{value}"


def _managers(fabric: _Fabric, argv: Sequence[str]) -> Running:
    managers = fabric.managers()
    lid = int(argv[-1]) if argv[-1].isdecimal() and argv[-2] != "-P" else None
    if argv[0] == "sminfo":
        asked = [one for one in managers if one[0].lid == lid] if lid else managers[:1]
        for node, priority, state in asked:
            about = f"activity count 90210 priority {priority} state {state}"
            yield f"sminfo: sm lid {node.lid} sm guid 0x{node.guid:x}, {about} {_STATES[state]}"
        if not asked:
            yield Err("sminfo: iberror: failed: query")
        return 0 if asked else 255
    if not managers:
        yield Err("ibwarn: [7100] sa_get_handle: No SM/SA found on port (null):0")
        return 255
    for node, priority, state in managers:
        yield "SMInfoRecord dump:"
        yield "\t\tRID"
        yield f"\t\tLID...................{node.lid}"
        yield "\t\tSMInfo dump:"
        yield f"\t\tGUID..................0x{node.guid:016x}"
        yield f"\t\tPriority..............{priority}"
        yield f"\t\tSMState...............{state}"
    return 0
