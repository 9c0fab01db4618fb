"""Ports and cards: their names, their order and the slots they sit in."""

from __future__ import annotations

import pytest

from mlxtop.model.identity import Adapter, Function, Port, PortId, PortKind, slot_of

ID = PortId("0000:43:00.0", 1)


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (
            Port(ID, PortKind.PHYSICAL, netdev="enp67s0np0", rdma="mlx5_0", rdma_port=1),
            "enp67s0np0",
        ),
        (Port(ID, PortKind.PHYSICAL, rdma="mlx5_0", rdma_port=2), "mlx5_0/2"),
        (Port(ID, PortKind.PHYSICAL), "0000:43:00.0/1"),
    ],
)
def test_a_port_has_the_name_that_people_use(port: Port, name: str) -> None:
    assert port.name == name


def test_ports_are_ordered_by_address_number_and_numbers_within_names() -> None:
    last, first = PortId("0001:01:00.0", 1), PortId("0000:18:00.0", 1)
    tenth, second, other = (
        first._replace(number=10),
        first._replace(number=2),
        PortId("0000:9a:00.0", 1),
    )
    assert sorted([last, other, tenth, second, first]) == [first, second, tenth, other, last]
    names = [PortId("veth10", 1), PortId("veth2", 1)]
    assert sorted(names) == [names[1], names[0]]
    assert max(names) == names[0]


@pytest.mark.parametrize(
    ("driver", "mlx"), [("mlx5_core", True), ("mlx4_en", True), ("mlxsw", False), (None, False)]
)
def test_a_connectx_port_is_known_by_its_driver(driver: str | None, mlx: bool) -> None:
    assert Port(ID, PortKind.PHYSICAL, driver=driver).is_mlx is mlx


def test_a_card_in_two_slots_has_the_first_function_of_each() -> None:
    addresses = ("0000:43:00.0", "0000:43:00.1", "0000:63:00.0")
    functions = tuple(Function(address, 0x15B3, 0x1017, 0x020000) for address in addresses)
    card = Adapter("card", "ConnectX-5", functions, (), state="no driver")
    assert {slot: one.address for slot, one in card.slots.items()} == {
        "0000:43:00": "0000:43:00.0",
        "0000:63:00": "0000:63:00.0",
    }
    assert card.driver is None
    assert slot_of("veth0") == "veth0"
