"""RDMA ports, cages and multi-PF netdevs, with directories in either order."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest

from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import derive
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.sample import LinkState, Sample
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.sampler.facts import Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.pairing import share_bonded_rdma
from mlxtop.system.capture import Capture
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

HOSTS = Path(__file__).parent / "hosts"
MULTI_PF = HOSTS / "cx7-multi-pf.txt"
MAIN, SILENT = "0000:27:00.0", "0000:a7:00.0"
SILENT_PATH = "/sys/devices/pci0000:a6/0000:a6:01.0/0000:a7:00.0"
MAIN_PATH = "/sys/devices/pci0000:26/0000:26:01.0/0000:27:00.0"


class Ordered(CapturedSystem):
    """A captured machine whose directories are read from the front or from the back."""

    def __init__(self, capture: Capture, backwards: bool) -> None:
        super().__init__("machine", capture, capture)
        self._backwards = backwards

    def list(self, path: str) -> list[str]:
        entries = sorted(super().list(path))
        return entries[::-1] if self._backwards else entries


@pytest.fixture(params=[False, True], ids=["forwards", "backwards"])
def backwards(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def machine(name: str, backwards: bool, *more: str) -> Ordered:
    text = (HOSTS / f"{name}.txt").read_text() + "".join(f"{line}\n" for line in more)
    capture = parse_capture(text)
    assert capture.complaints == []
    return Ordered(capture, backwards)


def look(name: str, backwards: bool, *more: str) -> Inventory:
    return discover(machine(name, backwards, *more))


def sample(name: str, backwards: bool, *more: str) -> Sample:
    source = LiveSource(machine(name, backwards, *more), patience=5.0)
    (one,) = source.samples(Event())
    source.close()
    return one


def rdma(ports: tuple[Port, ...]) -> list[tuple[str | None, str | None, int | None]]:
    return [(port.netdev, port.rdma, port.rdma_port) for port in ports]


def test_planes_of_a_port_are_left_out(backwards: bool) -> None:
    (one,) = sample("cx8-planes", backwards).ports.values()
    assert (one.port.rdma, one.port.extra_rdma) == ("ibp33s0", ("smi0",))
    assert (one.link.speed, one.link.state, one.link.lid) == (400_000_000_000, LinkState.UP, 0x11)


def test_planes_of_any_name_are_told_by_their_lids(backwards: bool) -> None:
    text = (HOSTS / "cx8-planes.txt").read_text().replace("smi0", "aaa").replace("ibp33s0/", "zz/")
    text = text.replace("infiniband/ibp33s0 ->", "infiniband/zz ->")
    text = text.replace("infiniband/ibp33s0\n", "infiniband/zz\n")
    (one,) = discover(Ordered(parse_capture(text), backwards)).ports
    assert (one.rdma, one.extra_rdma) == ("zz", ("aaa",))


def test_planes_are_told_without_a_subnet_manager_too(backwards: bool) -> None:
    text = (HOSTS / "cx8-planes.txt").read_text().replace("lid = 0x11", "lid = 0xffff")
    text = text.replace("smi0", "aaa")
    (one,) = discover(Ordered(parse_capture(text), backwards)).ports
    assert one.rdma == "ibp33s0"


def test_one_device_alone_is_never_taken_for_planes(backwards: bool) -> None:
    text = (HOSTS / "cx6-subfunction.txt").read_text().replace("rocep59s0f0", "smi1")
    (one,) = discover(Ordered(parse_capture(text), backwards)).ports
    assert one.rdma == "smi1"


def test_the_device_of_a_sub_function_is_not_the_ports(backwards: bool) -> None:
    (one,) = look("cx6-subfunction", backwards).ports
    assert rdma((one,)) == [("ens5f0np0", "rocep59s0f0", 1)]
    assert (one.extra_rdma, one.extra_netdevs) == (("mlx5_0",), ("ens5f0s33",))
    assert one.representors == ("ens5f0npf0sf33",)


def test_a_port_whose_only_device_is_a_sub_functions_has_none(backwards: bool) -> None:
    text = (HOSTS / "cx6-subfunction.txt").read_text()
    lines = (line for line in text.splitlines(keepends=True) if "rocep59s0f0" not in line)
    (one,) = discover(Ordered(parse_capture("".join(lines)), backwards)).ports
    assert (one.rdma, one.extra_rdma) == (None, ("mlx5_0",))


def test_rdma_ports_are_numbered_by_their_netdevs(backwards: bool) -> None:
    found = sample("cx8-multiplane", backwards)
    ports = tuple(one.port for one in found.ports.values())
    assert rdma(ports) == [("rail2p0", "rdma_rail2", 2), ("rail2p1", "rdma_rail2", 4)]
    assert {one.link.phys_state for one in found.ports.values()} == {"LinkUp"}


def test_a_netdev_that_no_rdma_port_names_gets_none(backwards: bool) -> None:
    text = (
        (HOSTS / "cx8-multiplane.txt").read_text().replace("ndevs/0 = rail2p0", "ndevs/0 = vxlan")
    )
    first, second = discover(Ordered(parse_capture(text), backwards)).ports
    assert (first.rdma, second.rdma_port) == (None, 4)


def test_members_of_a_bond_share_one_rdma_device(backwards: bool) -> None:
    first, second = look("cx5-lag", backwards).ports
    assert (first.rdma, second.rdma) == ("mlx5_bond_0", "mlx5_bond_0")
    assert first.rdma_lag == second.rdma_lag == first.id
    assert (first.counts_rdma, second.counts_rdma) == (True, False)


def member(number: int, rdma: str | None, bond: str | None = "bond0", kind: str = "bond") -> Port:
    return Port(
        PortId(f"0000:03:00.{number}", 1), PortKind.PHYSICAL, rdma=rdma, bond=bond, bond_kind=kind
    )


@pytest.mark.parametrize(
    "ports",
    [
        [member(0, "mlx5_0"), member(1, "mlx5_1")],
        [member(0, "mlx5_0"), member(1, None, "bond1")],
        [member(0, "mlx5_0"), member(1, None, kind="bridge")],
        [member(0, "mlx5_0"), member(1, None, None)],
        [member(0, None), member(1, None)],
    ],
)
def test_rdma_devices_that_nothing_merged_are_not_shared(ports: list[Port]) -> None:
    assert share_bonded_rdma(ports) == ports


def test_the_functions_of_a_multi_pf_netdev_are_one_port_of_one_card(backwards: bool) -> None:
    found = look("cx7-multi-pf", backwards)
    (card,), (port,) = found.adapters, found.ports
    assert [function.address for function in card.functions] == [MAIN, SILENT]
    assert (port.function, port.extra_functions) == (MAIN, (SILENT,))
    assert card.state is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("osrelease = 6.10.3", "osrelease = 6.8.12"),
        (f"{SILENT_PATH}/device = 0x1021", f"{SILENT_PATH}/device = 0x101d"),
        (f"{SILENT_PATH}/msi_irqs/81 = msix", f"{SILENT_PATH}/irq = 0"),
        (f"{SILENT_PATH}/class = 0x020000", f"{SILENT_PATH}/class = 0x020700"),
    ],
)
def test_a_function_without_devices_is_a_fault_where_it_is_no_multi_pf_netdev(
    before: str, after: str
) -> None:
    text = MULTI_PF.read_text()
    assert before in text
    found = discover(Ordered(parse_capture(text.replace(before, after)), False))
    assert [bool(card.state) for card in found.adapters] == [False, True]
    assert len(found.ports) == 2


def test_cards_of_other_serial_numbers_are_two(backwards: bool) -> None:
    serials = {f"pci/{MAIN}": {"serial": "A1"}, f"pci/{SILENT}": {"serial": "A2"}}
    assert (
        len(look("cx7-multi-pf", backwards, f"? devlink-info = {json.dumps(serials)}").ports) == 2
    )


def test_one_socket_needs_divided_lanes(backwards: bool) -> None:
    text = MULTI_PF.read_text().replace("numa_node = 1", "numa_node = 0")
    assert len(discover(Ordered(parse_capture(text), backwards)).ports) == 1
    whole = text.replace("max_link_width = 16", "max_link_width = 8")
    assert len(discover(Ordered(parse_capture(whole), backwards)).ports) == 2


@pytest.mark.parametrize("told", [True, False])
def test_what_the_driver_tells_to_root_counts_more_than_signs(told: bool) -> None:
    text = MULTI_PF.read_text()
    place = f"/sys/kernel/debug/mlx5/{MAIN}"
    if told:  # although neither kernel nor interrupts would tell it
        text = text.replace("6.10.3", "5.14.0").replace("/msi_irqs/81 = msix", "/irq = 0")
        text += f"{place}/multi-pf/primary = {MAIN} vhca 0x0\n"
        text += f"{place}/multi-pf/secondary_0 = {SILENT} vhca 0x1\n"
    else:
        text += f"{place}/pages/num = 0\n"
    (first, *more) = discover(Ordered(parse_capture(text), False)).ports
    assert first.extra_functions == ((SILENT,) if told else ())
    assert len(more) == (0 if told else 1)


def test_several_multi_pf_netdevs_are_paired_in_order(backwards: bool) -> None:
    text = MULTI_PF.read_text()
    other = text.replace(":26:", ":c6:").replace(":27:", ":c7:").replace(":a6:", ":e6:")
    other = (
        other.replace(":a7:", ":e7:").replace("pci0000:26", "pci0000:c6").replace("ens1", "ens2")
    )
    other = other.replace("pci0000:a6", "pci0000:e6").replace("mlx5_4", "mlx5_5")
    other = other.replace("e09d:7303:0066:0050", "e09d:7303:0066:0051")
    rows = [
        line.replace('"index": 2', '"index": 3') for line in other.splitlines() if "? links" in line
    ]
    both = json.loads(text.partition("? links = ")[2].splitlines()[0])
    both += json.loads(rows[0].removeprefix("? links = "))
    lines = [
        line
        for line in other.splitlines()
        if line.startswith("/sys") and "drivers/" not in line[:20]
    ]
    lines.append(f"? links = {json.dumps(both)}")
    merged = text.partition("? links = ")[0] + "\n".join(lines) + "\n"
    found = discover(Ordered(parse_capture(merged), backwards))
    assert [(port.function, port.extra_functions) for port in found.ports] == [
        (MAIN, (SILENT,)),
        ("0000:c7:00.0", ("0000:e7:00.0",)),
    ]


def test_functions_of_one_cage_are_told_and_those_of_two_cages_not(backwards: bool) -> None:
    ports = {port.netdev: port for port in look("gb10", backwards).ports}
    first, second = PortId("0000:01:00.0", 1), PortId("0000:01:00.1", 1)
    assert [port.cage for port in ports.values()] == [first, second, first, second]
    (card, *_) = look("cx5-lag", backwards).ports
    assert card.cage is None


def test_pcie_of_both_functions_of_a_multi_pf_netdev_counts(backwards: bool) -> None:
    frame = derive(sample("cx7-multi-pf", backwards), None)
    (port,) = frame.ports
    view = port_view(frame, port)
    assert [status.path.available_mbps for status in frame.paths(port)] == [252056, 252056]
    assert view.capacity is not None
    assert (view.capacity.by, view.capacity.bps) == ("link", 400e9)
    assert view.ceiling.pcie is not None
    assert (view.ceiling.pcie.raw, view.ceiling.pcie.hop) == (504_112_000_000, None)


def test_cores_beside_either_function_of_a_multi_pf_netdev_are_its_own(backwards: bool) -> None:
    lines = [
        "/proc/interrupts:",
        "  |            CPU0",
        f"  | 80:  5  PCI-MSIX 1-edge  mlx5_comp1@pci:{MAIN}",
        f"  | 81:  5  PCI-MSIX 1-edge  mlx5_comp1@pci:{SILENT}",
        "/proc/irq/80/effective_affinity_list = 1",
        "/proc/irq/81/effective_affinity_list = 6",
    ]
    source = LiveSource(
        machine("cx7-multi-pf", backwards, *lines), patience=5.0, wants=frozenset({Fact.PORTS})
    )
    (one,) = source.samples(Event())
    source.close()
    (port,) = one.ports.values()
    assert port.settings.value is not None
    interrupts = port.settings.value.interrupts or ()
    assert [interrupt.cpus for interrupt in interrupts] == [(1,), (6,)]
    frame = derive(one, None)
    functions = frame.functions(port.port.id)
    assert [function.numa_node for function in functions] == [0, 1]


def test_the_function_with_the_netdev_stands_for_the_card(backwards: bool) -> None:
    text = MULTI_PF.read_text().replace("0000:27:00.0", "0000:f7:00.0")
    (card,) = discover(Ordered(parse_capture(text), backwards)).adapters
    assert [function.address for function in card.functions] == ["0000:f7:00.0", SILENT]


@pytest.mark.parametrize(("planes", "port"), [("ibp33s0", "smi0"), ("smi0", "ibp33s0")])
def test_the_type_that_the_kernel_tells_counts_more_than_name_and_lids(
    planes: str, port: str, backwards: bool
) -> None:
    kinds = {planes: {"type": "smi", "parent": port}, port: {"type": None, "parent": None}}
    answer = f"? rdma-devices = {json.dumps(kinds)}"
    (one,) = look("cx8-planes", backwards, answer).ports
    assert (one.rdma, one.extra_rdma) == (port, (planes,))


def test_a_bonds_device_that_names_its_active_member_is_still_one(backwards: bool) -> None:
    place = "/sys/devices/pci0000:b0/0000:b0:02.0/0000:b1:00.0/infiniband/mlx5_bond_0/ports/1"
    for netdev, owner in (("ens3f1np1", 1), ("ens3f0np0", 0), ("bond1", 0)):
        ports = look("cx5-lag", backwards, f"{place}/gid_attrs/ndevs/0 = {netdev}").ports
        assert [port.rdma for port in ports] == ["mlx5_bond_0"] * 2
        assert [port.counts_rdma for port in ports] == [owner == 0, owner == 1]
