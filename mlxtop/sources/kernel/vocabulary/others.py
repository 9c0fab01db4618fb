"""RDMA, IPoIB, mlx4, and what the kernel says of any network device.

drivers/infiniband: core, hw/mlx5, hw/mlx4, ulp/ipoib; ethernet/mellanox/mlx4; net/core.
"""

from __future__ import annotations

RDMA = r"""
rdma-program RDMA note | a program's transfer failed: {error}
  WC error: %d, Message: {error:s}
  dump error cqe
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

MLX4 = r"""
mlx4-fatal HEALTH critical title card lasts | internal error of the card
  Internal error detected
  Internal error mark was detected on device
  > note the lines for the maker, then power the machine off and on; look for new firmware
mlx4-fatal HEALTH - part card | the error buffer
  buf[{number:x}]: {value:x}
  device was reset successfully
  mlx4_ib_handle_catas_error was started
  mlx4_ib_handle_catas_error ended
mlx4-fatal HEALTH warning part card lasts | the driver resets the card
  device is going to be reset
mlx4-fatal HEALTH critical outcome card lasts | the reset failed
  Fail to reset HCA
  PCI device did not come back after reset, aborting
  mlx4_restart_one_up failed, ret=%d
  > power the machine off and on
mlx4-fatal HEALTH note end ends=mlx4-fatal,command-timeout | recovered: the driver is loaded again
  mlx4_restart_one was ended, ret=0
mlx4-fatal HEALTH critical outcome card lasts | the driver could not start again, error {ret}
  mlx4_restart_one was ended, ret={ret:d}
  > power the machine off and on
command COMMAND @fwstatus each=command,status | command {command} refused: {status}
  command {command:x} failed: fw status = {status:x}
command-timeout COMMAND critical lasts | command {command} timed out: the firmware does not answer
  command {command:x} timed out
  communication channel command {command:x} (op=%x) timed out
  Communication channel command {command:x} timed out
  > a reset of the card follows; reload the driver or reboot
heat OVERHEAT critical card lasts | chip at {temperature} °C, over its threshold of {threshold} °C
  Temperature Threshold was reached! Threshold: {threshold:d} celsius degrees; Current
    Temperature: {temperature:d}
  > improve the airflow; look at the temperatures under load
module MODULE_FAULT critical each=port lasts | bad cable on port {port}
  Bad cable detected on port {port:u}
  > reseat it, try it in another port, then replace it
module MODULE_FAULT warning lasts | a cable that is not supported
  Unsupported cable detected
tx-timeout QUEUE warning repeats=4/3600/critical | transmit timeout
  Tx timeout called on port
  > look for lost interrupts; update driver and firmware
tx-timeout QUEUE warning | transmit timeout on queue {queue}
  TX timeout on queue: {queue:d}, QP:
cqe QUEUE @cqe | a request was refused: {error}
  CQE error - cqn {cqn:x}, ci %x, vendor syndrome: %x syndrome: {syndrome:x}
  CQE error - …syndrome: {syndrome:x}
  CQE completed in error - vendor syndrome:%d syndrome:{syndrome:d}
  CQE completed in error - vendor …syndrome: {syndrome:x}
  > bursts are a fault of driver or firmware, or of the IOMMU
cqe QUEUE - part | the request
  Related WQE
  Scheduling port restart
mlx4-port DRIVER critical lasts | the port stays down: {line}
  Failed restarting port %d
  Failed starting port
  Failed Initializing port
  Cannot open - device down/disabled
  Netdev registration failed for port %d
  Failed to allocate NIC resources
  > reload the driver
cq QUEUE warning | completion queue {cqn}: {line}
  CQ overrun on CQN {cqn:x}
  CQ access violation on CQN {cqn:x}
eq QUEUE critical lasts | an event queue overflowed: events were lost
  EQ overrun on EQN %d
  > reload the driver
