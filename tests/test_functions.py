"""Functions of one card, virtual functions, representors, sub-functions and bonded RDMA."""

from __future__ import annotations

import json
from typing import Any

from mlxtop.model.identity import PortKind
from mlxtop.sampler.discover import Inventory, discover
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

ROOT = "/sys/devices/pci0000:00/0000:00:02.0"
GUID = "b8ce:f603:0012:3456"


class Machine:
    """A captured machine put together by functions and devices."""

    def __init__(self) -> None:
        self.lines = [HEADER, "/sys/bus/pci/drivers/mlx5_core/"]
        self.links: list[dict[str, Any]] = []

    def function(self, address: str, device: int = 0x101D, physfn: str | None = None) -> None:
        place = f"{ROOT}/{address}"
        up = "../../../../bus/pci/drivers/mlx5_core"
        self.lines += [
            f"/sys/bus/pci/devices/{address} -> ../../..{place.removeprefix('/sys')}",
            f"{place}/vendor = 0x15b3",
            f"{place}/device = {device:#06x}",
            f"{place}/class = 0x020000",
            f"{place}/driver -> {up}",
        ]
        if physfn:
            self.lines.append(f"{place}/physfn -> ../{physfn}")

    def netdev(self, address: str, name: str, port_name: str | None = None, **more: Any) -> None:
        index = len(self.links) + 2
        self.lines.append(f"{ROOT}/{address}/net/{name}/dev_port = 0")
        link = {"index": index, "name": name, "type": 1, "flags": 4099, "carrier": 1}
        parent = {"parent": address, "parent_bus": "pci", "port_name": port_name}
        self.links.append({**link, **parent, **more})

    def rdma(self, address: str, name: str, guid: str = GUID) -> None:
        place = f"{ROOT}/{address}/infiniband/{name}"
        target = place.removeprefix("/sys")
        self.lines += [
            f"/sys/class/infiniband/{name} -> ../..{target}",
            f"{place}/device -> ../../../{address}",
            f"{place}/sys_image_guid = {guid}",
            f"{place}/ports/1/link_layer = Ethernet",
        ]

    def look(self, everything: bool = False) -> Inventory:
        text = "\n".join([*self.lines, f"? links = {json.dumps(self.links)}"]) + "\n"
        capture = parse_capture(text)
        assert capture.complaints == []
        return discover(CapturedSystem("machine", capture, capture), everything)


def dual() -> Machine:
    """One card of two functions."""
    machine = Machine()
    for number in (0, 1):
        address = f"0000:03:00.{number}"
        machine.function(address)
        machine.netdev(address, f"enp3s0f{number}np{number}", f"p{number}")
    return machine


def test_two_functions_with_one_system_guid_are_one_card_even_on_two_buses() -> None:
    machine = Machine()
    for address, name in (("0000:03:00.0", "mlx5_0"), ("0000:81:00.0", "mlx5_1")):
        machine.function(address)
        machine.rdma(address, name)
    found = machine.look()
    (adapter,) = found.adapters
    assert [function.address for function in adapter.functions] == ["0000:03:00.0", "0000:81:00.0"]
    assert [str(port.id) for port in found.ports] == ["0000:03:00.0/1", "0000:81:00.0/1"]


def test_functions_of_one_slot_are_one_card_where_nothing_tells_a_guid() -> None:
    (adapter,) = dual().look().adapters
    assert len(adapter.functions) == len(adapter.ports) == 2


def test_without_a_bond_an_rdma_device_is_that_of_its_function() -> None:
    machine = dual()
    machine.rdma("0000:03:00.0", "mlx5_bond_0")
    first, second = machine.look().ports
    assert (first.rdma, second.rdma) == ("mlx5_bond_0", None)
    assert first.adapter == second.adapter == GUID


def test_virtual_functions_are_counted_at_their_port_and_shown_with_all() -> None:
    machine = dual()
    for number in (2, 3):
        address = f"0000:03:00.{number}"
        machine.function(address, 0x101E, physfn="0000:03:00.0")
        machine.netdev(address, f"enp3s0f0v{number}")
    few, every = machine.look(), machine.look(everything=True)
    assert [port.vfs for port in few.ports] == [2, 0]
    assert [port.kind for port in every.ports] == [PortKind.PHYSICAL] * 2 + [PortKind.VF] * 2
    assert len(every.adapters) == 1
    assert len(every.adapters[0].functions) == 2


def test_a_virtual_function_inside_a_guest_is_a_port() -> None:
    machine = Machine()
    machine.function("0000:00:05.0", 0x101E)
    (port,) = machine.look().ports
    assert port.kind is PortKind.VF


def test_representors_are_folded_under_the_uplink() -> None:
    machine = dual()
    for number in range(3):
        machine.netdev("0000:03:00.0", f"enp3s0f0npf0vf{number}", f"pf0vf{number}")
    first, second = machine.look(everything=True).ports
    assert first.netdev == "enp3s0f0np0"
    assert len(first.representors) == 3
    assert first.switchdev and not second.switchdev


def test_a_sub_function_is_a_further_device_of_its_port() -> None:
    machine = dual()
    place = f"{ROOT}/0000:03:00.0/mlx5_core.sf.2"
    machine.lines += [
        f"/sys/class/net/enp3s0f0s88 -> ../..{place.removeprefix('/sys')}/net/enp3s0f0s88",
        f"{place}/net/enp3s0f0s88/device -> ../../../mlx5_core.sf.2",
        f"{place}/driver = x",
    ]
    link = {"index": 40, "name": "enp3s0f0s88", "type": 1, "flags": 4099, "carrier": 1}
    machine.links.append({**link, "parent": "mlx5_core.sf.2", "parent_bus": "auxiliary"})
    first, _ = machine.look(everything=True).ports
    assert first.extra_netdevs == ("enp3s0f0s88",)


def test_an_unknown_id_with_the_driver_is_shown_as_what_it_is() -> None:
    machine = Machine()
    machine.function("0000:03:00.0", 0x1099)
    (adapter,) = machine.look().adapters
    assert adapter.family == "mlx5 device 0x1099"
    assert adapter.state is not None
