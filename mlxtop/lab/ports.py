"""Ports and cards as they are at an instant: link, counters, configuration in flash."""

from __future__ import annotations

import errno

from mlxtop.lab.flash import Flash
from mlxtop.lab.spec import CardSpec, MachineSpec, PortSpec
from mlxtop.lab.traffic import RX, TX, Flow, Meter, framings
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.pcie import bandwidth
from mlxtop.system.door import os_error

KINDS = ("tcp", "ack", "rdma", "rdma_ack")
ETHERNET_MTU, DATAGRAM_MTU = 1500, 2044
"""MTU of a new network device: Ethernet, and IPoIB in datagram mode."""
LEAST_MTU, MOST_ETHERNET_MTU, MOST_DATAGRAM_MTU, CONNECTED_MTU = 68, 9978, 4092, 65520


class PortState:
    """One port."""

    def __init__(self, spec: PortSpec, card: CardState) -> None:
        self.spec = spec
        self.card = card
        self.kind = spec.kind
        self.ifindex = 0
        self.mtu = spec.mtu
        self.connected = spec.mtu > MOST_DATAGRAM_MTU
        """IPoIB in connected mode, which has much larger packets."""
        self.address = "" if spec.bond else spec.ip
        """With its prefix length, of its own network device; a member's is the bond's."""
        self.bond = spec.bond
        """The bond that it is a member of now."""
        self.admin_up = spec.up
        self.present = True
        """Registered: false while the driver changes port types or is unbound."""
        self.module_fault: str | None = None
        self.unplugged = spec.module is None
        self.cable_cut = not spec.up
        self.far_end_on = True
        """The far end is lit and the cable whole, where another simulated machine is there."""
        self.far_mac = ""
        """Address of the far end, where that is another simulated machine."""
        self.far_name = self.far_netdev = ""
        """What that machine and its port are called."""
        self.carrier = False
        self.carrier_changes = 0
        self.flows: list[Flow] = []
        self.use = [0.0, 0.0]
        self.errors: dict[str, float] = {}
        """Counter name to what was counted."""
        self.latched = 0
        """Flags of the module's temperature that were raised since they were last read."""
        self.reset()
        self.usual_payload = self.framing["tcp"].payload
        """Bytes of the packets that the rates of the machine's cores are about."""

    def reset(self) -> None:
        """Register anew: counters at 0."""
        self.framing = framings(self.infiniband, self.mtu)
        self.meters: tuple[dict[str, Meter], dict[str, Meter]] = (
            {kind: Meter() for kind in KINDS},
            {kind: Meter() for kind in KINDS},
        )
        self.errors = dict(self.spec.faults.get("counters", {})) if self.ifindex == 0 else {}

    def set_mtu(self, mtu: int) -> str | None:
        """Set the MTU; return why the kernel refuses it."""
        most = MOST_ETHERNET_MTU
        if self.infiniband:
            most = CONNECTED_MTU if self.connected else MOST_DATAGRAM_MTU
        if not LEAST_MTU <= mtu <= most:
            return "Invalid argument"
        self.mtu = mtu
        self.framing = framings(self.infiniband, mtu)
        return None

    def write_mode(self, data: bytes) -> None:
        """Switch the IPoIB mode, as a write to `mode` does. Raises OSError."""
        if not self.card.spec.family.mlx4 or data not in (b"connected\n", b"datagram\n"):
            raise os_error(errno.EINVAL)
        self.connected = data == b"connected\n"
        if not self.connected:
            self.set_mtu(min(self.mtu, DATAGRAM_MTU))

    def forget(self) -> None:
        """Lose what was set on the network device: a new one has the driver's defaults."""
        self.address = self.bond = ""
        self.connected = False
        self.mtu = DATAGRAM_MTU if self.infiniband else ETHERNET_MTU

    @property
    def configured(self) -> bool:
        """Return whether it has the address or the bond that it was started with."""
        if self.spec.bond:
            return self.bond == self.spec.bond
        return bool(self.address) or not self.spec.ip

    @property
    def infiniband(self) -> bool:
        """Return whether the port runs as InfiniBand now."""
        return "ib" in self.kind

    @property
    def netdev(self) -> str | None:
        """Its network device now."""
        if not self.present:
            return None
        return (self.spec.ipoib or None) if self.infiniband else self.spec.netdev

    @property
    def module_on(self) -> bool:
        """Return whether the module is lit."""
        return not self.unplugged and self.module_fault is None and self.admin_up

    @property
    def wants_carrier(self) -> bool:
        """Return whether there ought to be a link."""
        return self.present and self.module_on and not self.cable_cut and self.far_end_on

    def set_carrier(self, carrier: bool) -> None:
        """Link up or down."""
        if not carrier and self.carrier:
            self.count("link_down_events_phy", 1)
            self.count("link_downed", 1)
        self.carrier = carrier
        self.carrier_changes += 1

    @property
    def line_rate(self) -> float:
        """Data rate of the link, bit/s."""
        if not self.carrier:
            return 0.0
        if self.infiniband:
            rate = parse_rate(self.spec.rate)
            return float(rate.bits) if rate else 0.0
        return self.spec.speed * 1e6

    @property
    def load(self) -> float:
        """Share of the line rate in use, both directions' mean."""
        full = self.spec.speed * 1e6
        return sum(sum(flow.rate) for flow in self.flows) / (2 * full)

    def pcie_share(self, flow: Flow) -> float:
        """Payload of a flow as a share of the bytes that cross PCIe for it."""
        frame = self.framing[flow.kind]
        return frame.payload / max(frame.netdev, frame.rdma, 1)

    def stalled(self, direction: int) -> int:
        """Percent of the last second in which the card waited for PCIe credits."""
        use = self.card.pcie_use[direction]
        return int(min(80.0, 6.0 + 70.0 * (use - 1.0))) if use > 1.0 else 0

    def short_frames(self, direction: int) -> int:
        """Acknowledgements, since the counters were last set to 0."""
        return sum(self.meters[direction][kind].at(0.0) for kind in ("ack", "rdma_ack"))

    def count(self, name: str, more: float) -> None:
        """Let an error counter grow."""
        self.errors[name] = self.errors.get(name, 0.0) + more

    def account(self, seconds: float, time: float) -> None:
        """Add a step's frames, payload and errors; `time` is that since the start."""
        for meters in self.meters:
            for meter in meters.values():
                meter.frames += meter.rate * seconds
        for flow in self.flows:
            for direction in (RX, TX):
                flow.payload[direction] += flow.rate[direction] / 8 * seconds
        self._account_faults(seconds, time)

    def _account_faults(self, seconds: float, time: float) -> None:
        """Count what goes wrong: all the time, in storms, and by congestion."""
        faults = self.spec.faults
        if not faults or not self.carrier:
            return
        for name, rate in faults.get("rates", {}).items():
            self.count(name, rate * seconds)
        storm = faults.get("storm")
        if storm and time % storm["every"] >= storm["every"] - storm["lasts"]:
            for name, rate in storm["rates"].items():
                self.count(name, rate * seconds)
        share = float(faults.get("congestion", 0.0))
        marked = self.meters[RX]["rdma"].rate * share * seconds
        slowed = self.meters[TX]["rdma"].rate * share * seconds
        if share and marked + slowed:
            for name, more in (
                ("np_ecn_marked_roce_packets", marked),
                ("np_cnp_sent", marked * 0.7),
                ("rp_cnp_handled", slowed * 0.6),
                *((f"rx_prio{n}_pause", slowed * 0.02) for n in self.card.spec.pfc),
                *((f"rx_prio{n}_pause_duration", slowed * 0.6) for n in self.card.spec.pfc),
                *((f"tx_prio{n}_pause", marked * 0.01) for n in self.card.spec.pfc),
                *((f"tx_prio{n}_pause_duration", marked * 0.3) for n in self.card.spec.pfc),
            ):
                self.count(name, more)
        if self.infiniband and any(flow.waiting[TX] for flow in self.flows):
            self.count("port_xmit_wait", 2.1e6 * seconds)

    def totals(self, direction: int, rest: float) -> list[int]:
        """Counted so far: netdev packets and bytes, wire frames and octets, RDMA packets and bytes.

        `rest` is the time since the last step.
        """
        sums = [0] * 6
        for kind, meter in self.meters[direction].items():
            frames = meter.at(rest)
            frame = self.framing[kind]
            if frame.netdev:
                sums[0] += frames
                sums[1] += frames * frame.netdev
            sums[2] += frames * frame.pieces
            sums[3] += frames * frame.octets
            if frame.rdma:
                sums[4] += frames * frame.pieces
                sums[5] += frames * frame.rdma
        return sums


