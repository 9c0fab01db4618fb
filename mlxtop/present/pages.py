"""The pages of the detail screen by the key that opens them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlxtop.present.errors import errors
from mlxtop.present.identity import identity
from mlxtop.present.link import link
from mlxtop.present.pcie import pcie
from mlxtop.present.rdma import rdma
from mlxtop.present.text import Section
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a port."""

    key: str
    title: str
    sections: Callable[[View], list[Section]]


PAGES = (
    Page("1", "Traffic", traffic),
    Page("2", "Link & module", link),
    Page("3", "PCIe", pcie),
    Page("4", "Errors", errors),
    Page("5", "RDMA", rdma),
    Page("6", "Identity", identity),
)
