"""The catalogue of counters: adding a row here makes screen, JSON and help know it.

Widths are those of the registers behind them; `REFERENCES` has where their meanings are from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.counters import Counter, Origin, Schema, Severity, Unit
from mlxtop.model.pause import PAUSES, PFC_PAUSES


class Traffic(NamedTuple):
    """The counters of one table for the data in each direction."""

    rx_bytes: Counter
    tx_bytes: Counter
    rx_packets: Counter
    tx_packets: Counter


def _cells(table: str) -> Iterator[list[str]]:
    for row in table.strip().splitlines():
        yield [cell.strip() for cell in row.split("|")]


def _faults(origin: Origin, table: str, width: int = 64, wraps: bool = False) -> Iterator[Counter]:
    """Yield the error counters of lines `key | severity | meaning | advice`."""
    for key, severity, text, advice in _cells(table):
        counter = Counter(origin, key, Unit.EVENTS, text, width=width, wraps=wraps)
        yield counter._replace(severity=Severity(severity), advice=advice)


_UNITS = {
    "bytes": (Unit.BYTES, 1),
    "words": (Unit.BYTES, 4),
    "packets": (Unit.PACKETS, 1),
}
_TRAFFIC = """
netdev | rx_bytes | bytes | Bytes the kernel's network stack received
netdev | tx_bytes | bytes | Bytes the kernel's network stack sent
netdev | rx_packets | packets | Packets the network stack received
netdev | tx_packets | packets | Packets the network stack sent
eth-mac | OctetsReceivedOK | bytes | Octets of good frames on the wire, RDMA and VFs included
eth-mac | OctetsTransmittedOK | bytes | Octets of sent frames on the wire, RDMA and VFs included
eth-mac | FramesReceivedOK | packets | Good frames on the wire
eth-mac | FramesTransmittedOK | packets | Frames sent on the wire
ethtool | rx_bytes_phy | bytes | Octets received by the physical port
ethtool | tx_bytes_phy | bytes | Octets sent by the physical port
ethtool | rx_packets_phy | packets | Frames received by the physical port
ethtool | tx_packets_phy | packets | Frames sent by the physical port
rdma | port_rcv_data | words | Data received, counted in 32-bit words whatever the width
rdma | port_xmit_data | words | Data sent, counted in 32-bit words whatever the width
rdma | port_rcv_packets | packets | Packets received by the RDMA port
rdma | port_xmit_packets | packets | Packets sent by the RDMA port
ethtool | rx_vport_rdma_unicast_bytes | bytes | RoCE bytes received by this function
ethtool | tx_vport_rdma_unicast_bytes | bytes | RoCE bytes sent by this function
"""
_RDMA_WIDTH = 32
"""Bits of an RDMA port's data and packets without extended counters, which stay at their ceiling;
with them there are 64, and none ever stands at that number."""
TRAFFIC = tuple(
    Counter(Origin(origin), key, unit, text, scale, _RDMA_WIDTH if origin == "rdma" else 64)
    for origin, key, raw, text in _cells(_TRAFFIC)
    for unit, scale in (_UNITS[raw],)
)
NET, MAC, PHY, RDMA = (Traffic(*TRAFFIC[row : row + 4]) for row in (0, 4, 8, 12))
VPORT_RDMA_RX, VPORT_RDMA_TX = TRAFFIC[16:]

STALLED_RD, STALLED_WR = (
    Counter(
        Origin.DRIVER,
        f"outbound_pci_stalled_{way}",
        Unit.PERCENT,
        f"Share of the last second in which the card wanted to {verb} host memory"
        " but had no credits",
        gauge=True,
        severity=Severity.WARNING,
        advice="PCIe is the bottleneck: width, IOMMU, NUMA, MPS",
    )
    for way, verb in (("rd", "read"), ("wr", "write"))
)

_NETDEV = """
rx_errors | warning | Frames received with an error | see the port's own error counters
tx_errors | warning | Frames that could not be sent | see the port's own error counters
rx_dropped | note | Received, then dropped by the kernel; on some kernels with rx_discards_phy | \
look at rings, channels and CPU load
tx_dropped | note | Dropped before sending | link down, or the queue was full
rx_missed_errors | warning | No receive buffer was posted (mlx5: rx_out_of_buffer) | \
larger rings (ethtool -G), more channels, IRQ affinity
rx_crc_errors | warning | Frame check sequence wrong | cable, optics, dirty fibre, FEC mismatch
rx_length_errors | warning | Frame too long or too short | the peer's MTU is larger
tx_aborted_errors | note | Sending was given up | link down or discarded
"""

_MAC = """
FrameCheckSequenceErrors | warning | Frame check sequence wrong | \
cable, optics, dirty fibre, FEC mismatch
FrameTooLongErrors | warning | Frames longer than the MTU allows | the peer's MTU is larger
SymbolErrorDuringCarrier | warning | Coding errors on the line | \
steady growth: clean or replace the module or cable
"""

_DRIVER = """
rx_crc_errors_phy | warning | Frame check sequence wrong at the MAC | \
cable, optics, dirty fibre, FEC mismatch
rx_symbol_err_phy | warning | Coding errors on the line | clean or replace the module or cable
rx_pcs_symbol_err_phy | warning | Symbol errors that FEC could not correct | \
clean or replace the module or cable
rx_discards_phy | warning | Dropped in the port's buffer: card or host cannot take it in | \
check PCIe width and generation, NUMA, pause
tx_discards_phy | warning | Dropped before the line | link down or a pause storm
tx_errors_phy | warning | Could not be sent on the line | link down or a pause storm
rx_buffer_passed_thres_phy | note | The port's buffer was more than 85 % full | \
first sign of congestion
rx_oversize_pkts_phy | warning | Frames longer than the MTU allows | the peer's MTU is larger
rx_out_of_range_len_phy | note | Length field out of range | the peer's MTU is larger
tx_pause_storm_warning_events | warning | Pause was sent for too long | the host stalled
tx_pause_storm_error_events | critical | The pause storm watchdog fired | the host hung
module_high_temp | critical | The module reported high temperature | cool it, lower the load
module_bus_stuck | critical | The module's I2C bus is stuck | reseat or replace the module
module_bad_shorted | critical | The module or cable is bad or shorted | replace it
module_unplug | note | The module was taken out | a new module, or a loose one
outbound_pci_buffer_overflow | warning | Dropped because the PCIe buffer was full | \
PCIe is the bottleneck
rx_wqe_err | warning | Receive work requests that failed | kernel log
tx_cqe_err | warning | A send queue failed and was recovered | kernel log
rx_steer_missed_packets | note | No steering rule matched: stray multicast or MAC | not an error
rx_corrected_bits_phy | note | Bits that FEC corrected; normal at 25 Gb/s a lane and above | \
worry when it grows by decades or on one lane only
"""

_DRIVER_32 = """
rx_out_of_buffer | warning | No receive buffer was posted by software | \
larger rings (ethtool -G), more channels, IRQ affinity
link_down_events_phy | warning | The link went down | cable, heat, power of the module
rx_pci_signal_integrity | warning | PCIe errors on the receiving side | reseat, other slot, riser
tx_pci_signal_integrity | warning | PCIe errors on the sending side | reseat, other slot, riser
outbound_pci_stalled_rd_events | warning | Seconds with more than 30 % read stalls | \
PCIe is the bottleneck
outbound_pci_stalled_wr_events | warning | Seconds with more than 30 % write stalls | \
PCIe is the bottleneck
dev_internal_queue_oob | warning | An internal queue of the card ran out of buffers | firmware
"""

_RDMA_16 = """
symbol_error | warning | Minor link errors | more than one in 25 s at 40 Gb/s: cable or module
port_rcv_errors | warning | Packets received with an error | cable or module on this side
port_rcv_remote_physical_errors | warning | Packets that were already marked bad upstream | \
cable on the other side of the switch
port_rcv_switch_relay_errors | note | Packets the switch could not forward | subnet manager
port_xmit_discards | warning | Dropped before sending | congestion, or the link was down
VL15_dropped | note | Management packets dropped | a subnet manager scans; low severity
"""

_RDMA_8 = """
link_downed | warning | The link failed to recover and went down | cable or module
link_error_recovery | warning | The link had to retrain | cable or module
port_xmit_constraint_errors | note | Not sent: partition or raw filter | partition keys
port_rcv_constraint_errors | note | Not accepted: partition or raw filter | partition keys
"""

_RDMA_4 = """
local_link_integrity_errors | warning | Local physical errors over the threshold | cable
excessive_buffer_overrun_errors | warning | Flow control was violated | firmware or cable
"""

_RDMA_32 = """
port_xmit_wait | note | Ticks with data to send and no credits | congestion; normal under load
"""

_HW_32 = """
out_of_buffer | warning | No receive work request was posted | the application posts too few
out_of_sequence | warning | Packets out of sequence | loss in the fabric: PFC, ECN, cable
packet_seq_err | warning | Sequence errors told by the peer | loss in the fabric: PFC, ECN, cable
implied_nak_seq_err | warning | A reply was missing | loss in the fabric
local_ack_timeout_err | warning | The peer did not answer in time | peer gone, or heavy loss
duplicate_request | note | The peer repeated a request | loss in the fabric
rnr_nak_retry_err | warning | The peer was not ready to receive | its application posts too few
req_cqe_error | warning | Requests that ended with an error | the application's log
resp_cqe_error | warning | Responses that ended with an error | the application's log
rx_icrc_encapsulated | critical | Corrupt RoCE packets | corruption in a switch or cable
roce_adp_retrans | note | Adaptive retransmissions | loss in the fabric
roce_adp_retrans_to | note | Adaptive retransmissions that timed out | loss in the fabric
roce_slow_restart | note | Slow restarts of RoCE | congestion or loss
roce_slow_restart_cnps | note | Notifications that slow restarts made themselves | \
they count as obeyed too
roce_slow_restart_trans | note | Times that slow restart began | congestion or loss
rq_num_oos | warning | Packets out of sequence (mlx4) | loss in the fabric: pause, PFC, cable
sq_num_oos | warning | Sequence errors told by the peer (mlx4) | loss in the fabric: pause, PFC, \
cable
rq_num_dup | note | The peer repeated a request (mlx4) | loss in the fabric
sq_num_to | warning | The peer did not answer in time (mlx4) | peer gone, or heavy loss
sq_num_rnr | note | The peer was not ready to receive (mlx4) | its application posts too few
rq_num_rnr | note | Nothing was posted to receive into (mlx4) | the application posts too few
sq_num_tree | warning | Connections that gave up after all retries (mlx4) | peer gone, or heavy loss
"""

_HW_64 = """
np_cnp_sent | note | Congestion notifications sent | congestion control at work; incast when high
np_ecn_marked_roce_packets | note | Packets received with an ECN mark | congestion
rp_cnp_handled | note | Congestion notifications obeyed: this sender was slowed | congestion
rp_cnp_ignored | warning | Congestion notifications ignored: this sender was not slowed | \
congestion control is off for that priority (ecn/roce_rp/enable), or the connection had ended
"""

_FAMILY_FAULTS = """
rx_prio{n}_discards | warning | Frames of priority {n} dropped: no buffer was left for it | \
PFC, buffer sizes, PCIe
rx_prio{n}_buf_discard | warning | Frames of priority {n} dropped: its buffer was full | \
PFC and the buffer's size (mlnx_qos), PCIe
rx_prio{n}_cong_discard | warning | Frames of priority {n} dropped by congestion control | \
slow the senders down: ECN, PFC
rx_prio{n}_marked | note | Frames of priority {n} that the card marked (ECN): this host is slow | \
look at PCIe, CPU and memory; senders slow down
rx_corrected_bits_lane_{n}_phy | note | Bits that FEC corrected on lane {n} | \
one lane far above the others: clean or replace the module or cable
rx_err_lane_{n}_phy | note | Bit errors on lane {n} before FEC; lanes of a good link are alike | \
one lane far above the others: clean or replace the module or cable
rx{n}_wqe_err | warning | Receive work requests of queue {n} that failed | kernel log
rx{n}_buff_alloc_err | warning | Queue {n} found no memory for a receive buffer | free memory
tx{n}_cqe_err | warning | Sends of queue {n} that failed | kernel log
rx{n}_dropped | note | Packets of ring {n} dropped by the driver | rings, CPU load
"""


def _family_traffic() -> Iterator[Counter]:
    """Yield bytes and packets of priorities and queues, in the spellings of mlx5 and mlx4."""
    for way, verb in (("rx", "received"), ("tx", "sent")):
        patterns = {f"{way}_prio{{n}}": "priority", f"{way}_prio_{{n}}": "priority"}
        for pattern, part in {**patterns, f"{way}{{n}}": "queue"}.items():
            for unit in (Unit.BYTES, Unit.PACKETS):
                text = f"{unit.capitalize()} {verb}, {part} {{n}}"
                yield Counter(Origin.DRIVER, f"{pattern}_{unit}", unit, text)


REFERENCES = {
    Origin.NETDEV: "https://docs.kernel.org/networking/statistics.html",
    Origin.MAC: "https://docs.kernel.org/networking/statistics.html",
    Origin.DRIVER: "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5"
    "/counters.html; mlx4: drivers/net/ethernet/mellanox/mlx4/en_ethtool.c",
    Origin.VFS: "include/uapi/linux/if_link.h (IFLA_VF_STATS)",
    Origin.RDMA: "https://docs.kernel.org/admin-guide/abi-stable.html (sysfs-class-infiniband)",
    Origin.RDMA_ERRORS: "https://docs.kernel.org/admin-guide/abi-stable.html"
    " (sysfs-class-infiniband)",
    Origin.RDMA_HW: "NVIDIA, Understanding mlx5 Linux counters and status parameters;"
    " drivers/infiniband/hw/mlx5/counters.c, drivers/infiniband/hw/mlx4/main.c (diag_basic)",
}
"""Where the meanings of a table's counters are from."""

