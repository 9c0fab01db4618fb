"""A card in one line, the news that make it worth one, and all cards in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mlxtop.model.frame import Frame, remembered
from mlxtop.model.identity import Adapter, PortId
from mlxtop.model.pcie import PciePath, link_words
from mlxtop.present.text import Line, Role, Run, clean, crop, line_width

_GAP: Run = ("  ", Role.DIM)


def _pcie(path: PciePath) -> str:
    """Return the card's PCIe link and what it carries."""
    link = path.limiting
    if link is None:
        return "PCIe –"
    words = link_words(link.running, path.links[0].capability)
    return f"{words} {(path.available_mbps or 0) / 1000:.1f} Gb/s"


def _is_narrow(paths: Sequence[PciePath]) -> bool:
    """Return whether a slot holds a card back; what its paths carry together may do."""
    together = sum(path.available_mbps or 0 for path in paths)
    return any(path.limited and together < (path.capable_mbps or 0) for path in paths)


def adapter_line(frame: Frame, adapter: Adapter, columns: int) -> Line:
    """Return a card: what it is, and its PCIe paths."""
    paths = [status.path for status in frame.slots(adapter)]
    narrow = Role.WARNING if _is_narrow(paths) else Role.DIM
    parts = [
        (clean(adapter.family), Role.ACCENT),
        (clean(adapter.place), Role.TEXT),
        (clean(adapter.state or ""), Role.WARNING),
        (" + ".join(map(_pcie, paths)), narrow),
        *((text, Role.DIM) for text in (*_joined(frame, adapter), *_about(adapter))),
    ]
    return crop(_fitting([part for part in parts if part[0]], columns), columns)


def news_line(frame: Frame, adapter: Adapter, columns: int) -> Line:
    """Return the news of a card, below its ports: what is odd about it, then what it is."""
    odd = [(text, Role.WARNING) for text in news(frame, adapter)]
    parts = [
        (f"  └ {clean(adapter.family)}", Role.ACCENT),
        (clean(adapter.place), Role.DIM),
        *odd,
        *((text, Role.DIM) for text in _about(adapter) if not any(text in said for said, _ in odd)),
    ]
    return crop(_fitting(parts, columns), columns)


def news(frame: Frame, adapter: Adapter) -> Iterator[str]:
    """Yield what is odd about a card: its state, a narrow PCIe link, other firmware than others."""
    if adapter.state:
        yield clean(adapter.state)
    paths = [status.path for status in frame.slots(adapter)]
    if _is_narrow(paths):
        yield " + ".join(map(_pcie, paths))
    stored, usual = adapter.firmware_stored, _usual_firmware(frame).get(_kind(adapter))
    if stored and stored != adapter.firmware:
        yield clean(f"fw {adapter.firmware or '–'} (next {stored})")
    elif adapter.firmware and usual and adapter.firmware != usual:
        yield clean(f"fw {adapter.firmware}, others {usual}")


def _kind(adapter: Adapter) -> tuple[str, str | None]:
    return adapter.family, adapter.psid


@remembered
def _usual_firmware(frame: Frame) -> dict[tuple[str, str | None], str]:
    """Return the firmware that most cards of a kind run, where more cards run it than any other."""
    versions: dict[tuple[str, str | None], Counter[str]] = {}
    for adapter in frame.sample.adapters:
        if adapter.firmware:
            versions.setdefault(_kind(adapter), Counter())[adapter.firmware] += 1
    usual = {}
    for kind, counts in versions.items():
        (first, most), *others = counts.most_common(2)
        if not others or most > others[0][1]:
            usual[kind] = first
    return usual


def cards_title(frame: Frame) -> str:
    """Return the machine's cards in a few words: `8 × ConnectX-7  PCIe 5.0 x16  fw 28.43.2026`.

    PCIe and firmware are there where all cards have the same.
    """
    adapters = frame.sample.adapters
    families = Counter(clean(adapter.family) for adapter in adapters)
    parts = [", ".join(f"{n} × {name}" if n > 1 else name for name, n in families.items())]
    links = {
        link_words(link.running, status.path.links[0].capability)
        for adapter in adapters
        for status in frame.slots(adapter)
        if (link := status.path.limiting) is not None
    }
    firmware = {adapter.firmware for adapter in adapters}
    parts += [next(iter(links))] if len(links) == 1 else []
    parts += [f"fw {clean(one)}" for one in firmware if one and len(firmware) == 1]
    return " · ".join(part for part in parts if part)


def _about(adapter: Adapter) -> list[str]:
    stored = adapter.firmware_stored
    nodes = {node for each in adapter.functions if (node := each.numa_node) is not None}
    coming = f" (next {stored})" if stored and stored != adapter.firmware else ""
    firmware = adapter.firmware and f"fw {adapter.firmware}{coming}"
    places = f"NUMA {'+'.join(map(str, sorted(nodes)))}" if nodes else None
    about = (adapter.part, firmware, adapter.psid, places)
    return [clean(text) for text in about if text]


def _joined(frame: Frame, adapter: Adapter) -> Iterator[str]:
    """Yield what of a card is one: ports of a cage, an RDMA device's, functions of a netdev."""
    groups: dict[tuple[str, PortId], list[str]] = {}
    for port in (frame.ports[one].now.port for one in adapter.ports if one in frame.ports):
        if port.rdma_lag is not None:
            groups.setdefault((f"RoCE LAG {port.rdma}", port.rdma_lag), []).append(port.name)
        if port.cage is not None:
            groups.setdefault(("one cage", port.cage), []).append(port.name)
        if port.extra_functions:
            groups["multi-PF", port.id] = [port.function or "", *port.extra_functions]
    for (title, _), names in groups.items():
        if len(names) > 1:
            yield clean(f"{title}: {' + '.join(names)}")


def _fitting(parts: Sequence[Run], columns: int) -> Line:
    """Return as many whole parts as fit, the first one always."""
    line: Line = (parts[0],)
    for part in parts[1:]:
        longer = (*line, _GAP, part)
        if line_width(longer) > columns:
            break
        line = longer
    return line
