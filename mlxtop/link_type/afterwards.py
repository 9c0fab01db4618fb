"""What to do after a change, as commands to copy."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from mlxtop.link_type.plan import Change, LinkTypeSurvey, Method, methods
from mlxtop.model.identity import Port, PortId
from mlxtop.model.sample import LinkLayer
from mlxtop.sampler.discover import Inventory


def advice(scene: LinkTypeSurvey, change: Change, after: Inventory | None) -> tuple[str, ...]:
    """Commands that make the ports usable again; comments begin with #.

    `after` is the machine as it is now, None where nothing has changed yet.
    """
    if change.method is Method.PERSIST:
        return ()
    if after is None:
        ports = " ".join(str(port) for port in change.wanted)
        return (
            "# takes effect at the next boot; on a card that nobody uses also now:",
            f"mlxtop link-type --reset {ports}",
            "# afterwards the network devices may have other names; then: link up, address, MTU",
        )
    now = {port.id: port for port in after.ports}
    lines: list[str] = []
    for old in change.card.ports:
        new = now.get(old.id)
        if new is None:
            lines.append(f"# {old.id} has not come back yet; the kernel log may tell why")
        else:
            lines += _of_port(scene, old.port, new, after.layers)
    if change.method is Method.NOW:
        lines += ["# to have it after the next boot too:", *_lasting(change)]
    return tuple(lines)


def _lasting(change: Change) -> list[str]:
    ports = list(change.wanted)
    if Method.STORED in methods(change.card, ports):
        kinds = change.wanted.items()
        return [f"mlxtop link-type {port} {kind} --stored" for port, kind in kinds]
    return [f"mlxtop link-type {change.card.device} --persist"]


def _of_port(
    scene: LinkTypeSurvey, old: Port, new: Port, layers: Mapping[PortId, LinkLayer]
) -> list[str]:
    lines = []
    if old.netdev != new.netdev and old.netdev and new.netdev:
        lines.append(f"# {old.id}: {old.netdev} is now {new.netdev}")
    if old.rdma and new.rdma and old.rdma != new.rdma:
        lines.append(f"# {old.id}: {old.rdma} is now {new.rdma}")
    infiniband = layers.get(new.id) is LinkLayer.INFINIBAND
    if new.netdev is None:
        way = "modprobe ib_ipoib" if infiniband else "modprobe mlx4_en"
        return [*lines, f"# {new.id} has no network device yet:", way]
    given = [a for a in scene.addresses if a.device == old.netdev]
    device = shlex.quote(new.netdev)
    same = scene.inventory.layers.get(old.id) is layers.get(new.id)
    mtu = next((a.mtu for a in given if a.mtu and same), None)
    lines.append(f"ip link set {device} up" + ("" if mtu in (None, 1500) else f" mtu {mtu}"))
    lines += [f"ip address add {shlex.quote(a.text)} dev {device}" for a in given]
    if not given:
        lines.append(f"# ip address add ADDRESS/PREFIX dev {device}")
    if old.bond:
        lines.append(f"ip link set {device} master {shlex.quote(old.bond)}")
    if infiniband:
        lines.append("# InfiniBand needs a subnet manager, on one end: systemctl start opensm")
    else:
        lines.append("# the same MTU on both ends; 9000 for bulk data")
    return lines
