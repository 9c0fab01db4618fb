"""RDMA, IPoIB, and what the kernel says of any network device.

drivers/infiniband: core, hw/mlx5, ulp/ipoib; net/core, net/sched.
"""

from __future__ import annotations

RDMA = r"""
rdma-program RDMA note | a program's transfer failed: {error}
  WC error: %d, Message: {error:s}
  dump error cqe
rdma-program RDMA note | a program's transfer failed
  Requestor error cqe on cqn %x
  Responder error cqe on cqn %x
rdma-program RDMA - part | why
  syndrome %x, vendor syndrome %x
rdma-memory RDMA warning | memory registration fails: {line}
  UMR post send failed
  reg umr failed
  async reg mr failed
  create mkey failed
  mr cache init failed
rdma-memory RDMA critical lasts | memory registration is broken
  couldn't recover UMR
  > reload the driver
rdma-start RDMA critical lasts | the RDMA device did not start: {line}
  Couldn't …for res init
  unable to create hardware GSI QP
  could not change QP%d state to
  query_hca_vport_context for port=%d failed
  > reload the driver
rdma-port RDMA warning lasts | the RDMA core cannot use the port: {line}
  Couldn't open port %d
  Couldn't create ib_mad QP%d
  Couldn't set up InfiniBand P_Key/GID cache
  Couldn't register device with driver model
  ib_query_port failed (%d)
  query_gid failed (%d) for index
  > reload the driver
rdma-mad RDMA critical lasts | management traffic is dead: the subnet manager cannot reach port
  Fatal error (%d) on MAD QP (%u)
  Fatal error (%d) on a MAD QP
  > reload the driver
rdma-address RDMA warning | a RoCE address is missing: {line}
  add_roce_gid GID add failed
  add_roce_gid NULL netdev
  add_roce_gid …NULL netdev
rdma-queue RDMA note | queue pair {qp}: {error}
  QP {qp:d} error: {error:s} (%x
rdma-page RDMA warning | paging on demand failed for a program
  Failed to resolve the page fault on WQ
  Failed to resolve …page fault
"""

RDMA_BARE = r"""
suppressed LOST @suppressed each=function | the kernel left out lines of {function}: counts are low
  {function:w}: {count:u} callbacks suppressed
rdma-partition RDMA note | a partition key does not fit
  RDMA CMA: got different BTH P_Key
rdma-held RDMA note | a user in the kernel holds a connection
  cm_destroy_id:
  cm_destroy_id_wait_timeout:
"""

IPOIB = r"""
ipoib-join IPOIB @join lasts | joining a multicast group failed, status {status}{why}
  sendonly multicast join failed for %pI6, status {status:d}
  multicast join failed for %pI6, status {status:d}
  > -110: the subnet manager does not answer; -22: rate, MTU or partition differ
tx-timeout IPOIB warning repeats=4/3600/critical | transmit timeout
  transmit timeout: latency %d msecs
  > look for lost interrupts; set the port down and up
tx-timeout IPOIB - part | queue stopped
  queue stopped %d, tx_head
ipoib-send IPOIB warning | a transfer failed, status {status}
  failed send event (status={status:d}
  failed recv event (status={status:d}
  failed cm send event (status={status:d}
  > status 12: the peer does not answer
ipoib-pkey IPOIB warning lasts | the subnet manager gave no such partition: {line}
  P_Key %x is not found
  P_Key %x is Invalid
  Invalid P_Key %x
  ib_query_pkey port %d failed
ipoib IPOIB critical lasts | no IPoIB interface: {line}
  failed to initialize device: {rdma:n} port %d
  couldn't register ipoib port %d
  failed to allocate PD
  > reload ib_ipoib
ipoib-restart IPOIB warning | the queue was restarted with transfers pending
  timing out; %d sends %d receives not completed
tx-timeout IPOIB critical outcome lasts | the interface was not revived
  ipoib_open failed recovering from a tx_timeout
  > reload ib_ipoib
ipoib-mtu IPOIB note | {line}
  enabling connected mode will cause multicast packet drops
  mtu > %d will cause multicast packet drops
  queue length limit %d. Packet drop
  packet len %d (> %d) too long to send
"""

NAME = r"""
rdma-address RDMA warning | a RoCE address is missing (error {error})
  unable to add gid %pI6 error={error:d}
checksum QUEUE warning | the card's checksum was wrong
  hw csum failure
  > look for tunnels; update driver and firmware
renamed RENAMED note | renamed from {old}
  renamed from {old:n}
setup DRIVER - ignored | somebody sniffs, or a bridge was made
  entered promiscuous mode
  left promiscuous mode
  entered allmulticast mode
  left allmulticast mode
paired VF note | paired with {master}, the synthetic interface of the virtual machine
  joined to {master:n}
"""

IPOIB_MLX5 = r"""
ipoib IPOIB warning | IPoIB offload: {line}
  create underlay QP failed
  attach underlay qp to ft failed
  failed attaching QPN
"""

BARE = r"""
suppressed LOST @suppressed each=function | the kernel left out lines of {function}: counts are low
  {function:w}: {count:u} callbacks suppressed
link-ready LINK_UP note end ends=ipoib-join | the link becomes ready
  IPv6: ADDRCONF(NETDEV_CHANGE): {ifname:n}: link becomes ready
tx-timeout QUEUE warning repeats=4/3600/critical | no transmit completion on queue {queue}
  NETDEV WATCHDOG: {ifname:n} ({driver:M}): transmit queue {queue:u} timed out
  > look for lost interrupts and soft lockups; update driver and firmware
removal DRIVER warning each=ifname repeats=7/120/critical lasts | its removal hangs: {users} users
  unregister_netdevice: waiting for {ifname:n} to become free. Usage count = {users:d}
  > end what uses it; the driver cannot be reloaded until then
pages-held QUEUE note | received pages are still held by a program
  page_pool_release_retry() stalled pool shutdown
pages-left MEMORY warning | memory of the host is still with the firmware after unload
  FW pages counter is %d after reclaiming all pages
  VFs FW pages counter is
  External host PF FW pages counter is
  EC VFs FW pages counter is
lockup QUEUE critical repeats=2/60/critical | a core is stuck for {seconds} s
  BUG: soft lockup - CPU#%d stuck for {seconds:u}s
  watchdog: BUG: soft lockup - CPU#%d stuck for {seconds:u}s
  > where mlx5e_napi_poll stands in the lines after it, the driver is wedged: reboot
queue QUEUE note | a send queue's counters differ after an error
  SQ %x: cc (%x) != pc (%x)
setup DRIVER - ignored | somebody sniffs, or a bridge was made
  device {ifname:n} entered promiscuous mode
  device {ifname:n} left promiscuous mode
flash FIRMWARE note lasts | firmware is being written
  mlxfw: Initialize firmware flash process
  mlxfw: Flashing component type
flash FIRMWARE note end ends=flash whole | new firmware was written; a reset activates it
  mlxfw: Firmware flash done
flash FIRMWARE warning | writing firmware failed: {why}
  mlxfw: Firmware flash failed: {why:s}
setup DRIVER - ignored | an answer to somebody's command
  Requested port buffer is too large
"""
