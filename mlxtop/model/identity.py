"""Ports, adapters and the host, as they stay the same between events.

PCI addresses, port numbers and GUIDs are identity; netdev and RDMA names are attributes that
udev may change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.number import COUNT, whole

_NUMBER = re.compile(r"(\d+)")
PCI_SLOT = r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
PCI_ADDRESS = re.compile(rf"[0-9a-f]{{4,8}}:{PCI_SLOT}")
"""Domain, bus, device and function; domains have up to eight digits on Hyper-V."""


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key under which numbers inside names count as numbers.

    PCI addresses are hexadecimal and padded, so that they sort as they are.

    >>> sorted(["mlx5_10", "mlx5_2"], key=natural)
    ['mlx5_2', 'mlx5_10']
    >>> sorted(["0000:9a:00.0", "0000:18:00.0"], key=natural)
    ['0000:18:00.0', '0000:9a:00.0']
    """
    if PCI_ADDRESS.match(text):
        return ((1, text),)
    parts = ((whole(part, COUNT), part) for part in _NUMBER.split(text) if part)
    return tuple((1, part) if number is None else (0, number) for number, part in parts)


def pci_address(path: str) -> str | None:
    """Return the innermost PCI address in a path of /sys/devices; the device may be gone already.

    >>> pci_address("/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0/net/enp67s0np0")
    '0000:43:00.0'
    """
    return next((p for p in reversed(path.split("/")) if PCI_ADDRESS.fullmatch(p)), None)


@lru_cache(4096)
def slot_of(function: str) -> str:
    """Return domain, bus and device of a PCI function: what all functions in one slot share."""
    return function.rpartition(".")[0] or function


def digest(*parts: str | None) -> str:
    """Return a number that tells things apart and says nothing of them.

    >>> digest("a", None), digest("", "a")
    ('ffe9aaeaa2a2d504', '022a6979e6dab7aa')
    """
    import hashlib  # loads OpenSSL, which takes some milliseconds

    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:16]


def link_key(card: str, slot: int, function: str, number: int) -> str:
    """Return what the history of a link is found by, whatever the card's address is today.

    `card`: its GUID, or what else stays the same; `slot`: which of the slots that it sits in.
    """
    return digest(card, f"{slot}.{function[-1:]}/{number}")


class PortId(NamedTuple):
    """A port: the PCI address (else the parent device, else the own name) and its number from 1.

    A tuple, since every frame looks up every port some ten times.
    """

    device: str
    number: int

    def __str__(self) -> str:
        return f"{self.device}/{self.number}"

    @property
    def order(self) -> tuple[tuple[tuple[int, int | str], ...], int]:
        return natural(self.device), self.number

    def __lt__(self, other: PortId) -> bool:  # type: ignore[override]
        return self.order < other.order

    def __gt__(self, other: PortId) -> bool:  # type: ignore[override]
        return self.order > other.order


class PortKind(StrEnum):
    """The kind of a port; only PHYSICAL ports are ever summed."""

    PHYSICAL = "physical"
    VF = "vf"
    VIRTUAL = "virtual"


