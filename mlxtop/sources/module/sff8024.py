"""Numbers of SFF-8024 (Rev 4.x) that all module standards refer to, in the words of the field."""

from __future__ import annotations

from enum import StrEnum


class Layout(StrEnum):
    """The memory map that a module follows."""

    SFF8472 = "SFF-8472"
    SFF8636 = "SFF-8636"
    CMIS = "CMIS"


IDENTIFIERS = {
    0x01: "GBIC",
    0x02: "soldered module",
    0x03: "SFP",
    0x06: "XFP",
    0x0B: "DWDM-SFP",
    0x0C: "QSFP",
    0x0D: "QSFP+",
    0x11: "QSFP28",
    0x18: "QSFP-DD",
    0x19: "OSFP",
    0x1A: "SFP-DD",
    0x1B: "DSFP",
    0x1E: "QSFP112",
    0x1F: "SFP-DD (CMIS)",
    0x20: "SFP+ (CMIS)",
    0x21: "OSFP-XD",
    0x22: "OIF-ELSFP",
    0x25: "SFP112",
}
"""Table 4-1; 0x1E is any QSFP with CMIS."""

_LAYOUTS = {
    **dict.fromkeys((0x02, 0x03, 0x0B), Layout.SFF8472),
    **dict.fromkeys((0x0C, 0x0D, 0x11), Layout.SFF8636),
    **dict.fromkeys((0x18, 0x19, *range(0x1A, 0x1C), *range(0x1E, 0x26)), Layout.CMIS),
}


def layout(code: int | None) -> Layout | None:
    """The memory map of an identifier; None for those that no ConnectX takes.

    >>> layout(0x11), layout(0xFF)
    (<Layout.SFF8636: 'SFF-8636'>, None)
    """
    return None if code is None else _LAYOUTS.get(code)


CONNECTORS = {
    0x01: "SC",
    0x07: "LC",
    0x08: "MT-RJ",
    0x09: "MU",
    0x0A: "SG",
    0x0B: "optical pigtail",
    0x0C: "MPO 1x12",
    0x0D: "MPO 2x16",
    0x21: "copper pigtail",
    0x22: "RJ45",
    0x23: "no separable connector",
    0x24: "MXC 2x16",
    0x25: "CS",
    0x26: "SN",
    0x27: "MPO 2x12",
    0x28: "MPO 1x16",
}
"""Table 4-3."""

EXTENDED = {
    0x01: "100G AOC or 25GAUI C2M AOC (BER 5e-5)",
    0x02: "100GBASE-SR4 or 25GBASE-SR",
    0x03: "100GBASE-LR4 or 25GBASE-LR",
    0x04: "100GBASE-ER4 or 25GBASE-ER",
    0x05: "100GBASE-SR10",
    0x06: "100G CWDM4",
    0x07: "100G PSM4",
    0x08: "100G ACC or 25GAUI C2M ACC (BER 5e-5)",
    0x0B: "100GBASE-CR4 or 25GBASE-CR CA-L",
    0x0C: "25GBASE-CR CA-S",
    0x0D: "25GBASE-CR CA-N",
    0x10: "40GBASE-ER4",
    0x11: "4x10GBASE-SR",
    0x12: "40G PSM4",
    0x16: "10GBASE-T with SFI",
    0x17: "100G CLR4",
    0x18: "100G AOC or 25GAUI C2M AOC (BER 1e-12)",
    0x19: "100G ACC or 25GAUI C2M ACC (BER 1e-12)",
    0x1A: "100GE-DWDM2",
    0x1C: "10GBASE-T short reach",
    0x1F: "40G SWDM4",
    0x20: "100G SWDM4",
    0x21: "100G PAM4 BiDi",
    0x25: "100GBASE-DR",
    0x26: "100G-FR",
    0x27: "100G-LR",
    0x30: "50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 1e-6)",
    0x31: "50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 1e-6)",
    0x32: "50GAUI, 100GAUI-2 or 200GAUI-4 C2M ACC (BER 2.6e-4)",
    0x33: "50GAUI, 100GAUI-2 or 200GAUI-4 C2M AOC (BER 2.6e-4)",
    0x40: "50GBASE-CR, 100GBASE-CR2 or 200GBASE-CR4",
    0x41: "50GBASE-SR, 100GBASE-SR2 or 200GBASE-SR4",
    0x42: "50GBASE-FR or 200GBASE-DR4",
    0x43: "200GBASE-FR4",
    0x45: "50GBASE-LR",
    0x46: "200GBASE-LR4",
}
"""Table 4-4: byte 36 of SFF-8472, byte 192 of SFF-8636."""

