"""Metrics in the formats of Prometheus and OpenMetrics, by prometheus_client.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from mlxtop.outputs.machine_metrics import Machine, families_of
from mlxtop.outputs.metric_families import Family

Machines = Callable[[], Iterable[Machine]]
"""Returns the machines as they are now."""

_UNITS = (
    *("bytes_per_second", "packets_per_second", "celsius", "seconds", "bytes", "packets"),
    *("amperes", "volts", "watts", "dbm", "ratio"),
)
"""Ends of names that OpenMetrics has as the unit; the longer ones first."""


class MachineCollector(Collector):
    """Collects what some machines are like at the moment of a scrape; reads nothing itself."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def collect(self) -> Iterator[Metric]:
        return map(_metric, families_of(self._machines()))


def _metric(family: Family) -> Metric:
    """Return a family as prometheus_client has it: its kind follows from its name."""
    name, kind = family.name, "gauge"
    if family.grows:
        name, kind = name.removesuffix("_total"), "counter"
    elif name.endswith("_info"):
        name, kind = name.removesuffix("_info"), "info"
    unit = next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")
    metric = Metric(name, family.help, kind, unit if kind != "info" else "")
    for row, value in family.rows.items():
        labels = dict(zip(family.labels, row, strict=True))
        metric.samples.append(Sample(family.name, labels, value))
    return metric


def text(machines: Machines) -> bytes:
    """Return the text format, without timestamps: node_exporter's textfile collector bears none."""
    return bytes(generate_latest(MachineCollector(machines)))


class Rendered(NamedTuple):
    """The answer to a scrape."""

    content_type: str
    body: bytes
    encoding: str = ""
    """`gzip`, or empty."""


OPEN, TEXT = "application/openmetrics-text; version=1.0.0", ""
"""The two formats that are told, as an Accept header asks for them."""


def chosen(accept: str) -> str:
    """Return the format that a scraper names first: `OPEN`, or `TEXT` where it names neither.

    Of versions and escapings there is one each: what a client writes is not written back.
    """
    kinds = (one.partition(";")[0].strip().lower() for one in accept.split(","))
    known = {"application/openmetrics-text": OPEN, "text/plain": TEXT}
    return next((known[kind] for kind in kinds if kind in known), TEXT)


def render(machines: Machines, accept: str, zipped: bool) -> Rendered:
    """Return metrics in the format that a scraper accepts: OpenMetrics where it asks for that."""
    encode, content_type = choose_encoder(chosen(accept))
    body = bytes(encode(MachineCollector(machines)))
    if not zipped:
        return Rendered(content_type, body)
    return Rendered(content_type, gzip.compress(body, 1), "gzip")