class Port(NamedTuple):
    """One port as discovery found it; a new object only when something of it changed."""

    id: PortId
    kind: PortKind
    driver: str | None = None
    function: str | None = None
    """PCI address of the function, `0000:43:00.0`; None for virtual devices."""
    adapter: str | None = None
    """`Adapter.key` of the card; None where there is no card."""
    netdev: str | None = None
    """The port's own network device (not bonds, VLANs or IPoIB children)."""
    ifindex: int | None = None
    extra_netdevs: tuple[str, ...] = ()
    """Further network devices of the port: IPoIB children, sub-functions."""
    rdma: str | None = None
    rdma_port: int | None = None
    """Number of the port on the RDMA device; not always that of `id`."""
    extra_rdma: tuple[str, ...] = ()
    """Further RDMA devices of the function: planes of the port (type SMI), sub-functions."""
    rdma_lag: PortId | None = None
    """The member of a bond at whose function the RDMA device is that all members share (RoCE LAG):
    its counters are of all of them, its rate is one member's. None where the device is its own."""
    bond: str | None = None
    """Name of the master device (bond, team or bridge) the netdev is enslaved to."""
    bond_kind: str | None = None
    vfs: int = 0
    representors: tuple[str, ...] = ()
    switchdev: bool = False
    """The netdev is an uplink representor: its bytes are already those of the wire."""
    devtype: str | None = None
    """rtnetlink kind of a virtual device: veth, bond, vlan, ipoib …"""
    extra_functions: tuple[str, ...] = ()
    """Further PCI functions through which the network device reaches memory (multi-PF netdev)."""
    cage: PortId | None = None
    """The first of the ports that are one physical port: the functions of one cage in several
    slots. None where the port has its cage to itself."""

    @property
    def name(self) -> str:
        """Return the name people use: netdev, else RDMA device with port, else the id."""
        if self.netdev:
            return self.netdev
        if self.rdma:
            return f"{self.rdma}/{self.rdma_port}"
        return str(self.id)

    @property
    def counts_rdma(self) -> bool:
        """Return whether the RDMA device's counters are read here: a shared one's only once."""
        return bool(self.rdma and self.rdma_port) and self.rdma_lag in (None, self.id)

    @property
    def is_mlx(self) -> bool:
        """Return whether it is a port of a ConnectX adapter, or of a function of one."""
        return (self.driver or "").startswith(("mlx4", "mlx5"))

    @property
    def is_mlx4(self) -> bool:
        """Return whether its driver is that of ConnectX-3 and older."""
        return (self.driver or "").startswith("mlx4")


class Function(NamedTuple):
    """One PCI function of an adapter and what sysfs says of it without asking the firmware."""

    address: str
    vendor: int
    device: int
    pci_class: int
    revision: int = 0
    subsystem: str | None = None
    """`15b3:0008`, vendor and device of the subsystem."""
    driver: str | None = None
    numa_node: int | None = None
    local_cpus: str | None = None
    """`local_cpulist` as the kernel writes it, `0-7,16-23`."""
    total_vfs: int = 0
    hwmon: str | None = None
    """Directory of the hwmon device, None where there is none."""
    path: str = ""
    """Canonical sysfs directory; its PCI ancestors are the path to the root."""


class Adapter(NamedTuple):
    """One physical card: the functions that share `sys_image_guid`, else the slot."""

    key: str
    """`sys_image_guid` where known, else domain:bus:device."""
    family: str
    """`ConnectX-4`; `mlx5 device 0x1234` for ids that are not in the table."""
    functions: tuple[Function, ...]
    ports: tuple[PortId, ...]
    psid: str | None = None
    part: str | None = None
    firmware: str | None = None
    firmware_stored: str | None = None
    """Version in flash; differs from `firmware` until a reset activates it."""
    state: str | None = None
    """Why the card has no port, in words: no driver, passed through …; None when all is well."""
    absent: Mapping[str, str] = {}
    """Field name to the reason why it is None."""

    @property
    def place(self) -> str:
        """Return the PCI address of its first function; its key where it has none."""
        return self.functions[0].address if self.functions else self.key

    @property
    def slots(self) -> dict[str, Function]:
        """Return the first function in every slot of the card; socket direct has two slots."""
        first: dict[str, Function] = {}
        for function in self.functions:
            first.setdefault(slot_of(function.address), function)
        return first

    @property
    def driver(self) -> str | None:
        return self.functions[0].driver if self.functions else None

    @property
    def is_mlx4(self) -> bool:
        """Return whether its driver is that of ConnectX-3 and older."""
        return (self.driver or "").startswith("mlx4")

    @property
    def is_dpu(self) -> bool:
        """A BlueField: its own processors run on while the host reboots."""
        return self.family.startswith("BlueField")


class Host(NamedTuple):
    """The machine under test."""

    name: str
    kernel: str | None = None
    cpus: int | None = None
    cpu_model: str | None = None
    root: bool = False
    """Readers run with root's rights."""
