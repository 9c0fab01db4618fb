"""Which releases of the tools still know a chip, and what speaks for another maker's firmware."""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.sources.tools.flint import numbers


class Support(NamedTuple):
    """The last release of mstflint that knows a chip."""

    last: tuple[int, ...]
    text: str
    source: str


_LAST = {
    # The vendor: "4th generation adapters support was removed starting 4.26"; 4.25.1 still works.
    "ConnectX-3": Support(
        (4, 25),
        "mstflint 4.25 is the last for ConnectX-3",
        "https://github.com/Mellanox/mstflint/issues/590",
    ),
    # The vendor: "last one that supports ConnectX2 is 3.8.0", under mstconfig. Newer mstflint has
    # been seen to query its flash, so that only the configuration is certain.
    "ConnectX-2": Support(
        (3, 8),
        "mstflint 3.8.0 is the last with mstconfig for ConnectX-2",
        "https://github.com/Mellanox/mstflint/issues/4",
    ),
}


def support_of(family: str) -> Support | None:
    """Return the last release for a family of cards; None where new ones know it.

    >>> support_of("ConnectX-3 Pro").last, support_of("ConnectX-5")
    ((4, 25), None)
    """
    return next((row for name, row in _LAST.items() if family in (name, f"{name} Pro")), None)


def knows(family: str, version: str) -> bool | None:
    """Return whether an installed release knows a family; None where that is not certain."""
    support, installed = support_of(family), numbers(version)
    if installed is None:
        return None
    if support is None:
        return True
    if installed[:2] <= support.last:
        return True
    return False if family != "ConnectX-2" else None


_MADE_WITH = {
    "764285-B21": "HP_",
    "01T7NW": "DEL",
}
"""Part numbers of other makers to the beginning of the PSIDs that their boards come with.

HPE's 544+FLR-QSFP and Dell's dual-port ConnectX-3, as mlxfwmanager and mlxup list them. NVIDIA's
own part numbers are not here: other makers sell boards under them too.
"""


def crossflashed(part: str | None, psid: str | None, original: str | None) -> str | None:
    """Return in words that a board runs another maker's firmware, only where that is certain.

    >>> crossflashed("764285-B21", "MT_1090120019", None)
    'board 764285-B21 comes with a PSID HP_…, the flash has MT_1090120019'
    """
    if original and psid and original != psid:
        return f"the tool tells {original} as the original PSID, the flash has {psid}"
    label = (part or "").partition("_")[0].strip().upper()
    begins = _MADE_WITH.get(label)
    if begins and psid and not psid.upper().startswith(begins):
        return f"board {label} comes with a PSID {begins}…, the flash has {psid}"
    return None
