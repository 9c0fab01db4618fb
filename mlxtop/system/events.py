"""Devices and links that come, change and go: kernel uevents through pyudev, and rtnetlink.

https://docs.kernel.org/networking/netlink_spec/rt_link.html
The kernel's own uevents are heard rather than udev's, since they also come where no udev runs.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

from mlxtop.model.identity import pci_address
from mlxtop.system.door import DeviceEvent
from mlxtop.system.netlink import BUFFER, messages
from mlxtop.system.rtnetlink import parse_link

SUBSYSTEMS = ("net", "infiniband", "pci", "hwmon")
_RTMGRP_LINK = 1
_RTM_NEWLINK, _RTM_DELLINK = 16, 17
_POLL = 5.0
"""Seconds until a `stop` is noticed at the latest: nobody waits for that."""
_ROOM = 1 << 21
"""Bytes that the kernel may queue for us."""
_DETAILS = ("index", "flags", "operstate", "carrier", "carrier_changes", "mtu", "master")


def uevent(action: str, path: str, properties: Mapping[str, str]) -> DeviceEvent:
    """Return a uevent as an event; its name is the path's, which survives removal."""
    details = {
        key: properties[key] for key in ("DRIVER", "INTERFACE", "IFINDEX") & properties.keys()
    }
    if "DEVPATH_OLD" in properties:
        details["old"] = properties["DEVPATH_OLD"].rpartition("/")[2]
    name = path.rpartition("/")[2]
    return DeviceEvent(action, properties.get("SUBSYSTEM", ""), name, pci_address(path), details)


def parse_link_events(datagram: memoryview) -> list[DeviceEvent]:
    """Return the events of a datagram of the group RTNLGRP_LINK."""
    events = []
    for kind, _, _, content in messages(datagram):
        if kind not in (_RTM_NEWLINK, _RTM_DELLINK) or not content or content[0]:
            continue  # other families tell of bridges
        if (link := parse_link(content)) is None:
            continue
        details = {key: str(link[key]) for key in _DETAILS if link[key] is not None}
        details["message"] = "new" if kind == _RTM_NEWLINK else "delete"
        device = link["parent"] if link["parent_bus"] == "pci" else None
        events.append(DeviceEvent("link", "net", link["name"], device, details))
    return events


def _links() -> socket.socket:
    """Return a socket that hears of every link."""
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        listener.bind((0, _RTMGRP_LINK))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _devices() -> Any:
    """Return a pyudev monitor of the kernel's uevents; None where there is no libudev."""
    try:
        import pyudev

        context = pyudev.Context()
    except ImportError:
        return None
    monitor = pyudev.Monitor.from_netlink(context, source="kernel")
    for subsystem in SUBSYSTEMS:
        monitor.filter_by(subsystem)
    with contextlib.suppress(OSError):  # needs CAP_NET_ADMIN; what does not fit is told as lost
        monitor.set_receive_buffer_size(_ROOM)
    monitor.start()
    return monitor


def follow(stop: Event) -> Iterator[DeviceEvent]:
    """Yield events as they come, until `stop`; `lost` ones where the kernel had to drop some."""
    links = _links()
    try:
        monitor = _devices()
        poll = select.poll()
        poll.register(links, select.POLLIN)
        if monitor is not None:
            poll.register(monitor.fileno(), select.POLLIN)
        buffer = bytearray(BUFFER)
        while not stop.is_set():
            for fd, _ in poll.poll(_POLL * 1000):
                if fd == links.fileno():
                    yield from _read_links(links, buffer)
                else:
                    yield from _read_devices(monitor)
    finally:
        links.close()


def _read_links(links: socket.socket, buffer: bytearray) -> Iterator[DeviceEvent]:
    try:
        size = links.recv_into(buffer)
    except BlockingIOError:
        return
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        yield DeviceEvent("lost", "net", "")
        return
    yield from parse_link_events(memoryview(buffer)[:size])


def _read_devices(monitor: Any) -> Iterator[DeviceEvent]:
    try:
        device = monitor.poll(0)
    except OSError:
        # pyudev does not say which error; asking the socket also clears it.
        with socket.fromfd(monitor.fileno(), socket.AF_NETLINK, socket.SOCK_RAW) as listener:
            if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != errno.ENOBUFS:
                raise
        yield DeviceEvent("lost", "udev", "")
        return
    if device is not None and device.subsystem in SUBSYSTEMS:
        properties = {key: str(device.properties[key]) for key in device.properties}
        yield uevent(device.action or "change", device.sys_path, properties)
