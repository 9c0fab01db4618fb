"""Everything that a port, a card and the host tell: name, unit, meaning, and why it is empty.

JSON, the columns' help, empty cells and the README's table come from these rows. A reader that
failed has said why (`PortSample.absent`, `Adapter.absent`, `Temperature.problem`); the reasons
here explain what was never there to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from mlxtop.analysis import reasons
from mlxtop.analysis.port_view import PortView
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, Function, Host
from mlxtop.model.sample import PcieStatus

T = TypeVar("T")
Value = str | int | float | bool | list[str] | None
Reason = Callable[[T], str | None]


class Field(NamedTuple, Generic[T]):
    """A value that something tells; `why` gives the reason where `get` gives None."""

    name: str
    help: str
    get: Callable[[T], Value]
    unit: str = ""
    why: Reason[T] | None = None
    private: bool = False
    """Shown on the screen and left out of documents, which people send to others."""


def _link(name: str) -> Callable[[PortView], Value]:
    return attrgetter(f"now.now.link.{name}")


def _port(name: str) -> Callable[[PortView], Value]:
    return attrgetter(f"now.now.port.{name}")


def _flow(name: str) -> Callable[[PortView], Value]:
    return attrgetter(f"throughput.{name}")


def _speed(view: PortView) -> float | None:
    speed = view.now.now.link.speed
    return None if speed is None else speed / 1e6


def _sensor(name: str) -> Callable[[PortView], float | None]:
    def celsius(view: PortView) -> float | None:
        return next((t.celsius for t in view.now.now.temperatures if t.name == name), None)

    return celsius


def _node(view: PortView) -> int | None:
    card = view.adapter
    return card.functions[0].numa_node if card and card.functions else None


PORT_FIELDS: tuple[Field[PortView], ...] = (
    Field("id", "PCI address and number of the port", lambda view: str(view.id)),
    Field("number", "number of the port on its function, from 1", lambda view: view.id.number),
    Field("kind", "physical, vf or virtual", _port("kind")),
    Field("netdev", "network device", _port("netdev"), why=reasons.netdev),
    Field("rdma", "RDMA device", _port("rdma"), why=reasons.rdma),
    Field("driver", "driver of the function", _port("driver"), why=reasons.driver),
    Field("bond", "bond, team or bridge that the port is a member of", _port("bond")),
    Field("vfs", "virtual functions of the port", _port("vfs")),
    Field("link_layer", "InfiniBand or Ethernet", _link("layer"), why=reasons.layer),
    Field("state", "state of the link", _link("state")),
    Field("detail", "reason of the state, in words", _link("detail")),
    Field("phys_state", "physical state", _link("phys_state"), why=reasons.phys_state),
    Field("speed_mbps", "data rate after encoding", _speed, "Mb/s", reasons.speed),
    Field("mtu", "largest packet", _link("mtu"), "bytes", reasons.of_netdev),
    Field(
        "carrier_changes",
        "times that the link came or went",
        _link("carrier_changes"),
        why=reasons.of_netdev,
    ),
    Field("address", "hardware address", _link("address"), why=reasons.of_netdev, private=True),
    Field("rx_bps", "received", _flow("rx_bps"), "bit/s", reasons.rate),
    Field("tx_bps", "sent", _flow("tx_bps"), "bit/s", reasons.rate),
    Field("rx_pps", "packets received", _flow("rx_pps"), "packets/s", reasons.rate),
    Field("tx_pps", "packets sent", _flow("tx_pps"), "packets/s", reasons.rate),
    Field("rx_bytes", "received in all", _flow("rx_bytes"), "bytes", reasons.counters),
    Field("tx_bytes", "sent in all", _flow("tx_bytes"), "bytes", reasons.counters),
    Field(
        "rdma_rx_bps", "received past the kernel", _flow("rdma_rx_bps"), "bit/s", reasons.rdma_rate
    ),
    Field("rdma_tx_bps", "sent past the kernel", _flow("rdma_tx_bps"), "bit/s", reasons.rdma_rate),
    Field(
        "kernel_rx_bps",
        "received by the kernel's network stack",
        _flow("kernel_rx_bps"),
        "bit/s",
        reasons.kernel_rate,
    ),
    Field(
        "kernel_tx_bps",
        "sent by the kernel's network stack",
        _flow("kernel_tx_bps"),
        "bit/s",
        reasons.kernel_rate,
    ),
    Field("source", "counter that rates and totals come from", _flow("source"), "", reasons.source),
    Field("module_c", "the module or cable", _sensor("module"), "°C", reasons.module_temperature),
    Field("asic_c", "the card's chip", _sensor("asic"), "°C", reasons.asic_temperature),
)
"""What a port tells by itself; its module, report, PCIe and counters are objects beside these."""


class CardView(NamedTuple):
    """A card of a frame."""

    frame: Frame
    card: Adapter

    @property
    def first(self) -> Function | None:
        """The card's first function."""
        return self.card.functions[0] if self.card.functions else None

    @property
    def pcie(self) -> PcieStatus | None:
        """PCIe of the first function's slot."""
        return next((self.frame.sample.pcie.get(slot) for slot in self.card.slots), None)


