"""Firmware health, temperature, modules, slot power and bandwidth, and links of mlx5.

drivers/net/ethernet/mellanox/mlx5/core: health.c, events.c, port.c, en_main.c; pci/pci.c.
"""

from __future__ import annotations

HEALTH = r"""
health HEALTH @fatal title card lasts planned | fatal error {code} ({fatal})
  Fatal error {code:u} detected
  > note the lines for the maker, then power the machine off and on; look for new firmware
health HEALTH critical title card lasts planned | firmware no longer answers: its heartbeat stopped
  device's health compromised
  > power the machine off and on; look for new firmware
health HEALTH @level reason card lasts planned | firmware reports: {syndrome}
  Health issue observed, {syndrome:s}, severity({level:d}) {word:w}
  Health issue observed, {syndrome:s}
health HEALTH @synd reason card lasts planned | firmware reports: {syndrome}
  synd {synd:x}: {syndrome:s}
health HEALTH @assert part card | firmware assert, variable {number}: {value}
  assert_var[{number:u}] {value:x}
  assert_var[{number:u}]: {value:x}
health HEALTH - part card | firmware's own data of a fault
  assert_exit_ptr %x
  assert_callra %x
  fw_ver {fw_ver:w}
  time %u
  hw_id %x
  rfr {rfr:u}
  crr {crr:u}
  severity %d
  irisc_index %d
  ext_synd {ext_synd:x}
  raw fw_ver %x
health HEALTH critical title card lasts | the card is off the bus: its health buffer reads all ones
  PCI slot is unavailable
  > power the machine off and on; reseat the card
health HEALTH critical outcome card lasts | only a power cycle brings the card back
  Cold reset is required
  > power the machine off and on (a reboot alone keeps the card's power)
health HEALTH - part card | the driver takes its interfaces down
  handling bad device here
  starting teardown
  NIC SW reset in progress
  Expected to see disabled NIC but it is
  starting health recovery flow
  start$
  end$
  Expected to see disabled NIC but it has invalid value %d
health HEALTH note end ends=health,pci-error | recovered: the driver is loaded again
  health recovery succeeded
health HEALTH critical outcome card lasts | recovery failed, the interfaces stay down
  health recovery failed
  > devlink health recover, reload the driver, reboot; then a power cycle
health HEALTH critical outcome card lasts | recovery given up: PCI reads still fail
  health recovery flow aborted
  > power the machine off and on (a reboot alone keeps the card's power)
health HEALTH critical outcome card lasts | the driver gave up after a second fatal error
  Driver is in error state. Unloading
  > reload the driver, or power the machine off and on; look for new firmware
health HEALTH warning outcome card lasts planned | no recovery: the driver was unloading
  health works are not permitted at this stage
  new health works are not permitted at this stage
health HEALTH critical outcome card lasts joins=pci-error | the PCI channel is offline
  PCI channel offline, stop waiting for
  > look for AER and DPC lines: the recovery of the PCI core decides
health HEALTH warning part card planned | the driver resets the firmware of the whole card
  Issuing FW Reset
health HEALTH note part card | the firmware was not reset
  Not issuing FW reset
health HEALTH warning part card planned | the firmware did not close its interface in time
  NIC IFC still %d after %lums
health HEALTH note part card | removed while the driver waited
  device is being removed, stop waiting for
health HEALTH note part card | another function of the card dumps or resets already
  Failed to lock SW reset semaphore
  SW reset semaphore is already in use
  crdump: failed to lock vsc gw err
  failed to read full dump
diagnosis HEALTH note | an aid for diagnosis is missing: {what}
  FWTracer: {what:s}
  Failed to init FW tracer {what:s}
  Failed to init Resource dump {what:s}
  Resource dump: {what:s}
  Failed to create {what:n} reporter
  Failed to create fw {what:n} reporter
  Failed to create fw fatal reporter{what:s}
health HEALTH critical outcome card lasts | the card reads as all ones: it is off the bus
  firmware version: 65535.65535.65535
  > power the machine off and on (a reboot alone keeps the card's power); look at cooling, power
    and seating
"""

