"""Errors of PCIe: the drivers' handlers, AER, DPC, hotplug, power, IOMMU.

mlx5/core/main.c, mlx4/main.c; pci/pcie/aer.c, err.c, dpc.c, edr.c, pci/hotplug, pci/pci.c, iommu/.
"""

from __future__ import annotations

HANDLERS = r"""
pci-error AER critical card lasts | the PCI core reports an error: the driver stops the card
  mlx5_pci_err_detected
  mlx4_pci_err_detected was called
  > look at the AER lines before; reseat the card, try another slot
pci-error AER critical outcome card lasts | the card stays disconnected
  mlx5_pci_slot_reset …disconnect
pci-error AER - part card | the slot was reset
  mlx5_pci_slot_reset Device state
  mlx5_pci_slot_reset was called
  mlx4_pci_slot_reset was called
  mlx5_pci_slot_reset: wait vital counter value
  wait vital counter value
pci-error AER critical outcome card lasts | the card is dead after the slot was reset
  mlx5_pci_slot_reset: wait vital failed
  mlx5_pci_slot_reset: mlx5_pci_enable_device failed
  mlx5_pci_slot_reset: wait_vital timed out
  wait_vital timed out
  Can not re-enable device, err=%d
  > power the machine off and on; reseat the card
pci-error AER critical outcome card lasts | the driver could not start the card again
  mlx5_pci_resume …device Failed
pci-error AER note end ends=pci-error,health | recovered from an error of PCIe
  mlx5_pci_resume …device recovered
  mlx5_pci_resume: device recovered
  mlx4_pci_resume was called
pci-error AER - part card | the driver goes on
  mlx5_pci_resume
"""

PCIE = r"""
aer-correctable AER note repeats=2/60/warning | PCIe errors that were corrected
  AER: Correctable error message received from {bdf:b}
  AER: Corrected error message received from {bdf:b}
  AER: Corrected error received: {bdf:b}
  AER: Correctable error received: {bdf:b}
  > reseat the card, leave out the riser, try another slot
aer-correctable AER warning | PCIe errors that were corrected, several at once
  AER: Multiple Correctable error message received from {bdf:b}
  AER: Multiple Corrected error message received from {bdf:b}
  AER: Multiple Corrected error received: {bdf:b}
  AER: Multiple Correctable error received: {bdf:b}
  > reseat the card, leave out the riser, try another slot
aer-correctable AER @layer title repeats=2/60/warning | PCIe error, {severity}: {type}
  PCIe Bus Error: severity={severity:C}, type={type:s}, ({agent:s}
  PCIe Bus Error: severity={severity:C}, type={type:s}
  CXL Bus Error: severity={severity:C}, type={type:s}
  > reseat the card, leave out the riser, try another slot
pci-error AER @layer title card lasts | PCIe error, {severity}: {type}
  PCIe Bus Error: severity={severity:U}, type={type:s}, ({agent:s}
  PCIe Bus Error: severity={severity:U}, type={type:s}
  CXL Bus Error: severity={severity:U}, type={type:s}
  > reseat the card, leave out the riser, try another slot; look at the IOMMU where a VM owns it
pci-error AER @layer card lasts | PCIe error: {severity}
  AER: {severity:U} error message received from {bdf:b}
  AER: {severity:U} error received: {bdf:b}
  AER: Multiple {severity:U} error message received from {bdf:b}
  AER: Multiple {severity:U} error received: {bdf:b}
  > reseat the card, leave out the riser, try another slot
aer AER - part joins=aer-correctable,pci-error | which bits
  device [{vendor:x}:{model:x}] error status/mask={status:x}/{mask:x}
  [{bit:p}] {error:w}
  AER:   TLP Header:
  AER:   Error of this Agent
  TLP Header:
  Error of this Agent
aer-firmware AER warning card | PCIe error, told by the BIOS: status {status}
  AER: aer_status: {status:x}, aer_mask: {mask:x}
  > reseat the card, leave out the riser, try another slot
aer-firmware AER - part card | layer and agent
  AER: aer_layer={layer:s}, aer_agent={agent:s}
  AER: aer_uncor_severity
pci-error AER note end ends=pci-error,health whole | recovered from an error of PCIe
  AER: device recovery successful
  device recovery successful
pci-error AER critical outcome card lasts | recovery failed
  AER: device recovery failed
  device recovery failed
  > power the machine off and on; reseat the card
pci-error AER critical outcome card lasts | no recovery: {line}
  AER: can't recover
  AER: subordinate device reset failed
  can't recover (
  subordinate device reset failed
  > the function has no driver that could: unbind it from the VM, then power the machine off and on
pci-error AER - part card | the link was reset
  AER: Root Port link has been reset
  AER: Downstream Port link has been reset
  Root Port link has been reset
  Downstream Port link has been reset
pci-error AER @dpc title card lasts | the port above cut the card off after a fatal error
  DPC: containment event, status:{status:x}, ERR_FATAL received from {bdf:b}
  DPC: containment event, status:{status:x}, ERR_NONFATAL received from {bdf:b}
  DPC: containment event, status:{status:x} source:{source:x}
  DPC: containment event, status:{status:x}
  > reseat the card, try another slot
pci-error AER - part card | why
  DPC: {what:s} detected
  DPC: rp_pio_status
  DPC: RP PIO error
  DPC: unmasked uncorrectable error detected
  DPC: [{bit:p}] {what:s}
  DPC: TLP Header
  DPC: RP PIO
pci-error AER critical outcome card lasts | the link does not leave its containment
  DPC: root port still busy
  DPC: Data Link Layer Link Active not cleared
pci-error AER warning card lasts | the BIOS reports that it contained an error
  EDR: EDR event received
slot PCIE critical card lasts planned | {line}
  pciehp: Slot({slot:s}): Link Down$
  pciehp: Slot({slot:s}): Card not present
  pciehp: Slot({slot:s}): Power fault
  pciehp: Slot({slot:s}): No link
  pciehp: Slot({slot:s}): Cannot train link
  > somebody pulled the card, or it lost its power: reseat it, connect the extra 12 V supply
slot PCIE note end ends=slot whole | slot {slot}: the card is back
  pciehp: Slot({slot:s}): Card present
  pciehp: Slot({slot:s}): Link Up$
slot PCIE note | slot {slot}: recovered by DPC
  pciehp: Slot({slot:s}): Link Down/Up ignored
off-bus HEALTH critical card lasts | the card does not answer: it is off the bus
  Unable to change power state from {state:s} to D0, device inaccessible
  can't change power state from {state:s} to D0 (config space inaccessible)
  > power the machine off and on (a reboot alone keeps the card's power); reseat the card
ready PCIE warning card lasts | not ready {ms} ms after {what}
  not ready {ms:d}ms after {what:s}; waiting
ready PCIE critical title card lasts | dead after {what}: not ready in {ms} ms
  not ready {ms:d}ms after {what:s}; giving up
  > power the machine off and on (a reboot alone keeps the card's power)
ready PCIE note end ends=ready | ready again after {what}
  ready {ms:d}ms after {what:s}
pending PCIE warning | reset while transfers were pending
  timed out waiting for pending transaction
iommu IOMMU critical | memory access refused by the IOMMU at {address}
  AMD-Vi: Event logged [IO_PAGE_FAULT domain=%x address={address:x}
  Event logged [IO_PAGE_FAULT domain=%x address={address:x}
  AMD-Vi: Event logged [IO_PAGE_FAULT device={bdf:b} domain=%x address={address:x}
  Event logged [IO_PAGE_FAULT device={bdf:b} domain=%x address={address:x}
  > update driver and firmware; look at the set-up of virtual machines
sriov ESWITCH warning lasts | virtual functions: {line}
  not enough MMIO resources for SR-IOV
  can't enable %d VFs (bus
  SR-IOV: IOV BARS not allocated
  BAR {bar:V}: can't reserve
  > switch on SR-IOV and above-4G decoding in the BIOS, or boot with pci=realloc
bar PCIE @bar each=bar lasts | no memory window for BAR {bar}
  BAR {bar:u}: no space for [
  BAR {bar:u}: failed to assign [
  BAR {bar:u}: can't assign …
  BAR {bar:u} [mem …]: can't assign
  BAR {bar:u} [mem …]: failed to assign
  > switch on above-4G decoding in the BIOS, or boot with pci=realloc; another slot may help
bar PCIE @bar each=bar lasts | the memory window of BAR {bar} is taken by another driver
  BAR {bar:B}: can't reserve
bar PCIE note end each=bar ends=bar | BAR {bar} has its memory window
  BAR {bar:u}: assigned [
  BAR {bar:u} [mem …]: assigned
swiotlb IOMMU warning | the bounce buffers of the host are full
  swiotlb buffer is full
  > boot with a larger swiotlb=
"""