def _device_id(view: CardView) -> str | None:
    first = view.first
    return f"{first.vendor:04x}:{first.device:04x}" if first else None


CARD_FIELDS: tuple[Field[CardView], ...] = (
    Field("family", "family of the card", attrgetter("card.family")),
    Field("device_id", "PCI vendor and device", _device_id),
    Field("part", "part number", attrgetter("card.part"), why=lambda _: reasons.PART),
    Field("psid", "parameter-set id", attrgetter("card.psid"), why=lambda _: reasons.PSID),
    Field(
        "firmware",
        "firmware that runs",
        attrgetter("card.firmware"),
        why=lambda _: reasons.FIRMWARE,
    ),
    Field("firmware_stored", "firmware in flash", attrgetter("card.firmware_stored")),
    Field("state", "why the card has no port", attrgetter("card.state")),
    Field(
        "numa_node",
        "NUMA node of the card",
        lambda view: view.first.numa_node if view.first else None,
        why=lambda _: reasons.NUMA,
    ),
    Field("functions", "PCI functions", lambda view: [one.address for one in view.card.functions]),
)

HOST_FIELDS: tuple[Field[Host], ...] = (
    Field("name", "host name", attrgetter("name")),
    Field("kernel", "kernel release", attrgetter("kernel")),
    Field("cpus", "processors", attrgetter("cpus")),
    Field("cpu_model", "processor model", attrgetter("cpu_model")),
    Field("root", "read with root's rights", attrgetter("root")),
)

_MEANING: dict[str, str] = {
    **{field.name: field.help for field in CARD_FIELDS},
    **{field.name: field.help for field in PORT_FIELDS},
}


def meaning(name: str) -> str:
    """Return what a field of a port or its card is, in a few words."""
    return _MEANING[name]


def values(fields: tuple[Field[T], ...], subject: T) -> dict[str, Value]:
    """Return name to value of all fields but the private ones."""
    return {field.name: field.get(subject) for field in fields if not field.private}


def _empty(fields: tuple[Field[T], ...], subject: T) -> dict[str, str]:
    empty = (f for f in fields if f.why is not None and f.get(subject) is None)
    told = {field.name: field.why(subject) for field in empty if field.why}
    return {name: reason for name, reason in told.items() if reason}


def why_empty(view: PortView) -> dict[str, str]:
    """Return field name to reason, for every empty field of a port; a reader's reason wins."""
    return {**_empty(PORT_FIELDS, view), **reasons.pcie(view), **view.now.now.absent}


def why_empty_card(frame: Frame, card: Adapter) -> dict[str, str]:
    """Return field name to reason, for every empty field of a card; a reader's reason wins."""
    view = CardView(frame, card)
    status = view.pcie
    path = {} if status and status.path.links else {"pcie": reasons.NO_PATH}
    read = status.absent if status else {}
    return {**_empty(CARD_FIELDS, view), **path, **read, **card.absent}
