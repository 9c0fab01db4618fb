"""State of a port's link, put together from netlink, sysfs and the RDMA device."""

from __future__ import annotations

from mlxtop.model.identity import Port
from mlxtop.model.sample import Link, LinkLayer, LinkState
from mlxtop.sources.kernel.ethtool import parse_link_state
from mlxtop.sources.kernel.net import NetLink, read_speed
from mlxtop.sources.kernel.rdma import parse_state, port_path, read_infiniband_link
from mlxtop.sources.kernel.sysfs import ask_or_none, read_text
from mlxtop.system.door import Question, System


def known_link(layer: LinkLayer | None, netdev: NetLink | None) -> Link:
    """Return what the device list alone tells of a link: no firmware is asked."""
    if netdev is None:
        return Link(layer=layer, state=LinkState.NO_DEVICE)
    state = LinkState.UP if netdev.carrier else LinkState.DOWN
    return Link(
        layer=layer,
        state=state if netdev.up else LinkState.ADMIN_DOWN,
        mtu=netdev.mtu,
        carrier_changes=netdev.carrier_changes,
        address=netdev.address,
    )


def read_link(system: System, port: Port, layer: LinkLayer | None, netdev: NetLink | None) -> Link:
    """Return the whole state of a link; some firmware commands, so never on the screen's thread."""
    listed = known_link(layer, netdev)
    if layer is LinkLayer.INFINIBAND and port.rdma and port.rdma_port:
        link = read_infiniband_link(system, port.rdma, port.rdma_port)
        mode = read_text(system, f"/sys/class/net/{netdev.name}/mode") if netdev else None
        return link._replace(
            mtu=listed.mtu,
            carrier_changes=listed.carrier_changes,
            address=listed.address,
            ipoib_mode=mode if mode in ("datagram", "connected") else None,
        )
    phys = word = None
    if port.rdma and port.rdma_port and port.rdma_lag is None:  # a shared one has the bond's state
        base = port_path(port.rdma, port.rdma_port)
        phys = parse_state(read_text(system, f"{base}/phys_state"))[1]
        word = parse_state(read_text(system, f"{base}/state"))[1]
    if netdev is None:
        # The network device may be in another namespace; RDMA devices are shared between them.
        state = LinkState.NO_DEVICE if word is None else LinkState.DOWN
        if word in ("ACTIVE", "ACTIVE_DEFER"):
            state = LinkState.UP
        return listed._replace(state=state, phys_state=phys)
    if listed.state is LinkState.DOWN:
        state, detail = parse_link_state(ask_or_none(system, Question.LINK_STATE, netdev.name))
        return listed._replace(state=state, detail=detail, phys_state=phys)
    return listed._replace(speed=read_speed(system, netdev.name), phys_state=phys)


def refresh(link: Link, layer: LinkLayer | None, netdev: NetLink | None) -> Link:
    """Return a link read some time ago, with what the device list says now.

    The list tells at once that a cable was pulled; the reason and the speed come with the next
    whole read.
    """
    if netdev is None or layer is LinkLayer.INFINIBAND:
        return link
    listed = known_link(layer, netdev)
    up_before, up_now = link.state is LinkState.UP, listed.state is LinkState.UP
    if up_before != up_now or listed.state is LinkState.ADMIN_DOWN:
        return listed
    return link._replace(
        mtu=listed.mtu, carrier_changes=listed.carrier_changes, address=listed.address
    )
