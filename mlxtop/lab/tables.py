"""Names of the counters that the drivers publish, in their order.

mlx5: drivers/net/ethernet/mellanox/mlx5/core/en_stats.c and drivers/infiniband/hw/mlx5/counters.c;
mlx4: en_ethtool.c; InfiniBand: drivers/infiniband/core/sysfs.c; if_link.h for the netdev.
"""

from __future__ import annotations

from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split()


LINK64 = _words(
    "rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped multicast "
    "collisions rx_length_errors rx_over_errors rx_crc_errors rx_frame_errors rx_fifo_errors "
    "rx_missed_errors tx_aborted_errors tx_carrier_errors tx_fifo_errors tx_heartbeat_errors "
    "tx_window_errors rx_compressed tx_compressed rx_nohandler rx_otherhost_dropped"
)
"""struct rtnl_link_stats64; the last one has no file in sysfs."""

IB_COUNTERS = _words(
    "VL15_dropped excessive_buffer_overrun_errors link_downed link_error_recovery "
    "local_link_integrity_errors multicast_rcv_packets multicast_xmit_packets "
    "port_rcv_constraint_errors port_rcv_data port_rcv_errors port_rcv_packets "
    "port_rcv_remote_physical_errors port_rcv_switch_relay_errors port_xmit_constraint_errors "
    "port_xmit_data port_xmit_discards port_xmit_packets port_xmit_wait symbol_error "
    "unicast_rcv_packets unicast_xmit_packets"
)

HW_COUNTERS = _words(
    "duplicate_request implied_nak_seq_err local_ack_timeout_err np_cnp_sent "
    "np_ecn_marked_roce_packets out_of_buffer out_of_sequence packet_seq_err req_cqe_error "
    "req_cqe_flush_error req_remote_access_errors req_remote_invalid_request resp_cqe_error "
    "resp_cqe_flush_error resp_local_length_error resp_remote_access_errors rnr_nak_retry_err "
    "roce_adp_retrans roce_adp_retrans_to roce_slow_restart roce_slow_restart_cnps "
    "roce_slow_restart_trans rp_cnp_handled rp_cnp_ignored rx_atomic_requests rx_dct_connect "
    "rx_icrc_encapsulated rx_read_requests rx_write_requests"
)

MLX4_HW_COUNTERS = _words(
    "num_cqovf rq_num_dup rq_num_lle rq_num_lpe rq_num_lqpoe rq_num_oos rq_num_rae rq_num_rire "
    "rq_num_rnr rq_num_udsdprd rq_num_wrfe sq_num_bre sq_num_lle sq_num_lpe sq_num_lqpoe "
    "sq_num_mwbe sq_num_oos sq_num_rae sq_num_rire sq_num_rnr sq_num_rree sq_num_roe sq_num_tree "
    "sq_num_to sq_num_wrfe"
)

