"""One look at the machine: raw counters, each with the instant of its reading."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from mlxtop.model.counters import Miscount, Origin, Schema
from mlxtop.model.identity import Adapter, Host, Port, PortId
from mlxtop.model.incident import Incident
from mlxtop.model.module import LinkReport, Module
from mlxtop.model.path import NO_PATHS, PathStatus
from mlxtop.model.pcie import PciePath, PcieReport

if TYPE_CHECKING:  # they would make the start slower
    from mlxtop.model.fabric import LocalFabric
    from mlxtop.model.flash import CardFlash
    from mlxtop.model.linktype import StoredConfig
    from mlxtop.model.lldp import LldpNeighbour
    from mlxtop.model.rdma_objects import RdmaObjects
    from mlxtop.model.tuning import HostTuning, PortTuning

T = TypeVar("T")


class SourceKind(StrEnum):
    """The origin of samples; what may be done there and what they can tell follow from it."""

    LIVE = "live"
    DEMO = "demo"
    CAPTURED = "captured"
    """One instant, read from a file."""
    REPLAY = "replay"
    """What was recorded, as it was then."""
    REMOTE = "remote"
    """Another machine, read over ssh."""

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what titles say of it, in capitals; empty for this machine as it is now."""
        return () if self is SourceKind.LIVE else (self.upper(),)

    @property
    def has_rates(self) -> bool:
        """Return whether a second sample will come."""
        return self is not SourceKind.CAPTURED

    @property
    def may_change(self) -> bool:
        """Return whether commands that change the machine can be run on it."""
        return self in (SourceKind.LIVE, SourceKind.DEMO)


class Slow(NamedTuple, Generic[T]):
    """A fact that is read now and then: the newest value, and why there is none, or none newer."""

    value: T | None = None
    tick: float | None = None
    """Monotonic second at which it was read."""
    absent: str | None = None

    @property
    def pending(self) -> bool:
        return self.value is None and self.absent is None


UNREAD: Slow[Any] = Slow(absent="not read")
"""A fact that nobody wanted."""


class Reading(NamedTuple):
    """A table of raw counters and the monotonic second at which it was read.

    A tuple like `PortSample`: each is made once a port and tick, and a frozen dataclass costs
    twice as much to make.
    """

    tick: float
    schema: Schema
    values: tuple[int | None, ...]

    def get(self, key: str) -> int | None:
        """Return the raw value; None where the table has no such row or the row had no number."""
        position = self.schema.index.get(key)
        return None if position is None else self.values[position]


class LinkLayer(StrEnum):
    """`link_layer` of an RDMA port; Ethernet for every other network device."""

    ETHERNET = "Ethernet"
    INFINIBAND = "InfiniBand"


class LinkState(StrEnum):
    """The reason for which a link carries traffic or none."""

    UP = "up"
    DOWN = "down"
    """No carrier, reason unknown."""
    ADMIN_DOWN = "admin down"
    NO_MODULE = "no module"
    MODULE_FAULT = "module fault"
    OVERHEAT = "overheat"
    INIT = "init"
    """InfiniBand: physically up, no subnet manager has configured the port yet."""
    ARMED = "armed"
    POLLING = "polling"
    DISABLED = "disabled"
    LOST = "lost"
    """The device no longer answers."""
    NO_DEVICE = "no device"
    """Neither a network nor an RDMA device of the port is to be seen here."""


class Link(NamedTuple):
    """State of a port's link."""

    layer: LinkLayer | None = None
    state: LinkState = LinkState.DOWN
    detail: str | None = None
    """The reason of the state in words: `ethtool` extended state, or `no subnet manager`."""
    phys_state: str | None = None
    speed: int | None = None
    """Data rate after encoding, bit/s; QDR is 32 Gb/s."""
    rate: str | None = None
    """InfiniBand signalling rate as the kernel words it, `40 Gb/sec (4X QDR)`."""
    mtu: int | None = None
    carrier_changes: int | None = None
    ipoib_mode: str | None = None
    lid: int | None = None
    sm_lid: int | None = None
    address: str | None = None

    @property
    def is_infiniband(self) -> bool:
        """Return whether it runs as InfiniBand; False where that is unknown."""
        return self.layer is LinkLayer.INFINIBAND


SENSOR_TITLES = {"asic": "ASIC"}
"""Names of sensors as people write them, where those differ."""


def sensor_title(name: str) -> str:
    """Return a sensor as people write it; the name of its port may stand before it.

    >>> sensor_title("asic"), sensor_title("ens2 module")
    ('ASIC', 'ens2 module')
    """
    port, _, sensor = name.rpartition(" ")
    return f"{port} {SENSOR_TITLES.get(sensor, sensor)}".lstrip()


class Temperature(NamedTuple):
    """One sensor: degrees Celsius, None where it gave no usable number."""

    name: str
    """`asic` or `module`."""
    celsius: float | None
    tick: float
    """Monotonic second of the newest good reading, or of the failed one if there was none."""
    warning: float | None = None
    critical: float | None = None
    highest: float | None = None
    limits_from: str | None = None
    """Where the limits come from, in words."""
    source: str = ""
    problem: str | None = None
    """Why there is no number, or why the number is old."""
    stale: bool = False

    @property
    def title(self) -> str:
        """Return the name of the sensor as people write it."""
        return sensor_title(self.name)