class CardState:
    """One card: its ports, and what its flash holds."""

    def __init__(self, spec: CardSpec, index: int) -> None:
        self.spec = spec
        self.index = index
        self.ports = [PortState(port, self) for port in spec.ports]
        self.pcie_use = [0.0, 0.0]
        self.hot = False
        self.present = True
        self.hanging = False
        """Its ASIC sensor no longer answers."""
        self.changing = False
        """Being reset, or registering its ports anew."""
        self.firmware = spec.firmware
        self.nv = Flash(spec)
        self.cores_of: tuple[int, ...] = ()

    @property
    def pcie_mbps(self) -> int:
        """Mb/s of the narrowest link between card and root."""
        links = [self.spec.link, *(bridge.now for bridge in self.spec.path)]
        return min(bandwidth(link.speed, link.width) or 0 for link in links)

    def cores(self, machine: MachineSpec) -> tuple[int, ...]:
        """The cores of the card's node."""
        if not self.cores_of:
            self.cores_of = node_cores(machine, self.spec.node)
        return self.cores_of


def node_cores(machine: MachineSpec, node: int) -> tuple[int, ...]:
    """Cores of a NUMA node."""
    if machine.interleaved:
        return tuple(range(node, machine.cpus, machine.nodes))
    each = machine.cpus // machine.nodes
    return tuple(range(node * each, (node + 1) * each))


def cpu_list(cores: tuple[int, ...]) -> str:
    """As the kernel writes a list of cores.

    >>> cpu_list((0, 1, 2, 5)), cpu_list((1, 3))
    ('0-2,5', '1,3')
    """
    runs: list[list[int]] = []
    for core in cores:
        if runs and core == runs[-1][-1] + 1:
            runs[-1].append(core)
        else:
            runs.append([core])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
