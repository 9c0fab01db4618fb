"""Words of `mlxlink -m`, the module page, that are more than a number.

https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility.
"""

from __future__ import annotations

import re

from mlxtop.sources.module.claims import Power
from mlxtop.sources.module.cmis import DATA_PATH_FAULT, DATA_PATHS, FIRMWARE_FAULT

FAULTS = {"module fw fault": FIRMWARE_FAULT, "datapath fw fault": DATA_PATH_FAULT}
"""Rows of the whole module; 1 is a fault."""

_DATA_PATH_WORDS = {
    "dpdeactivated": DATA_PATHS[1],
    "dpinit": DATA_PATHS[2],
    "dpdeinit": DATA_PATHS[3],
    "dpactivated": DATA_PATHS[4],
    "dptxturnon": DATA_PATHS[5],
    "dptxturnoff": DATA_PATHS[6],
    "dpinitialized": DATA_PATHS[7],
}


def data_path(words: str) -> str | None:
    """Return the state of a data path by its name in the standard; None for what is none.

    >>> data_path("DPActivated"), data_path("N/A")
    ('activated', None)
    """
    return _DATA_PATH_WORDS.get(words.strip().lower())


_WATTS = re.compile(r"(\d{1,4}(?:\.\d+)?)\s*W", re.IGNORECASE)
_LEVEL = re.compile(r"^\s*(?:power class\s*)?(\d)(?!\s*W|[\d.])", re.IGNORECASE)
_LENGTH = re.compile(r"^\s*(\d{1,6}(?:\.\d+)?)\s*(k?)m\b", re.IGNORECASE)


def printed_power(level: str | None, most: str | None) -> Power:
    """Return the power of mlxlink's rows `Power Class` and `MAX Power`.

    >>> printed_power("4 (3.5 W max)", "0.0 W max"), printed_power("1.5 W max", "N/A")
    (Power(level=4, watts=3.5), Power(level=None, watts=1.5))
    """
    number = _LEVEL.match(level or "")
    watts = [float(match[1]) for text in (most, level) if (match := _WATTS.search(text or ""))]
    return Power(int(number[1]) if number else None, next(filter(None, watts), None))


def length_m(text: str | None) -> float | None:
    """Return metres of `100m` or `2 km`; None for zero and for what is no length.

    >>> length_m("100m"), length_m("2 km"), length_m("0m"), length_m("N/A")
    (100.0, 2000.0, None, None)
    """
    match = _LENGTH.match(text or "")
    return float(match[1]) * (1000.0 if match[2] else 1.0) or None if match else None


def compliance_codes(text: str | None) -> tuple[str, ...]:
    """Return the codes of mlxlink's row `Compliance`; a comma before a blank is part of one.

    >>> compliance_codes("IB NDR,400GBASE-DR4"), compliance_codes("50GBASE-CR, 100GBASE-CR2")
    (('IB NDR', '400GBASE-DR4'), ('50GBASE-CR, 100GBASE-CR2',))
    """
    parts = re.split(r",(?!\s)", text or "")
    return tuple(part.strip() for part in parts if part.strip().upper() not in ("", "N/A"))