class AerError(NamedTuple):
    """A kind of PCIe error: the PCI device that counts it, and the kernel's name of it."""

    device: str
    name: str

    def __str__(self) -> str:
        return f"{self.device} {self.name}"

    @property
    def is_total(self) -> bool:
        """Return whether it is a root port's sum of errors that are counted by name too."""
        return self.name.startswith("total_err_")


TUNNEL = (2.5, 4)
"""GT/s and lanes that a port of Thunderbolt or USB4 shows."""


class PcieStatus(NamedTuple):
    """PCIe of one slot: the path of its first function, error counts, power management."""

    path: PciePath
    aspm: str | None = None
    aer: Mapping[AerError, int] = {}
    """Counts that are not zero, of the card and of the ports above it."""
    absent: Mapping[str, str] = {}
    root: str | None = None
    """Vendor and device of the root port, `8086:6f08`; None where none is seen."""
    removable: bool | None = None
    """The card hangs outside of the machine, behind Thunderbolt or USB4."""

    @property
    def is_tunnelled(self) -> bool:
        """Return whether the narrowest link is a tunnel of Thunderbolt or USB4, and shows no rate.

        Its ports show 2.5 GT/s x4, now and at most, whatever it carries. Behind them there is a
        bridge in the enclosure, with the card below it.
        """
        narrow, links = self.path.limiting, self.path.links
        if narrow is None or not narrow.running == narrow.capability == TUNNEL:
            return False
        return narrow in links[2:] or self.removable is True


class HardwareNeighbour(NamedTuple):
    """Another device on the link of a port, by the kernel's table of neighbours."""

    address: str
    """Hardware address: 6 bytes, or 20 of IPoIB, whose last 8 are the GUID of its port."""
    device: str
    """Network device by which it was met: the port's own, or a VLAN or bond above it alone."""


class Problem(NamedTuple):
    """A failure as data: what it concerns and what was seen. Nothing else stops for it."""

    subject: str
    text: str


class PortSample(NamedTuple):
    """Everything read of one port for one sample."""

    port: Port
    link: Link
    readings: Mapping[Origin, Reading] = MappingProxyType({})
    temperatures: tuple[Temperature, ...] = ()
    module: Module | None = None
    """The pluggable module; None with a reason under `module` in `absent`."""
    report: LinkReport | None = None
    """What the firmware says of the link, by a tool; None with a reason under `report`."""
    absent: Mapping[str, str] = MappingProxyType({})
    """Field name to the reason why it could not be read."""
    settings: Slow[PortTuning] = UNREAD
    pcie_report: PcieReport | None = None
    """What the card says of its PCIe link; None with a reason under `pcie_report`."""
    miscounts: tuple[Miscount, ...] = ()
    """Counters that are not to be taken for its throughput."""

    def sensor(self, name: str) -> Temperature | None:
        return next((t for t in self.temperatures if t.name == name), None)


class Cpu(NamedTuple):
    """Load of the host's cores, percent of each, over the last interval."""

    tick: float
    busy: tuple[float, ...]


class Sample(NamedTuple):
    """One look at the machine."""

    wall: float
    """Seconds since the epoch, for people; never used in arithmetic."""
    tick: float
    host: Host
    adapters: tuple[Adapter, ...]
    ports: Mapping[PortId, PortSample]
    pcie: Mapping[str, PcieStatus] = {}
    """By slot (`slot_of`): a card can sit in two, and each has its own path."""
    cpu: Cpu | None = None
    host_settings: Slow[HostTuning] = UNREAD
    streams: Slow[Mapping[PortId, int]] = UNREAD
    """TCP connections that moved data over a port between two readings; only where it is clear."""
    rdma_objects: Slow[RdmaObjects] = UNREAD
    """What processes and kernel modules hold of RDMA devices."""
    rdma_limits: Mapping[str, Slow[Mapping[str, int]]] = {}
    """By RDMA device: the most objects of a kind that it can have."""
    in_use: Slow[frozenset[str]] = UNREAD
    """Names of the network devices that carry an address or a route."""
    neighbours: Slow[Mapping[PortId, tuple[HardwareNeighbour, ...]]] = UNREAD
    """Some that have answered, of ports that have any: two different ones where there are more."""
    lldp: Slow[Mapping[PortId, tuple[LldpNeighbour, ...]]] = UNREAD
    """What says by LLDP to be at the other end, of ports that have any; by a daemon here."""
    fabric: Slow[LocalFabric] = UNREAD
    """This host's InfiniBand links and subnet managers, while somebody looks at them."""
    stored: Mapping[str, Slow[StoredConfig]] = {}
    """What cards keep for their next start, by `Adapter.key`; of cards with a driver."""
    flash: Mapping[str, Slow[CardFlash]] = {}
    """Label and flash of cards, by `Adapter.key`; of those that were asked."""
    incidents: tuple[Incident, ...] = ()
    """What has happened since the sample before, as far as the kernel told."""
    absent: Mapping[str, str] = {}
    """`kernel_log` to the reason why incidents may be missing, `ports` to why none is selected."""
    problems: tuple[Problem, ...] = ()
    paths: PathStatus = NO_PATHS
    """The ways to peers, where they are probed."""
