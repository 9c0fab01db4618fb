"""Hides, in what programs print of LLDP, how other people call their switches, ports and VLANs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from mlxtop.system.answers import parse_json

Hide = Callable[[str, str], str]
"""Return what stands for a text, by the kind of thing that it names."""
_KINDS = {
    "name": "device",
    "descr": "description",
    "vlan": "VLAN",
    "SystemName": "device",
    "SystemDescription": "description",
    "PortDescription": "description",
}
"""Members whose texts a person chose, with the kind of thing."""
_UNREAD = ("lldp-med", "unknown-tlvs", "mgmt-ip", "ppvid", "pi", "RawChassisID", "RawPortID")
"""Members that name somebody, serial numbers too, and that nobody here reads."""
_CHASSIS = ("chassis", "ChassisID")


def without_names(argv: Sequence[str], text: str, hide: Hide) -> str:
    """Return what a command printed without names; addresses in it stay for others to hide.

    A table of networkctl, in which nothing tells where a name ends, loses all its rows.
    """
    if "networkctl" in argv:
        if (content := parse_json(text)) is None:
            return text.partition("\n")[0] + "\n" if text else ""
    elif "lldpcli" not in argv or (content := parse_json(text)) is None:
        return text
    return json.dumps(_hidden(content, (), hide))


def _hidden(content: Any, path: tuple[str, ...], hide: Hide) -> Any:
    if isinstance(content, dict):
        return {
            key: _hidden(value, (*path, key), hide)
            for key, value in content.items()
            if key not in _UNREAD
        }
    if isinstance(content, list):
        return [_hidden(one, path, hide) for one in content]
    kind = _kind(path)
    return hide(kind, content) if kind and isinstance(content, str) else content


def _kind(path: tuple[str, ...]) -> str | None:
    """Return the kind of thing that a text names; None where it names nobody."""
    holder = path[-2] if len(path) > 1 and path[-1] == "value" else path[-1] if path else ""
    if (holder == "id" and "chassis" in path) or holder in _CHASSIS:
        return "chassis"
    if holder == "name" and "chassis" not in path:  # the network device
        return None
    return _KINDS.get(holder)
