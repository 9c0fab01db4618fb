"""mlx4, the driver of ConnectX-3 and older, and its RDMA part.

drivers/net/ethernet/mellanox/mlx4, drivers/infiniband/hw/mlx4.
"""

from __future__ import annotations

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
  Failed activating …
  Failed to activate RX rings
  Failed allocating Tx …
  Failed configuring rss steering
  Failed getting eth qp
  Failed setting default qp numbers
  Failed setting port general configurations
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
  QUERY_FW command failed: …
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