NO_VLAN = tuple(
    Counter(Origin.DRIVER, f"{way}_novlan_{unit}", unit, f"{unit.capitalize()} {verb} untagged")
    for way, verb in (("rx", "received"), ("tx", "sent"))
    for unit in (Unit.BYTES, Unit.PACKETS)
)
"""Frames without a VLAN tag, which mlx4 counts beside its priorities and in none of them."""

VF_FAMILIES = tuple(
    Counter(Origin.VFS, f"vf{{n}}_{way}_{unit}", unit, f"{unit.capitalize()} {verb}, VF {{n}}")
    for way, verb in (("rx", "received"), ("tx", "sent"))
    for unit in (Unit.BYTES, Unit.PACKETS)
)
"""Traffic of the virtual functions of a port."""

FAMILIES = (
    *_family_traffic(),
    *VF_FAMILIES,
    *PFC_PAUSES,
    *_faults(Origin.DRIVER, _FAMILY_FAULTS),
)
"""Counters by priority, lane or queue, a row a family; only some drivers and settings have them."""

FAULTS = (
    *_faults(Origin.NETDEV, _NETDEV),
    *_faults(Origin.MAC, _MAC),
    *_faults(Origin.DRIVER, _DRIVER),
    *_faults(Origin.DRIVER, _DRIVER_32, 32, wraps=True),
    *PAUSES,
    STALLED_RD,
    STALLED_WR,
    *_faults(Origin.RDMA_ERRORS, _RDMA_16, 16),
    *_faults(Origin.RDMA_ERRORS, _RDMA_8, 8),
    *_faults(Origin.RDMA_ERRORS, _RDMA_4, 4),
    *_faults(Origin.RDMA_ERRORS, _RDMA_32, 32),
    *_faults(Origin.RDMA_HW, _HW_32, 32, wraps=True),
    *_faults(Origin.RDMA_HW, _HW_64),
)

