"""Why a value of a port or a card is empty."""

from __future__ import annotations

import pytest

from mlxtop.analysis.fields import why_empty, why_empty_card
from mlxtop.analysis.port_view import port_view
from mlxtop.model.frame import derive
from mlxtop.model.identity import Adapter, Host, Port, PortId, PortKind
from mlxtop.model.sample import Link, LinkState, PortSample, Sample, Temperature

ID = PortId("0000:43:00.0", 1)


def reasons(port: Port, link: Link | None = None, **parts: object) -> dict[str, str]:
    now = PortSample(port, link or Link(), **parts)  # type: ignore[arg-type]
    sample = Sample(0.0, 0.0, Host("pacu"), (), {port.id: now})
    return why_empty(port_view(derive(sample, None), port.id))


def test_mlx4_says_that_its_driver_has_no_sensor() -> None:
    found = reasons(Port(ID, PortKind.PHYSICAL, driver="mlx4_core"))
    assert found["asic_c"] == "driver mlx4 has no temperature sensor"
    assert "mlx4_ib" in found["rdma"]


def test_what_a_reader_said_goes_before_every_rule() -> None:
    port = Port(ID, PortKind.PHYSICAL, driver="mlx5_core")
    found = reasons(port, absent={"speed_mbps": "needs root"})
    assert found["speed_mbps"] == "needs root"
    cold = Temperature("module", None, 0.0, problem="the sensor gave 8190 °C")
    assert reasons(port, temperatures=(cold,))["module_c"] == "the sensor gave 8190 °C"


def test_virtual_devices_and_functions_are_told_as_such() -> None:
    veth = reasons(Port(ID, PortKind.VIRTUAL, netdev="veth0"), Link(state=LinkState.UP))
    assert veth["speed_mbps"] == "a virtual device has no line rate"
    assert "virtual" in veth["asic_c"]
    vf = reasons(Port(ID, PortKind.VF, driver="mlx5_core"))
    assert vf["module_c"] == "a virtual function has no sensors"


def test_a_missing_module_and_a_passive_cable_are_told_apart() -> None:
    port = Port(ID, PortKind.PHYSICAL, driver="mlx5_core")
    out = reasons(port, Link(state=LinkState.NO_MODULE))
    assert out["module_c"] == "no module is plugged in"
    passive = reasons(port, temperatures=(Temperature("asic", 60.0, 0.0),))
    assert "passive cable" in passive["module_c"]
    assert "asic_c" not in passive


def test_without_counters_the_rates_say_so_and_not_zero() -> None:
    found = reasons(Port(ID, PortKind.PHYSICAL, driver="mlx5_core"))
    assert found["rx_bps"] == "no counter of this port could be read"
    assert found["kernel_rx_bps"] == "the port has no network device"


def test_a_card_without_names_and_pcie_explains_both() -> None:
    card = Adapter("key", "ConnectX-4", (), (), absent={"psid": "this firmware has none"})
    sample = Sample(0.0, 0.0, Host("pacu"), (card,), {})
    found = why_empty_card(derive(sample, None), card)
    assert found["psid"] == "this firmware has none"
    assert "pcie" in found
    assert "firmware" in found


@pytest.mark.parametrize(
    ("port", "field", "reason"),
    [
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core", bond="bond0"), "rdma", "merged into"),
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core"), "rdma", "mlx5_ib is not loaded"),
        (Port(ID, PortKind.PHYSICAL, driver="r8169"), "rdma", "not an RDMA device"),
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core"), "netdev", "without ib_ipoib"),
        (Port(ID, PortKind.VIRTUAL), "driver", "no driver of its own"),
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core"), "mtu", "no network device"),
        (Port(ID, PortKind.PHYSICAL, netdev="p0"), "mtu", "the kernel did not tell"),
        (Port(ID, PortKind.PHYSICAL, driver="mlx4_core"), "module_c", "no module sensor"),
        (Port(ID, PortKind.PHYSICAL, driver="r8169"), "asic_c", "no sensor is known"),
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core"), "asic_c", "older than 6.6"),
        (Port(ID, PortKind.PHYSICAL, netdev="p0", switchdev=True), "kernel_rx_bps", "uplink"),
    ],
)
def test_an_empty_field_has_the_reason_that_fits_its_port(
    port: Port, field: str, reason: str
) -> None:
    assert reason in reasons(port)[field]


@pytest.mark.parametrize(
    ("state", "reason"), [(LinkState.DOWN, "while the link is down"), (LinkState.UP, "driver")]
)
def test_a_speed_is_unknown_because_of_the_link_or_the_driver(
    state: LinkState, reason: str
) -> None:
    port = Port(ID, PortKind.PHYSICAL, driver="mlx5_core")
    assert reason in reasons(port, Link(state=state))["speed_mbps"]
