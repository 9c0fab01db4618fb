"""A systemd unit that records.

https://man7.org/linux/man-pages/man5/systemd.exec.5.html and systemd.service.5
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from mlxtop.system.service_unit import exec_start, protect_home

STATE = "mlxtop-nic"
"""Directory below /var/lib."""


class Rights(StrEnum):
    """As whom a unit runs."""

    DYNAMIC = "dynamic"
    """A user that exists only while it runs."""
    ROOT = "root"


_WHY = {
    Rights.DYNAMIC: (
        "Runs as a user of its own, with what module memory and the kernel log ask for.",
        "Not read so: what mstlink and mstconfig tell, and the PCI configuration space, which only",
        "root may; the recording says so. For these: mlxtop record --unit root.",
    ),
    Rights.ROOT: (
        "Runs as root, since mstlink, mstconfig and the PCI configuration space are root's.",
        "Without these it can be a user of its own: mlxtop record --unit.",
    ),
}
_CAPABILITIES = {
    Rights.DYNAMIC: "CAP_NET_ADMIN CAP_SYSLOG",
    Rights.ROOT: "CAP_NET_ADMIN CAP_SYSLOG CAP_SYS_ADMIN CAP_SYS_RAWIO CAP_DAC_OVERRIDE",
}
_UNIT = """\

[Unit]
Description=Record the ports of ConnectX cards (mlxtop)
Documentation=man:mlxtop(1)

[Service]
Type=notify"""
_SERVICE = f"""\
WatchdogSec=2min
Restart=on-failure
RestartSec=30s
Nice=5
IOSchedulingClass=idle
StateDirectory={STATE}
StateDirectoryMode=0700
CacheDirectory={STATE}
CacheDirectoryMode=0700"""
_HARDENING = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
ProtectKernelModules=yes
ProtectKernelTunables={tunables}
ProtectControlGroups=yes
ProtectClock={clock}
ProtectHostname=yes
DevicePolicy={devices}
DeviceAllow=/dev/kmsg r
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service{calls}
SystemCallErrorNumber=EPERM
IPAddressDeny=any
KeyringMode=private
UMask=0077"""


def unit(
    program: Sequence[str],
    arguments: Sequence[str],
    rights: Rights,
    probed: Sequence[str] = (),
) -> str:
    """Return the unit that starts `program` with `record` and these arguments.

    `probed`: addresses that the ways of `[[path.peers]]` are probed at; others it cannot reach.
    """
    return "\n".join(_lines(program, arguments, rights, probed))


def _lines(
    program: Sequence[str], arguments: Sequence[str], rights: Rights, probed: Sequence[str]
) -> Iterator[str]:
    is_root = rights is Rights.ROOT
    yield f"# mlxtop record --unit{' root' if is_root else ''} > /etc/systemd/system/{NAME}"
    yield f"# systemctl daemon-reload && systemctl enable --now {NAME}"
    yield f"# Look at it: mlxtop --from /var/lib/{STATE} --once"
    for line in _WHY[rights]:
        yield f"# {line}"
    if probed:
        yield "# Probes the peers in /etc/mlxtop-nic/settings.toml; print it anew for other ones."
    yield _UNIT
    words = (*program, "record", f"/var/lib/{STATE}", *arguments)
    yield f"ExecStart={exec_start(words)}"
    yield _SERVICE
    # /var/cache/mlxtop-nic is a link where the user is the unit's own.
    yield f"Environment=XDG_CACHE_HOME=/var/cache{'' if is_root else '/private'}"
    if probed:
        yield "Environment=XDG_CONFIG_HOME=/etc"
        yield f"IPAddressAllow={' '.join(probed)}"
    yield ""
    if not is_root:
        yield "DynamicUser=yes"
        yield f"AmbientCapabilities={_CAPABILITIES[rights]}"
    yield f"CapabilityBoundingSet={_CAPABILITIES[rights]}"
    yield _HARDENING.format(
        home=protect_home(program),
        tunables="no" if is_root else "yes",  # the tools map the card's memory through sysfs
        clock="no" if is_root else "yes",
        devices="auto" if is_root else "closed",
        calls=" @raw-io" if is_root else "",
    )
    yield "\n[Install]\nWantedBy=multi-user.target"


NAME = "mlxtop-record.service"
