"""Which cards and ports are found on captured machines, and what is read of them."""

import json
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model import identity
from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.sample import AerError, LinkLayer, LinkState, PortSample, Sample
from mlxtop.sampler.discover import discover
from mlxtop.sampler.live import LiveSource
from mlxtop.sources.kernel import ethtool, families, hwmon, pci, rdma, sysfs
from mlxtop.sources.kernel import net as netdev
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem, load_captured

HOSTS = Path(__file__).parent / "hosts"


def host(name: str) -> CapturedSystem:
    return load_captured(str(HOSTS / f"{name}.txt"))


def sample(name: str, everything: bool = False) -> Sample:
    source = LiveSource(host(name), everything=everything, patience=5.0)
    (found,) = source.samples(Event())
    source.close()
    return found


def port(name: str, number: int = 1) -> PortSample:
    found = sample(name)
    return next(p for i, p in found.ports.items() if i.number == number)


def test_a_capture_has_no_line_that_is_not_understood() -> None:
    for path in HOSTS.glob("*.txt"):
        assert load_captured(str(path)).complaints == [], path


def test_a_switch_chip_and_a_bridge_are_no_adapters() -> None:
    found = discover(host("cx4-x8"))
    assert [a.family for a in found.adapters] == ["ConnectX-4"]
    assert [str(p.id) for p in found.ports] == ["0000:43:00.0/1"]


def test_identity_of_an_mlx5_card() -> None:
    (adapter,) = discover(host("cx4-x8")).adapters
    assert adapter.key == "ec0d:9a03:0012:3456"
    assert adapter.psid == "MT_2180110032"
    assert (adapter.firmware, adapter.firmware_stored) == ("12.28.2006", "12.28.2302")
    assert adapter.functions[0].numa_node == 1
    assert adapter.functions[0].local_cpus == "8-15"


def test_with_all_virtual_devices_are_ports_of_their_own_but_never_loopback() -> None:
    found = discover(host("cx4-x8"), everything=True)
    assert [(str(p.id), p.kind) for p in found.ports] == [
        ("0000:43:00.0/1", PortKind.PHYSICAL),
        ("veth0/1", PortKind.VIRTUAL),
    ]


def test_two_ports_on_one_mlx4_function_and_a_card_without_driver() -> None:
    found = discover(host("cx3-vpi"))
    first, second = found.ports
    assert (first.netdev, first.extra_netdevs, first.rdma_port) == ("ib0", ("ib0.8001",), 1)
    assert (second.netdev, second.extra_netdevs, second.bond) == ("enp1s0d1", (), "bond0")
    assert second.bond_kind == "bond"
    assert found.layers[first.id] is LinkLayer.INFINIBAND
    assert found.layers[second.id] is LinkLayer.ETHERNET
    dead = next(a for a in found.adapters if not a.ports)
    assert dead.family == "ConnectX-2"
    assert dead.state is not None
    assert "no driver" in dead.state


def test_readings_of_an_mlx5_port_come_from_every_interface_it_has() -> None:
    found = port("cx4-x8")
    assert set(found.readings) == {Origin.NETDEV, Origin.MAC, Origin.DRIVER, Origin.RDMA} | {
        Origin.RDMA_HW
    }
    assert found.readings[Origin.MAC].get("OctetsReceivedOK") == 5_000_000
    assert found.readings[Origin.NETDEV].get("rx_dropped") == 5
    assert found.readings[Origin.RDMA].get("port_xmit_data") == 2000
    assert found.readings[Origin.RDMA_HW].get("out_of_buffer") == 7
    assert found.link.state is LinkState.UP
    assert found.link.speed == 100_000_000_000


def test_a_sensor_that_reads_zero_has_no_temperature() -> None:
    asic, module = port("cx4-x8").temperatures
    assert (asic.name, asic.celsius, asic.critical, asic.highest) == ("asic", 61.25, 105.0, 78.0)
    assert (module.name, module.celsius) == ("module", None)
    assert module.problem is not None


def test_the_pcie_path_names_the_root_port_as_the_kernel_does() -> None:
    (status,) = sample("cx4-x8").pcie.values()
    assert status.path.available_mbps == 63008
    assert status.path.capable_mbps == 126016
    assert status.path.limiting is not None
    assert status.path.limiting.device == "0000:40:03.0"
    assert status.aer == {AerError("0000:40:03.0", "BadTLP"): 3}
    assert status.aspm == "off"


