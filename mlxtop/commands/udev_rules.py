"""udev rules that pin the names of ports by PCI path and port number.

https://man7.org/linux/man-pages/man7/udev.7.html; `dev_port` numbers the ports of one function
from 0 (Documentation/ABI/testing/sysfs-class-net); `dev_id` does not tell them apart everywhere.
systemd's .link files know the path but not `dev_port`, so that they cannot tell ports of one
function apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlxtop.model.identity import PortKind
from mlxtop.model.sample import LinkLayer, PortSample

FILE = "/etc/udev/rules.d/70-mlxtop-names.rules"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_KERNELS_OWN = re.compile(r"^(?:eth|ib)\d+$")
_ETHERNET, _INFINIBAND = 1, 32
"""ARPHRD_ETHER and ARPHRD_INFINIBAND."""

_HEAD = (
    f"# Names of ConnectX ports, pinned by mlxtop doctor --udev-rules; goes to {FILE}",
    "# Rules rather than .link files: those cannot match dev_port, the port of a function.",
    "# To try: udevadm control --reload; then reboot, or reload the driver.",
)


def udev_rules(ports: Iterable[PortSample]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the lines of a rules file, and the ports without a rule with the reason."""
    lines: list[str] = []
    left_out: list[tuple[str, str]] = []
    for sample in ports:
        port = sample.port
        if port.kind is PortKind.VIRTUAL or port.function is None:
            left_out.append((port.name, "no PCI device"))
        elif port.netdev is None:
            left_out.append((port.name, "no network device, so no name"))
        elif not _PLAIN.fullmatch(port.netdev):
            left_out.append((port.name, "its name cannot stand in a rule"))
        else:
            if _KERNELS_OWN.match(port.netdev):
                lines.append(
                    f"# {port.netdev} is a name that the kernel gives itself; another one is safer"
                )
            lines.append(_rule(sample, port.netdev, port.function))
    return [*_HEAD, *lines] if lines else [], left_out


def _rule(sample: PortSample, netdev: str, function: str) -> str:
    port = sample.port
    infiniband = sample.link.layer is LinkLayer.INFINIBAND
    # One function has all ports on mlx4, and one each on mlx5, where dev_port is always 0.
    number = port.id.number - 1 if (port.driver or "").startswith("mlx4") else 0
    conditions = [
        'SUBSYSTEM=="net"',
        'ACTION=="add"',
        f'KERNELS=="{function}"',
        f'ATTR{{dev_port}}=="{number}"',
        f'ATTR{{type}}=="{_INFINIBAND if infiniband else _ETHERNET}"',
    ]
    if infiniband:
        conditions.append('KERNEL!="*.*"')
    if port.representors:
        conditions.append('ATTR{phys_port_name}=="p[0-9]*"')
    return ", ".join([*conditions, f'NAME="{netdev}"'])
