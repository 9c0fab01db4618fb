"""LLDP neighbours as the daemon of this machine knows them: lldpd, else systemd-networkd.

https://lldpd.github.io/ (`lldpcli -f json0`: every member is a list),
https://www.freedesktop.org/software/systemd/man/latest/networkctl.html. Nobody listens here.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping

from mlxtop.model.identity import Port, PortId
from mlxtop.model.lldp import LONGEST_TEXT, MOST_NEIGHBOURS, LldpNeighbour
from mlxtop.model.number import COUNT, whole
from mlxtop.system.answers import Fields, parse_json
from mlxtop.system.door import Finished, System

LLDPCLI = ("lldpcli", "-f", "json0", "show", "neighbors", "details")
LLDPCLI_AS_OWNER = (
    *("setpriv", "--reuid=_lldpd", "--regid=_lldpd", "--clear-groups", "--no-new-privs"),
    *LLDPCLI,
)
"""As Debian's own user: the program is that user's, who could change what root would run."""
NETWORKCTL_JSON = ("networkctl", "lldp", "--no-pager", "--json=short")
NETWORKCTL = ("networkctl", "lldp", "--no-pager", "--full")
NOBODY = "no program here knows: neither lldpcli (apt install lldpd) nor networkctl is installed"
_TIMEOUT_S = 5.0
_BRIDGES = 0x004 | 0x100 | 0x200
"""Bits of the capabilities: bridge, and those of a VLAN's customer and provider."""
_TITLES = re.compile(
    "LINK|CHASSIS[ -]ID|SYSTEM[ -]NAME|SYSTEM[ -]DESCRIPTION|CAPS|PORT[ -]ID|PORT[ -]DESCRIPTION"
)
_CAPS = re.compile("[a-z.]{11}")
Told = Iterator[tuple[str, LldpNeighbour]]
"""Network device of this machine and one of its neighbours."""


def _plain(text: object) -> str | None:
    """Return a text of somebody else as one short printable line; None for an empty one."""
    if not isinstance(text, str):
        return None
    line = " ".join(text[: 4 * LONGEST_TEXT].split())
    return "".join(c if c.isprintable() else "?" for c in line)[:LONGEST_TEXT] or None


def _first(fields: Fields, key: str) -> Fields:
    return next(fields.rows(key), Fields(None))


def _value(fields: Fields, key: str) -> str | None:
    return _plain(_first(fields, key).text("value"))


def parse_lldpcli(text: str) -> Told:
    """Yield what `lldpcli -f json0 show neighbors details` tells, of LLDP alone.

    >>> port = '"port": [{"id": [{"type": "ifname", "value": "Eth1/5"}]}]'
    >>> entry = '{"lldp": [{"interface": [{"name": "p0", "via": "LLDP", %s}]}]}' % port
    >>> [(device, one.port) for device, one in parse_lldpcli(entry)]
    [('p0', 'Eth1/5')]
    """
    for daemon in Fields(parse_json(text)).rows("lldp"):
        for entry in daemon.rows("interface"):
            device = entry.text("name")
            if device and entry.text("via") == "LLDP":  # CDP and the like pass through switches
                yield device, _of_lldpcli(entry)


def _of_lldpcli(entry: Fields) -> LldpNeighbour:
    chassis, port = _first(entry, "chassis"), _first(entry, "port")
    able = {one.text("type"): one.flag("enabled") for one in chassis.rows("capability")}
    vlans = [one for one in entry.rows("vlan") if one.flag("pvid")]
    return LldpNeighbour(
        _value(chassis, "id"),
        _value(chassis, "name"),
        _value(chassis, "descr"),
        able.get("Bridge", False) if able else None,
        _value(port, "id"),
        _value(port, "descr"),
        whole(vlans[0].text("vlan-id") or "", 4094) if vlans else None,
        whole(_value(port, "mfs") or "", 65535),
        _power(_first(port, "power")),
        LLDPCLI[0],
    )


def _power(power: Fields) -> str | None:
    """Return `gives 15.0 W, class 3`; None where no power goes over this link."""
    kind = _value(power, "device-type")
    if kind is None or not (power.flag("enabled") or kind == "PD"):
        return None
    watts = whole(_value(power, "allocated") or "", COUNT)
    verb = {"PSE": "gives", "PD": "takes"}.get(kind, kind)
    words = [verb + (f" {watts / 1000:.1f} W" if watts else " power"), _value(power, "class")]
    return ", ".join(filter(None, words))


