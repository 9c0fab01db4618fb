"""What a simulated machine is made of, with every value that its physics block leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxtop.lab.families import Family, Optics


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """A PCIe link: GT/s and lanes."""

    speed: float
    width: int

    @property
    def words(self) -> str:
        """As sysfs says it, `8.0 GT/s PCIe`."""
        return f"{self.speed:.1f} GT/s PCIe"


@dataclass(frozen=True, slots=True)
class BridgeSpec:
    """A PCI port above a card."""

    address: str
    now: LinkSpec
    most: LinkSpec
    ids: str = "8086:0e08"


@dataclass(frozen=True, slots=True)
class HeatSpec:
    """A thermal mass in still terms: watts, kelvin per watt at airflow 1, seconds."""

    idle: float
    full: float
    """Watts more when the port (module) or card (ASIC) carries its whole line rate both ways."""
    resistance: float
    tau: float
    """Time constant at airflow 1."""


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """What is plugged into a port."""

    kind: Optics
    serial: str
    heat: HeatSpec
    shutdown: float
    """Degrees at which the module disables itself."""
    dim: Mapping[int, float]
    """Lane to the share of the usual light that still arrives."""
    garbage: bool
    """Its EEPROM reads 0xff everywhere."""
    limits: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PortSpec:
    """One port of a card as it is after booting."""

    number: int
    function: str
    netdev: str
    ipoib: str
    """Name of its IPoIB netdev; empty where there is none in InfiniBand mode."""
    rdma: str
    rdma_port: int
    kind: str
    """`ib`, `eth` or `auto (ib)`, `auto (eth)`."""
    sense: str
    """What auto-sensing finds, `ib` or `eth`; empty: what the port is."""
    pending: str
    """Type that the flash holds for the next boot, `ib`, `eth` or `auto`; empty: the same."""
    speed: int
    """Data rate of the link as Ethernet, Mb/s."""
    rate: str
    """Rate in InfiniBand mode, `40 Gb/sec (4X QDR)`."""
    mtu: int
    mac: str
    ip: str
    peer: str
    peer_mtu: int
    """MTU at the far end; 0 for the same."""
    bond: str
    module: ModuleSpec | None
    up: bool
    sm: bool
    """A subnet manager of this machine runs on the port."""
    faults: Mapping[str, Any]
    """`counters` since the start, `rates` a second, a `storm`, `congestion`, `counted` falsely."""
    qos: Mapping[str, Any]
    """How it sorts traffic into priorities: see `lab.qos`."""
    lldp: Mapping[str, Any]
    """What a switch at the far end says: `chassis`, `name`, `system`, `port`, `description`,
    `vlan`, `mfs`; empty where none is."""
    history: Mapping[str, Any]
    """What mlxtop remembers of the link: see `lab.aging`."""


@dataclass(frozen=True, slots=True)
class CardSpec:
    """One physical card."""

    key: str
    family: Family
    part: str
    description: str
    psid: str | None
    firmware: str
    stored: str
    subsystem: str
    revision: int
    functions: tuple[str, ...]
    path: tuple[BridgeSpec, ...]
    """From the root port down."""
    link: LinkSpec
    most: LinkSpec
    mps: int
    node: int
    channels: int
    """Queue pairs of a port at most."""
    guid: int
    serial: str
    vpi: bool
    """It knows InfiniBand and Ethernet."""
    configurable: bool
    """Its link types are kept in flash: ConnectX-3 and later."""
    vfs: int
    """Virtual functions of each function."""
    pfc: tuple[int, ...]
    """Priorities with flow control of their own."""
    heat: HeatSpec
    coupling: float
    """Watts per kelvin between ASIC and module."""
    airflow: float
    resolution: float
    """Degrees between two values that the sensor can tell apart."""
    sensor: bool
    """Firmware and kernel give a hwmon device."""
    ports: tuple[PortSpec, ...]
    faults: Mapping[str, Any]

    @property
    def types(self) -> tuple[str, ...]:
        """Return what may be written to `mlx4_portN`."""
        return ("ib", "eth", "auto") if self.vpi else ("eth",)


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a traffic programme: goodput per port, Gb/s, and for how long."""

    seconds: float
    port: str
    rx: float
    tx: float
    rdma_rx: float
    rdma_tx: float
    streams: int


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A whole machine."""

    label: str
    about: str
    kernel: str
    cpus: int
    nodes: int
    interleaved: bool
    """Cores take turns between the nodes, as Dell numbers them."""
    cpu_model: str
    uptime: float
    ambient: float
    stream_gbps: tuple[float, float]
    """What one stream of TCP can do before its core is full, rx and tx."""
    host_gbps: tuple[float, float]
    """What all cores together can do, rx and tx."""
    tools: Mapping[str, str]
    """Installed tool to its version."""
    cards: tuple[CardSpec, ...]
    profile: tuple[Phase, ...]
    events: tuple[Mapping[str, Any], ...]
    extra: Mapping[str, Any]

    @property
    def ports(self) -> tuple[PortSpec, ...]:
        """Every port of every card."""
        return tuple(port for card in self.cards for port in card.ports)
