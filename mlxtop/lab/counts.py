"""The counters of a port in every table that the kernel has, from the same frames.

What the port counts is what the network stack counts, RDMA, and 4 bytes of FCS a frame
(Documentation/networking/device_drivers/ethernet/mellanox/mlx5/counters.rst).
"""

from __future__ import annotations

from mlxtop.lab.ports import PortState
from mlxtop.lab.qos import rdma_priority
from mlxtop.lab.tables import LINK64, mlx4_statistics, mlx5_statistics
from mlxtop.lab.traffic import RX, TX
from mlxtop.lab.world import World

PACKETS, BYTES, FRAMES, OCTETS, RDMA_PACKETS, RDMA_BYTES = range(6)

_SATURATES = {
    "symbol_error": 65535,
    "port_rcv_errors": 65535,
    "port_rcv_remote_physical_errors": 65535,
    "port_rcv_switch_relay_errors": 65535,
    "port_xmit_discards": 65535,
    "VL15_dropped": 65535,
    "link_downed": 255,
    "link_error_recovery": 255,
    "port_xmit_constraint_errors": 255,
    "port_rcv_constraint_errors": 255,
    "local_link_integrity_errors": 15,
    "excessive_buffer_overrun_errors": 15,
}
_IB_TRAFFIC = {
    "port_rcv_data": (RX, RDMA_BYTES),
    "port_xmit_data": (TX, RDMA_BYTES),
    "port_rcv_packets": (RX, RDMA_PACKETS),
    "port_xmit_packets": (TX, RDMA_PACKETS),
    "unicast_rcv_packets": (RX, RDMA_PACKETS),
    "unicast_xmit_packets": (TX, RDMA_PACKETS),
}


def totals(world: World, port: PortState) -> tuple[list[int], list[int]]:
    """Sums of the port now, received and sent."""
    return port.totals(RX, world.rest), port.totals(TX, world.rest)


def falsified(port: PortState, name: str, value: int) -> int:
    """Return what a counter shows: `faults.counted` has factors, 0 for one that wraps at 2³²."""
    wrong = port.spec.faults.get("counted", {}).get(name)
    if wrong is None:
        return value
    return int(value * wrong) if wrong else value % 2**32


def netdev_statistics(world: World, port: PortState) -> tuple[int, ...]:
    """struct rtnl_link_stats64."""
    rx, tx = totals(world, port)
    errors = port.errors
    missed = int(errors.get("rx_out_of_buffer", 0))
    crc = int(errors.get("rx_crc_errors_phy", 0))
    values = dict.fromkeys(LINK64, 0) | {
        "rx_packets": rx[PACKETS],
        "tx_packets": tx[PACKETS],
        "rx_bytes": rx[BYTES],
        "tx_bytes": tx[BYTES],
        "rx_errors": crc,
        "rx_crc_errors": crc,
        "rx_missed_errors": missed,
    }
    return tuple(falsified(port, name, value) for name, value in values.items())


