"""What mlx4_core and mlx5_core do when they are told to: change port types, reset, let go.

mlx4_change_port_types() and set_port_type() of drivers/net/ethernet/mellanox/mlx4/main.c; a port
that is registered anew gets a new ifindex and counters at 0.
"""

from __future__ import annotations

import errno

from mlxtop.lab.network import Network
from mlxtop.lab.ports import CardState, PortState
from mlxtop.lab.world import World
from mlxtop.system.door import DeviceEvent, os_error

REGISTER = 2.0
"""Seconds for which ports are gone while their types change."""
LINK_UP = 1.5
"""Seconds from registration to carrier."""
RESET = 9.0
"""Seconds that a firmware reset takes."""


class Drivers:
    """Both drivers; every method is called with the world's lock held."""

    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self._network = network

    def write_port_type(self, port: PortState, data: bytes) -> None:
        """A write to `mlx4_portN`; raises OSError as the driver does."""
        if data not in (b"ib\n", b"eth\n", b"auto\n"):
            raise os_error(errno.EINVAL)
        word = data.decode().strip()
        bdf, number = port.spec.function, port.spec.number
        if port.card.changing:
            raise os_error(errno.EBUSY)
        if word not in port.card.spec.types:
            self.world.log(
                f"mlx4_core {bdf}: Requested port type for port {number} is not supported on "
                "this HCA",
                bdf,
                3,
            )
            raise os_error(errno.EOPNOTSUPP)
        sensed = port.spec.sense or ("ib" if port.infiniband else "eth")
        kinds = [each.kind for each in port.card.ports]
        kinds[number - 1] = f"auto ({sensed})" if word == "auto" else word
        self._change_types(port.card, kinds)

    def _change_types(self, card: CardState, kinds: list[str]) -> None:
        """Register both ports anew if one of them runs as something else afterwards."""
        before = [port.infiniband for port in card.ports]
        if before == ["ib" in kind for kind in kinds]:
            for port, kind in zip(card.ports, kinds, strict=True):
                port.kind = kind
            return
        card.changing = True
        for port in card.ports:
            self.unregister(port)
        self.world.later(REGISTER, lambda: self._register_as(card, kinds))

    def _register_as(self, card: CardState, kinds: list[str]) -> None:
        card.changing = False
        for port, kind in zip(card.ports, kinds, strict=True):
            port.kind = kind
            self.register(port)

    def unregister(self, port: PortState) -> None:
        """Its network and RDMA devices go."""
        if not port.present:
            return
        bdf, netdev = port.spec.function, port.netdev
        port.present = False
        port.carrier = False
        if netdev is not None:
            self._tell("remove", "net", netdev, bdf)
        self._tell("remove", "infiniband", port.spec.rdma, bdf)
        self.world.generation += 1

    def register(self, port: PortState) -> None:
        """Its devices come, with a new ifindex, counters at 0 and no address; the link follows."""
        port.present = True
        port.forget()
        port.reset()
        bdf, netdev = port.spec.function, port.netdev
        if netdev is not None:
            port.ifindex = self._network.next_index
            self._network.next_index += 1
            if port.card.spec.family.mlx4:
                number = port.spec.number
                self.world.log(f"mlx4_en {bdf}: Activating port:{number}", bdf)
                text = f"mlx4_core {bdf} {netdev}: renamed from eth{number - 1}"
            else:
                text = f"mlx5_core {bdf} {netdev}: renamed from eth0"
            self.world.log(text, bdf)
            self._tell("add", "net", netdev, bdf)
        self._tell("add", "infiniband", port.spec.rdma, bdf)
        self.world.generation += 1
        self.world.later(LINK_UP, lambda: self.world.link_changed(port))

    def reset(self, card: CardState) -> None:
        """A firmware reset: the card goes, and comes back with what its flash says."""
        card.changing = True
        for port in card.ports:
            self.unregister(port)
        self.world.later(RESET - 3.0, lambda: self._come_back(card))

    def _come_back(self, card: CardState) -> None:
        card.changing = False
        card.nv.activate()
        card.firmware = card.spec.stored
        for port in card.ports:
            kind = card.nv.link_type(port.spec.number)
            port.kind = kind or port.kind
            bdf = port.spec.function
            if not card.spec.family.mlx4:
                self.world.log(f"mlx5_core {bdf}: firmware version: {card.firmware}", bdf)
            self.register(port)

    def unplug(self, card: CardState) -> None:
        """The card falls off the bus."""
        for port in card.ports:
            self.unregister(port)
        card.present = False
        for function in card.spec.functions:
            self._tell("remove", "pci", function, function)
        self.world.generation += 1

    def _tell(self, action: str, subsystem: str, name: str, bdf: str) -> None:
        self.world.happened.append(DeviceEvent(action, subsystem, name, bdf))
