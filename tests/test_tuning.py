"""Settings of host and ports, from a captured machine and from text that makes no sense."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.number import parse_cores
from mlxtop.model.tuning import PciControl
from mlxtop.sampler.settings import read_host, read_port
from mlxtop.sources.kernel.bonding import parse_bond
from mlxtop.sources.kernel.ethtool import (
    parse_channels,
    parse_coalesce,
    parse_features,
    parse_fec,
    parse_modes,
    parse_pause,
    parse_rings,
)
from mlxtop.sources.kernel.pci import parse_config, parse_interrupts
from mlxtop.sources.kernel.sysfs import read_text
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from tests.test_pci import config_space

DEVICE = "/sys/bus/pci/devices/0000:43:00.0"
PORT = Port(
    PortId("0000:43:00.0", 1), PortKind.PHYSICAL, function="0000:43:00.0", netdev="enp67s0np0"
)


def machine(text: str) -> CapturedSystem:
    capture = parse_capture(HEADER + "\n" + text)
    assert capture.complaints == []
    return CapturedSystem("test", capture, capture)


HOST = """
/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor = powersave
/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor = performance
/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor = powersave
/sys/devices/system/cpu/smt/active = 1
/sys/module/pcie_aspm/parameters/policy = default performance [powersave] powersupersave
/sys/module/ib_ipoib/
/sys/module/snd/
/proc/sys/net/ipv4/tcp_rmem = 4096\t131072\t6291456
/proc/sys/net/ipv4/tcp_timestamps = 0
/proc/1/comm = systemd
/proc/812/comm = irqbalance
"""


def test_the_hosts_settings_are_read() -> None:
    host = read_host(machine(HOST))
    assert host.governors == {"powersave": 2, "performance": 1}
    assert host.smt is True
    assert host.aspm_policy == "powersave"
    assert host.modules == frozenset({"ib_ipoib"})
    assert host.processes == frozenset({"irqbalance"})
    assert host.sysctls == {
        "net.ipv4.tcp_rmem": "4096 131072 6291456",
        "net.ipv4.tcp_timestamps": "0",
    }


def test_what_a_host_does_not_tell_has_a_reason() -> None:
    host = read_host(machine("/sys/devices/system/cpu/cpu0/online = 1\n"))
    assert host.governors is None
    assert host.smt is None
    assert host.processes is None
    assert set(host.absent) == {"governors", "smt", "processes", "modules"}
    assert "frequency scaling" in host.absent["governors"]


def ports_tuning(text: str) -> Any:
    system = machine(text)
    handlers = parse_interrupts(read_text(system, "/proc/interrupts") or "")
    return read_port(system, PORT, [DEVICE], handlers)


def test_a_ports_settings_are_read() -> None:
    config = config_space(control=2 << 12 | 1 << 5 | 0x10).hex(" ", 2)
    port = ports_tuning(f"""
? rings enp67s0np0 = {{"rx": 1024, "rx_max": 8192, "tx": 1024, "tx_max": 8192}}
? channels enp67s0np0 = {{"combined": 16, "combined_max": 63, "rx": 0}}
? coalesce enp67s0np0 = {{"adaptive_rx": 1, "adaptive_tx": true}}
? pause enp67s0np0 = {{"autoneg": 0, "rx": 1, "tx": 1}}
? fec enp67s0np0 = {{"active": "RS", "auto": 1, "corrected": 7, "uncorrectable": null}}
? link-modes enp67s0np0 = {{"speed": 100000, "autoneg": 1, "lanes": 4, "peer": ["a", 3]}}
? features enp67s0np0 = {{"rx-gro": true, "tx-tcp-segmentation": false}}
? dcb enp67s0np0 = {{"pfc": {{"most": 8, "mask": 8}}, "apps": [[5, 26, 3]]}}
{DEVICE}/config hex:
  | {config}
{DEVICE}/iommu_group/type = DMA-FQ
{DEVICE}/msi_irqs/64 = msix
{DEVICE}/msi_irqs/65 = msix
{DEVICE}/msi_irqs/66 = msix
/proc/irq/65/effective_affinity_list = 3
/proc/irq/66/smp_affinity_list = 0-1
/proc/interrupts:
  |            CPU0       CPU1
  |   64:          1          0  IR-PCI-MSI 0-edge      mlx5_async0@pci:0000:43:00.0
  |   65:          9          8  IR-PCI-MSI 1-edge      mlx5_comp0@pci:0000:43:00.0
  |   66:          9          8  IR-PCI-MSI 2-edge      mlx5_comp1@pci:0000:43:00.0
  |  NMI:          0          0   Non-maskable interrupts