def test_an_infiniband_port_without_subnet_manager_says_so() -> None:
    link = port("cx3-vpi").link
    assert (link.state, link.detail) == (LinkState.INIT, "no subnet manager")
    assert (link.speed, link.rate) == (32_000_000_000, "40 Gb/sec (4X QDR)")
    assert link.ipoib_mode == "connected"


def test_an_empty_cage_is_told_apart_from_a_dead_link() -> None:
    link = port("cx3-vpi", 2).link
    assert (link.state, link.detail) == (LinkState.NO_MODULE, "no cable or module")


def test_error_counters_of_the_rdma_port_are_read_on_infiniband_only() -> None:
    assert port("cx3-vpi").readings[Origin.RDMA_ERRORS].get("symbol_error") == 65535
    assert Origin.RDMA_ERRORS not in port("cx3-vpi", 2).readings


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((0x15B3, 0x1013, 0x020000, "mlx5_core"), True),
        ((0x15B3, 0x1013, 0x020700, None), True),
        ((0x15B3, 0x1003, 0x028000, None), True),
        ((0x15B3, 0x673C, 0x0C0600, None), True),
        ((0x15B3, 0x4242, 0x020000, "mlx5_core"), True),
        ((0x15B3, 0xC2D2, 0x080100, None), False),
        ((0x15B3, 0x1976, 0x060400, None), False),
        ((0x15B3, 0xCB84, 0x020700, "mlxsw_spectrum"), False),
        ((0x8086, 0x1013, 0x020000, None), False),
    ],
)
def test_vendor_and_class_alone_decide_nothing(
    ids: tuple[int, int, int, str | None], expected: bool
) -> None:
    assert families.is_adapter(*ids) is expected


def test_a_port_that_is_not_selected_is_not_read() -> None:
    source = LiveSource(host("cx3-vpi"), include=("enp*",), patience=5.0)
    (found,) = source.samples(Event())
    source.close()
    assert list(found.ports) == [PortId("0000:01:00.0", 2)]
    assert [a.family for a in found.adapters] == ["ConnectX-3"]


@pytest.mark.parametrize(
    ("info", "firmware"),
    [
        (
            {
                "driver": "mlx4_en (MT_0C40110009)",
                "version": "1.5.1 (Jan 2010)",
                "firmware": "2.8.0",
            },
            ("2.8.0", "MT_0C40110009"),
        ),
        (
            {"driver": "mlx4_en", "version": "1.5.10 (DEL0A10210018)", "firmware": "2.9.1"},
            ("2.9.1", "DEL0A10210018"),
        ),
        (
            {"driver": "mlx4_en (MT_0C40110009)", "firmware": "2.9.1 (HP_0180210019)"},
            ("2.9.1", "HP_0180210019"),
        ),
        (
            {"driver": "mlx4_en", "version": "4.0-0 (Rev 1)", "firmware": "2.42.5000"},
            ("2.42.5000", None),
        ),
        (None, (None, None)),
    ],
)
def test_the_psid_of_old_drivers_stands_beside_their_name(
    info: dict[str, str] | None, firmware: tuple[str | None, str | None]
) -> None:
    line = f"? driver-info eth0 = {json.dumps(info)}\n" if info else ""
    capture = parse_capture(f"mlxtop capture 1\n{line}")
    assert ethtool.read_firmware(CapturedSystem("x", capture, capture), "eth0") == firmware


@given(st.text(max_size=60))
def test_no_text_makes_a_parser_raise(text: str) -> None:
    sysfs.parse_count(text)
    sysfs.parse_hex(text)
    identity.pci_address(text)
    pci.parse_speed(text)
    pci.parse_width(text)
    pci.parse_aer(text)
    rdma.parse_state(text)
    hwmon.parse_celsius(text)
    hwmon.sensor_name(text, 1)
    ethtool.parse_firmware(text)
    ethtool.parse_psid(text)
    parse_capture("mlxtop capture 1\n" + text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(JSON)
def test_no_answer_of_a_stranger_makes_a_reader_raise(answer: object) -> None:
    netdev.parse_links(answer)
    netdev.parse_links([answer, {"name": "x", "index": 1, "flags": answer}])
    netdev.LinkCounters(answer, 0.0).get(1)
    rows = netdev.LinkCounters({"1": answer, "2": [answer] * 24}, 0.0)
    assert rows.get(3) is None
    assert all(reading is None or len(reading.values) == 24 for reading in map(rows.get, (1, 2)))
    ethtool.parse_link_state(answer)