def ib_counter(world: World, port: PortState, name: str) -> int:
    """A file of `counters/`; data in words of 4 bytes, errors stick at their ceilings."""
    if name in _IB_TRAFFIC:
        direction, which = _IB_TRAFFIC[name]
        value = port.totals(direction, world.rest)[which]
        return falsified(port, name, value // 4 if which == RDMA_BYTES else value)
    if not port.infiniband and port.card.spec.family.mlx4:
        return 0
    return min(int(port.errors.get(name, 0)), _SATURATES.get(name, 2**64 - 1))


def rdma_hw_counter(world: World, port: PortState, name: str) -> int:
    """A file of `hw_counters/`; those of a queue counter wrap at 32 bits."""
    if name == "rx_write_requests":
        return port.totals(RX, world.rest)[RDMA_PACKETS] // 16 % 2**32
    value = int(port.errors.get(name, 0))
    return value if name.startswith(("np_", "rp_")) else value % 2**32


def mac_statistics(world: World, port: PortState) -> dict[str, int]:
    """ethtool netlink standard statistics, groups eth-mac and eth-phy."""
    rx, tx = totals(world, port)
    counted = {
        "FramesTransmittedOK": tx[FRAMES],
        "FramesReceivedOK": rx[FRAMES],
        "FrameCheckSequenceErrors": int(port.errors.get("rx_crc_errors_phy", 0)),
        "OctetsTransmittedOK": tx[OCTETS],
        "OctetsReceivedOK": rx[OCTETS],
        "FrameTooLongErrors": int(port.errors.get("rx_oversize_pkts_phy", 0)),
        "SymbolErrorDuringCarrier": int(port.errors.get("rx_symbol_err_phy", 0)),
    }
    return {name: falsified(port, name, value) for name, value in counted.items()}


class DriverTable:
    """`ethtool -S` of a port; `names` stays the same object as long as the rows do."""

    def __init__(self, port: PortState, channels: int) -> None:
        self.port = port
        self.channels = channels
        pfc = port.card.spec.pfc
        self.names = (
            mlx4_statistics(channels)
            if port.card.spec.family.mlx4
            else mlx5_statistics(channels, not pfc, pfc)
        )
        self._index = {name: position for position, name in enumerate(self.names)}

    def values(self, world: World) -> list[int]:
        """The values in the order of `names`."""
        out = [0] * len(self.names)
        for name, value in self._known(world).items():
            position = self._index.get(name)
            if position is not None:
                out[position] = falsified(self.port, name, value)
        return out

    def _known(self, world: World) -> dict[str, int]:
        port = self.port
        rx, tx = totals(world, port)
        known = {name: int(value) for name, value in port.errors.items()}
        for short, sums in (("rx", rx), ("tx", tx)):
            known |= {
                f"{short}_packets": sums[PACKETS],
                f"{short}_bytes": sums[BYTES],
                f"{short}_vport_unicast_packets": sums[PACKETS],
                f"{short}_vport_unicast_bytes": sums[BYTES],
                f"{short}_vport_rdma_unicast_packets": sums[RDMA_PACKETS],
                f"{short}_vport_rdma_unicast_bytes": sums[RDMA_BYTES],
                f"{short}_packets_phy": sums[FRAMES],
                f"{short}_bytes_phy": sums[OCTETS],
            }
            self._priorities(known, short, sums)
            self._rings(known, short, sums)
        known["rx_csum_complete"] = rx[PACKETS]
        known["tx_csum_partial"] = tx[PACKETS]
        known["tx_tso_bytes"] = tx[BYTES]
        known["tx_tso_packets"] = tx[BYTES] // 60_000
        known["ch_poll"] = known["ch_events"] = (rx[PACKETS] + tx[PACKETS]) // 24
        known["outbound_pci_stalled_wr"] = port.stalled(RX)
        known["outbound_pci_stalled_rd"] = port.stalled(TX)
        self._sizes(known, rx)
        return known

    def _priorities(self, known: dict[str, int], short: str, sums: list[int]) -> None:
        """RDMA goes with the priority that its DSCP leads to, all else with priority 0.

        mlx4 has no priority for frames without a VLAN tag, which all are here.
        """
        if self.port.card.spec.family.mlx4:
            known[f"{short}_novlan_bytes"] = sums[OCTETS]
            known[f"{short}_novlan_packets"] = sums[FRAMES]
            return
        lossless = rdma_priority(self.port)
        rdma_octets = sums[RDMA_BYTES] + 4 * sums[RDMA_PACKETS]
        for priority, octets, frames in (
            (0, sums[OCTETS] - rdma_octets, sums[FRAMES] - sums[RDMA_PACKETS]),
            (lossless, rdma_octets, sums[RDMA_PACKETS]),
        ):
            for unit, value in (("bytes", octets), ("packets", frames)):
                name = f"{short}_prio{priority}_{unit}"
                known[name] = known.get(name, 0) + value

    def _rings(self, known: dict[str, int], short: str, sums: list[int]) -> None:
        for unit, total in (("packets", sums[PACKETS]), ("bytes", sums[BYTES])):
            share, rest = divmod(total, self.channels)
            for channel in range(self.channels):
                known[f"{short}{channel}_{unit}"] = share + (rest if channel == 0 else 0)

    def _sizes(self, known: dict[str, int], rx: list[int]) -> None:
        """The size histogram adds up to the frames: short answers and full frames."""
        short = self.port.short_frames(RX)
        known["rx_65_to_127_bytes_phy"] = short
        full = self.port.framing["tcp"].octets
        for low, high in ((1024, 1518), (1519, 2047), (2048, 4095), (4096, 8191), (8192, 10239)):
            if low <= full <= high:
                known[f"rx_{low}_to_{high}_bytes_phy"] = rx[FRAMES] - short
