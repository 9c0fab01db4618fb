"""File systems and block devices on the network with their servers, and connections of storage.

https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html; sysfs classes iscsi_connection,
nvme and the rbd bus; https://docs.ceph.com/en/latest/rados/configuration/network-config-ref/
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mlxtop.sources.kernel.proc import Process, socket_inodes
from mlxtop.sources.kernel.sysfs import names, read_text
from mlxtop.sources.kernel.tcp import Connection
from mlxtop.system.door import System

_NETWORK_TYPES = re.compile(
    r"nfs4?|cifs|smb3|smbfs|ceph|lustre|beegfs|gpfs|afs|orangefs|pvfs2|glusterfs|9p"
    r"|fuse\.(?:glusterfs|ceph|ceph-fuse|sshfs|juicefs|moosefs)"
)
_ADDRESSES = re.compile(r"[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]*")
_ESCAPE = re.compile(r"\\([0-7]{3})")


SERVICES = {
    445: "SMB",
    988: "Lustre",
    2049: "NFS",
    3260: "iSCSI",
    4420: "NVMe over TCP",
    24007: "GlusterFS",
}
"""Storage by the TCP port of its server."""
CEPH_PORTS = frozenset((3300, 6789, *range(6800, 7569)))
"""Ports of Ceph's monitors and daemons; others use them too, where there is no Ceph."""
_DAEMONS = {
    "smbd": "SMB",
    "glusterfsd": "GlusterFS",
    "glusterfs": "GlusterFS",
    "radosgw": "Ceph",
    "beegfs-storage": "BeeGFS",
    "beegfs-meta": "BeeGFS",
    "minio": "MinIO",
}
"""Storage by the names of its processes; Ceph's begin with `ceph-`."""


class NetworkStorage(NamedTuple):
    """Something mounted or attached over the network."""

    what: str
    """In words: `NFS /srv from 10.0.0.1:/srv`."""
    addresses: tuple[str, ...]
    """Servers; empty where they cannot be told."""
    root: bool = False


def addresses_in(text: str) -> tuple[str, ...]:
    """Return the IP addresses in a text, each once, without ports.

    >>> addresses_in("10.0.0.1:6789,[fe80::1]:6789:/ addr=10.0.0.1,vers=4.2")
    ('10.0.0.1', 'fe80::1')
    """
    addresses: dict[str, None] = {}
    for candidate in _ADDRESSES.findall(text):
        for form in (candidate.strip(":"), candidate, candidate.split(":")[0]):
            try:
                address = ipaddress.ip_address(form)
            except ValueError:
                continue
            if not address.is_unspecified:
                addresses[str(address)] = None
            break
    return tuple(addresses)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def parse_mounts(text: str) -> list[NetworkStorage]:
    """Return the network file systems of a mountinfo file.

    >>> line = "29 1 0:26 / /srv rw - nfs4 nas:/srv rw,vers=4.2,addr=10.0.0.1"
    >>> parse_mounts(line)[0].addresses
    ('10.0.0.1',)
    """
    mounts = []
    for line in text.splitlines():
        mount, _, origin = line.partition(" - ")
        fields, (kind, source, options) = mount.split(), (f"{origin}  ".split(" ", 2))
        if len(fields) < 6 or not _NETWORK_TYPES.fullmatch(kind) or _is_virtio(kind, options):
            continue
        place, remote = _unescape(fields[4]), _unescape(source)
        servers = _option_addresses(options) or addresses_in(source)
        mounts.append(NetworkStorage(f"{kind} {place} from {remote}", servers, place == "/"))
    return mounts


def _is_virtio(kind: str, options: str) -> bool:
    """Return whether it is 9p between a virtual machine and its host, without the network."""
    return kind == "9p" and "trans=tcp" not in options and "trans=rdma" not in options


def _option_addresses(options: str) -> tuple[str, ...]:
    given = [o for o in options.split(",") if o.startswith(("addr=", "mountaddr=", "mon_addr="))]
    return addresses_in(" ".join(given).replace("/", " "))


def _attached(what: str, address: str) -> NetworkStorage:
    servers = addresses_in(address)
    return NetworkStorage(f"{what} to {', '.join(servers) or '?'}", servers)


def _iscsi(system: System) -> Iterator[NetworkStorage]:
    base = "/sys/class/iscsi_connection"
    for name in names(system, base):
        texts = [read_text(system, f"{base}/{name}/{a}") for a in ("address", "persistent_address")]
        yield _attached(f"iSCSI {name}", " ".join(text for text in texts if text))


def _nvme(system: System) -> Iterator[NetworkStorage]:
    base = "/sys/class/nvme"
    for name in names(system, base):
        transport = read_text(system, f"{base}/{name}/transport")
        if transport in ("tcp", "rdma"):
            parts = (read_text(system, f"{base}/{name}/address") or "").split(",")
            target = " ".join(part for part in parts if part.startswith("traddr="))
            yield _attached(f"NVMe over {transport} {name}", target)


def _rbd(system: System) -> Iterator[NetworkStorage]:
    base = "/sys/bus/rbd/devices"
    for name in names(system, base):
        servers, *_ = (read_text(system, f"{base}/{name}/config_info") or "").split(" ")
        yield NetworkStorage(f"Ceph block device rbd{name}", addresses_in(servers))


def read_storage(system: System) -> list[NetworkStorage]:
    """Return everything mounted or attached over the network. Raises OSError without mountinfo."""
    text = system.read("/proc/self/mountinfo").decode("utf-8", "replace")
    return [*parse_mounts(text), *_iscsi(system), *_nvme(system), *_rbd(system)]


def _daemon(process: Process) -> str | None:
    return "Ceph" if process.name.startswith("ceph-") else _DAEMONS.get(process.name)


def read_storage_traffic(
    system: System, processes: Sequence[Process], sockets: Sequence[Connection]
) -> list[tuple[str, Connection]]:
    """Return the established connections that carry storage, each with the storage's name.

    A connection is known by the daemon that holds it, where this user may look, else by the port
    at either end. Ceph's ports count only where Ceph is installed or runs.
    """
    owners: dict[int, str] = {}
    for process in processes:
        if service := _daemon(process):
            owners |= dict.fromkeys(socket_inodes(system, process.pid), service)
    ceph = "Ceph" in map(_daemon, processes) or bool(names(system, "/etc/ceph"))
    services = ((_service(one, owners, ceph), one) for one in sockets if one.remote is not None)
    return [(service, one) for service, one in services if service is not None]


def _service(one: Connection, owners: Mapping[int, str], ceph: bool) -> str | None:
    """Return the storage that a connection belongs to; None for any other."""
    for port in (one.local_port, one.remote_port):
        if port in SERVICES:
            return SERVICES[port]
        if ceph and port in CEPH_PORTS:
            return "Ceph"
    return owners.get(one.inode)