HEAT = r"""
heat OVERHEAT @heat card lasts | over its temperature threshold: {sensors}
  High temperature on sensors with bit set {msb:x} {lsb:x}
  High temperature on sensors with bit set {msb:x}, {lsb:x}
  > improve the airflow; look at the temperatures under load
heat OVERHEAT @sensor part card lasts | over its temperature threshold: {sensors}
  Sensor name[{index:u}]: {name:s}
"""

MODULES = r"""
module MODULE_PLUGGED note end each=module ends=module,unplugged,load | module {module} plugged
  Port module event: module {module:u}, Cable plugged
  Port module event: module {module:u}, Cable enabled
unplugged MODULE_UNPLUGGED warning each=module lasts planned | module {module} unplugged
  Port module event: module {module:u}, Cable unplugged
module MODULE_DISABLED warning each=module lasts | module {module} disabled
  Port module event: module {module:u}, Cable disabled
  > look who switched it off: ethtool, mlxlink, the firmware or the power of the slot
module MODULE_FAULT @module each=module lasts | module {module}: {error}, {detail}
  Port module event[error]: module {module:u}, {error:s}, {detail:s}
  Port module event[error]: module {module:u}, {error:s}$
module MODULE_FAULT note each=module | module {module}: {error}
  Port module event: module {module:u}, {error:s}
eeprom MODULE_READ note | a read of the module's memory was refused, as a monitor causes it
  I2C address not recognized: %x
  query_mcia_reg failed: status: %x
  Module ID not recognized: %x
  mlx5_query_eeprom failed:%x, status %u
  cable type not recognized:%x
  %s: mlx5_query_eeprom failed:%x, status %u
  %s: cable type not recognized:%x
"""

SLOT = r"""
power POWER warning card lasts | the slot gives too little power: {watts} W
  Detected insufficient power on the PCIe slot ({watts:u}W)
  Detected insufficient power on the PCIe slot ({watts:u} W)
  > connect the extra 12 V supply of the riser or M.2 adapter, or use a full slot
power POWER note end ends=power whole | the slot gives enough power: {watts} W
  PCIe slot advertised sufficient power ({watts:u}W)
power-unknown POWER note card | the slot does not say how much power it gives
  PCIe slot power capability was not advertised
bandwidth PCIE @slot lasts | {gbps} of {capable} Gb/s: {speed} x{width} at {at}
  {gbps:f} Gb/s available PCIe bandwidth, limited by {speed:s} x{width:d} link at {at:s}
    (capable of {capable:f} Gb/s with {capable_speed:s} x{capable_width:d} link)
bandwidth PCIE @full end ends=bandwidth | {gbps} Gb/s: {speed} x{width}
  {gbps:f} Gb/s available PCIe bandwidth ({speed:s} x{width:d} link)
bandwidth PCIE @old lasts | PCIe link {what} {now}, the card can do {most}
  PCIe link {what:w} is {now:s}, device supports {most:s}
bandwidth PCIE warning lasts | the slot gives less than the card can do
  PCIe BW is different than device's capability
gen1 PCIE warning card lasts | the kernel forced the slot to 2.5 GT/s
  broken device, retraining non-functional downstream link at 2.5GT/s
  retraining failed
  > reseat the card, try another slot; look for a BIOS update
gen1 PCIE note end ends=gen1 whole | the slot is no longer held at 2.5 GT/s
  removing 2.5GT/s downstream link speed restriction
setup PCIE - ignored | old firmware without INTx masking, or no precision time over PCIe
  ConnectX-4: FW %u.%u.%u doesn't support INTx masking
  PTM is not supported by PCIe
  mellanox_check_broken_intx_masking
"""

LINK = r"""
link LINK_UP note end ends=link,module,unplugged,load | link up
  Link up$
link LINK_DOWN warning lasts planned | link down
  Link down$
"""
