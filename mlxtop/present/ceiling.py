"""The ceiling of a port in one line, and in short for narrow screens.

Every figure says whether it is raw (as signalled), usable (left for data) or measured; Gb/s.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from mlxtop.analysis.limits import PcieLimit, gbps
from mlxtop.analysis.port_view import Ceiling
from mlxtop.model.linkrate import Protocol
from mlxtop.model.pcie import ASSUMED_MPS, link_words
from mlxtop.present.clean import clean
from mlxtop.present.text import Line, Role, Section
from mlxtop.present.view import View, below, fact

SEPARATOR = " · "


class Subject(StrEnum):
    """What a part of the ceiling line is about."""

    LINK = "link"
    GOODPUT = "goodput"
    PCIE = "PCIe"
    CPU = "CPU"
    MEASURED = "measured"


class Part(NamedTuple):
    """One limit in words, and what can be left out where room is short."""

    subject: Subject
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.detail})" if self.detail else self.text


def ceiling_parts(ceiling: Ceiling) -> list[Part]:
    """Return the limits of a port and its traffic, without the verdict."""
    parts = [_line(ceiling), *_goodput(ceiling), _pcie(ceiling)]
    if (cpu := ceiling.cpu) is not None:
        parts.append(Part(Subject.CPU, f"CPU core {cpu.core} measured at {cpu.percent:.0f} %"))
    if (measured := ceiling.measured) is not None:
        text = f"measured {gbps(measured.rate)} {measured.direction}"
        parts.append(Part(Subject.MEASURED, text))
    return parts


def ceiling_lines(ceiling: Ceiling, width: int) -> list[Line]:
    """Return the limits on a first line, as many as fit in `width`, and the verdict on a second."""
    parts = [part for part in ceiling_parts(ceiling) if part.subject is not Subject.MEASURED]
    if len(_joined(parts)) > width:
        parts = [part._replace(detail="") for part in parts]
    for least in (Subject.CPU, Subject.GOODPUT):
        if len(_joined(parts)) > width:
            parts = [part for part in parts if part.subject is not least]
    verdict = verdict_text(ceiling)
    return [((_joined(parts), Role.DIM),), (("→ ", Role.ACCENT), (verdict, Role.TEXT))]


def _joined(parts: Iterable[Part]) -> str:
    return clean(SEPARATOR.join(map(str, parts)))


def ceiling_line(ceiling: Ceiling) -> str:
    """Return line, PCIe, CPU, traffic and verdict of a port as one line of text.

    `link 100 raw · TCP 99.0 usable · PCIe 63.0 raw / 57.6 usable payload (x8 of x16 at
    0000:40:03.0) · CPU core 14 measured at 97 % · measured 46.1 rx → limited by CPU: …`
    """
    return f"{_joined(ceiling_parts(ceiling))} → {verdict_text(ceiling)}"


def verdict_text(ceiling: Ceiling) -> str:
    """Return what limits the port, or what was ruled out."""
    verdict = ceiling.verdict
    if verdict.limit is not None:
        return clean(f"limited by {verdict.limit}: {verdict.detail}")
    ruled_out = f" (not: {', '.join(verdict.ruled_out)})" if verdict.ruled_out else ""
    return clean(f"{verdict.detail}{ruled_out}")


def ceiling_section(view: View) -> Section:
    """Return the ceiling row by row, Gb/s."""
    limits = view.derived.ceiling
    line, pcie, cpu, measured = limits.line, limits.pcie, limits.cpu, limits.measured
    lines = [
        fact(
            "link",
            line and f"{line.raw / 1e9:g} raw",
            limits.absent.get("link", ""),
            note=f"{gbps(line.usable)} usable" if line else "",
        )
    ]
    if line is not None and line.goodput:
        goodput = " · ".join(f"{name} {gbps(bits)}" for name, bits in line.goodput.items())
        lines.append(fact("goodput", f"{goodput} usable", note=f"MTU {line.mtu or '–'}"))
    if pcie is None:
        lines.append(fact("PCIe", None, limits.absent["pcie"]))
    else:
        usable = " · ".join(f"{way} {gbps(bits)}" for way, bits in pcie.usable.items())
        lines.append(fact("PCIe", f"{gbps(pcie.raw)} raw", note=f"{usable} usable payload"))
        lines += below("", _hop(pcie), view.columns)
        if pcie.hop is not None:
            lines += below("", pcie.hop.text, view.columns, Role.WARNING)
    if cpu is not None:
        serves = "serves the port's interrupts" if cpu.serves else "the busiest of all"
        lines.append(fact("CPU", f"core {cpu.core} at {cpu.percent:.0f} % measured", note=serves))
    if measured is not None:
        text = f"{gbps(measured.rate)} measured"
        lines.append(fact("traffic", text, note=measured.direction.upper()))
    role = Role.TEXT if limits.verdict.limit is None else Role.STRONG
    lines += below("verdict", verdict_text(limits), view.columns, role)
    return Section("Ceiling, Gb/s", tuple(lines))


def _line(ceiling: Ceiling) -> Part:
    line = ceiling.line
    if line is None:
        return Part(Subject.LINK, "link –", ceiling.absent["link"])
    words = f"link {line.raw / 1e9:g} raw"
    if round(line.raw / 1e8) != round(line.usable / 1e8):
        words += f" / {gbps(line.usable)} usable"
    return Part(Subject.LINK, words)


def _goodput(ceiling: Ceiling) -> list[Part]:
    """Return the protocol that matters: RDMA while it makes most of the traffic, else TCP."""
    goodput = ceiling.line.goodput if ceiling.line else {}
    rdma = ceiling.measured is not None and ceiling.measured.rdma
    order = (Protocol.RDMA, Protocol.TCP) if rdma else (Protocol.TCP, Protocol.RDMA)
    texts = [
        f"{protocol} {gbps(goodput[protocol])} usable" for protocol in order if protocol in goodput
    ]
    return [Part(Subject.GOODPUT, text) for text in texts[:1]]


def _pcie(ceiling: Ceiling) -> Part:
    limit = ceiling.pcie
    if limit is None:
        return Part(Subject.PCIE, "PCIe –", ceiling.absent["pcie"])
    measured = ceiling.measured
    usable = limit.usable[measured.direction] if measured else min(limit.usable.values())
    text = f"PCIe {gbps(limit.raw)} raw / {gbps(usable)} usable payload"
    return Part(Subject.PCIE, text, _hop(limit))


def _hop(limit: PcieLimit) -> str:
    """Return `PCIe 3.0 x8 of x16 at 0000:40:03.0`, and what else bears on the figures."""
    card, narrow = limit.path.links[0], limit.path.limiting
    words = [link_words(card.running)]
    if limit.hop is not None and narrow is not None:
        words = [f"{link_words(narrow.running, card.capability)} at {narrow.device}"]
    if limit.mps is None:
        words.append(f"assuming MPS {ASSUMED_MPS}")
    if len(limit.ports) > 1:
        words.append(f"shared by {len(limit.ports)} ports")
    return ", ".join(words)