LANE_ERRORS = ("rx_err_lane_{n}_phy", "rx_corrected_bits_lane_{n}_phy")
"""Families that count the bit errors of each lane."""

CATALOGUE = {(counter.origin, counter.key): counter for counter in (*TRAFFIC, *NO_VLAN, *FAULTS)}
"""Every counter that the product knows by name, by origin and key."""

_MEMBER = [
    (re.compile(re.escape(family.key).replace(r"\{n\}", r"(\d{1,4})")), family)
    for family in FAMILIES
]


@lru_cache(maxsize=8192)
def lookup(origin: Origin, key: str) -> Counter | None:
    """Return what is known of a counter by its name, a member of a family too."""
    counter = CATALOGUE.get((origin, key))
    if counter is not None or origin not in (Origin.DRIVER, Origin.VFS):
        return counter
    matches = ((one, pattern.fullmatch(key)) for pattern, one in _MEMBER if one.origin is origin)
    return next((one.member(int(match[1])) for one, match in matches if match), None)


@lru_cache(maxsize=256)
def counters_of(origin: Origin, schema: Schema) -> tuple[Counter, ...]:
    """Return the counters of a table that are known, in the table's order."""
    counters = (lookup(origin, key) for key in schema.keys)
    return tuple(counter for counter in counters if counter is not None)
