"""Names of machines: what people may ask for, and the groups of the settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}")
"""A host as ssh takes it: no option, no blank, nothing that a terminal or a shell could take for
something else."""
LOCAL = "local"
"""This machine, among several."""
MOST = 64
"""Machines on one screen at most."""


def host_name(text: str) -> str:
    """Return the name of a machine. Raises ValueError.

    >>> host_name("admin@10.0.0.4")
    'admin@10.0.0.4'
    """
    if HOST.fullmatch(text) is None:
        raise ValueError(f"invalid host name: {text!r}")
    return text


def host_names(asked: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the machines that are meant, each once; `@rack1` is a group. Raises ValueError.

    >>> host_names(["fry", "@rack1"], {"rack1": ("leela", "fry")})
    ['fry', 'leela']
    """
    names: list[str] = []
    for one in asked:
        if not one.startswith("@"):
            names.append(host_name(one))
        elif one[1:] in groups:
            names += map(host_name, groups[one[1:]])
        else:
            there = ", ".join(f"@{name}" for name in groups) or "none"
            raise ValueError(f"no group {one!r} in the settings: there are {there}")
    hosts = list(dict.fromkeys(names))
    if len(hosts) > MOST:
        raise ValueError(f"{len(hosts)} machines are too many: {MOST} at most")
    return hosts
