"""Adapter families by PCI device id.

drivers/net/ethernet/mellanox/mlx5/core/main.c `mlx5_core_pci_table`, mlx4/main.c
`mlx4_pci_table`, and pci.ids.
"""

from __future__ import annotations

from mlxtop.model.number import code_table

MELLANOX = 0x15B3

DRIVERS = ("mlx4_core", "mlx5_core")

_HERMON_IDS = {
    *(0x6340, 0x634A, 0x6354, 0x6368, 0x6372, 0x6732, 0x673C, 0x6746, 0x6750, 0x675A),
    *(0x6764, 0x676E, 0x6778),
}
_BY_ID = {
    **dict.fromkeys((0x1005, 0x1006, *range(0x1008, 0x1011)), "ConnectX-3 (reserved id)"),
    **code_table(
        """
        1003 ConnectX-3 | 1007 ConnectX-3 Pro | 1011 Connect-IB | 1013 ConnectX-4 |
        1015 ConnectX-4 Lx | 1017 ConnectX-5 | 1019 ConnectX-5 Ex | 101b ConnectX-6 |
        101d ConnectX-6 Dx | 101f ConnectX-6 Lx | 1021 ConnectX-7 | 1023 ConnectX-8 |
        1025 ConnectX-9 | 1027 ConnectX-10 | 2101 ConnectX-10 C2C | 1029 ConnectX-11 |
        a2d2 BlueField (ConnectX-5) | a2d6 BlueField-2 (ConnectX-6 Dx) | a2d9 BlueField-3 Lx |
        a2dc BlueField-3 (ConnectX-7) | a2df BlueField-4 (ConnectX-8)
        """
    ),
}
_VF_BY_ID = code_table(
    """
    1002 ConnectX-2 | 1004 ConnectX-3 | 1012 Connect-IB | 1014 ConnectX-4 | 1016 ConnectX-4 Lx |
    1018 ConnectX-5 | 101a ConnectX-5 Ex | 101c ConnectX-6 | 101e ConnectX (mlx5 Gen) |
    a2d3 BlueField (ConnectX-5)
    """
)

ETHERNET, INFINIBAND_SERIAL = 0x02, 0x0C06
"""PCI base class of network controllers, and the class of ConnectX and ConnectX-2 VPI."""


def family(device: int, revision: int = 0, driver: str | None = None) -> str:
    """Return the name of an adapter's family; ids that are not in the table say so.

    The ids of ConnectX and ConnectX-2 are the same; revision b0 is ConnectX-2.

    >>> family(0x1013), family(0x673C, 0xB0), family(0x1234, driver="mlx5_core")
    ('ConnectX-4', 'ConnectX-2', 'mlx5 device 0x1234')
    """
    if device in _HERMON_IDS:
        return "ConnectX-2" if revision >= 0xB0 else "ConnectX"
    if device in _BY_ID:
        return _BY_ID[device]
    if device in _VF_BY_ID:
        return f"{_VF_BY_ID[device]} VF"
    return f"{(driver or 'Mellanox').removesuffix('_core')} device {device:#06x}"


def is_vf(device: int) -> bool:
    """Return whether a device id is that of a virtual function."""
    return device in _VF_BY_ID


def is_adapter(vendor: int, device: int, pci_class: int, driver: str | None) -> bool:
    """Return whether a PCI function belongs to a ConnectX adapter.

    The vendor alone also has bridges, switch chips, SoC management and recovery devices; the
    network class alone would lose ConnectX-2 VPI, whose class is 0x0c06.

    >>> is_adapter(0x15B3, 0x673C, 0x0C0600, None), is_adapter(0x15B3, 0xCB84, 0x020700, None)
    (True, False)
    """
    if vendor != MELLANOX:
        return False
    if driver in DRIVERS:
        return True
    in_table = device in _BY_ID or device in _VF_BY_ID or device in _HERMON_IDS
    return in_table and (pci_class >> 16 == ETHERNET or pci_class >> 8 == INFINIBAND_SERIAL)
