"""What a check looks at: without it there is nothing to find, which is not the same as fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

from mlxtop.doctor.check import Case, Check, Nothing, Outcome
from mlxtop.model.frame import PortFrame
from mlxtop.model.sample import LinkLayer, LinkState

FAST = 25_000_000_000
"""bit/s from which a port asks more of the host than its usual settings give."""


def needs(missing: str, there: Callable[[PortFrame], bool]) -> Callable[[Check], Check]:
    """A check of ports that are so; where no port is, it had nothing to look at."""

    def around(check: Check) -> Check:
        @wraps(check)
        def judge(case: Case) -> Iterator[Outcome]:
            if any(there(frame) for _, frame, _ in case.each()):
                yield from check(case)
            else:
                yield Nothing(missing)

        return judge

    return around


def needs_card(check: Check) -> Check:
    """A check of whole cards; other network devices have none."""

    @wraps(check)
    def judge(case: Case) -> Iterator[Outcome]:
        if any(True for _ in case.adapters()):
            yield from check(case)
        else:
            yield Nothing("no card")

    return judge


def is_infiniband(frame: PortFrame) -> bool:
    """A port in InfiniBand mode."""
    return frame.now.link.layer is LinkLayer.INFINIBAND


def is_fast(frame: PortFrame) -> bool:
    """A link of 25 Gb/s or more."""
    return (frame.now.link.speed or 0) >= FAST


def _has_netdev(frame: PortFrame) -> bool:
    return frame.now.port.netdev is not None


def _may_be_fast(frame: PortFrame) -> bool:
    """An Ethernet port that is fast, or whose link is down and says nothing of its speed."""
    down = frame.now.link.state is not LinkState.UP
    return not is_infiniband(frame) and (down or is_fast(frame))


needs_ethernet = needs("no Ethernet port", lambda frame: not is_infiniband(frame))
needs_infiniband = needs("no InfiniBand port", is_infiniband)
needs_ipoib = needs(
    "no IP over InfiniBand", lambda frame: is_infiniband(frame) and _has_netdev(frame)
)
needs_netdev = needs("no network device", _has_netdev)
needs_fast = needs("no link of 25 Gb/s or more", is_fast)
needs_fast_ethernet = needs("no Ethernet link of 25 Gb/s or more", _may_be_fast)
needs_pci = needs("no PCI device", lambda frame: frame.now.port.function is not None)
