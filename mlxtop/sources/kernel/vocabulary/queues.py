"""Event queues, interrupts, queues of the netdev, bonds and E-Switch of mlx5.

drivers/net/ethernet/mellanox/mlx5/core: eq.c, pci_irq.c, en_main.c, en/, lag/, eswitch*.c, sriov.c.
"""

from __future__ import annotations

EVENTS = r"""
load DRIVER warning reason card lasts | no interrupt vectors left: {line}
  Failed to alloc IRQs
  Failed to request irq. err = %d
  Failed to alloc xa entry for irq(%u)
  > fewer queues, virtual or sub-functions; NUM_OF_… in mlxconfig; interrupt remapping in the BIOS
vectors QUEUE warning | interrupt vectors or cores are used up: {line}
  maximum number of vectors is allocated
  Didn't find a matching IRQ
  NO online CPUs in req_mask
  > fewer queues, virtual or sub-functions
load QUEUE critical reason card lasts | an event queue is missing: {line}
  failed to create {queue:w} EQ %d
  failed to enable {queue:w} EQ %d
  Failed to create async EQs
  Failed to create completion EQs
queue QUEUE note | an event queue was not taken down, or told of an unknown queue
  failed to destroy …eq
  Async event for bogus CQ
cq QUEUE @cq | completion queue {cqn}: {error}
  CQ error on CQN {cqn:x}, syndrome {cq_syndrome:x}
  > often a fault of an RDMA program
ring QUEUE critical lasts | a ring of the network device is dead (completion queue {cqn})
  mlx5e_cq_error_event: cqn={cqn:x} event={event:x}
  > ip link set the port down and up
tx-timeout QUEUE warning end ends=tx-timeout,rx-timeout | an interrupt was lost, the ring runs again
  Recovered {lost:d} eqes on EQ %x
  Recover {lost:d} eqes on EQ %x
tx-timeout QUEUE - part joins=tx-timeout,rx-timeout | which event queue
  EQ {eq:x}: Cons =
"""

QUEUES = r"""
tx-timeout QUEUE warning repeats=4/3600/critical | no transmit completion on queue {queue}
  NETDEV WATCHDOG: CPU: %d: transmit queue {queue:u} timed out
  > look for lost interrupts and soft lockups; update driver and firmware
tx-timeout QUEUE warning repeats=4/3600/critical | transmit timeout
  TX timeout detected
  > look for lost interrupts and soft lockups; update driver and firmware
tx-timeout QUEUE warning | transmit timeout on queue {queue}
  TX timeout on queue: {queue:d}, SQ:
  > look for lost interrupts and soft lockups; update driver and firmware
tx-timeout QUEUE critical outcome lasts | the queues were not revived: the port is dead
  mlx5e_safe_reopen_channels failed recovering from a tx_timeout
  > reload the driver
rx-timeout QUEUE warning | receive timeout on channel {channel}
  RX timeout on channel: {channel:d}
  Failed to get min RX wqes on Channel[{channel:d}]
  > free memory on the host; look for lost interrupts
cqe QUEUE @cqe | a request was refused: {error}
  Error cqe on cqn {cqn:x}, ci %x, qn {qn:x}, opcode %x, syndrome {syndrome:x}, vendor syndrome %x
  Error cqe on cqn {cqn:x}
  > bursts are a fault of driver or firmware, or of the IOMMU
cqe QUEUE warning | a queue was reset after an error: {queue}
  ERR CQE on {queue:w}: %x
dead-queue QUEUE critical lasts | a queue stays dead: {line}
  Wait for SQ %x flush timeout
  Wait for ICOSQ
  Failed to move sq %x to
  Failed to move rq %x to
  Failed to move icosq %x to
  Failed to query SQ %x state
  Failed to query ICOSQ %x state
  async_icosq recovery is not implemented
  > ip link set the port down and up, else reload the driver
ptp QUEUE warning | hardware time stamps were lost on queue {queue}
  Unhealthy TX port TS queue: {queue:d}
lists QUEUE warning lasts | too many VLANs or addresses for the function: some are dropped
  netdev vlans list size
  mdev UC list size
  mdev MC list size
  netdev UC list size
  netdev MC list size
  MPFS, failed to add mac
  > fewer VLANs or addresses, or promiscuous mode
setup DRIVER - ignored | an answer to somebody's command
  VPort MTU %d is different than netdev mtu
  Disabling …not supported
  Disabling …
  {mode:s} not supported link mode(s) requested
  not supported link mode(s) requested
  Requested port buffer is too large
"""

