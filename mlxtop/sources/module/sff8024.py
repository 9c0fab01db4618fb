"""Numbers of SFF-8024 (Rev 4.x) that all module standards refer to, in the words of the field."""

from __future__ import annotations

from enum import StrEnum

from mlxtop.model.number import code_table


class Layout(StrEnum):
    """The memory map that a module follows."""

    SFF8472 = "SFF-8472"
    SFF8636 = "SFF-8636"
    CMIS = "CMIS"


IDENTIFIERS = code_table(
    """
    01 GBIC | 02 soldered module | 03 SFP | 06 XFP | 0b DWDM-SFP | 0c QSFP | 0d QSFP+ | 11 QSFP28 |
    18 QSFP-DD | 19 OSFP | 1a SFP-DD | 1b DSFP | 1e QSFP112 | 1f SFP-DD (CMIS) | 20 SFP+ (CMIS) |
    21 OSFP-XD | 22 OIF-ELSFP | 25 SFP112
    """
)
"""Table 4-1; 0x1E is any QSFP with CMIS."""

_LAYOUTS = {
    **dict.fromkeys((0x02, 0x03, 0x0B), Layout.SFF8472),
    **dict.fromkeys((0x0C, 0x0D, 0x11), Layout.SFF8636),
    **dict.fromkeys((*range(0x18, 0x1C), *range(0x1E, 0x26)), Layout.CMIS),
}


def layout(code: int | None) -> Layout | None:
    """Return the memory map of an identifier, or None for those that no ConnectX takes.

    >>> layout(0x11), layout(0xFF)
    (<Layout.SFF8636: 'SFF-8636'>, None)
    """
    return None if code is None else _LAYOUTS.get(code)


CONNECTORS = code_table(
    """
    01 SC | 07 LC | 08 MT-RJ | 09 MU | 0a SG | 0b optical pigtail | 0c MPO 1x12 | 0d MPO 2x16 |
    21 copper pigtail | 22 RJ45 | 23 no separable connector | 24 MXC 2x16 | 25 CS | 26 SN |
    27 MPO 2x12 | 28 MPO 1x16
    """
)
"""Table 4-3."""

EXTENDED = code_table(
    """
    01 100G AOC or 25GAUI C2M AOC (BER 5e-5) | 02 100GBASE-SR4 or 25GBASE-SR |
    03 100GBASE-LR4 or 25GBASE-LR | 04 100GBASE-ER4 or 25GBASE-ER | 05 100GBASE-SR10 |
    06 100G CWDM4 | 07 100G PSM4 | 08 100G ACC or 25GAUI C2M ACC (BER 5e-5) |
    0b 100GBASE-CR4 or 25GBASE-CR CA-L | 0c 25GBASE-CR CA-S | 0d 25GBASE-CR CA-N | 10 40GBASE-ER4 |
    11 4x10GBASE-SR | 12 40G PSM4 | 16 10GBASE-T with SFI | 17 100G CLR4 |
    18 100G AOC or 25GAUI C2M AOC (BER 1e-12) | 19 100G ACC or 25GAUI C2M ACC (BER 1e-12) |
    1a 100GE-DWDM2 | 1c 10GBASE-T short reach | 1f 40G SWDM4 | 20 100G SWDM4 | 21 100G PAM4 BiDi |
    25 100GBASE-DR | 26 100G-FR | 27 100G-LR |
    30 50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 1e-6) |
    31 50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 1e-6) |
    32 50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 2.6e-4) |
    33 50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 2.6e-4) |
    40 50GBASE-CR, 100GBASE-CR2 or 200GBASE-CR4 | 41 50GBASE-SR, 100GBASE-SR2 or 200GBASE-SR4 |
    42 50GBASE-FR or 200GBASE-DR4 | 43 200GBASE-FR4 | 45 50GBASE-LR | 46 200GBASE-LR4
    """
)
"""Table 4-4: byte 36 of SFF-8472, byte 192 of SFF-8636."""