def parse_networkctl_json(text: str) -> Told:
    """Yield what `networkctl --json=short lldp` tells (systemd 256 on)."""
    for link in Fields(parse_json(text)).rows("Neighbors"):
        device = link.text("InterfaceName")
        for one in link.rows("Neighbors") if device else ():
            able, vlan = one.count("EnabledCapabilities"), one.count("VlanID")
            yield (
                device or "",
                LldpNeighbour(
                    _plain(one.text("ChassisID")),
                    _plain(one.text("SystemName")),
                    _plain(one.text("SystemDescription")),
                    None if able is None else bool(able & _BRIDGES),
                    _plain(one.text("PortID")),
                    _plain(one.text("PortDescription")),
                    vlan if vlan and vlan < 4095 else None,
                    source="networkctl",
                ),
            )


def parse_networkctl(text: str) -> Told:
    """Yield what the table of `networkctl lldp` tells; its columns differ between releases.

    >>> rows = ["LINK CHASSIS ID        SYSTEM NAME CAPS        PORT ID PORT DESCRIPTION"]
    >>> rows += ["p0   52:54:00:0d:e7:46 leaf1       ..b.r...... Eth1/5  n/a"]
    >>> [(device, one.title, one.is_switch, one.where) for device, one in
    ...  parse_networkctl("\\n".join(rows))]
    [('p0', 'leaf1', True, 'Eth1/5')]
    """
    columns: list[tuple[str, int, int | None]] = []
    for line in text.splitlines():
        titles = list(_TITLES.finditer(line))
        if not columns and len(titles) >= 4:
            ends = [title.start() for title in titles[1:]] + [None]
            columns = [
                (title[0].replace("-", " "), title.start(), end)
                for title, end in zip(titles, ends, strict=True)
            ]
        elif columns and not line.strip():
            return  # below it stands what the letters mean
        elif columns:
            cells = {title: _cell(line[start:end]) for title, start, end in columns}
            if device := cells.get("LINK"):
                yield device, _of_table(cells)


def _cell(text: str) -> str | None:
    cell = _plain(text)
    return None if cell in ("n/a", "-") else cell


def _of_table(cells: Mapping[str, str | None]) -> LldpNeighbour:
    caps = cells.get("CAPS") or ""
    return LldpNeighbour(
        cells.get("CHASSIS ID"),
        cells.get("SYSTEM NAME"),
        cells.get("SYSTEM DESCRIPTION"),
        "b" in caps if _CAPS.fullmatch(caps) else None,
        cells.get("PORT ID"),
        cells.get("PORT DESCRIPTION"),
        source="networkctl",
    )


def read_lldp(system: System, ports: Iterable[Port]) -> Mapping[PortId, tuple[LldpNeighbour, ...]]:
    """Return the neighbours of ports, of those that have any. Raises OSError."""
    owners = {
        name: port.id for port in ports for name in (port.netdev, *port.extra_netdevs) if name
    }
    neighbours: dict[PortId, tuple[LldpNeighbour, ...]] = {}
    for device, neighbour in _ask(system):
        port = owners.get(device)
        before = neighbours.get(port, ()) if port is not None else ()
        if port is not None and len(before) < MOST_NEIGHBOURS and neighbour not in before:
            neighbours[port] = (*before, neighbour)
    return neighbours


def _ask(system: System) -> Told:
    """Return what the first program tells that knows anything. Raises OSError."""
    reasons = []
    for argv in (LLDPCLI, LLDPCLI_AS_OWNER):
        if system.which(argv[0]) is None or (argv is LLDPCLI_AS_OWNER and not system.root):
            continue
        finished = system.run(argv, timeout=_TIMEOUT_S)
        if finished.status == 0:
            return parse_lldpcli(finished.stdout)
        if not finished.stderr.startswith("setpriv:"):  # no such user, or no such program
            reasons.append(f"lldpcli: {_said(finished)}")
            break
    if system.which(NETWORKCTL[0]) is not None:
        finished = system.run(NETWORKCTL_JSON, timeout=_TIMEOUT_S)
        if finished.status == 0 and "Neighbors" in Fields(parse_json(finished.stdout)):
            return parse_networkctl_json(finished.stdout)
        finished = system.run(NETWORKCTL, timeout=_TIMEOUT_S)
        if finished.status == 0:
            return parse_networkctl(finished.stdout)
        reasons.append(f"networkctl: {_said(finished)}")
    raise OSError(errno.ENOENT, "; ".join(reasons) or NOBODY)


def _said(finished: Finished) -> str:
    """Return why a program told nothing, in a few words."""
    lines = [line for line in (finished.stderr + finished.stdout).splitlines() if line.strip()]
    text = lines[0] if lines else f"status {finished.status}"
    if "ermission denied" in text:
        return "needs root"
    if "unable to connect to socket" in text:
        return "lldpd does not run"
    return (_plain(text) or "")[:120]
