"""The checks of `mlxtop doctor`, by subject; each is a small pure function."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.doctor.check import Check
from mlxtop.doctor.checks.bonds import check_bonds
from mlxtop.doctor.checks.cards import check_cards, check_firmware, check_link_type, check_netdev
from mlxtop.doctor.checks.counters import check_counters, check_stuck
from mlxtop.doctor.checks.heat import check_optics, check_temperatures
from mlxtop.doctor.checks.host import (
    check_machine,
    check_power_saving,
    check_queueing,
    check_sysctls,
)
from mlxtop.doctor.checks.infiniband import (
    check_generation,
    check_ipoib,
    check_lanes,
    check_subnet_manager,
)
from mlxtop.doctor.checks.link import (
    check_autonegotiation,
    check_ethernet_lanes,
    check_fec,
    check_link,
    check_pause,
    check_speed,
)
from mlxtop.doctor.checks.log import check_log
from mlxtop.doctor.checks.mtu import check_mtu, check_probes
from mlxtop.doctor.checks.pcie import (
    check_aspm,
    check_bus_errors,
    check_iommu,
    check_packets,
    check_shared,
    check_slot,
    check_switch,
)
from mlxtop.doctor.checks.place import check_test_programs
from mlxtop.doctor.checks.queues import (
    check_channels,
    check_coalesce,
    check_interrupts,
    check_offloads,
    check_rings,
)
from mlxtop.doctor.checks.roce import check_roce
from mlxtop.doctor.checks.stored import check_requests, check_stored
from mlxtop.doctor.checks.traffic import check_verdict

CHECKS: Mapping[str, Check] = {
    "cards answer and have a driver": check_cards,
    "ports have network devices": check_netdev,
    "firmware in flash is the running one": check_firmware,
    "no link type is pending": check_link_type,
    "links are up": check_link,
    "link speed": check_speed,
    "Ethernet lanes": check_ethernet_lanes,
    "autonegotiation": check_autonegotiation,
    "forward error correction": check_fec,
    "pause": check_pause,
    "RoCE flow control": check_roce,
    "InfiniBand lanes": check_lanes,
    "InfiniBand speed": check_generation,
    "subnet manager": check_subnet_manager,
    "IPoIB mode": check_ipoib,
    "MTU": check_mtu,
    "MTU to the peer": check_probes,
    "PCIe slot": check_slot,
    "PCIe shared by ports": check_shared,
    "PCIe shared by cards": check_switch,
    "PCIe packet sizes": check_packets,
    "PCIe read requests": check_requests,
    "stored performance settings": check_stored,
    "PCIe errors": check_bus_errors,
    "PCIe power saving": check_aspm,
    "IOMMU": check_iommu,
    "rings": check_rings,
    "queues": check_channels,
    "interrupts": check_interrupts,
    "interrupt moderation": check_coalesce,
    "offloads": check_offloads,
    "processor clock": check_power_saving,
    "kernel settings": check_sysctls,
    "queueing and congestion control": check_queueing,
    "memory and watchdog settings": check_machine,
    "cores of test programs": check_test_programs,
    "bonds": check_bonds,
    "temperatures": check_temperatures,
    "optical power": check_optics,
    "error counters": check_counters,
    "counters can still count": check_stuck,
    "kernel log": check_log,
    "what limits the traffic": check_verdict,
}
"""Name in words to check, in the order of the report."""
