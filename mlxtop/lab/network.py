"""The rest of a simulated machine's network: lo, its management card, bonds, routes, sockets."""

from __future__ import annotations

import errno
import ipaddress

from mlxtop.lab.pcidir import card_directory, vf_address
from mlxtop.lab.peers import Other, PeerNetwork
from mlxtop.lab.ports import CardState, PortState
from mlxtop.lab.spec import MachineSpec
from mlxtop.lab.tables import LINK64
from mlxtop.lab.traffic import RX, TX, Flow
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World
from mlxtop.system.door import Answer, os_error

MANAGEMENT = "0000:01:00.0"
IPERF3 = 5201


class Network(PeerNetwork):
    """Devices beside the ConnectX ports, and where packets go."""

    def __init__(self, spec: MachineSpec, world: World) -> None:
        self.spec = spec
        self.world = world
        table = spec.extra.get("network", {})
        self.management: str = table.get("management", "eno1")
        self.address: str = table.get("address", "192.168.1.20")
        self.gateway: str = table.get("gateway", "192.168.1.1")
        self.default: str = table.get("default", self.management)
        self.ssh_from: str = table.get("ssh_from", "192.168.1.5")
        self.bonds: dict[str, str] = table.get("bonds", {})
        self.services: list[int] = table.get("services", [5201])
        """TCP ports at the far ends that the programme's streams go to, in turn."""
        self.others = [
            Other(1, "lo", None, 772, "00:00:00:00:00:00", 65536),
            Other(
                *(2, self.management, None, 1, "b0:83:fe:c1:52:0a", 1500, MANAGEMENT),
                f"/sys/devices/pci0000:00/0000:00:01.0/{MANAGEMENT}",
            ),
        ]
        first = next((port for port in spec.ports if port.bond), None)
        for index, name in enumerate(self.bonds):
            mac, mtu = (first.mac, first.mtu) if first else ("02:00:00:00:00:01", 1500)
            speed = sum(port.speed for port in spec.ports if port.bond == name)
            self.others.append(Other(3 + index, name, "bond", 1, mac, mtu, speed=speed))
        for card in world.cards:
            self._add_vfs(card)
        self.next_index = len(self.others) + 1
        self.slow: dict[str, str] = table.get("slow", {})
        """Addresses of peers in the management network, by their addresses on the ports."""
        self.lay_routes()

    def _add_vfs(self, card: CardState) -> None:
        """Network devices of virtual functions."""
        for index, port in enumerate(card.ports):
            for number in range(card.spec.vfs):
                mac = f"{port.spec.mac[:8]}:{card.index:02x}:{index:02x}:{number:02x}"
                address = vf_address(card, index, number)
                self.others.append(
                    Other(
                        *(len(self.others) + 1, f"{port.spec.netdev[:-3]}v{number}", None, 1),
                        *(mac, port.spec.mtu, address, f"{card_directory(card)}/{address}"),
                        speed=port.spec.speed,
                    )
                )

    def channels(self, port: PortState) -> int:
        """Queue pairs: one a core of the node."""
        return min(len(port.card.cores(self.spec)), port.card.spec.channels)

    def index(self, name: str) -> int | None:
        """ifindex of a bond."""
        return next((other.index for other in self.others if other.name == name), None)

    def counters(self, device: Other, world: World) -> tuple[int, ...]:
        """Statistics of one of the others: a trickle, or the sum of a bond's members."""
        values = dict.fromkeys(LINK64, 0)
        if device.kind == "bond":
            for port in world.ports:
                if port.bond == device.name and port.netdev and not port.infiniband:
                    for short, direction in (("rx", RX), ("tx", TX)):
                        sums = port.totals(direction, world.rest)
                        values[f"{short}_packets"] += sums[0]
                        values[f"{short}_bytes"] += sums[1]
            return tuple(values.values())
        seconds = self.spec.uptime + world.time + world.rest
        rate, rx, tx = (9.0, 96, 210) if device.parent else (1.0, 96, 96)
        packets = int(seconds * rate * (1 + device.index % 7 / 5))
        values |= {"rx_packets": packets, "tx_packets": packets}
        values |= {"rx_bytes": packets * rx, "tx_bytes": packets * tx}
        return tuple(values.values())

    def port_of(self, device: str) -> PortState | None:
        """The port behind a netdev, or the first of a bond."""
        for port in self.world.ports:
            if port.netdev and device in (port.netdev, port.bond):
                return port
        return None

    def answers(self, host: str) -> bool:
        """Return whether somebody is at an address: the far end of a port whose link is up."""
        if not any(port.spec.peer == host for port in self.world.ports):
            return host in (self.gateway, self.ssh_from)
        port = self.subnet_port(host)
        return port is not None and port.carrier

    def subnet_port(self, address: str) -> PortState | None:
        """The port whose far end or subnet an address is."""
        target = ipaddress.ip_address(address)
        carriers = [self._carrier(port) for port in self.world.ports if port.spec.peer == address]
        carriers += [
            self._carrier(port)
            for port in self.world.ports
            if port.spec.ip and target in ipaddress.ip_interface(port.spec.ip).network
        ]
        return next((port for port in carriers if port is not None), None)

    def _carrier(self, port: PortState) -> PortState | None:
        """The port that carries the traffic of one: itself, or another member of its bond."""
        if port.configured and port.netdev:
            return port
        members = [p for p in self.world.ports if port.spec.bond and p.bond == port.spec.bond]
        return next((member for member in members if member.netdev), None)

    def route(self, subject: str) -> Answer:
        """`ip route get`: the device, gateway and own address towards a destination."""
        try:
            target = ipaddress.ip_address(subject.partition(",")[0].partition("%")[0])
        except ValueError:
            raise os_error(errno.EINVAL) from None
        if target.version != 4:
            raise os_error(errno.ENETUNREACH)
        own = {port.spec.ip.partition("/")[0] for port in self.world.ports} | {self.address}
        if target.is_loopback or str(target) in own:
            return {"dev": "lo", "via": None, "src": str(target), "local": True}
        host = self.fib.find(str(target))
        if host is not None:
            link = self.port_of(host.dev)
            own_address = link.spec.ip.partition("/")[0] if link is not None else self.address
            source = host.source or own_address
            return {"dev": host.dev, "via": host.via, "src": source, "local": False}
        port = self.subnet_port(str(target))
        if port is not None and port.netdev:
            source = port.spec.ip.partition("/")[0]
            device = port.bond or port.netdev
            return {"dev": device, "via": None, "src": source, "local": False}
        if target in ipaddress.ip_network(f"{self.address}/24", strict=False):
            return {"dev": self.management, "via": None, "src": self.address, "local": False}
        return {"dev": self.default, "via": self.gateway, "src": self.address, "local": False}

    def routes(self) -> str:
        """/proc/net/route: the network of every address."""
        lines = ["Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT"]
        for port in self.world.ports:
            device = port.spec.bond or port.netdev
            if port.spec.ip and device and port.netdev:
                net = ipaddress.ip_interface(port.spec.ip).network
                place, mask = (
                    int.from_bytes(address.packed, "little")
                    for address in (net.network_address, net.netmask)
                )
                lines.append(f"{device}\t{place:08X}\t00000000\t0001\t0\t0\t0\t{mask:08X}\t0\t0\t0")
        return "\n".join(lines) + "\n"

    def sockets(self) -> Answer:
        """sshd, the session that the person came by, and the streams that make the traffic."""

        listening = {
            "local": "0.0.0.0",
            "local_port": 22,
            "remote": None,
            "remote_port": None,
            "interface": 0,
            "inode": 20611,
        }
        session = listening | {
            "local": self.address,
            "remote": self.ssh_from,
            "remote_port": 51622,
            "inode": 31877,
        }
        return [listening, session, *self._streams()]

    def _streams(self) -> list[dict[str, Answer]]:
        """The connections of every program that moves data now."""
        connections: list[dict[str, Answer]] = []
        for index, port in enumerate(self.world.ports):
            for flow in port.flows:
                if not flow.kernel or not any(flow.rate) or not port.spec.ip:
                    continue
                connections += [
                    {
                        "local": port.spec.ip.partition("/")[0],
                        "local_port": 40000 + 1000 * index + number,
                        "remote": self._peer_of(flow, port),
                        "remote_port": self._service(flow, number),
                        "interface": 0,
                        "inode": 50000 + 1000 * index + number,
                        "sent": int(flow.payload[TX] / flow.streams),
                        "received": int(flow.payload[RX] / flow.streams),
                    }
                    for number in range(flow.streams)
                ]
        return connections

    def _peer_of(self, flow: Flow, port: PortState) -> str:
        """The far end of a flow, which may have been led by another port."""
        names = (name for name, pair in self.world.programme.flows.items() if flow in pair)
        home = self.world.port(next(names, ""))
        return (home or port).spec.peer

    def _service(self, flow: Flow, number: int) -> int:
        """The port at the far end: of the machine's own traffic, or of a test."""
        own = self.world.programme.owns(flow)
        return self.services[number % len(self.services)] if own else IPERF3

    def add_files(self, tree: LabTree) -> None:
        """sysfs of these devices."""
        for device in self.others:
            if device.parent:
                directory = f"{device.directory}/net/{device.name}"
                tree.link(f"{directory}/device", f"../../../{device.parent}")
                if device.name == self.management:
                    self._management(tree, device.directory)
            else:
                directory = f"/sys/devices/virtual/net/{device.name}"
            tree.link(f"/sys/class/net/{device.name}", "../../" + directory.removeprefix("/sys/"))
            tree.link(f"{directory}/subsystem", "../" * (directory.count("/") - 1) + "class/net")
            self._files(tree, directory, device)

    def _management(self, tree: LabTree, directory: str) -> None:
        address = directory.rpartition("/")[2]
        tree.link(f"/sys/bus/pci/devices/{address}", "../../../" + directory.removeprefix("/sys/"))
        tree.link(f"{directory}/subsystem", "../../../../bus/pci")
        tree.link(f"{directory}/driver", "../../../../bus/pci/drivers/igb")
        contents: dict[str, object] = {
            "vendor": "0x8086",
            "device": "0x1521",
            "subsystem_vendor": "0x1028",
            "subsystem_device": "0x1f60",
            "class": "0x020000",
            "revision": "0x01",
            "numa_node": 0 if self.spec.nodes > 1 else -1,
            "local_cpulist": f"0-{self.spec.cpus - 1}",
            "current_link_speed": "5.0 GT/s PCIe",
            "current_link_width": 4,
            "max_link_speed": "5.0 GT/s PCIe",
            "max_link_width": 4,
        }
        tree.files(directory, contents)
        tree.directory("/sys/bus/pci/drivers/igb")

    def _files(self, tree: LabTree, directory: str, device: Other) -> None:
        contents: dict[str, object] = {
            "address": device.address,
            "addr_len": 6,
            "mtu": device.mtu,
            "type": device.type,
            "ifindex": device.index,
            "iflink": device.index,
            "dev_id": "0x0",
            "dev_port": 0,
            "flags": "0x9" if device.name == "lo" else "0x1003",
            "operstate": "unknown" if device.name == "lo" else "up",
            "carrier": 1,
            "carrier_changes": 0 if device.name == "lo" else 2,
            "duplex": "full",
        }
        tree.files(directory, contents)
        if device.name == "lo":
            tree.fails(f"{directory}/speed")
        else:
            tree.file(f"{directory}/speed", device.speed)
        tree.fails(f"{directory}/phys_port_name", errno.EOPNOTSUPP)
        for index, name in enumerate(LINK64[:-1]):
            tree.changing(
                f"{directory}/statistics/{name}",
                lambda index=index: f"{self.counters(device, self.world)[index]}\n",  # type: ignore[misc]
            )
