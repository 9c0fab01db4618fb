"""Every field has a meaning, a place in document and README, and a reason where it is empty."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlxtop.analysis.fields import why_empty, why_empty_card
from mlxtop.analysis.port_view import port_view
from mlxtop.model.counters import Origin, Schema
from mlxtop.model.frame import derive
from mlxtop.model.identity import Adapter, Host, Port, PortId, PortKind
from mlxtop.model.json_text import encode
from mlxtop.model.sample import (
    Link,
    LinkLayer,
    LinkState,
    PortSample,
    Reading,
    Sample,
    Temperature,
)
from mlxtop.outputs.document import document
from mlxtop.present.columns import COLUMNS
from mlxtop.settings import ROWS
from tests.samples import frame, pacu

ID = PortId("0000:43:00.0", 1)
MANUAL = Path(__file__).parent.parent / "mlxtop" / "share" / "manual"


def table(row: str) -> list[str]:
    text = (MANUAL / "json.md").read_text()
    (line,) = re.findall(rf"^\| {row} \|(.*)\|$", text, re.MULTILINE)
    return re.findall(r"`(\w+)`", line)


def test_the_manual_names_the_keys_of_the_document() -> None:
    whole = document(frame(pacu(1.0), pacu(2.0)), demo=False)
    (card,) = whole["adapters"]
    assert table("port") == list(card["ports"][0])
    assert table("adapter") == list(card)
    assert table("`host`") == list(whole["host"])
    assert table("top") == list(whole)


def test_no_document_has_the_hardware_address() -> None:
    port = Port(ID, PortKind.PHYSICAL, netdev="enp1s0")
    now = PortSample(port, Link(address="24:8a:07:12:34:56"))
    sample = Sample(0.0, 0.0, Host("pacu"), (), {port.id: now})
    assert "24:8a:07" not in encode(document(derive(sample, None), False))


def test_every_column_has_a_meaning() -> None:
    for column in COLUMNS:
        assert column.help


def test_the_manual_names_every_setting_of_the_file() -> None:
    block = (MANUAL / "settings.md").read_text().split("```")[1]
    named = set(re.findall(r"^(\w+) =|^\[+(\w+)", block, re.M))
    names = {name for pair in named for name in pair if name}
    assert {name for name, row in ROWS.items() if row.read is not None} <= names


def reasons(port: Port, link: Link | None = None, **parts: object) -> dict[str, str]:
    now = PortSample(port, link or Link(), **parts)  # type: ignore[arg-type]
    sample = Sample(0.0, 0.0, Host("pacu"), (), {port.id: now})
    return why_empty(port_view(derive(sample, None), port.id))


def test_mlx4_says_that_its_driver_has_no_sensor() -> None:
    empty = reasons(Port(ID, PortKind.PHYSICAL, driver="mlx4_core"))
    assert empty["asic_c"] == "driver mlx4 has no temperature sensor"
    assert "mlx4_ib" in empty["rdma"]


def test_what_a_reader_said_goes_before_every_rule() -> None:
    port = Port(ID, PortKind.PHYSICAL, driver="mlx5_core")
    empty = reasons(port, absent={"speed_mbps": "needs root"})
    assert empty["speed_mbps"] == "needs root"
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
    empty = reasons(Port(ID, PortKind.PHYSICAL, driver="mlx5_core"))
    assert empty["rx_bps"] == "no counter of this port could be read"
    assert empty["kernel_rx_bps"] == "the port has no network device"


def test_a_card_without_names_and_pcie_explains_both() -> None:
    card = Adapter("key", "ConnectX-4", (), (), absent={"psid": "this firmware has none"})
    sample = Sample(0.0, 0.0, Host("pacu"), (card,), {})
    empty = why_empty_card(derive(sample, None), card)
    assert empty["psid"] == "this firmware has none"
    assert "pcie" in empty
    assert "firmware" in empty


@pytest.mark.parametrize(
    ("port", "field", "reason"),
    [
        (Port(ID, PortKind.PHYSICAL, driver="mlx5_core", bond="b0"), "rdma", "is not loaded"),
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


def test_traffic_that_a_full_counter_hides_says_so() -> None:
    reading = Reading(1.0, Schema(("port_rcv_data", "port_xmit_data")), (2**32 - 1, 5))
    link = Link(LinkLayer.INFINIBAND, LinkState.UP)
    port = Port(ID, PortKind.PHYSICAL, driver="mlx4_core", rdma="mlx4_0", rdma_port=1)
    empty = reasons(port, link, readings={Origin.RDMA: reading})
    for field in ("rx_bps", "rx_bytes"):
        assert empty[field].startswith("port_rcv_data has 32 bits here and stands at its ceiling")


def test_a_member_of_a_shared_rdma_device_has_no_physical_state_by_that_reason() -> None:
    port = Port(ID, PortKind.PHYSICAL, netdev="p0", rdma="mlx5_bond_0", rdma_port=1)
    assert reasons(port)["phys_state"] == "told by RDMA devices only"
    assert "the bond's state" in reasons(port._replace(rdma_lag=ID))["phys_state"]
