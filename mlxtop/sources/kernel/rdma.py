"""RDMA devices, their ports and counters, from /sys/class/infiniband.

https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.counters import Schema
from mlxtop.model.identity import natural, pci_address
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.number import whole
from mlxtop.model.sample import Link, LinkLayer, LinkState, Reading
from mlxtop.sources.kernel.sysfs import (
    ask_or_none,
    names,
    parse_count,
    parse_hex,
    read_count,
    read_text,
)
from mlxtop.system.answers import Fields
from mlxtop.system.door import Question, System

CLASS = "/sys/class/infiniband"
MOST_PORTS = 254
"""Ports of a device at most, include/uapi/rdma/ib_user_verbs.h."""
_SUBFUNCTION = re.compile(r"\w+\.sf\.\d+")
"""An auxiliary device that is a function in itself, with netdev and RDMA device."""
_MOST_GIDS = 65535
_GIDS = 8
"""Addresses of a port that are asked for its network device; the default one comes first."""
_PERMISSIVE_LID = 0xFFFF
"""LID of a plane: only the port that the planes make up has one of the subnet manager's."""
_PLANES = re.compile(r"smi\d*")
"""The name that NVIDIA's scripts give to a device of type SMI."""

DATA = Schema(("port_rcv_data", "port_xmit_data", "port_rcv_packets", "port_xmit_packets"))
"""The counters read at every tick: each is one firmware command."""


class RdmaDevice(NamedTuple):
    """One RDMA device; its names are udev's, its GUIDs are the card's."""

    name: str
    ports: tuple[int, ...]
    function: str | None = None
    """PCI address of its function; None where there is no device link (rxe, bare captures)."""
    parent: str | None = None
    """Network device below a software device (rxe, siw)."""
    guid: str | None = None
    system_guid: str | None = None
    """`sys_image_guid`: the same for all functions of a card."""
    psid: str | None = None
    firmware: str | None = None
    type: str | None = None
    """`hca_type`; MT4115 is the decimal PCI device id."""
    subfunction: str | None = None
    """Auxiliary device of the sub-function that it belongs to, `mlx5_core.sf.4`."""
    netdevs: Mapping[int, str] = {}
    """Network device of each RoCE port that has one, by port number."""
    planes: bool = False
    """Type SMI: its ports are the planes of another device's port, for subnet management only."""

    @property
    def pci_device(self) -> int | None:
        match = re.fullmatch(r"MT(\d{3,5})", self.type or "")
        return int(match[1]) if match else None


def subfunction_of(path: str) -> str | None:
    """Return the auxiliary device of a sub-function in a path of /sys/devices.

    >>> subfunction_of("/sys/devices/pci0000:00/0000:06:00.1/mlx5_core.sf.4")
    'mlx5_core.sf.4'
    """
    return next(filter(_SUBFUNCTION.fullmatch, path.split("/")), None)


def _guid(text: str | None) -> str | None:
    return text if text and text.strip("0:") else None


def read_devices(system: System) -> list[RdmaDevice]:
    """Return every RDMA device by name; none where the class directory does not exist."""
    devices = [_read_device(system, name) for name in sorted(names(system, CLASS), key=natural)]
    places = Counter(_place(device) for device in devices if device.function is not None)
    if not any(count > 1 for count in places.values()):
        return devices
    types = Fields(ask_or_none(system, Question.RDMA_DEVICES))
    return [
        device._replace(planes=_is_planes(system, device, devices, types))
        if places[_place(device)] > 1
        else device
        for device in devices
    ]


def _place(device: RdmaDevice) -> tuple[str | None, str | None]:
    return device.function, device.subfunction


def _is_planes(
    system: System, device: RdmaDevice, devices: Sequence[RdmaDevice], types: Fields
) -> bool:
    """Return whether a device shows the planes of another one of its function.

    The kernel tells its type since 6.11; else its name does, or that no port of it has a LID while
    the other's has.
    """
    others = [one for one in devices if one is not device and _place(one) == _place(device)]
    kinds = {name: entry.text("type") for name, entry in types.members()}
    if device.name in kinds and any(kinds.values()):
        return kinds[device.name] == "smi"
    if _PLANES.fullmatch(device.name):
        return True
    if not _without_lid(system, device):
        return False
    return any(
        len(one.ports) < len(device.ports) or not _without_lid(system, one) for one in others
    )


def _without_lid(system: System, device: RdmaDevice) -> bool:
    """Return whether all ports of a device have the permissive LID."""
    paths = (f"{port_path(device.name, port)}/lid" for port in device.ports)
    return bool(device.ports) and {parse_hex(read_text(system, path)) for path in paths} == {
        _PERMISSIVE_LID
    }


