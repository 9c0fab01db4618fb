"""Routes of a simulated machine: those of its peers, and what `ip route` changes of them."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LabRoute:
    """One route to a host or network."""

    destination: str
    dev: str
    via: str | None = None
    metric: int = 0
    protocol: str = "boot"
    source: str | None = None
    table: str = "main"

    @property
    def key(self) -> tuple[str, int, str]:
        """Return what is there once: the kernel puts another one in its place."""
        return self.destination, self.metric, self.table

    def document(self) -> dict[str, object]:
        """Return it as `ip -j route show table all` does."""
        shown: dict[str, object] = {"dst": self.destination, "dev": self.dev, "flags": []}
        shown |= {"gateway": self.via} if self.via else {"scope": "link"}
        shown |= {"protocol": self.protocol} if self.protocol != "boot" else {}
        shown |= {"prefsrc": self.source} if self.source else {}
        shown |= {"metric": self.metric} if self.metric else {}
        return shown | ({"table": self.table} if self.table != "main" else {})


@dataclass(frozen=True, slots=True)
class LabRule:
    """A rule: packets with a mark, or to a host, are looked up in a table."""

    table: str
    mark: int = 0
    to: str = ""


def bare(prefix: str) -> str:
    """Return a host's prefix as the kernel shows it, without its length.

    >>> bare("10.0.0.2/32"), bare("10.0.0.0/24")
    ('10.0.0.2', '10.0.0.0/24')
    """
    address, _, length = prefix.partition("/")
    return address if length in ("32", "128") else prefix


class LabRoutes:
    """The tables and rules; a device that is not there has no routes."""

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self.routes: list[LabRoute] = []
        self.rules: list[LabRule] = []
        self._exists = exists

    def find(self, address: str, mark: int = 0, device: str | None = None) -> LabRoute | None:
        """Return the route that a packet takes."""
        target = ipaddress.ip_address(address)
        tables = [
            rule.table
            for rule in self.rules
            if (rule.mark and rule.mark == mark) or (rule.to and bare(rule.to) == address)
        ]
        for table in (*tables, "main"):
            fitting = [
                (-net.prefixlen, route.metric, place, route)
                for place, route in enumerate(self.routes)
                if route.table == table and (device is None or route.dev == device)
                for net in [ipaddress.ip_network(route.destination)]
                if target in net and self._exists(route.dev)
            ]
            if fitting:
                return min(fitting)[-1]
        return None

    def change(self, words: Sequence[str]) -> str | None:
        """Carry out `route replace|del|flush …` or `rule add|del …`; return a complaint."""
        what, verb, *rest = words
        if (what, verb) == ("route", "replace"):
            return self._replace(rest)
        if (what, verb) == ("route", "del"):
            return self._delete(rest)
        given = dict(itertools.pairwise(rest))
        if (what, verb) == ("route", "flush"):
            table, exact = given.get("table", "main"), bare(given.get("exact", ""))
            self.routes = [
                route
                for route in self.routes
                if route.table != table
                or route.protocol != given.get("proto")
                or (exact and route.destination != exact)
            ]
            return None
        rule = LabRule(given["lookup"], int(given.get("fwmark", "0"), 0), given.get("to", ""))
        if verb == "add":
            if rule in self.rules:
                return "File exists"
            self.rules.append(rule)
            return None
        if rule not in self.rules:
            return "No such file or directory"
        self.rules.remove(rule)
        return None

    def _replace(self, rest: Sequence[str]) -> str | None:
        prefix, *more = rest
        given = dict(zip(more[::2], more[1::2], strict=False))
        dev = given.get("dev", "")
        if not self._exists(dev):
            return f'Cannot find device "{dev}"'
        route = LabRoute(bare(prefix), dev, given.get("via"))
        route = replace(
            route,
            metric=int(given.get("metric", "0")),
            protocol=given.get("proto", "boot"),
            source=given.get("src"),
            table=given.get("table", "main"),
        )
        self.routes = [*(old for old in self.routes if old.key != route.key), route]
        return None

    def _delete(self, rest: Sequence[str]) -> str | None:
        given = dict(itertools.pairwise(rest[1:]))
        metric, protocol = int(given.get("metric", "0")), given.get("proto")
        for route in self.routes:
            if route.key == (bare(rest[0]), metric, "main") and route.protocol == protocol:
                self.routes = [one for one in self.routes if one is not route]
                return None
        return "No such process"

    def rule_documents(self) -> Iterator[dict[str, object]]:
        """Yield the rules of somebody as `ip -j rule show` does."""
        for rule in self.rules:
            chosen: dict[str, object] = {"fwmark": f"{rule.mark:#x}"} if rule.mark else {}
            yield chosen | {"table": rule.table} | ({"dst": bare(rule.to)} if rule.to else {})

    def documents(self) -> Iterator[dict[str, object]]:
        """Yield every route as `ip -j route show table all` does."""
        return (route.document() for route in self.routes if self._exists(route.dev))
