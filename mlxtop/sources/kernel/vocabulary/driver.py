"""Commands to the firmware, memory for it, load and unload, firmware resets of mlx5.

drivers/net/ethernet/mellanox/mlx5/core: cmd.c, pagealloc.c, main.c, fw_reset.c; base/dd.c.
"""

from __future__ import annotations

COMMANDS = r"""
command COMMAND @status each=op,status repeats=3/600/critical | {op} refused: {status}{asked}
  {op:k}({opcode:x}) op_mod({mod:x}) failed, status {status:I}({code:x}), syndrome ({syndrome:x})
  {op:k}({opcode:x}) op_mod({mod:x}) failed, status {status:I}, syndrome ({syndrome:x})
  > look for new firmware; devlink health show tells whether the firmware has failed
command COMMAND @status each=op,status | {op} refused: {status}{asked}
  {op:k}({opcode:x}) op_mod({mod:x}) failed, status {status:s}({code:x}), syndrome ({syndrome:x})
  {op:k}({opcode:x}) op_mod({mod:x}) failed, status {status:s}, syndrome ({syndrome:x})
  > look what asked for it: offloaded flows, virtual functions, a program; look for new firmware
command-timeout COMMAND critical title lasts | {op} timed out: the card can no longer be managed
  {op:k}({opcode:x}) timeout. Will cause a leak
  cmd[%d]: {op:k}({opcode:x}) Async, timeout. Will cause
  {op:k}({opcode:x}) canceled on out of queue timeout
  {op:k}({opcode:x}) timed out while waiting for a slot
  {op:k}({opcode:x}) timeout while waiting for command semaphore
  > reload the driver or reboot; traffic may still flow until then; look for new firmware
command-timeout COMMAND warning lasts | {op}: the firmware has not answered
  cmd[%d]: {op:k}({opcode:x}) No done completion
  > look at the affinity of the card's interrupts and at the hypervisor
command-timeout COMMAND warning end ends=command-timeout spares | {op}: its interrupt was lost
  cmd[%d]: {op:k}({opcode:x}) recovered after timeout
  cmd[%d]: {op:k}({opcode:x}) Async, recovered after timeout
command-timeout COMMAND warning end ends=command-timeout spares | {lost} command events found late
  Recovered {lost:d} EQEs on cmd_eq
command-timeout COMMAND warning | a command's answer came after its timeout
  Command completion arrived after timeout
host-memory MEMORY warning | the host has no memory for commands
  failed to allocate command entry
  failed allocating block
  failed to queue work
  > free memory on the host
load COMMAND critical reason card lasts | driver and firmware do not match: {line}
  Driver cmdif rev(%d) differs from firmware's(%d)
  firmware reports too many outstanding commands %d
  command queue size overflow
  invalid command queue address
  > update firmware and driver
"""

PAGES = r"""
host-memory MEMORY warning | the host could not give the firmware memory
  failed to allocate page$
  failed to allocate page
  failed dma mapping page
  failed to track allocated page
  vzalloc failed %d
  > free memory on the host; look at the IOMMU
host-memory MEMORY warning | the firmware refused memory of the host (error {error})
  func_id %x, npages %d, err {error:d}
  page notify failed func_id(%d) err({error:d})
  page notify failed
  give fail {error:d}
  reclaim fail {error:d}
pages-lost MEMORY warning | the firmware kept memory of the host; lost until a reboot
  failed reclaiming pages
  reclaim_pages err (%d) func_id=%x
  FW did not return all pages
  aborting while there are %d pending pages
  Skipping wait for vf pages stage
pages-corrupt MEMORY critical lasts | pages of driver and firmware differ: {got}, not {asked}
  fw returned {got:d}, driver asked {asked:d} => corruption
  > update firmware and driver
pages-odd MEMORY note | an unknown page was returned
  page not found
  alloc 4k bug
"""

