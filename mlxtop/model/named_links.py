"""Links whose two ends a person has named: the tables `[[links]]` of the settings file."""

from __future__ import annotations

import re
from typing import NamedTuple

from mlxtop.model.identity import Port

MOST_LINKS = 256
_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")


class NamedEnd(NamedTuple):
    """A port as a person names it."""

    host: str
    port: str
    """Its network or RDMA device, or its PCI address."""

    def means(self, port: Port) -> bool:
        """Return whether it is the name of a port."""
        names = (port.netdev, port.rdma, port.function, str(port.id), *port.extra_netdevs)
        return self.port in names


class NamedLink(NamedTuple):
    """Two ends of one link."""

    a: NamedEnd
    b: NamedEnd


def named_links(value: object) -> tuple[NamedLink, ...]:
    """Return the tables `[[links]]`; raises ValueError with what is wrong with them.

    >>> table = {"a": {"host": "x", "port": "p1"}, "b": {"host": "y", "port": "p2"}}
    >>> named_links([table])
    (NamedLink(a=NamedEnd(host='x', port='p1'), b=NamedEnd(host='y', port='p2')),)
    """
    if not isinstance(value, list) or len(value) > MOST_LINKS:
        raise ValueError(f"is not a list of at most {MOST_LINKS} tables")
    links = tuple(NamedLink(*map(_end, _entries(row, "a", "b"))) for row in value)
    ends = [end for link in links for end in link]
    twice = next((end for end in ends if ends.count(end) > 1), None)
    if twice is not None:
        raise ValueError(f"has the end {twice.host} {twice.port} twice")
    return links


def _end(value: object) -> NamedEnd:
    host, port = _entries(value, "host", "port")
    for name in (host, port):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{str(name)[:40]!r} is no name of a host or port")
    return NamedEnd(str(host), str(port))


def _entries(table: object, *keys: str) -> list[object]:
    if not isinstance(table, dict) or set(table) != set(keys):
        raise ValueError(f"wants {' and '.join(keys)} in each table")
    return [table[key] for key in keys]