HOST_INTERFACES = code_table(
    """
    05 25GAUI C2M | 09 50GAUI-2 C2M | 0a 50GAUI-1 C2M | 0b CAUI-4 C2M | 0c 100GAUI-4 C2M |
    0d 100GAUI-2 C2M | 0e 200GAUI-8 C2M | 0f 200GAUI-4 C2M | 11 400GAUI-8 C2M |
    14 25GBASE-CR CA-L | 15 25GBASE-CR CA-S | 16 25GBASE-CR CA-N | 17 40GBASE-CR4 | 18 50GBASE-CR |
    19 100GBASE-CR10 | 1a 100GBASE-CR4 | 1b 100GBASE-CR2 | 1c 200GBASE-CR4 | 1d 400G-CR8 |
    2c InfiniBand SDR | 2d InfiniBand DDR | 2e InfiniBand QDR | 2f InfiniBand FDR |
    30 InfiniBand EDR | 31 InfiniBand HDR | 32 InfiniBand NDR | 46 100GBASE-CR1 | 47 200GBASE-CR2 |
    48 400GBASE-CR4 | 49 800G-ETC-CR8 | 4b 100GAUI-1-S C2M | 4c 100GAUI-1-L C2M |
    4d 200GAUI-2-S C2M | 4e 200GAUI-2-L C2M | 4f 400GAUI-4-S C2M | 50 400GAUI-4-L C2M |
    51 800GAUI-8-S C2M | 52 800GAUI-8-L C2M
    """
)
"""Table 4-5."""

MULTI_MODE = code_table(
    """
    02 10GBASE-SR | 03 25GBASE-SR | 04 40GBASE-SR4 | 05 40G SWDM4 | 06 40G BiDi | 07 50GBASE-SR |
    08 100GBASE-SR10 | 09 100GBASE-SR4 | 0a 100G SWDM4 | 0b 100G BiDi | 0c 100GBASE-SR2 |
    0d 100GBASE-SR1 | 0e 200GBASE-SR4 | 0f 400GBASE-SR16 | 10 400GBASE-SR8 | 11 400GBASE-SR4 |
    12 800G-SR8 | 1a 400GBASE-SR4.2
    """
)
"""Table 4-6."""

SINGLE_MODE = code_table(
    """
    04 10GBASE-LR | 05 10GBASE-ER | 07 25GBASE-LR | 08 25GBASE-ER | 09 40GBASE-LR4 |
    0a 40GBASE-FR | 0b 50GBASE-FR | 0c 50GBASE-LR | 0d 100GBASE-LR4 | 0e 100GBASE-ER4 |
    0f 100G PSM4 | 10 100G CWDM4 | 11 100G 4WDM-10 | 12 100G 4WDM-20 | 13 100G 4WDM-40 |
    14 100GBASE-DR | 15 100GBASE-FR1 | 16 100GBASE-LR1 | 17 200GBASE-DR4 | 18 200GBASE-FR4 |
    19 200GBASE-LR4 | 1a 400GBASE-FR8 | 1b 400GBASE-LR8 | 1c 400GBASE-DR4 | 1d 400GBASE-FR4 |
    1e 400G-LR4-10 | 3e 400ZR
    """
)
"""Table 4-7."""

TECHNOLOGIES = (
    "850 nm VCSEL",
    "1310 nm VCSEL",
    "1550 nm VCSEL",
    "1310 nm FP",
    "1310 nm DFB",
    "1550 nm DFB",
    "1310 nm EML",
    "1550 nm EML",
    "other",
    "1490 nm DFB",
    "copper, unequalized",
    "copper, passive equalized",
    "copper, near and far end limiting active equalizers",
    "copper, far end limiting active equalizers",
    "copper, near end limiting active equalizers",
    "copper, linear active equalizers",
)
"""Transmitter technology, the same numbers in SFF-8636 byte 147 (high nibble) and CMIS byte 212."""

COPPER = 10
"""First technology without a laser; up to 11 the cable is passive."""


def named(table: dict[int, str], code: int | None) -> str | None:
    """Return the name of a code, `0x2a` where the table has none, or None without a code.

    >>> named(CONNECTORS, 7), named(CONNECTORS, 0x7A), named(CONNECTORS, 0)
    ('LC', '0x7a', None)
    """
    if not code or code == 0xFF:
        return None
    return table.get(code, f"0x{code:02x}")
