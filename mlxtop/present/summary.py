"""The most of all pages of a port, for screens with room below the charts."""

from __future__ import annotations

from mlxtop.present.errors import errors
from mlxtop.present.link import link
from mlxtop.present.pcie import pcie
from mlxtop.present.text import Section
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View


def summary(view: View) -> list[Section]:
    """Sections of traffic, link, PCIe and errors."""
    wire, shares, *_ = traffic(view)
    return [wire, *link(view), shares, *pcie(view), *errors(view)]