def _read_device(system: System, name: str) -> RdmaDevice:
    base = f"{CLASS}/{name}"
    try:
        place = system.real(f"{base}/device")
    except OSError:
        place = ""
    function = pci_address(place)
    numbers = (whole(number, MOST_PORTS) for number in names(system, f"{base}/ports"))
    ports = tuple(sorted(port for port in numbers if port is not None))
    return RdmaDevice(
        name=name,
        ports=ports,
        function=function,
        subfunction=subfunction_of(place),
        netdevs={port: netdev for port in ports if (netdev := _netdev(system, name, port))},
        parent=read_text(system, f"{base}/parent"),
        guid=_guid(read_text(system, f"{base}/node_guid")),
        system_guid=_guid(read_text(system, f"{base}/sys_image_guid")),
        psid=read_text(system, f"{base}/board_id") or None,
        firmware=read_text(system, f"{base}/fw_ver") or None,
        type=read_text(system, f"{base}/hca_type"),
    )


def _netdev(system: System, device: str, port: int) -> str | None:
    """Return the network device of a RoCE port: that of its first address.

    A row without an address fails with EINVAL, as all do on InfiniBand.
    """
    rows = f"{port_path(device, port)}/gid_attrs/ndevs"
    numbers = (whole(row, _MOST_GIDS) for row in names(system, rows))
    first = sorted(number for number in numbers if number is not None)[:_GIDS]
    return next(filter(None, (read_text(system, f"{rows}/{row}") for row in first)), None)


def port_path(device: str, port: int) -> str:
    """Return the directory of a port."""
    return f"{CLASS}/{device}/ports/{port}"


def read_layer(system: System, device: str, port: int) -> LinkLayer | None:
    """Return `link_layer` of a port, or None when it is neither Ethernet nor InfiniBand."""
    text = read_text(system, f"{port_path(device, port)}/link_layer")
    return LinkLayer(text) if text in ("Ethernet", "InfiniBand") else None


def parse_state(text: str | None) -> tuple[int | None, str | None]:
    """Return number and word of `state` and `phys_state`.

    >>> parse_state("4: ACTIVE"), parse_state("5: LinkUp"), parse_state("?")
    ((4, 'ACTIVE'), (5, 'LinkUp'), (None, None))
    """
    number, mark, word = (text or "").partition(":")
    return (parse_count(number), word.strip() or None) if mark else (None, None)


_STATES = {2: LinkState.INIT, 3: LinkState.ARMED, 4: LinkState.UP, 5: LinkState.UP}
_PHYS_STATES = {2: LinkState.POLLING, 3: LinkState.DISABLED}


def infiniband_state(state: int | None, phys: int | None) -> LinkState:
    """Return what the two states of an InfiniBand port mean together."""
    return _STATES.get(state or 0) or _PHYS_STATES.get(phys or 0, LinkState.DOWN)


def read_infiniband_link(system: System, device: str, port: int) -> Link:
    """Return state, rate and LIDs of an InfiniBand port; each file is one firmware command."""
    base = port_path(device, port)
    state, word = parse_state(read_text(system, f"{base}/state"))
    phys, phys_word = parse_state(read_text(system, f"{base}/phys_state"))
    lid, sm_lid = (parse_hex(read_text(system, f"{base}/{name}")) for name in ("lid", "sm_lid"))
    link_state = infiniband_state(state, phys)
    text = read_text(system, f"{base}/rate") if state in _STATES else None
    rate = parse_rate(text)
    detail = None
    if link_state is LinkState.INIT and not sm_lid:
        detail = "no subnet manager"
    elif link_state is not LinkState.UP and word:
        detail = f"{word}, {phys_word}" if phys_word else word
    return Link(
        layer=LinkLayer.INFINIBAND,
        state=link_state,
        detail=detail,
        phys_state=phys_word,
        speed=rate.bits if rate else None,
        rate=text,
        lid=lid,
        sm_lid=sm_lid,
    )


def read_data(system: System, device: str, port: int) -> Reading | None:
    """Return data and packets of a port; None where the device has no counters directory."""
    return read_table(system, f"{port_path(device, port)}/counters", DATA)


def read_table(system: System, directory: str, schema: Schema) -> Reading | None:
    """Return the files of a counters directory that `schema` names; None when none has a number."""
    counts = [read_count(system, path) if path else None for path in _files(directory, schema)]
    # No kernel counts below zero: only a stranger's capture does.
    values = tuple([None if count is None or count < 0 else count for count in counts])
    return Reading(system.now(), schema, values) if set(values) - {None} else None


@lru_cache(256)
def _files(directory: str, schema: Schema) -> tuple[str, ...]:
    return tuple(f"{directory}/{key}" if key else "" for key in schema.keys)


def table_schema(system: System, directory: str, leave_out: Sequence[str] = ()) -> Schema | None:
    """Return the counters that a directory offers; None where it does not exist or is empty.

    `lifespan` is a setting, not a counter.
    """
    keys = sorted(set(names(system, directory)) - {*leave_out, "lifespan"})
    return Schema(tuple(keys)) if keys else None