LOAD = r"""
firmware FIRMWARE note loads | firmware {version}
  firmware version: {version:w}
load DRIVER @probe title card lasts | the driver gave up, error {error}
  probe of {target:w} failed with error {errno:d}
  probe of {bdf:b} failed with error {errno:d}
  probe with driver {driver:s} failed with error {errno:d}
  > power the machine off and on; look for new firmware
load DRIVER critical card lasts | the driver could not start the function, error {error}
  mlx5_init_one failed with error code {error:d}
  mlx5_load_one failed with error code {error:d}
  mlx5_pci_init failed with error code {error:d}
load DRIVER warning part card lasts | the driver waits for firmware that is {state}
  Waiting for FW {state:s}, timeout abort in {left:d}s
load DRIVER critical reason card lasts | firmware never left its state {state} in {ms} ms
  Firmware over {ms:u} MS in {state:s} state, aborting
  > power the machine off and on (a reboot alone keeps the card's power), then burn
    the firmware anew
load DRIVER critical reason card lasts | the start ended at: {line}
  enable hca failed
  failed to set issi
  set_hca_ctrl failed
  set_hca_cap failed
  handle_hca_cap…failed
  failed to allocate boot pages
  failed to allocate init pages
  init hca failed
  query hca failed
  failed to read dtor
  Failed initializing command interface, aborting
  sw objs init failed
  Failed to init …
  failed to initialize …
  Failed to create EQs
  sriov init failed %d
  query board id failed
  > update firmware and driver; the lines around it say more
load DRIVER critical reason card lasts | the BIOS gave no memory window, or the card is dead: {line}
  Cannot enable PCI device, aborting
  error requesting BARs, aborting
  Missing registers BAR, aborting
  Couldn't get PCI resources, aborting
  Failed mapping initialization segment, aborting
  Can't set PCI DMA mask, aborting
  …, aborting$
  …, aborting.$
  > dmesg | grep 'BAR'; look in the BIOS for `above 4G decoding`; power the machine off and on
load DRIVER critical lasts | {part} failed to load
  Device[{number:d}] ({part:s}) failed to load
  > reload the driver; the lines before say why
load-netdev DRIVER critical lasts | no network device: {line}
  register_netdev failed, %d
  mlx5e_create_netdev failed
  mlx5e_nic_profile init failed, %d
  mlx5e_priv_init failed, err=%d
  _mlx5e_resume failed, %d
  mlx5e_attach_netdev failed, %d
  create flow steering failed, %d
  open drop rq failed, %d
  create rx resources failed, %d
  alloc_map uar failed, %d
  alloc pd failed, %d
  alloc td failed, %d
  alloc bfreg failed, %d
  create tis…failed, %d
  create indirect …failed, %d
  create direct …failed, %d
  mlx5_cmd_alloc_uar() failed, %d
  > reload the driver
profile DRIVER critical lasts | the port was left without a profile, error {error}
  failed to rollback to orig profile, {error:d}
  > reload the driver
profile DRIVER warning | a change of the port's mode failed, error {error}
  %s: new profile init failed, {error:d}
no-ethernet DRIVER warning lasts | the function has no Ethernet: {line}
  Missing {what:s} capability
  max_ft_level < 3
unload DRIVER warning | the driver could not unload cleanly
  tear_down_hca failed, skip cleanup
unload DRIVER note | the interface was asked twice
  %s: interface is down, NOP
  interface is down, NOP
  interface is up, NOP
setup ENABLED note | PCI device enabled
  enabling device (
setup DRIVER - ignored ends=load | start-up talk
  MLX5E: StrdRq
  Rate limit: %u rates are supported
  log_max_qp value in current profile is
  Query ISSI is not supported by FW
  QUERY_HCA_CAP : type(
  assign IRQ: got
  enabling bus mastering
  disabling bus mastering
mac DRIVER @random | no address was given: a random one is used
  Assigned random MAC address
shutdown DRIVER note | shut down, for a reboot
  Shutdown was called
diagnosis HEALTH note | no sensors or crash dump (error {error})
  mlx5_hwmon_dev_register failed with error code {error:d}
  mlx5_crdump_enable failed with error code {error:d}
"""

RESET = r"""
reset RESET note title card lasts | a firmware reset was asked for: this host agrees
  PCI Sync FW Update Reset Ack. Device reset is expected
reset-refused RESET warning card | this host refuses the firmware reset
  PCI Sync FW Update Reset Nack
  PCI Sync FW Update Reset Ack Failed
  > new firmware stays pending until a reboot
reset-refused RESET warning reason card | {line}
  FW reset is not supported as HotPlug is enabled
  SFs should be removed before reset
  fast teardown is not supported by firmware
  unrecognized dev_id (
  PCI bus bridge is not accessible
  Failed reading MFRL, err %d
reset RESET note card lasts | a planned firmware reset runs
  Sync Reset now. Device is going to reset
  Got Device Reset
  Sync Reset Unload. Function is forced down
  Sync Reset Unload done, device reset expected
  Sync Reset, got reset action
reset RESET - part card | the card is back on the bus
  PCI Link up
  Firmware responds to PCI config cycles again
  Sync Reset Drop mode ack
reset-failed RESET critical card lasts | the card did not return from a firmware reset: {line}
  PCI link not ready (%x) after
  Firmware is not responsive (%x) after
  reset reload flow aborted, PCI reads still not working
  > reboot; if that does not help, power the machine off and on
reset-failed RESET warning card | a firmware reset went wrong
  Sync reset did not complete
  Got timeout waiting for sync reset action
  FW sync reset timeout after
  Fast teardown failed
  mlx5_sync_pci_reset failed
  mlx5_pci_link_toggle failed
  mlx5_pci_reset_bus failed
  > reload the driver; the firmware may still be the old one
reset RESET note part card | a reset request
  Reset request was already
  Device is being removed, Drop new reset work
  No PCI link reporting capability
reset RESET warning end ends=reset whole | the firmware reset was called off
  PCI Sync FW Update Reset Aborted
  PCI Sync FW Update Reset Timeout
live-patch FIRMWARE note | firmware patched while it runs: {version}
  Live patch updated firmware version: {version:w}
flash FIRMWARE note card lasts | firmware is being written
  mlxfw: Initialize firmware flash process
  mlxfw: Flashing component type
flash FIRMWARE note end card ends=flash whole | new firmware was written; a reset activates it
  mlxfw: Firmware flash done
flash FIRMWARE warning card | writing firmware failed: {why}
  mlxfw: Firmware flash failed: {why:s}
  > see the lines before; try again, or use mstflint
"""
