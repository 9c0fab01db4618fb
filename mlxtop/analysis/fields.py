"""Everything that a port, a card and the host tell: name, unit, meaning, and why it is empty.

JSON, metrics, the columns' help, empty cells and the README's table come from these rows. A reader
that failed has said why (`PortSample.absent`, `Adapter.absent`, `Temperature.problem`); the reasons
here explain what was never there to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from mlxtop.analysis.port_view import PortView, no_pcie
from mlxtop.model.catalogue import RDMA
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Adapter, Function, Host, PortKind
from mlxtop.model.sample import LinkState, PcieStatus

T = TypeVar("T")
Value = str | int | float | bool | list[str] | None
Reason = Callable[[T], str | None] | str


class Field(NamedTuple, Generic[T]):
    """A value that something tells; `why` gives the reason where `get` gives None."""

    name: str
    help: str
    get: Callable[[T], Value]
    unit: str = ""
    why: Reason[T] | None = None
    private: bool = False
    """Shown on the screen and left out of documents, which people send to others."""
    metric: str | None = ""
    """Name in Prometheus without `mlxtop_`; empty: a number with a unit has one of its name and
    unit, and a text is a label of the identity. None: it is part of another metric or label."""


def _link(
    name: str, help: str, unit: str = "", why: Reason[PortView] | None = None, private: bool = False
) -> Field[PortView]:
    return Field(name, help, attrgetter(f"now.now.link.{name}"), unit, why, private)


def _port(name: str, help: str, why: Reason[PortView] | None = None) -> Field[PortView]:
    return Field(name, help, attrgetter(f"now.now.port.{name}"), why=why)


def _listed(name: str, help: str) -> Field[PortView]:
    get = attrgetter(f"now.now.port.{name}")
    return Field(name, help, lambda view: list(get(view)))


def _flow(name: str, help: str, unit: str, why: Reason[PortView]) -> Field[PortView]:
    return Field(name, help, attrgetter(f"throughput.{name}"), unit, why)


def _speed(view: PortView) -> float | None:
    speed = view.now.now.link.speed
    return None if speed is None else speed / 1e6


def _celsius(name: str, view: PortView) -> float | None:
    sensor = view.now.now.sensor(name)
    return sensor.celsius if sensor else None


_NO_NETDEV = "InfiniBand mode without ib_ipoib, or the device is in another network namespace"
_NO_DRIVER = "a virtual device has no driver of its own"
_NO_RDMA = "told by RDMA devices only"
_NO_COUNTER = "no counter of this port could be read"
_NO_PART = "part of the card's VPD, which needs root"
_NO_PSID = "neither the RDMA device nor devlink tells it"
_NO_FIRMWARE = "neither the RDMA device nor ethtool nor devlink tells it"
_NO_NODE = "the machine has one node, or its firmware does not say"
_NO_PATH = "no PCIe link above the device is visible (virtual machine?)"


def _no_rdma(view: PortView) -> str:
    port = view.now.now.port
    if not port.is_mlx:
        return "not an RDMA device"
    module = "mlx4_ib" if port.is_mlx4 else "mlx5_ib"
    return f"module {module} is not loaded, or RoCE is disabled"


def _no_speed(view: PortView) -> str:
    now = view.now.now
    if now.link.state is not LinkState.UP:
        return f"no speed while the link is {now.link.state}"
    if now.port.kind is PortKind.VIRTUAL:
        return "a virtual device has no line rate"
    return "the driver does not tell it"


def _no_phys_state(view: PortView) -> str:
    """Return why the RDMA device does not tell it of this port."""
    shared = view.now.now.port.rdma_lag is not None
    return "the RDMA device is the bond's, and tells the bond's state" if shared else _NO_RDMA


def _by_netdev(view: PortView) -> str:
    return "the kernel did not tell" if view.now.now.port.netdev else "no network device"


def _no_total(view: PortView) -> str:
    return _NO_COUNTER if view.throughput.source is None else _no_share(view)


def _no_share(view: PortView) -> str:
    if full := [counter.key for counter in RDMA if view.now.stuck(counter)]:
        return f"{full[0]} has 32 bits here and stands at its ceiling: perfquery -R starts it again"
    if not view.now.before:
        return "a rate needs two readings"
    return "the counter was reset or not read in this interval"


def _no_kernel_rate(view: PortView) -> str:
    port = view.now.now.port
    if port.switchdev:
        return "an uplink representor counts the whole port, not the kernel's share"
    return _no_share(view) if port.netdev else "the port has no network device"


def _no_rdma_rate(view: PortView) -> str:
    port = view.now.now.port
    if port.rdma_lag is not None:
        return f"{port.rdma} counts for all members of {port.bond} together: see rdma_shared_*"
    return _no_share(view) if port.rdma else "the port has no RDMA device"


def _no_shared_rate(view: PortView) -> str | None:
    return _no_share(view) if view.shared_rdma.names else None


def _shared(name: str, help: str, unit: str = "bit/s") -> Field[PortView]:
    get = attrgetter(f"shared_rdma.{name}")
    return Field(f"rdma_shared_{name}", help, get, unit, _no_shared_rate)


def _shared_speed(view: PortView) -> float | None:
    speed = view.shared_rdma.speed
    return None if speed is None else speed / 1e6


def _temperature(name: str) -> tuple[Callable[[PortView], Value], str, Reason[PortView]]:
    return partial(_celsius, name), "°C", partial(_no_temperature, name)


def _no_temperature(name: str, view: PortView) -> str:
    now = view.now.now
    sensor, port = now.sensor(name), now.port
    if sensor is not None and sensor.problem:
        return sensor.problem
    if port.kind is PortKind.VF:
        return "a virtual function has no sensors"
    if port.kind is PortKind.VIRTUAL:
        return "a virtual device has no sensors"
    if name == "module" and now.link.state is LinkState.NO_MODULE:
        return "no module is plugged in"
    if port.is_mlx4:
        if name == "asic":
            return "driver mlx4 has no temperature sensor"
        return "driver mlx4 has no module sensor; root can read the module's memory"
    if not port.is_mlx:
        return "no sensor is known for this device"
    if name == "module" and now.sensor("asic"):
        return "no sensor channel: a passive cable, or plugged in after the driver was loaded"
    return "no hwmon sensor: kernel older than 6.6, or firmware that does not offer it"


PORT_FIELDS: tuple[Field[PortView], ...] = (
    Field("id", "PCI address and number of the port", lambda view: str(view.id), metric=None),
    Field(
        "number",
        "number of the port on its function, from 1",
        lambda view: view.id.number,
        metric=None,
    ),
    _port("kind", "physical, vf or virtual"),
    _port("netdev", "network device", _NO_NETDEV)._replace(metric=None),
    _port("rdma", "RDMA device", _no_rdma)._replace(metric=None),
    _port("rdma_port", "number of the port on the RDMA device", _no_rdma)._replace(metric=None),
    _listed("extra_rdma", "further RDMA devices: planes of the port (SMI), sub-functions"),
    Field(
        "rdma_shared_by",
        "ports of a bond that share the RDMA device (RoCE LAG)",
        lambda view: list(view.shared_rdma.names),
    ),
    _port("driver", "driver of the function", _NO_DRIVER),
    _listed("extra_functions", "further PCI functions of the network device (multi-PF)"),
    Field("same_cage", "other ports of the same cage", lambda view: list(view.same_cage)),
    _port("bond", "bond, team or bridge that the port is a member of"),
    _port("vfs", "virtual functions of the port")._replace(metric="port_vfs"),
    _link("layer", "InfiniBand or Ethernet", why=_NO_RDMA)._replace(name="link_layer"),
    _link("state", "state of the link")._replace(metric=None),
    _link("detail", "reason of the state, in words")._replace(metric=None),
    _link("phys_state", "physical state", why=_no_phys_state)._replace(metric=None),
    Field("speed_mbps", "data rate after encoding", _speed, "Mb/s", _no_speed),
    _link("mtu", "largest packet", "bytes", _by_netdev),
    _link("carrier_changes", "times that the link came or went", why=_by_netdev)._replace(
        metric="port_carrier_changes_total"
    ),
    _link("address", "hardware address", why=_by_netdev, private=True),
    _flow("rx_bps", "received", "bit/s", _no_total),
    _flow("tx_bps", "sent", "bit/s", _no_total),
    _flow("rx_pps", "packets received", "packets/s", _no_total),
    _flow("tx_pps", "packets sent", "packets/s", _no_total),
    _flow("rx_bytes", "received in all", "bytes", _no_total)._replace(metric=None),
    _flow("tx_bytes", "sent in all", "bytes", _no_total)._replace(metric=None),
    _flow("rdma_rx_bps", "received past the kernel", "bit/s", _no_rdma_rate),
    _flow("rdma_tx_bps", "sent past the kernel", "bit/s", _no_rdma_rate),
    _shared("rx_bps", "received by the shared RDMA device"),
    _shared("tx_bps", "sent by the shared RDMA device"),
    _shared("rx_bytes", "received in all by the shared RDMA device", "bytes")._replace(
        metric="port_rdma_shared_rx_bytes_total"
    ),
    _shared("tx_bytes", "sent in all by the shared RDMA device", "bytes")._replace(
        metric="port_rdma_shared_tx_bytes_total"
    ),
    Field("rdma_shared_speed_mbps", "of all that share the RDMA device", _shared_speed, "Mb/s"),
    _flow("kernel_rx_bps", "received by the kernel's network stack", "bit/s", _no_kernel_rate),
    _flow("kernel_tx_bps", "sent by the kernel's network stack", "bit/s", _no_kernel_rate),
    _flow("source", "counter that rates and totals come from", "", _NO_COUNTER),
    Field("module_c", "the module or cable", *_temperature("module"), metric=None),
    Field("asic_c", "the card's chip", *_temperature("asic"), metric=None),
)
"""What a port tells by itself; its module, report, PCIe and counters are objects beside these."""


class CardView(NamedTuple):
    """A card of a frame."""

    frame: Frame
    card: Adapter

    @property
    def first(self) -> Function | None:
        return self.card.functions[0] if self.card.functions else None

    @property
    def pcie(self) -> PcieStatus | None:
        return next((self.frame.sample.pcie.get(slot) for slot in self.card.slots), None)


def _device_id(view: CardView) -> str | None:
    first = view.first
    return f"{first.vendor:04x}:{first.device:04x}" if first else None


CARD_FIELDS: tuple[Field[CardView], ...] = (
    Field("family", "family of the card", attrgetter("card.family")),
    Field("device_id", "PCI vendor and device", _device_id),
    Field("part", "part number", attrgetter("card.part"), why=_NO_PART),
    Field("psid", "parameter-set id", attrgetter("card.psid"), why=_NO_PSID),
    Field("firmware", "firmware that runs", attrgetter("card.firmware"), why=_NO_FIRMWARE),
    Field("firmware_stored", "firmware in flash", attrgetter("card.firmware_stored")),
    Field("state", "why the card has no port", attrgetter("card.state"), metric=None),
    Field(
        "numa_node",
        "NUMA node of the card",
        lambda view: view.first.numa_node if view.first else None,
        why=_NO_NODE,
        metric="adapter_numa_node",
    ),
    Field(
        "functions",
        "PCI functions",
        lambda view: [one.address for one in view.card.functions],
        metric=None,
    ),
)

HOST_FIELDS: tuple[Field[Host], ...] = (
    Field("name", "host name", attrgetter("name")),
    Field("kernel", "kernel release", attrgetter("kernel")),
    Field("cpus", "processors", attrgetter("cpus"), metric="host_cpus"),
    Field("cpu_model", "processor model", attrgetter("cpu_model")),
    Field("root", "read with root's rights", attrgetter("root"), metric="host_root"),
)

MEANING: dict[str, str] = {
    **{field.name: field.help for field in CARD_FIELDS},
    **{field.name: field.help for field in PORT_FIELDS},
}
"""What a field of a port or its card is, in a few words."""


def values(fields: tuple[Field[T], ...], subject: T) -> dict[str, Value]:
    """Return name to value of all fields but the private ones."""
    return {field.name: field.get(subject) for field in fields if not field.private}


def _empty(fields: tuple[Field[T], ...], subject: T) -> dict[str, str]:
    empty = (field for field in fields if field.why and field.get(subject) is None)
    reasons = {f.name: f.why(subject) if callable(f.why) else f.why for f in empty}
    return {name: reason for name, reason in reasons.items() if reason}


def why_empty(view: PortView) -> dict[str, str]:
    """Return field name to reason, for every empty field of a port; a reader's reason wins."""
    alone = view.neighbours.absent
    return {
        **_empty(PORT_FIELDS, view),
        **({"neighbours": alone} if alone else {}),
        **_path(view.pcie, no_pcie(view.now.now.port)),
        **view.now.now.absent,
    }


def _path(status: PcieStatus | None, reason: str) -> dict[str, str]:
    """Return what is not known of a slot: its path for that reason, the rest as its reader says."""
    path = {} if status and status.path.links else {"pcie": reason}
    return {**path, **(status.absent if status else {})}


def why_empty_card(frame: Frame, card: Adapter) -> dict[str, str]:
    """Return field name to reason, for every empty field of a card; a reader's reason wins."""
    view = CardView(frame, card)
    return {**_empty(CARD_FIELDS, view), **_path(view.pcie, _NO_PATH), **card.absent}
