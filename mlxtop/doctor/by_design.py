"""What a machine or card is by design: no fault of it, whatever the figures say.

`quirk_relaxedordering_disable` in the kernel's drivers/pci/quirks.c;
https://docs.kernel.org/networking/multi-pf-netdev.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from mlxtop.doctor.check import Case
from mlxtop.model.frame import Frame, remembered
from mlxtop.model.identity import Adapter, Function, PortId, slot_of
from mlxtop.model.module import Identity
from mlxtop.model.pcie import PcieLink
from mlxtop.model.sample import PcieStatus

_BREAKOUT = re.compile(
    r"^(MC[AP]7|MC2609|MFA7|MFS1S[59])|[24]X?Q?SFP|[24]X\d{2,3}G|-4S", re.IGNORECASE
)
"""Part numbers of cables with one connector here and several at the other end."""
_CONNECTX7 = 0x1021
_GB10_LANES = 4
_LOW_POWER = (8e9, 25e9)
"""bit/s of a 200 Gb/s link while GB10 keeps to low power."""
_ORDERING_ERRATA = frozenset(
    {
        *(
            f"8086:{generation}{number:02x}"
            for generation in ("2f", "6f")
            for number in range(1, 15)
        ),
        *("1022:1a00", "1022:1a01", "1022:1a02"),
    }
)
"""Root ports that handle relaxed ordering wrongly: Xeon E5 v3 and v4, AMD A1100."""


def is_breakout(module: Identity) -> bool:
    """Return whether a cable splits into several, by its part number: each end has some lanes.

    >>> is_breakout(Identity(part="MCP7F00-A002R30N")), is_breakout(Identity(part="MCP1600-C003"))
    (True, False)
    """
    return bool(_BREAKOUT.search(module.part or ""))


def is_gb10(frame: Frame, function: Function) -> bool:
    """Return whether a function is that of GB10 (DGX Spark): a ConnectX-7 made for four lanes.

    Cards of that family have eight or more. The chip is soldered: no slot, riser or extra power.
    """
    status = frame.sample.pcie.get(slot_of(function.address))
    links = status.path.links if status else ()
    return function.device == _CONNECTX7 and bool(links) and links[0].max_width == _GB10_LANES


def is_slow_gb10(frame: Frame, port: PortId, bps: float) -> bool:
    """Return whether a port carries what GB10 gives in its low power state."""
    function = frame.function(port)
    return (
        function is not None and is_gb10(frame, function) and _LOW_POWER[0] <= bps <= _LOW_POWER[1]
    )


def has_ordering_erratum(status: PcieStatus | None) -> bool:
    """Return whether the kernel switched relaxed ordering off for the root port's sake."""
    return status is not None and status.root in _ORDERING_ERRATA


class _Silence(NamedTuple):
    """Cards with and without ports of one sample, by what halves of one card have in common."""

    ported: frozenset[str | None]
    """Addresses of the functions with a network or RDMA device."""
    known: frozenset[str]
    """Functions that are known to be the second of a port."""
    silent: Mapping[tuple[object, ...], tuple[Function, ...]]
    speakers: Mapping[tuple[object, ...], Adapter]


def silent_functions(case: Case, adapter: Adapter) -> tuple[Function, ...]:
    """Return functions of the same make in other slots that have no port for themselves.

    A network device over two functions (multi-PF, kernel 6.9) uses both; the second is silent.
    Those that are known to be its second are left out: they are judged with it.
    """
    cards = _silence(case.frame)
    if not _carries(cards.ported, adapter):
        return ()
    own = (f for f in adapter.functions if f.address not in cards.ported)
    half = _half(case.frame, adapter)
    others = () if half is None else cards.silent.get(half, ())
    first = slot_of(adapter.functions[0].address)
    rest = (f for f in (*own, *others) if f.address not in cards.known)
    return tuple(f for f in rest if slot_of(f.address) != first)


def speaks_for(case: Case, adapter: Adapter) -> Adapter | None:
    """Return the card whose network device may use a card without ports."""
    cards = _silence(case.frame)
    half = _half(case.frame, adapter)
    if half is None or _carries(cards.ported, adapter):
        return None
    return None if adapter.functions[0].address in cards.known else cards.speakers.get(half)


@remembered
def _silence(frame: Frame) -> _Silence:
    ports = [port.now.port for port in frame.ports.values()]
    ported = frozenset(port.function for port in ports if port.netdev or port.rdma)
    silent: dict[tuple[object, ...], list[Function]] = {}
    speakers: dict[tuple[object, ...], Adapter] = {}
    for adapter in frame.sample.adapters:
        if (half := _half(frame, adapter)) is None:
            continue
        if _carries(ported, adapter):
            speakers.setdefault(half, adapter)
        else:
            silent.setdefault(half, []).append(adapter.functions[0])
    known = frozenset(address for port in ports for address in port.extra_functions)
    groups = {half: tuple(functions) for half, functions in silent.items()}
    return _Silence(ported, known, groups, speakers)


def _carries(ported: frozenset[str | None], adapter: Adapter) -> bool:
    return any(function.address in ported for function in adapter.functions)


def _half(frame: Frame, adapter: Adapter) -> tuple[object, ...] | None:
    """Return what halves of one card share: make and a part of its lanes; None where it has all."""
    if not adapter.functions:
        return None
    first = adapter.functions[0]
    link = _card_link(frame, first)
    if link is None or not link.width or not link.max_width or link.width >= link.max_width:
        return None
    make = (first.device, first.pci_class, first.revision, first.subsystem, first.driver)
    return (*make, link.width, link.max_width)


def _card_link(frame: Frame, function: Function) -> PcieLink | None:
    status = frame.sample.pcie.get(slot_of(function.address))
    return status.path.links[0] if status and status.path.links else None