BARE = r"""
iommu IOMMU critical | memory access refused by the IOMMU at {address}: {why}
  DMAR: [{access:D}] Request device [{bdf:b}] fault addr {address:x} [fault reason {code:x}] {why:s}
  DMAR: [{access:D}] Request device [{bdf:b}] fault addr {address:x}
  DMAR: [{access:D}] Request device [{bdf:b}] fault index {address:x}
  DMAR: [{access:D}] Request device [{bdf:b}] …fault addr {address:x}
  DMAR:[{access:D}] Request device [{bdf:b}] …fault addr {address:x}
  AMD-Vi: Event logged [IO_PAGE_FAULT device={bdf:b} domain=%x address={address:x}
  iommu ivhd%d: AMD-Vi: Event logged [IO_PAGE_FAULT device={bdf:b} domain=%x address={address:x}
  > update driver and firmware; look at the set-up of virtual machines
iommu-arm IOMMU warning | memory access refused by the SMMU: event {event}
  arm-smmu-v3 {smmu:n}: event {event:x} received
  > update driver and firmware; look at the set-up of virtual machines
pci-error AER critical card lasts | the platform stopped the card after an error of PCIe
  EEH: PE#%x (PCI {bdf:b}): Invoking {driver:M}->error_detected
  zpci: {bdf:b}: Event %x reports an error for PCI function
  > reseat the card, try another slot
pci-error AER critical outcome card lasts | recovery failed
  zpci: {bdf:b}: Automatic recovery failed
  > reset the function from the management console, or restart the partition
pci-error AER note end ends=pci-error,health whole | recovered from an error of PCIe
  EEH: PE#%x (PCI {bdf:b}): Invoking {driver:M}->resume
  zpci: {bdf:b}: The device is ready to resume operations
ghes AER @ghes card | PCIe error, told by the BIOS
  {{number:d}}[Hardware Error]: …device_id: {bdf:b}
  > reseat the card, leave out the riser, try another slot
ghes AER - part | severity of what follows
  {{number:d}}[Hardware Error]: event severity: {level:w}
  {{number:d}}[Hardware Error]: …event severity: {level:w}
"""
