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
    01 GBIC | 02 soldered module | 03 SFP | 04 300 pin XBI | 05 XENPAK | 06 XFP | 07 XFF |
    08 XFP-E | 09 XPAK | 0a X2 | 0b DWDM-SFP | 0c QSFP | 0d QSFP+ | 0e CXP | 0f HD 4X | 10 HD 8X |
    11 QSFP28 | 12 CXP2 | 13 CDFP (style 1 or 2) | 14 HD 4X fanout cable | 15 HD 8X fanout cable |
    16 CDFP (style 3) | 17 microQSFP | 18 QSFP-DD | 19 OSFP | 1a SFP-DD | 1b DSFP |
    1c x4 MiniLink or OCuLink | 1d x8 MiniLink | 1e QSFP112 | 1f SFP-DD (CMIS) | 20 SFP+ (CMIS) |
    21 OSFP-XD | 22 OIF-ELSFP | 23 CDFP x4 PCIe | 24 CDFP x8 PCIe | 25 CDFP x16 PCIe | 26 XPO
    """
)
"""Table 4-1; 0x1E is any QSFP with CMIS."""

_LAYOUTS = {
    **dict.fromkeys((0x02, 0x03, 0x0B), Layout.SFF8472),
    **dict.fromkeys((0x0C, 0x0D, 0x11), Layout.SFF8636),
    **dict.fromkeys((*range(0x18, 0x1C), *range(0x1E, 0x27)), Layout.CMIS),
}


def layout(code: int | None) -> Layout | None:
    """Return the memory map of an identifier, or None for those that no ConnectX takes.

    >>> layout(0x11), layout(0xFF)
    (<Layout.SFF8636: 'SFF-8636'>, None)
    """
    return None if code is None else _LAYOUTS.get(code)


CONNECTORS = code_table(
    """
    01 SC | 02 FC style 1 copper | 03 FC style 2 copper | 04 BNC or TNC | 05 FC coaxial headers |
    06 FiberJack | 07 LC | 08 MT-RJ | 09 MU | 0a SG | 0b optical pigtail | 0c MPO 1x12 |
    0d MPO 2x16 | 20 HSSDC II | 21 copper pigtail | 22 RJ45 | 23 no separable connector |
    24 MXC 2x16 | 25 CS | 26 SN | 27 MPO 2x12 | 28 MPO 1x16
    """
)
"""Table 4-3."""

FIBRE_CONNECTORS = frozenset((0x01, *range(0x06, 0x0B), 0x0C, 0x0D, *range(0x24, 0x29)))
"""Connectors that take a fibre: what has one is no cable."""

EXTENDED = code_table(
    """
    01 100G AOC or 25GAUI C2M AOC (BER 5e-5) | 02 100GBASE-SR4 or 25GBASE-SR |
    03 100GBASE-LR4 or 25GBASE-LR | 04 100GBASE-ER4 or 25GBASE-ER | 05 100GBASE-SR10 |
    06 100G CWDM4 | 07 100G PSM4 | 08 100G ACC or 25GAUI C2M ACC (BER 5e-5) |
    09 100G CWDM4 without FEC | 0b 100GBASE-CR4 or 25GBASE-CR CA-L | 0c 25GBASE-CR CA-S |
    0d 25GBASE-CR CA-N | 0e 10 Mb/s single pair Ethernet | 10 40GBASE-ER4 | 11 4x10GBASE-SR |
    12 40G PSM4 | 13 G959.1 P1I1-2D1 | 14 G959.1 P1S1-2D2 | 15 G959.1 P1L1-2D2 |
    16 10GBASE-T with SFI | 17 100G CLR4 | 18 100G AOC or 25GAUI C2M AOC (BER 1e-12) |
    19 100G ACC or 25GAUI C2M ACC (BER 1e-12) | 1a 100GE-DWDM2 | 1b 100G 1550 nm WDM |
    1c 10GBASE-T short reach | 1d 5GBASE-T | 1e 2.5GBASE-T | 1f 40G SWDM4 | 20 100G SWDM4 |
    21 100G PAM4 BiDi | 22 100G 4WDM-10 | 23 100G 4WDM-20 | 24 100G 4WDM-40 | 25 100GBASE-DR |
    26 100G-FR or 100GBASE-FR1 | 27 100G-LR or 100GBASE-LR1 | 28 100GBASE-SR1 with CAUI-4 |
    29 100GBASE-SR1, 200GBASE-SR2 or 400GBASE-SR4 | 2a 100GBASE-FR1 | 2b 100GBASE-LR1 |
    2c 100G-LR1-20 with CAUI-4 | 2d 100G-ER1-30 with CAUI-4 | 2e 100G-ER1-40 with CAUI-4 |
    2f 100G-LR1-20 | 30 50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 1e-6) |
    31 50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 1e-6) |
    32 50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 2.6e-4) |
    33 50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 2.6e-4) | 34 100G-ER1-30 | 35 100G-ER1-40 |
    36 100GBASE-VR1, 200GBASE-VR2 or 400GBASE-VR4 | 37 10GBASE-BR | 38 25GBASE-BR |
    39 50GBASE-BR | 3a 100GBASE-VR1 with CAUI-4 | 3f 100GBASE-CR1, 200GBASE-CR2 or 400GBASE-CR4 |
    40 50GBASE-CR, 100GBASE-CR2 or 200GBASE-CR4 | 41 50GBASE-SR, 100GBASE-SR2 or 200GBASE-SR4 |
    42 50GBASE-FR or 200GBASE-DR4 | 43 200GBASE-FR4 | 44 200G 1550 nm PSM4 | 45 50GBASE-LR |
    46 200GBASE-LR4 | 47 400GBASE-DR4 | 48 400GBASE-FR4 | 49 400GBASE-LR4-6 | 4a 50GBASE-ER |
    4b 400G-LR4-10 | 4c 400GBASE-ZR | 7f 256GFC-SW4 | 80 64GFC | 81 128GFC
    """
)
"""Table 4-4: byte 36 of SFF-8472, byte 192 of SFF-8636."""

HOST_INTERFACES = code_table(
    """
    01 1000BASE-CX | 02 XAUI | 03 XFI | 04 SFI | 05 25GAUI C2M | 06 XLAUI C2M | 07 XLPPI |
    08 LAUI-2 C2M | 09 50GAUI-2 C2M | 0a 50GAUI-1 C2M | 0b CAUI-4 C2M | 0c 100GAUI-4 C2M |
    0d 100GAUI-2 C2M | 0e 200GAUI-8 C2M | 0f 200GAUI-4 C2M | 10 400GAUI-16 C2M |
    11 400GAUI-8 C2M | 13 10GBASE-CX4 | 14 25GBASE-CR CA-L | 15 25GBASE-CR CA-S |
    16 25GBASE-CR CA-N | 17 40GBASE-CR4 | 18 50GBASE-CR | 19 100GBASE-CR10 | 1a 100GBASE-CR4 |
    1b 100GBASE-CR2 | 1c 200GBASE-CR4 | 1d 400G-CR8 | 1e 1000BASE-T | 1f 2.5GBASE-T |
    20 5GBASE-T | 21 10GBASE-T | 22 25GBASE-T | 23 40GBASE-T | 25 8GFC | 26 10GFC | 27 16GFC |
    28 32GFC | 29 64GFC | 2a 128GFC-4 | 2b 256GFC-4 | 2c InfiniBand SDR | 2d InfiniBand DDR |
    2e InfiniBand QDR | 2f InfiniBand FDR | 30 InfiniBand EDR | 31 InfiniBand HDR |
    32 InfiniBand NDR | 41 CAUI-4 C2M without FEC | 42 CAUI-4 C2M with RS-FEC |
    43 50GBASE-CR2 with RS-FEC | 44 50GBASE-CR2 with Fire code FEC | 45 50GBASE-CR2 without FEC |
    46 100GBASE-CR1 | 47 200GBASE-CR2 | 48 400GBASE-CR4 | 49 800G-ETC-CR8 | 4a 128GFC |
    4b 100GAUI-1-S C2M | 4c 100GAUI-1-L C2M | 4d 200GAUI-2-S C2M | 4e 200GAUI-2-L C2M |
    4f 400GAUI-4-S C2M | 50 400GAUI-4-L C2M | 51 800GAUI-8-S C2M | 52 800GAUI-8-L C2M
    """
)
"""Table 4-5."""

MULTI_MODE = code_table(
    """
    01 10GBASE-SW | 02 10GBASE-SR | 03 25GBASE-SR | 04 40GBASE-SR4 | 05 40G SWDM4 | 06 40G BiDi |
    07 50GBASE-SR | 08 100GBASE-SR10 | 09 100GBASE-SR4 | 0a 100G SWDM4 | 0b 100G BiDi |
    0c 100GBASE-SR2 | 0d 100GBASE-SR1 | 0e 200GBASE-SR4 | 0f 400GBASE-SR16 | 10 400GBASE-SR8 |
    11 400GBASE-SR4 | 12 800GBASE-SR8 | 13 8GFC-MM | 14 10GFC-MM | 15 16GFC-MM | 16 32GFC-MM |
    17 64GFC-MM | 18 128GFC-MM4 | 19 256GFC-MM4 | 1a 400GBASE-SR4.2 | 1b 200GBASE-SR2 |
    1c 128GFC-MM | 1d 100GBASE-VR1 | 1e 200GBASE-VR2 | 1f 400GBASE-VR4 | 20 800GBASE-VR8
    """
)
"""Table 4-6."""

SINGLE_MODE = code_table(
    """
    01 10GBASE-LW | 02 10GBASE-EW | 03 10G-ZW | 04 10GBASE-LR | 05 10GBASE-ER | 06 10G-ZR |
    07 25GBASE-LR | 08 25GBASE-ER | 09 40GBASE-LR4 | 0a 40GBASE-FR | 0b 50GBASE-FR |
    0c 50GBASE-LR | 0d 100GBASE-LR4 | 0e 100GBASE-ER4 | 0f 100G PSM4 | 10 100G CWDM4 |
    11 100G 4WDM-10 | 12 100G 4WDM-20 | 13 100G 4WDM-40 | 14 100GBASE-DR | 15 100GBASE-FR1 |
    16 100GBASE-LR1 | 17 200GBASE-DR4 | 18 200GBASE-FR4 | 19 200GBASE-LR4 | 1a 400GBASE-FR8 |
    1b 400GBASE-LR8 | 1c 400GBASE-DR4 | 1d 400GBASE-FR4 | 1e 400G-LR4-10 | 34 100G CWDM4-OCP |
    38 10G-SR | 39 10G-LR | 3a 25G-SR | 3b 25G-LR | 3c 10G-LR-BiDi | 3d 25G-LR-BiDi |
    3e 400ZR | 3f 400ZR, unamplified | 40 50GBASE-ER | 41 200GBASE-ER4 | 42 400GBASE-ER8 |
    43 400GBASE-LR4-6 | 44 100GBASE-ZR | 46 ZR400-OFEC-16QAM | 47 ZR300-OFEC-8QAM |
    48 ZR200-OFEC-QPSK | 49 ZR100-OFEC-QPSK | 4a 100G-LR1-20 | 4b 100G-ER1-30 | 4c 100G-ER1-40 |
    4d 400GBASE-ZR | 4e 10GBASE-BR | 4f 25GBASE-BR | 50 50GBASE-BR | 55 400GBASE-DR4-2 |
    56 800GBASE-DR8 | 57 800GBASE-DR8-2 | 73 200GBASE-DR1 | 75 400GBASE-DR2 | 77 800GBASE-DR4 |
    78 800GBASE-DR4-2 | 7a 800GBASE-FR4 | 7b 800GBASE-LR4 | 7f 1.6TBASE-DR8 | 80 1.6TBASE-DR8-2
    """
)
"""Table 4-7."""

TECHNOLOGIES = code_table(
    """
    00 850 nm VCSEL | 01 1310 nm VCSEL | 02 1550 nm VCSEL | 03 1310 nm FP | 04 1310 nm DFB |
    05 1550 nm DFB | 06 1310 nm EML | 07 1550 nm EML | 08 other | 09 1490 nm DFB |
    0a copper, unequalized | 0b copper, passive equalized |
    0c copper, near and far end limiting active equalizers |
    0d copper, far end limiting active equalizers |
    0e copper, near end limiting active equalizers | 0f copper, linear active equalizers |
    10 C-band tunable laser | 11 L-band tunable laser |
    12 copper, near and far end linear active equalizers |
    13 copper, far end linear active equalizers | 14 copper, near end linear active equalizers
    """
)
"""Transmitter technology, the same numbers in SFF-8636 byte 147 (high nibble) and CMIS byte 212."""

PASSIVE = frozenset((0x0A, 0x0B))
"""Technologies of copper cables without any circuit."""
COPPER = frozenset((*range(0x0A, 0x10), *range(0x12, 0x15)))
"""Technologies without a laser."""


def named(table: dict[int, str], code: int | None) -> str | None:
    """Return the name of a code, `0x2a` where the table has none, or None without a code.

    >>> named(CONNECTORS, 7), named(CONNECTORS, 0x7A), named(CONNECTORS, 0)
    ('LC', '0x7a', None)
    """
    if not code or code == 0xFF:
        return None
    return table.get(code, f"0x{code:02x}")
