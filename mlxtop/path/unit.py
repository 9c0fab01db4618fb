"""The systemd unit of `path keep`."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.system.service_unit import exec_start, protect_home

UNIT = """\
# mlxtop path keep --unit > /etc/systemd/system/mlxtop-path.service
# systemctl enable --now mlxtop-path
# The peers stand in /etc/mlxtop-nic/settings.toml; mlxtop path --propose prints them.
[Unit]
Description=Keep the paths between hosts: switch routes when a fast link dies
Documentation=man:mlxtop(1)
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
Restart=always
RestartSec=1
WatchdogSec=10
TimeoutStopSec=15
Environment=XDG_CONFIG_HOME=/etc
Environment=XDG_STATE_HOME=/var/lib
StateDirectory=mlxtop-nic
StateDirectoryMode=0700
RuntimeDirectory=mlxtop-nic
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=default
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""
"""MemoryDenyWriteExecute is left out: Python's ctypes makes code at run time."""


def unit(program: Sequence[str]) -> str:
    """Return the unit that starts `program` with `path keep`."""
    command = exec_start((*program, "path", "keep"))
    return UNIT.format(command=command, home=protect_home(program))