HOST_INTERFACES = {
    0x05: "25GAUI C2M",
    0x09: "50GAUI-2 C2M",
    0x0A: "50GAUI-1 C2M",
    0x0B: "CAUI-4 C2M",
    0x0C: "100GAUI-4 C2M",
    0x0D: "100GAUI-2 C2M",
    0x0E: "200GAUI-8 C2M",
    0x0F: "200GAUI-4 C2M",
    0x11: "400GAUI-8 C2M",
    0x14: "25GBASE-CR CA-L",
    0x15: "25GBASE-CR CA-S",
    0x16: "25GBASE-CR CA-N",
    0x17: "40GBASE-CR4",
    0x18: "50GBASE-CR",
    0x19: "100GBASE-CR10",
    0x1A: "100GBASE-CR4",
    0x1B: "100GBASE-CR2",
    0x1C: "200GBASE-CR4",
    0x1D: "400G-CR8",
    0x2C: "InfiniBand SDR",
    0x2D: "InfiniBand DDR",
    0x2E: "InfiniBand QDR",
    0x2F: "InfiniBand FDR",
    0x30: "InfiniBand EDR",
    0x31: "InfiniBand HDR",
    0x32: "InfiniBand NDR",
    0x46: "100GBASE-CR1",
    0x47: "200GBASE-CR2",
    0x48: "400GBASE-CR4",
    0x49: "800G-ETC-CR8",
    0x4B: "100GAUI-1-S C2M",
    0x4C: "100GAUI-1-L C2M",
    0x4D: "200GAUI-2-S C2M",
    0x4E: "200GAUI-2-L C2M",
    0x4F: "400GAUI-4-S C2M",
    0x50: "400GAUI-4-L C2M",
    0x51: "800GAUI-8-S C2M",
    0x52: "800GAUI-8-L C2M",
}
"""Table 4-5."""

MULTI_MODE = {
    0x02: "10GBASE-SR",
    0x03: "25GBASE-SR",
    0x04: "40GBASE-SR4",
    0x05: "40G SWDM4",
    0x06: "40G BiDi",
    0x07: "50GBASE-SR",
    0x08: "100GBASE-SR10",
    0x09: "100GBASE-SR4",
    0x0A: "100G SWDM4",
    0x0B: "100G BiDi",
    0x0C: "100GBASE-SR2",
    0x0D: "100GBASE-SR1",
    0x0E: "200GBASE-SR4",
    0x0F: "400GBASE-SR16",
    0x10: "400GBASE-SR8",
    0x11: "400GBASE-SR4",
    0x12: "800G-SR8",
    0x1A: "400GBASE-SR4.2",
}
"""Table 4-6."""

SINGLE_MODE = {
    0x04: "10GBASE-LR",
    0x05: "10GBASE-ER",
    0x07: "25GBASE-LR",
    0x08: "25GBASE-ER",
    0x09: "40GBASE-LR4",
    0x0A: "40GBASE-FR",
    0x0B: "50GBASE-FR",
    0x0C: "50GBASE-LR",
    0x0D: "100GBASE-LR4",
    0x0E: "100GBASE-ER4",
    0x0F: "100G PSM4",
    0x10: "100G CWDM4",
    0x11: "100G 4WDM-10",
    0x12: "100G 4WDM-20",
    0x13: "100G 4WDM-40",
    0x14: "100GBASE-DR",
    0x15: "100GBASE-FR1",
    0x16: "100GBASE-LR1",
    0x17: "200GBASE-DR4",
    0x18: "200GBASE-FR4",
    0x19: "200GBASE-LR4",
    0x1A: "400GBASE-FR8",
    0x1B: "400GBASE-LR8",
    0x1C: "400GBASE-DR4",
    0x1D: "400GBASE-FR4",
    0x1E: "400G-LR4-10",
    0x3E: "400ZR",
}
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
    """The name of a code, `0x2a` where the table has none; None where nothing was read or is said.

    >>> named(CONNECTORS, 7), named(CONNECTORS, 0x7A), named(CONNECTORS, 0)
    ('LC', '0x7a', None)
    """
    if not code or code == 0xFF:
        return None
    return table.get(code, f"0x{code:02x}")