_SOFTWARE = (
    "rx_packets rx_bytes tx_packets tx_bytes tx_tso_packets tx_tso_bytes tx_tso_inner_packets "
    "tx_tso_inner_bytes tx_added_vlan_packets tx_nop tx_mpwqe_blks tx_mpwqe_pkts rx_lro_packets "
    "rx_lro_bytes rx_gro_packets rx_gro_bytes rx_gro_skbs rx_gro_match_packets "
    "rx_gro_large_hds rx_ecn_mark rx_removed_vlan_packets rx_csum_unnecessary rx_csum_none "
    "rx_csum_complete rx_csum_complete_tail rx_csum_complete_tail_slow "
    "rx_csum_unnecessary_inner rx_xdp_drop rx_xdp_redirect rx_xdp_tx_xmit rx_xdp_tx_mpwqe "
    "rx_xdp_tx_inlnw rx_xdp_tx_nops rx_xdp_tx_full rx_xdp_tx_err rx_xdp_tx_cqe tx_csum_none "
    "tx_csum_partial tx_csum_partial_inner tx_queue_stopped tx_queue_dropped tx_xmit_more "
    "tx_recover tx_cqes tx_queue_wake tx_cqe_err tx_xdp_xmit tx_xdp_mpwqe tx_xdp_inlnw "
    "tx_xdp_nops tx_xdp_full tx_xdp_err tx_xdp_cqes rx_wqe_err rx_mpwqe_filler_cqes "
    "rx_mpwqe_filler_strides rx_oversize_pkts_sw_drop rx_buff_alloc_err rx_cqe_compress_blks "
    "rx_cqe_compress_pkts rx_congst_umr rx_arfs_add rx_arfs_request_in rx_arfs_request_out "
    "rx_arfs_expired rx_arfs_err rx_recover rx_pp_alloc_fast rx_pp_alloc_slow "
    "rx_pp_alloc_slow_high_order rx_pp_alloc_empty rx_pp_alloc_refill rx_pp_alloc_waive "
    "rx_pp_recycle_cached rx_pp_recycle_cache_full rx_pp_recycle_ring rx_pp_recycle_ring_full "
    "rx_pp_recycle_released_ref ch_events ch_poll ch_arm ch_aff_change ch_force_irq ch_eq_rearm "
    "rx_out_of_buffer rx_if_down_packets rx_steer_missed_packets rx_oversize_pkts_buffer "
    "rx_vport_unicast_packets rx_vport_unicast_bytes tx_vport_unicast_packets "
    "tx_vport_unicast_bytes rx_vport_multicast_packets rx_vport_multicast_bytes "
    "tx_vport_multicast_packets tx_vport_multicast_bytes rx_vport_broadcast_packets "
    "rx_vport_broadcast_bytes tx_vport_broadcast_packets tx_vport_broadcast_bytes "
    "rx_vport_rdma_unicast_packets rx_vport_rdma_unicast_bytes tx_vport_rdma_unicast_packets "
    "tx_vport_rdma_unicast_bytes rx_vport_rdma_multicast_packets rx_vport_rdma_multicast_bytes "
    "tx_vport_rdma_multicast_packets tx_vport_rdma_multicast_bytes vport_loopback_packets "
    "vport_loopback_bytes"
)

_PORT = (
    "tx_packets_phy rx_packets_phy rx_crc_errors_phy tx_bytes_phy rx_bytes_phy tx_multicast_phy "
    "tx_broadcast_phy rx_multicast_phy rx_broadcast_phy rx_in_range_len_errors_phy "
    "rx_out_of_range_len_phy rx_oversize_pkts_phy rx_symbol_err_phy tx_mac_control_phy "
    "rx_mac_control_phy rx_unsupported_op_phy rx_pause_ctrl_phy tx_pause_ctrl_phy "
    "rx_discards_phy tx_discards_phy tx_errors_phy rx_undersize_pkts_phy rx_fragments_phy "
    "rx_jabbers_phy rx_64_bytes_phy rx_65_to_127_bytes_phy rx_128_to_255_bytes_phy "
    "rx_256_to_511_bytes_phy rx_512_to_1023_bytes_phy rx_1024_to_1518_bytes_phy "
    "rx_1519_to_2047_bytes_phy rx_2048_to_4095_bytes_phy rx_4096_to_8191_bytes_phy "
    "rx_8192_to_10239_bytes_phy link_down_events_phy rx_pcs_symbol_err_phy rx_corrected_bits_phy "
    "rx_err_lane_0_phy rx_err_lane_1_phy rx_err_lane_2_phy rx_err_lane_3_phy "
    "rx_buffer_passed_thres_phy rx_pci_signal_integrity tx_pci_signal_integrity "
    "outbound_pci_stalled_rd outbound_pci_stalled_wr outbound_pci_stalled_rd_events "
    "outbound_pci_stalled_wr_events"
)

