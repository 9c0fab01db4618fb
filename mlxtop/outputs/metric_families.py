"""Metrics as values: families of samples with names, labels and help as Prometheus wants them.

https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows. What is
unknown is no sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from mlxtop.analysis.port_view import PortView
from mlxtop.present.text import clean

PREFIX = "mlxtop_"
COMMON = ("device", "port", "netdev", "pci")
"""Labels of every sample, as `node_infiniband_*`, `node_network_*` and `node_pcidevice_*` have
them: RDMA device, number of the port, network device, PCI address. Empty where there is none."""
LONGEST = 200
"""Characters of a label at most."""


class Labels(NamedTuple):
    """What a sample is about; nothing of it for the machine."""

    device: str = ""
    port: str = ""
    netdev: str = ""
    pci: str = ""


def labels_of(view: PortView) -> Labels:
    """Return the labels of a port."""
    port = view.now.now.port
    number = port.rdma_port if port.rdma and port.rdma_port else port.id.number
    return Labels(port.rdma or "", str(number), port.netdev or "", port.function or "")


class Family:
    """Samples of one name: values by the values of their labels."""

    __slots__ = ("help", "labels", "more", "name", "rows")

    def __init__(
        self, name: str, help: str, common: tuple[str, ...], more: tuple[str, ...]
    ) -> None:
        """`more`: labels beside the common ones."""
        self.name = name
        self.help = help
        self.labels = common + more
        self.more = more
        self.rows: dict[tuple[str, ...], float] = {}

    @property
    def grows(self) -> bool:
        """Return whether it is a counter."""
        return self.name.endswith("_total")


class Families:
    """All families of a scrape, in the order in which they were first named."""

    def __init__(self, with_host: bool = False) -> None:
        """`with_host`: samples are of several machines, each named by the label `host`."""
        self._families: dict[str, Family] = {}
        self._with_host = with_host
        self.host = ""
        """The machine whose samples are added now."""

    def __iter__(self) -> Iterator[Family]:
        return iter(self._families.values())

    def add(self, name: str, value: float | None, help: str, at: Labels, /, **more: str) -> None:
        """Add a sample; None adds nothing. Of two with the same labels the first counts."""
        if value is None or not isfinite(value):
            return
        family = self._families.get(name)
        if family is None:
            common = ("host", *COMMON) if self._with_host else COMMON
            family = self._families[name] = Family(PREFIX + name, help, common, tuple(more))
        host = (self.host,) if self._with_host else ()
        own = (more.get(label, "") for label in family.more)
        row = tuple(clean(text)[:LONGEST] for text in (*host, *at, *own))
        family.rows.setdefault(row, value)
