"""What a machine or card is by design: no fault of it, whatever the figures say.

`quirk_relaxedordering_disable` in the kernel's drivers/pci/quirks.c;
https://docs.kernel.org/networking/multi-pf-netdev.html
"""

from __future__ import annotations

import re

from mlxtop.doctor.check import Case
from mlxtop.model.frame import Frame
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


def silent_functions(case: Case, adapter: Adapter) -> tuple[Function, ...]:
    """Return functions of the same make in other slots that have no port for themselves.

    A network device over two functions (multi-PF, kernel 6.9) uses both; the second is silent.
    Those that are known to be its second are left out: they are judged with it.
    """
    if not adapter.functions or not _carries(case, adapter):
        return ()
    own = [f for f in adapter.functions if not _has_device(case, f.address)]
    others = [
        other.functions[0]
        for other in case.frame.sample.adapters
        if other.functions and not _carries(case, other) and _alike(case, adapter, other)
    ]
    first = slot_of(adapter.functions[0].address)
    ports = case.frame.ports.values()
    known = {address for port in ports for address in port.now.port.extra_functions}
    rest = (f for f in (*own, *others) if f.address not in known)
    return tuple(f for f in rest if slot_of(f.address) != first)


def speaks_for(case: Case, adapter: Adapter) -> Adapter | None:
    """Return the card whose network device may use a card without ports."""
    silent = next(iter(adapter.functions), None)
    cards = case.frame.sample.adapters
    return next((card for card in cards if silent in silent_functions(case, card)), None)


def _has_device(case: Case, address: str) -> bool:
    return any(
        port.now.port.function == address and (port.now.port.netdev or port.now.port.rdma)
        for port in case.frame.ports.values()
    )


def _carries(case: Case, adapter: Adapter) -> bool:
    return any(_has_device(case, function.address) for function in adapter.functions)


def _alike(case: Case, one: Adapter, other: Adapter) -> bool:
    """Return whether two cards may be halves of one: same make, each with a part of its lanes."""
    first, second = one.functions[0], other.functions[0]
    same = ("device", "pci_class", "revision", "subsystem", "driver")
    if any(getattr(first, name) != getattr(second, name) for name in same):
        return False
    halves = [_card_link(case, function) for function in (first, second)]
    widths = {(link.width, link.max_width) for link in halves if link}
    narrow = all(link and link.width and link.max_width for link in halves)
    return narrow and len(widths) == 1 and all(w < most for w, most in widths if w and most)


def _card_link(case: Case, function: Function) -> PcieLink | None:
    status = case.frame.sample.pcie.get(slot_of(function.address))
    return status.path.links[0] if status and status.path.links else None
