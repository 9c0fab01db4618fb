"""How a port sorts traffic into priorities, and RoCE's addresses: the settings on page 7."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from mlxtop.model.qos import DSCP, Dcb, Gid, Roce
from mlxtop.model.tuning import PortTuning, settled
from mlxtop.present.text import Line, Role, Section, headings, row
from mlxtop.present.view import View, below, fact, prose

_GIDS = (5, 41, 14)
_MOST_GIDS = 12


def settings(view: View) -> list[Section]:
    """Return the settings of a port's priorities and of RoCE."""
    now = view.now.now
    if now.link.is_infiniband:
        return []
    tuning = settled(now.settings, PortTuning)
    roce = tuning.roce
    sections = [Section("Priorities: settings", tuple(_priorities(view, tuning)))]
    if now.port.rdma is not None:
        lines = tuple(_roce(roce or Roce(), tuning, view.columns))
        sections.append(Section("RoCE: settings", lines))
        sections.append(Section("GID table", tuple(_gids(view, roce.gids if roce else ()))))
    return sections


def spans(numbers: Iterable[int]) -> str:
    """Return numbers with runs shortened; `none` without any.

    >>> spans((0, 1, 2, 5, 7)), spans(())
    ('0-2, 5, 7', 'none')
    """
    runs = []
    for _, group in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ", ".join(runs) or "none"


def dscp_map(dscp: Mapping[int, int]) -> str:
    """Return which DSCPs have which priority.

    >>> dscp_map({26: 3, 24: 3, 25: 3, 46: 6})
    '24-26 → 3 · 46 → 6'
    """
    by_priority: dict[int, list[int]] = {}
    for code, priority in dscp.items():
        by_priority.setdefault(priority, []).append(code)
    return " · ".join(
        f"{spans(codes)} → {priority}" for priority, codes in sorted(by_priority.items())
    )


def _priorities(view: View, tuning: PortTuning) -> Iterator[Line]:
    reason = tuning.absent.get("dcb", "the driver does not tell it")
    dcb = tuning.dcb or Dcb()
    pfc = None if dcb.pfc is None else spans(dcb.pfc)
    note = "a pause of their own: not dropped" if dcb.pfc else "no priority is lossless"
    yield fact("PFC", pfc, reason, note=note)
    pause = tuning.pause
    words = None if pause is None else _on_off(pause.rx, pause.tx)
    yield fact("pause (link)", words, tuning.absent.get("pause", "the driver does not tell it"))
    trust = f"{dcb.trust} (by {dcb.trust_from})" if dcb.trust else None
    meaning = "of the IP header" if dcb.trust == DSCP else "of the VLAN tag; without one 0"
    yield fact("trust", trust, reason, note=meaning if trust else "")
    if dcb.dscp:
        yield from below("DSCP → priority", dscp_map(dcb.dscp), view.columns, Role.TEXT)
    elif tuning.dcb is not None:
        yield fact("DSCP → priority", None, "no DSCP is mapped")
    yield from _classes(dcb, view.columns)


def _on_off(rx: bool | None, tx: bool | None) -> str:
    names = {True: "on", False: "off", None: "?"}
    return f"obeyed {names[rx]}, sent {names[tx]}"


def _classes(dcb: Dcb, columns: int) -> Iterator[Line]:
    """Yield the traffic classes that priorities use, and how each is chosen for sending."""
    words = []
    how = set(zip(dcb.algorithms, dcb.bandwidth or dcb.algorithms, strict=False))
    if dcb.classes and len(set(dcb.classes)) == len(dcb.classes) and len(how) == 1:
        (algorithm, share), *_ = how
        each = f", {share} % each" if algorithm == "ets" and dcb.bandwidth else ""
        yield fact("classes (ETS)", f"one a priority, {algorithm}{each}")
        return
    for number in sorted(set(dcb.classes)):
        members = spans(n for n, one in enumerate(dcb.classes) if one == number)
        kind = dcb.algorithms[number] if dcb.algorithms else "?"
        part = f" {dcb.bandwidth[number]} %" if kind == "ets" and dcb.bandwidth else ""
        words.append(f"{number}: priority {members}, {kind}{part}")
    if words:
        yield from below("classes (ETS)", " · ".join(words), columns, Role.TEXT)


def _roce(roce: Roce, tuning: PortTuning, columns: int) -> Iterator[Line]:
    dcb, dscp = tuning.dcb or Dcb(), roce.dscp
    missing = "no setting of the kernel or driver; programs choose"
    if dscp is None:
        yield fact("packets get", None, missing)
    else:
        priority = dcb.priority(dscp)
        lossy = priority is not None and bool(dcb.pfc) and priority not in (dcb.pfc or ())
        leads = f"priority {priority}" if priority is not None else "no priority that is known"
        leads += ", which is not lossless" if lossy else ""
        role = Role.WARNING if lossy else Role.TEXT
        yield fact("packets get", f"DSCP {dscp}", role=role, note=leads)
    yield fact("traffic class", roce.traffic_class, "only NVIDIA's own driver sets one for all")
    cm = "nobody asked configfs (rdma_cm) for it"
    yield fact("default mode", roce.mode, cm, note="of the kernel's connection manager")
    ecn = tuning.absent.get("ecn", "only NVIDIA's own driver shows it")
    for label, on, note in (
        ("ECN answered", roce.notify, "marks that arrive become notifications (CNP)"),
        ("CNP obeyed", roce.react, "notifications that arrive slow the sender"),
    ):
        yield fact(label, None if on is None else spans(on), ecn, note=note)
    if roce.cnp_dscp is not None or roce.cnp_priority is not None:
        codes = (("DSCP", roce.cnp_dscp), ("priority", roce.cnp_priority))
        yield fact("CNP sent with", ", ".join(f"{k} {v}" for k, v in codes if v is not None))


def _gids(view: View, gids: tuple[Gid, ...]) -> Iterator[Line]:
    if not gids:
        yield from prose("no address was read", view.columns)
        return
    yield (*headings(_GIDS, "row", "  address", "  type"), ("  netdev", Role.HEAD))
    for one in gids[:_MOST_GIDS]:
        cells = (
            (f"{one.row}", Role.DIM),
            (f"  {one.gid}", Role.TEXT),
            (f"  {one.kind}", Role.TEXT),
        )
        yield (*row(_GIDS, cells), (f"  {one.netdev or ''}", Role.DIM))
    if len(gids) > _MOST_GIDS:
        yield from prose(f"and {len(gids) - _MOST_GIDS} more", view.columns)
