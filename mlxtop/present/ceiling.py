"""The ceiling of a port in one line, and in short for narrow screens.

A rate is as signalled where nothing is said, usable is what is left for data; all in Gb/s.
"""

from __future__ import annotations

from mlxtop.analysis.limits import PcieLimit, gbps
from mlxtop.analysis.port_view import Ceiling
from mlxtop.analysis.verdict import Limit, Verdict
from mlxtop.model.linkrate import Protocol
from mlxtop.model.pcie import ASSUMED_MPS, link_words
from mlxtop.present.text import Line, Role, Section, clean, wrap
from mlxtop.present.view import View, below, fact

Parts = dict[str, tuple[str, str]]
"""Limits in words by their subject, each with what can be left out where room is short."""


def _parts(ceiling: Ceiling) -> Parts:
    """Return the limits of a port and its traffic, without the verdict."""
    parts = {"link": _line(ceiling)}
    if goodput := _goodput(ceiling):
        parts["goodput"] = (goodput, "")
    parts["PCIe"] = _pcie(ceiling)
    if (cpu := ceiling.cpu) is not None:
        parts["CPU"] = (f"core {cpu.core} at {cpu.percent:.0f} %", "")
    if (measured := ceiling.measured) is not None:
        parts["measured"] = (f"{measured.direction.upper()} {gbps(measured.rate)} Gb/s", "")
    return parts


def ceiling_lines(ceiling: Ceiling, width: int, verdict: Verdict | None = None) -> list[Line]:
    """Return the limits on a first line, as many as fit in `width`, and the verdict on a second.

    A verdict that needs two lines has both. It is the ceiling's without a steadier one.
    """
    verdict = verdict or ceiling.verdict
    texts = wrap(clean(verdict.fitting(width - 2)), width - 2)[:2]
    told: list[Line] = [(("→ ", Role.ACCENT), (texts[0], Role.TEXT))]
    if len(texts) > 1:
        return [*told, (("  ", Role.TEXT), (texts[1], Role.TEXT))]
    parts = _parts(ceiling)
    parts.pop("measured", None)
    if verdict.limit is Limit.CPU:  # it names the core, and keeps still while others take turns
        parts.pop("CPU", None)
    if len(_joined(parts)) > width:
        parts = {subject: (text, "") for subject, (text, _) in parts.items()}
    for least in ("CPU", "goodput"):
        if len(_joined(parts)) > width:
            parts.pop(least, None)
    return [((_joined(parts), Role.DIM),), *told]


def _joined(parts: Parts) -> str:
    texts = (f"{text} ({detail})" if detail else text for text, detail in parts.values())
    return clean(" · ".join(texts))


def limits_line(ceiling: Ceiling) -> str:
    """Return limits and traffic as one line: `link 100 Gb/s · TCP 99.0 Gb/s · …`."""
    return _joined(_parts(ceiling))


def ceiling_section(view: View) -> Section:
    """Return the ceiling row by row."""
    limits = view.derived.ceiling
    line, pcie, cpu, measured = limits.line, limits.pcie, limits.cpu, limits.measured
    raw, usable = ("", "") if line is None else (f"{line.raw / 1e9:g} Gb/s", gbps(line.usable))
    lines = [fact("link", raw, limits.absent.get("link", ""), note=f"{usable} usable")]
    if line is not None and line.goodput:
        goodput = " · ".join(f"{name} {gbps(bits)}" for name, bits in line.goodput.items())
        text = f"{goodput} Gb/s at MTU {line.mtu or '–'}"
        lines += below("goodput", text, view.columns, Role.TEXT)
    if pcie is None:
        lines.append(fact("PCIe", None, limits.absent["pcie"]))
    else:
        usable = " · ".join(f"{way} {gbps(bits)}" for way, bits in pcie.usable.items())
        lines.append(fact("PCIe", f"{gbps(pcie.raw)} Gb/s", note=f"{usable} usable"))
        lines += below("", _hop(pcie), view.columns)
        if pcie.hop is not None:
            lines += below("", pcie.hop.text, view.columns, Role.WARNING)
    if cpu is not None:
        serves = "serves the port's interrupts" if cpu.serves else "the busiest of all"
        text = f"core {cpu.core} at {cpu.percent:.0f} %, {serves}"
        lines += below("CPU", text, view.columns, Role.TEXT)
    if measured is not None:
        text = f"{gbps(measured.rate)} Gb/s"
        lines.append(fact("traffic", text, note=measured.direction.upper()))
    verdict = view.verdict or limits.verdict
    role = Role.TEXT if verdict.limit is None else Role.STRONG
    lines += below("verdict", verdict.text, view.columns, role)
    return Section("Ceiling", tuple(lines))


def _line(ceiling: Ceiling) -> tuple[str, str]:
    line = ceiling.line
    if line is None:
        return "link –", ceiling.absent["link"]
    words = f"link {line.raw / 1e9:g} Gb/s"
    if round(line.raw / 1e8) != round(line.usable / 1e8):
        words += f", {gbps(line.usable)} usable"
    return words, ""


def _goodput(ceiling: Ceiling) -> str:
    """Return the protocol that matters: RDMA while it makes most of the traffic, else TCP."""
    goodput = ceiling.line.goodput if ceiling.line else {}
    rdma = ceiling.measured is not None and ceiling.measured.rdma
    order = (Protocol.RDMA, Protocol.TCP) if rdma else (Protocol.TCP, Protocol.RDMA)
    return next((f"{name} {gbps(goodput[name])} Gb/s" for name in order if name in goodput), "")


def _pcie(ceiling: Ceiling) -> tuple[str, str]:
    limit = ceiling.pcie
    if limit is None:
        return "PCIe –", ceiling.absent["pcie"]
    measured = ceiling.measured
    usable = limit.usable[measured.direction] if measured else min(limit.usable.values())
    return f"PCIe {gbps(limit.raw)} Gb/s, {gbps(usable)} usable", _hop(limit)


def _hop(limit: PcieLimit) -> str:
    """Return `PCIe 3.0 x8 of x16 at 0000:40:03.0`, and what else bears on the figures."""
    card, narrow = limit.path.links[0], limit.path.limiting
    words = [link_words(card.running)]
    if len(limit.paths) > 1:
        words = [" + ".join(link_words(path.links[0].running) for path in limit.paths)]
    if limit.hop is not None and narrow is not None:
        words = [f"{link_words(narrow.running, card.capability)} at {narrow.device}"]
    if limit.mps is None:
        words.append(f"assuming MPS {ASSUMED_MPS}")
    if len(limit.ports) > 1:
        words.append(f"shared by {len(limit.ports)} ports")
    return ", ".join(words)