_PRIORITY = (
    "rx_prio{p}_bytes rx_prio{p}_packets rx_prio{p}_discards tx_prio{p}_bytes tx_prio{p}_packets"
)
_PFC = (
    "rx_prio{p}_pause rx_prio{p}_pause_duration tx_prio{p}_pause tx_prio{p}_pause_duration "
    "rx_prio{p}_pause_transition"
)
_GLOBAL = (
    "rx_global_pause rx_global_pause_duration tx_global_pause tx_global_pause_duration "
    "rx_global_pause_transition"
)
_LAST = (
    "tx_pause_storm_warning_events tx_pause_storm_error_events module_unplug module_bus_stuck "
    "module_high_temp module_bad_shorted"
)
_CHANNEL = "ch{c}_events ch{c}_poll ch{c}_arm ch{c}_aff_change ch{c}_force_irq ch{c}_eq_rearm"
_RX_RING = "rx{c}_packets rx{c}_bytes rx{c}_csum_complete rx{c}_wqe_err rx{c}_buff_alloc_err"
_TX_RING = "tx{c}_packets tx{c}_bytes tx{c}_tso_packets tx{c}_tso_bytes tx{c}_stopped tx{c}_wake"


def _mlx5_groups(channels: int, global_pause: bool, pfc: tuple[int, ...]) -> Iterator[str]:
    yield _SOFTWARE
    yield _PORT
    yield from (_PRIORITY.format(p=priority) for priority in range(8))
    yield from (_PFC.format(p=priority) for priority in pfc)
    if global_pause:
        yield _GLOBAL
    yield _LAST
    yield from (_CHANNEL.format(c=channel) for channel in range(channels))
    yield from (_RX_RING.format(c=channel) for channel in range(channels))
    yield from (_TX_RING.format(c=channel) for channel in range(channels))


def mlx5_statistics(channels: int, global_pause: bool, pfc: tuple[int, ...]) -> list[str]:
    """Rows of `ethtool -S`; pause rows are there only where pause is on.

    >>> "rx_prio3_pause" in mlx5_statistics(2, False, (3,))
    True
    """
    return " ".join(_mlx5_groups(channels, global_pause, pfc)).split()


_MLX4 = (
    "rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped multicast "
    "collisions rx_length_errors rx_over_errors rx_crc_errors rx_frame_errors rx_fifo_errors "
    "rx_missed_errors tx_aborted_errors tx_carrier_errors tx_fifo_errors tx_heartbeat_errors "
    "tx_window_errors tso_packets xmit_more queue_stopped wake_queue tx_timeout rx_alloc_pages "
    "rx_csum_good rx_csum_none rx_csum_complete tx_chksum_offload pf_rx_packets pf_rx_bytes "
    "pf_tx_packets pf_tx_bytes rx_pause rx_pause_duration rx_pause_transition tx_pause "
    "tx_pause_duration tx_pause_transition"
)
_MLX4_PRIORITY = "{d}_prio_{p}_packets {d}_prio_{p}_bytes"
_MLX4_RX = "rx{c}_packets rx{c}_bytes rx{c}_dropped"
_MLX4_TX = "tx{c}_packets tx{c}_bytes"


def mlx4_statistics(channels: int) -> list[str]:
    """Rows of `ethtool -S` of mlx4_en."""
    groups = [_MLX4]
    for way in ("rx", "tx"):
        groups += [_MLX4_PRIORITY.format(d=way, p=p) for p in range(8)]
        groups.append(f"{way}_novlan_packets {way}_novlan_bytes")
    groups += [_MLX4_TX.format(c=channel) for channel in range(channels)]
    groups += [_MLX4_RX.format(c=channel) for channel in range(channels)]
    return " ".join(groups).split()


FEATURES = _words(
    "rx-checksum tx-checksum-ip-generic tx-checksum-ipv4 tx-checksum-ipv6 tx-scatter-gather "
    "tx-tcp-segmentation tx-tcp6-segmentation tx-generic-segmentation rx-gro rx-gro-hw rx-lro "
    "rx-hashing rx-vlan-hw-parse rx-vlan-filter tx-vlan-hw-insert rx-ntuple-filter hw-tc-offload "
    "tx-nocache-copy rx-fcs rx-all"
)
ON = {
    "rx-checksum",
    "tx-checksum-ip-generic",
    "tx-scatter-gather",
    "tx-tcp-segmentation",
    "tx-tcp6-segmentation",
    "tx-generic-segmentation",
    "rx-gro",
    "rx-hashing",
    "rx-vlan-hw-parse",
    "rx-vlan-filter",
    "tx-vlan-hw-insert",
}
