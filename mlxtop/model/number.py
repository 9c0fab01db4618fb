"""Numbers in text that anybody may have written: of bounded size, or none; lists of cores.

https://docs.kernel.org/admin-guide/kernel-parameters.html (cpu-list)
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

PID, PORT, COUNT = (1 << 31) - 1, 65535, (1 << 64) - 1
"""The largest process id, TCP port and counter of a kernel."""
AMOUNT = 1e20
"""More than any rate, size or time that a tool measures; sums and products stay finite."""


def whole(text: str, most: int) -> int | None:
    """Return the whole number that text writes in decimal digits, or None for anything else and
    for more than `most`.

    >>> whole("5201", PORT), whole("65536", PORT), whole("9" * 5000, PORT), whole("-1", PORT)
    (5201, None, None, None)
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    number = int(digits) if len(digits) <= len(str(most)) else most + 1
    return number if number <= most else None


def real(value: str | float, most: float = AMOUNT) -> float | None:
    """Return a number as a float, or None for what is none, not finite or beyond `most`."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and abs(number) <= most else None


def kernel_version(release: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a kernel's release, None for what has none.

    >>> kernel_version("6.12.38-amd64"), kernel_version("5.15-rc1"), kernel_version("x")
    ((6, 12), (5, 15), None)
    """
    parts = (release or "").partition("-")[0].split(".")
    numbers = [number for part in parts[:2] if (number := whole(part, PORT)) is not None]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def code_table(text: str) -> dict[int, str]:
    """Return names by their hexadecimal codes.

    >>> code_table("07 LC | 08 MT-RJ")
    {7: 'LC', 8: 'MT-RJ'}
    """
    cells = (cell.split(maxsplit=1) for cell in text.split("|"))
    return {int(code, 16): name.strip() for code, name in cells}


CORES = 8192
"""Cores of a machine at most; a larger number in a list is a mistake."""


def parse_cores(text: str | None) -> tuple[int, ...]:
    """Return the cores of a list; parts that make no sense are left out.

    >>> parse_cores("0-3,8,10-11\\n"), parse_cores("")
    ((0, 1, 2, 3, 8, 10, 11), ())
    """
    cores: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            low, high = int(first[:6]), int((last or first)[:6])
            if low <= high < CORES:
                cores.update(range(low, high + 1))
    return tuple(sorted(cores))


def format_cores(cores: Iterable[int]) -> str:
    """Return cores as a list, ranges drawn together."""
    ranges: list[list[int]] = []
    for core in sorted(set(cores)):
        if ranges and core == ranges[-1][1] + 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
