"""Driver statistics, driver names and module EEPROMs by the ethtool ioctl.

https://docs.kernel.org/networking/statistics.html
Drivers change the number of their statistics while they run, and some kernels write as many as
there are now whatever was asked for; so every buffer has room to spare and the count is checked.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct
import time
from typing import Any, NamedTuple

from mlxtop.system.door import os_error

SIOCETHTOOL, SIOCGIFINDEX = 0x8946, 0x8933
_GDRVINFO, _GSTRINGS, _GSTATS, _GSSET_INFO = 0x03, 0x1B, 0x1D, 0x37
_GMODULEINFO, _GMODULEEEPROM = 0x42, 0x43
_ETH_SS_STATS = 1
_NAME = 32
"""Bytes of a name, ETH_GSTRING_LEN."""
_SPARE = 4096
"""Statistics that may appear between asking for the count and reading them."""
_ATTEMPTS = 4
_TRUSTED = 30.0
"""Seconds until names are read again although their count did not change."""
_EEPROM_LIMIT = 1 << 16


class _Names(NamedTuple):
    """The names of a device's statistics and when they were read."""

    ifindex: int
    names: list[str]
    read: float


def _string(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


class EthtoolIoctl:
    """Questions by ioctl; no buffer is shared, so any number of threads may ask."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._names: dict[str, _Names] = {}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _ifreq(self, netdev: str, rest: bytes) -> bytes:
        name = os.fsencode(netdev)
        if not 0 < len(name) < 16:
            raise os_error(errno.ENODEV, netdev)
        return name.ljust(16, b"\0") + rest.ljust(24, b"\0")

    def _ioctl(self, netdev: str, buffer: array.array[int]) -> None:
        request = self._ifreq(netdev, struct.pack("@P", buffer.buffer_info()[0]))
        fcntl.ioctl(self._socket, SIOCETHTOOL, request)

    def _index(self, netdev: str) -> int:
        answer = fcntl.ioctl(self._socket, SIOCGIFINDEX, self._ifreq(netdev, b""))
        return int(struct.unpack_from("=i", answer, 16)[0])

    def driver_info(self, netdev: str) -> dict[str, str]:
        """Answer `Question.DRIVER_INFO`."""
        buffer = array.array("B", struct.pack("=I192x", _GDRVINFO))
        self._ioctl(netdev, buffer)
        data = buffer.tobytes()
        keys = ("driver", "version", "firmware", "bus")
        return {key: _string(data[4 + 32 * i : 36 + 32 * i]) for i, key in enumerate(keys)}

    def _read_names(self, netdev: str) -> list[str]:
        asked = array.array("B", struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _ETH_SS_STATS, 0))
        self._ioctl(netdev, asked)
        _, _, mask, count = struct.unpack("=IIQI", asked.tobytes())
        if not mask:
            raise os_error(errno.EOPNOTSUPP, netdev)
        room = count * 2 + _SPARE
        buffer = array.array("B", bytes(12 + _NAME * room))
        struct.pack_into("=III", buffer, 0, _GSTRINGS, _ETH_SS_STATS, count)
        self._ioctl(netdev, buffer)
        data = buffer.tobytes()
        count = min(struct.unpack_from("=I", data, 8)[0], room)
        return [_string(data[12 + _NAME * i : 12 + _NAME * (i + 1)]) for i in range(count)]

    def _current_names(self, netdev: str, fresh: bool) -> list[str]:
        """Return the names; the very same list as before while they are the same."""
        index, now = self._index(netdev), time.monotonic()
        earlier = self._names.get(netdev)
        if earlier and not fresh and earlier.ifindex == index and now - earlier.read < _TRUSTED:
            return earlier.names
        names = self._read_names(netdev)
        if earlier and earlier.names == names:
            names = earlier.names
        self._names[netdev] = _Names(index, names, now)
        return names

    def statistics(self, netdev: str) -> dict[str, list[Any]]:
        """Answer `Question.DRIVER_STATISTICS`. Raises OSError, EAGAIN when names keep changing."""
        for attempt in range(_ATTEMPTS):
            names = self._current_names(netdev, fresh=attempt > 0)
            count = len(names)
            buffer = array.array("Q", bytes(8 * (1 + count * 2 + _SPARE)))
            struct.pack_into("=II", buffer, 0, _GSTATS, count)
            self._ioctl(netdev, buffer)
            if struct.unpack_from("=II", buffer, 0)[1] == count:
                return {"names": names, "values": buffer[1 : 1 + count].tolist()}
        raise OSError(errno.EAGAIN, "the driver's statistics keep changing", netdev)

    def module_eeprom(self, netdev: str) -> dict[str, Any]:
        """Answer `Question.MODULE_EEPROM`. Needs CAP_NET_ADMIN."""
        asked = array.array("B", struct.pack("=III32x", _GMODULEINFO, 0, 0))
        self._ioctl(netdev, asked)
        _, kind, size = struct.unpack_from("=III", asked, 0)
        size = min(size, _EEPROM_LIMIT)
        buffer = array.array("B", struct.pack("=IIII", _GMODULEEEPROM, 0, 0, size) + bytes(size))
        self._ioctl(netdev, buffer)
        return {"type": kind, "data": buffer.tobytes()[16 : 16 + size].hex()}