eeprom MODULE_READ @mad each=reason,slot | module of port {slot} was not read: {reason}{benign}
  MLX4_CMD_MAD_IFC Get Module info attr(%x) port({slot:d}) i2c_addr({i2c:x}) offset(%d) size(%d):
    Response Mad Status({mad:x}) - {reason:s}
  MLX4_CMD_MAD_IFC Get Module ID attr(%x) port({slot:d}) i2c_addr({i2c:x}) offset(%d) size(%d):
    Response Mad Status({mad:x}) - {reason:s}
  MLX4_CMD_MAD_IFC Get Module …port({slot:d}) …Response Mad Status({mad:x})
eeprom MODULE_READ - part | what the read gave
  mlx4_get_module_info i(%d) offset(%d) bytes_to_read(%d) - FAILED
load DRIVER critical reason card lasts | the start ended at: {line}
  Failed to start FW, aborting
  QUERY_FW command failed, aborting
  Failed to init fw, aborting
  INIT_HCA command failed, aborting
  MAP_FA command failed, aborting
  Failed to reset HCA, aborting
  Failed to …table, aborting
  Installed FW has unsupported command interface revision
  Couldn't map …aborting
  > update firmware and driver
load DRIVER critical reason card lasts | no PCI window, or flash-recovery mode: {line}
  Missing DCS, aborting
  Missing UAR, aborting
  > burn the firmware anew; look in the BIOS for `above 4G decoding`
interrupts QUEUE warning | interrupts do not arrive: {line}
  NOP command failed to generate MSI-X interrupt
  Trying again without MSI-X
load QUEUE critical reason card lasts | interrupts do not arrive: {line}
  NOP command failed to generate interrupt
  BIOS or ACPI interrupt routing problem
  > look at the BIOS's interrupt routing
link-type DRIVER warning | sensing or switching the link type failed: {line}
  Sense command failed for port
  Sense returned illegal value
  Failed to change port_types
  Only same port types supported on this HCA, aborting
  Requested port type for port %d is not supported
mlx4-event HEALTH warning | an event that the driver does not know: {line}
  Unhandled event
vf-start VF critical lasts | the virtual function cannot start: {line}
  PF is not responsive, skipping initialization
  slave driver version is not supported by the master
  > look at the driver of the host
vf-start VF note | the virtual function waits for the host: {line}
  PF is not ready - Deferring probe
  slave is currently in the middle of FLR - Deferring probe
vf-reset VF note | a virtual function restarts
  Received reset from slave
  slave:%d is out of sync
  VF is sending reset request to Firmware
  VF Reset succeed
  Communication channel
setup VF note | runs as a virtual function
  Detected virtual function - running in slave mode
setup VF note | {line}
  Enabling SR-IOV with %d VFs
  Running in master mode
  Multiple PFs not yet supported - Skipping PF
sriov ESWITCH warning lasts | no virtual functions: {line}
  Failed to enable SR-IOV, continuing without SR-IOV
  requested vfs (%d) > available vfs
lag-failed BOND warning | the bond is not in hardware: {line}
  Failed to bond device
  Fail to bond device
  Fail to set port map
  Failed to change port map
  HA mode …not supported
mac DRIVER warning | an address or VLAN was not taken: {line}
  Failed adding MAC
  Failed adding vlan
mac DRIVER critical lasts | no valid address is burnt in: the port was given up
  Port: %d, invalid mac burned: %pM, quitting
  > write an address with mstflint
driver DRIVER note | driver {version} loaded
  Mellanox ConnectX core driver v{version:w}
setup DRIVER - ignored | start-up talk
  Initializing {target:s}
  Mellanox ConnectX HCA Ethernet driver
  Mellanox ConnectX InfiniBand driver
  DMFS high rate steer mode is
  Old device ETS support detected
  Consider upgrading device FW
  Activating port:%d
  Using %d TX rings
  Using %d RX rings
  Initializing port
  registered PHC clock
  HCA operating in secure-host mode
  crdump:
  counter index %d for port %d allocated %d
  multi-function enabled
  Entering promiscuous mode
  Leaving promiscuous mode
port-closed PORT_CLOSED note | port closed
  Close port called
rdma-event RDMA note | an event of an unknown type: {line}
  Unexpected event type %d on
vf-guid RDMA warning lasts | a virtual function has no GUID: the subnet manager declined it
  Record num %d in block_num: %d was declined by SM
  > look at the subnet manager's settings for virtual functions
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