""")
    assert port.rings.rx_max == 8192
    assert (port.channels.combined, port.channels.combined_max) == (16, 63)
    assert port.coalesce.adaptive_rx is True
    assert port.pause.autoneg is False
    assert port.fec.active == "RS"
    assert (port.modes.lanes, port.modes.peer) == (4, ("a",))
    assert port.features["tx-tcp-segmentation"] is False
    assert port.control == PciControl(mps=256, mps_supported=512, mrrs=512, relaxed_ordering=True)
    assert port.iommu == "DMA-FQ"
    assert (port.dcb.pfc, port.dcb.dscp, port.dcb.trust) == ((3,), {26: 3}, None)
    assert [(i.number, i.cpus) for i in port.interrupts] == [(65, (3,)), (66, (0, 1))]
    assert port.absent == {
        "bridge_control": "nothing above the device is visible",
        "ecn": "not in this capture",
    }


def test_every_setting_that_cannot_be_read_has_a_reason() -> None:
    head = config_space(0)[:64].hex(" ", 2)
    port = ports_tuning(f"? fec enp67s0np0 ! EPERM\n{DEVICE}/config hex:\n  | {head}\n")
    assert port.rings is None
    assert port.absent["rings"] == "not in this capture"
    assert port.absent["fec"] == "needs root"
    assert port.absent["control"] == "needs root"
    assert port.absent["interrupts"] == "not in this capture"
    assert port.iommu is None


def test_a_port_without_netdev_and_function_has_reasons_only() -> None:
    port = Port(PortId("mlx5_0", 1), PortKind.PHYSICAL)
    seen = read_port(machine(""), port, [], {})
    assert set(seen.absent.values()) == {"no network device", "not a PCI device"}


answers = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
keyed = st.dictionaries(st.sampled_from(["rx", "combined", "peer", "active", "auto"]), answers)


@given(st.text(), st.binary(max_size=300), answers | keyed)
def test_nothing_makes_a_parser_raise(text: str, data: bytes, answer: Any) -> None:
    parse_bond("bond0", text)
    parse_cores(text)
    parse_interrupts(text)
    parse_config(config_space(0)[:60] + data)
    for parse in (
        parse_rings,
        parse_channels,
        parse_coalesce,
        parse_pause,
        parse_fec,
        parse_modes,
        parse_features,
    ):
        parse(answer)


def test_reading_that_fails_in_any_way_is_a_reason() -> None:
    for code in (errno.EIO, errno.EINVAL, errno.ENODEV, errno.EACCES):
        name = errno.errorcode[code]
        port = ports_tuning(f"? rings enp67s0np0 ! {name}\n{DEVICE}/config ! {name}\n")
        assert port.absent["rings"]
        assert port.absent["control"]


@pytest.mark.parametrize(("np", "rp", "on"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_congestion_notification_is_read_where_the_driver_shows_it(
    np: int, rp: int, on: bool
) -> None:
    port = ports_tuning(f"""
/sys/class/net/enp67s0np0/ecn/roce_np/enable/3 = {np}
/sys/class/net/enp67s0np0/ecn/roce_np/enable/4 = 0
/sys/class/net/enp67s0np0/ecn/roce_rp/enable/3 = {rp}
""")
    assert port.ecn is on


def test_what_is_set_for_error_correction_is_read() -> None:
    fec = parse_fec({"active": "BASER", "auto": False, "modes": ["RS", 3]})
    assert (fec.active, fec.auto, fec.modes) == ("BASER", False, ("RS",))


PROGRAMS = """
/proc/1/comm = systemd
/proc/4711/comm = iperf3
/proc/4711/cmdline hex:
  | 6970 6572 6633 002d 6300 6672 7900
/proc/4711/status:
  | Name:	iperf3
  | Cpus_allowed_list:	0-1,4
/proc/4712/comm = ib_write_bw
/proc/812/comm = irqbalance
/sys/kernel/mm/transparent_hugepage/enabled = always [madvise] never
/proc/sys/kernel/numa_balancing = 1
"""


def test_programs_that_measure_are_read_with_their_cores() -> None:
    host = read_host(machine(PROGRAMS))
    first, second = host.programs
    assert (first.pid, first.name, first.cpus) == (4711, "iperf3", (0, 1, 4))
    assert first.words == ("iperf3", "-c", "fry")
    assert (second.name, second.cpus) == ("ib_write_bw", None)
    assert host.processes == frozenset({"irqbalance"})
    assert host.huge_pages == "madvise"
    assert host.sysctls == {"kernel.numa_balancing": "1"}
