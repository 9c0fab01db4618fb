"""What all ports carry together, and those of each NUMA node."""

from __future__ import annotations

from collections.abc import Iterable

from mlxtop.analysis.port_view import port_view
from mlxtop.analysis.throughput import NETDEV
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId, PortKind
from mlxtop.present import units
from mlxtop.present.cells import numa_node
from mlxtop.present.text import Line, Role, line_width

Sums = tuple[float | None, float | None]
"""Received and sent, bit/s; None where no port tells."""


def totals(frame: Frame, ports: Iterable[PortId] | None = None) -> Sums:
    """Return received and sent bit/s of physical ports, all without `ports`.

    They hold the virtual ones too. Every port of a cage counts the whole cage on the wire, so that
    one of them counts.
    """
    rx: dict[PortId, float] = {}
    tx: dict[PortId, float] = {}
    for port in frame.ports if ports is None else ports:
        one = frame.ports[port].now.port
        if one.kind is not PortKind.PHYSICAL:
            continue
        flow = port_view(frame, port).throughput
        place = (one.cage if flow.source != NETDEV.name else None) or port
        for sums, bps in ((rx, flow.rx_bps), (tx, flow.tx_bps)):
            if bps is not None:
                sums[place] = max(sums.get(place, 0.0), bps)
    return sum(rx.values()) if rx else None, sum(tx.values()) if tx else None


def nodes_line(frame: Frame, columns: int, bits: bool = True) -> Line:
    """Return what the ports of each NUMA node carry together; empty where there is one node.

    Nodes that do not fit are left out.
    """
    nodes: dict[int, list[PortId]] = {}
    for port, one in frame.ports.items():
        node = numa_node(port_view(frame, port))
        if one.now.port.kind is PortKind.PHYSICAL and node is not None:
            nodes.setdefault(node, []).append(port)
    line: Line = ()
    for node, ports in sorted(nodes.items()) if len(nodes) > 1 else ():
        rx, tx = totals(frame, ports)
        many = f"{len(ports)} port" + ("s" if len(ports) > 1 else "")
        part: Line = (
            (f"{'  ·  ' if line else ''}NUMA node {node}, {many}  ", Role.DIM),
            ("RX ", Role.RX),
            (units.rate(rx, bits), Role.TEXT),
            ("  TX ", Role.TX),
            (units.rate(tx, bits), Role.TEXT),
        )
        if line_width((*line, *part)) > columns:
            break
        line = (*line, *part)
    return line
