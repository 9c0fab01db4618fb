"""RDMA devices, their ports and counters, from /sys/class/infiniband.

https://docs.kernel.org/ABI/stable/sysfs-class-infiniband.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from mlxtop.model.counters import Schema
from mlxtop.model.identity import pci_address
from mlxtop.model.linkrate import parse_rate
from mlxtop.model.number import whole
from mlxtop.model.sample import Link, LinkLayer, LinkState, Reading
from mlxtop.sources.kernel.sysfs import names, parse_count, parse_hex, read_count, read_text
from mlxtop.system.door import System

CLASS = "/sys/class/infiniband"
MOST_PORTS = 254
"""Ports of a device at most, include/uapi/rdma/ib_user_verbs.h."""

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

    @property
    def pci_device(self) -> int | None:
        match = re.fullmatch(r"MT(\d{3,5})", self.type or "")
        return int(match[1]) if match else None


def _guid(text: str | None) -> str | None:
    return text if text and text.strip("0:") else None


def read_devices(system: System) -> list[RdmaDevice]:
    """Return every RDMA device; none where the class directory does not exist."""
    return [_read_device(system, name) for name in names(system, CLASS)]


def _read_device(system: System, name: str) -> RdmaDevice:
    base = f"{CLASS}/{name}"
    try:
        function = pci_address(system.real(f"{base}/device"))
    except OSError:
        function = None
    ports = [whole(number, MOST_PORTS) for number in names(system, f"{base}/ports")]
    return RdmaDevice(
        name=name,
        ports=tuple(sorted(port for port in ports if port is not None)),
        function=function,
        parent=read_text(system, f"{base}/parent"),
        guid=_guid(read_text(system, f"{base}/node_guid")),
        system_guid=_guid(read_text(system, f"{base}/sys_image_guid")),
        psid=read_text(system, f"{base}/board_id") or None,
        firmware=read_text(system, f"{base}/fw_ver") or None,
        type=read_text(system, f"{base}/hca_type"),
    )


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
