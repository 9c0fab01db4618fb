"""Lists of cores as the kernel writes them.

https://docs.kernel.org/admin-guide/kernel-parameters.html (cpu-list)
"""

from __future__ import annotations

from collections.abc import Iterable

CORES = 8192
"""Cores of a machine at most; a larger number in a list is a mistake."""


def parse_cores(text: str | None) -> tuple[int, ...]:
    """The cores of a list; parts that make no sense are left out.

    >>> parse_cores("0-3,8,10-11\\n"), parse_cores("")
    ((0, 1, 2, 3, 8, 10, 11), ())
    """
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            low, high = int(first[:6]), int((last or first)[:6])
            if low <= high < CORES:
                found.update(range(low, high + 1))
    return tuple(sorted(found))


def format_cores(cores: Iterable[int]) -> str:
    """Cores as a list, ranges drawn together.

    >>> format_cores([0, 1, 2, 3, 8])
    '0-3,8'
    """
    ranges: list[list[int]] = []
    for core in sorted(set(cores)):
        if ranges and core == ranges[-1][1] + 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