BONDS = r"""
lag BOND @lag end lasts ends=lag | hardware bond: {map}
  lag map: port 1:{one:d} port 2:{two:d}
  lag map port 1:{one:d} port 2:{two:d}
  modify lag map port 1:{one:d} port 2:{two:d}
lag BOND @active end lasts ends=lag | hardware bond: active ports {active}
  lag map active ports: {active:s}
lag BOND note | hardware bond: {line}
  shared_fdb:
  Operation mode is single FDB
lag-failed BOND warning lasts | the bond works in software only: {line}
  Failed to create LAG
  Failed to modify LAG
  Failed to enable lag
  Can't enable single FDB mode
  Failed to activate RoCE LAG
  Failed to activate VF LAG
  Failed to create LAG in MPESW mode
  Failed to create lag drop rule
  Failed to create LAG port selection
  > unbind virtual functions while the bond is made; look at the firmware's mode of LAG
lag-failed BOND critical lasts | the hardware bond is stuck: {line}
  Failed to deactivate RoCE LAG
  Failed to deactivate VF LAG
  > reload the driver
"""

BOND_NAME = r"""
bond-member BOND warning each=ifname,bond lasts | {ifname} is down, says bond {bond}
  (slave {ifname:n}): link status definitely down, disabling slave
  (slave {ifname:n}): link status definitely down
  link status definitely down for interface {ifname:n}, disabling it
bond-member BOND note end each=ifname,bond ends=bond-member,bond-down | {ifname} is up, {bond}
  (slave {ifname:n}): link status definitely up
  link status definitely up for interface {ifname:n}
bond-down BOND critical each=bond lasts | bond {bond} has no active member
  now running without any active interface
  > look at the links of its members
bond-member BOND note | {ifname} is the active member of bond {bond}
  (slave {ifname:n}): making interface the new active one
  making interface {ifname:n} the new active one
"""

ESWITCH = r"""
setup ESWITCH - ignored ends=load | mode and number of virtual functions
  E-Switch: Total vports
  E-Switch: Enable: mode(
  E-Switch: Unload vfs:
  E-Switch: Disable:
  E-Switch: cleanup
  E-Switch: …Unload vfs
  E-Switch: …Disable:
eswitch ESWITCH note | the firmware lacks: {what}
  E-Switch: {what:s} aren't supported
  E-Switch: {what:s} is not supported by FW
  > update the firmware, or switch it on with mlxconfig
eswitch ESWITCH warning | {line}
  E-Switch: Failed to
  E-Switch: FDB: Failed to
  E-Switch: fs offloads: Failed to
  E-Switch: FDB is not supported, aborting
  E-Switch: E-Switch …failed
  > virtual functions may lose traffic or limits
sriov ESWITCH warning | virtual functions: {line}
  failed to enable VF %d
  mlx5_device_enable_sriov failed
  pci_enable_sriov failed
  failed to enable eswitch SRIOV
  failed to restore VF %d settings
  failed to set MSI-X vector counts VF %d
  failed to disable VF %d
  timeout reclaiming VFs pages
  timeout reclaiming EC VFs pages
  Timeout reclaiming external host PF pages
vport ESWITCH warning | a setting of a virtual function was not taken: {line}
  Failed to set vport %d node guid
  Failed to mlx5_modify_nic_vport_mac vport
  Failed to set vport %d link state
  Set invalid MAC while spoofchk is on
sub-function ESWITCH warning lasts | a sub-function did not start: {line}
  SF DEV: fail device add
  SF DEV table create err
  mlx5_init_one err=%d
  sf table create failed
representor ESWITCH warning | {line}
  Failed to create representor netdev
  Failed to attach representor netdev
  Failed to register representor netdev
  Failed to …representor netdev for vport
  vport %d error %d reading stats
socket-direct ESWITCH warning | two PCIe links were not joined to one port: {line}
  Socket-Direct: can't support
socket-direct ESWITCH note | two PCIe links are one port: {line}
  Socket-Direct: group id
fpga HEALTH warning | FPGA: {what}
  FPGA: …Error {what:s}
  FPGA: {what:s} image failed to load
"""
