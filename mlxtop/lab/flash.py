"""The configuration that a card keeps in its flash: default, current and next boot's values.

Parameters and their words as mstconfig prints them; a card without LINK_TYPE is Ethernet only.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlxtop.lab.spec import CardSpec

_BOOL = {0: "False", 1: "True"}
_LINK = {1: "IB", 2: "ETH", 3: "VPI"}
_WORDS = {
    "MEMIC_SIZE_LIMIT": {0: "_128KB", 1: "_256KB"},
    "HOST_CHAINING_MODE": {0: "DISABLED", 1: "BASIC"},
    "INT_LOG_MAX_PAYLOAD_SIZE": {0: "AUTOMATIC", 12: "_4KB"},
    "CQE_COMPRESSION": {0: "BALANCED", 1: "AGGRESSIVE"},
    "PCI_WR_ORDERING": {0: "per_mkey", 1: "force_relax"},
    "ROCE_CC_ALGORITHM_P1": {0: "ECN", 1: "QCN"},
    "LEGACY_BOOT_PROTOCOL_P1": {0: "NONE", 1: "PXE"},
    "LEGACY_BOOT_PROTOCOL_P2": {0: "NONE", 1: "PXE"},
    "BOOT_RETRY_CNT": {0: "NONE", 7: "UNLIMITED"},
    "IP_VER": {0: "IPv4", 1: "IPv6"},
    "IP_VER_P1": {0: "IPv4", 1: "IPv6"},
    "IP_VER_P2": {0: "IPv4", 1: "IPv6"},
}
_BOOLS = (
    *("_EN", "_EN_P1", "_EN_P2", "PXE_ENABLE", "MODE_ENABLE", "CQ_TIMESTAMP", "_PF_BAR"),
    *("_SETTINGS", "DCBX_P1"),
)

_MLX4 = (
    "SRIOV_EN 1,NUM_OF_VFS 8,{link}LOG_BAR_SIZE 5,BOOT_PKEY_P1 0,BOOT_PKEY_P2 0,"
    "BOOT_OPTION_ROM_EN_P1 1,BOOT_VLAN_EN_P1 0,BOOT_RETRY_CNT_P1 0,LEGACY_BOOT_PROTOCOL_P1 1,"
    "BOOT_VLAN_P1 0,BOOT_OPTION_ROM_EN_P2 1,BOOT_VLAN_EN_P2 0,BOOT_RETRY_CNT_P2 0,"
    "LEGACY_BOOT_PROTOCOL_P2 1,BOOT_VLAN_P2 0,IP_VER_P1 0,IP_VER_P2 0,CQ_TIMESTAMP 1"
)
_MLX5 = (
    "MEMIC_BAR_SIZE 0,MEMIC_SIZE_LIMIT 1,HOST_CHAINING_MODE 0,FLEX_PARSER_PROFILE_ENABLE 0,"
    "ROCE_NEXT_PROTOCOL 254,NON_PREFETCHABLE_PF_BAR 0,NUM_OF_VFS 0,SRIOV_EN 1,PF_LOG_BAR_SIZE 5,"
    "NUM_PF_MSIX 63,NUM_VF_MSIX 11,INT_LOG_MAX_PAYLOAD_SIZE 0,ADVANCED_POWER_SETTINGS 0,"
    "CQE_COMPRESSION 0,LRO_LOG_TIMEOUT0 6,LOG_DCR_HASH_TABLE_SIZE 11,ROCE_CC_PRIO_MASK_P1 255,"
    "ROCE_CC_ALGORITHM_P1 0,CNP_DSCP_P1 48,LLDP_NB_DCBX_P1 0,{link}PCI_WR_ORDERING 0,UCTX_EN 1,"
    "UEFI_HII_EN 1,BOOT_VLAN 1,BOOT_RETRY_CNT 0,EXP_ROM_PXE_ENABLE 1,ADVANCED_PCI_SETTINGS 0,"
    "SAFE_MODE_THRESHOLD 10,SAFE_MODE_ENABLE 1"
)


@dataclass(slots=True)
class Value:
    """A parameter's numbers."""

    default: int
    current: int
    next: int


def words(name: str) -> dict[int, str]:
    """Return the names of a parameter's numbers; empty for plain numbers."""
    if name.startswith("LINK_TYPE_P"):
        return _LINK
    return _WORDS.get(name, _BOOL if name.endswith(_BOOLS) else {})


def word(name: str, number: int) -> str:
    """A value as the tools print it.

    >>> word("LINK_TYPE_P1", 2), word("NUM_OF_VFS", 16)
    ('ETH(2)', '16')
    """
    text = words(name).get(number)
    return f"{text}({number})" if text else str(number)


def number_of(name: str, text: str) -> int | None:
    """The number that a person means; None for what the parameter does not know."""
    known = words(name)
    for number, each in known.items():
        if each.lower() == text.lower():
            return number
    try:
        number = int(text, 0)
    except ValueError:
        return None
    return number if not known or number in known else None


class Flash:
    """The parameters of a card."""

    def __init__(self, card: CardSpec) -> None:
        mlx4 = card.family.mlx4
        link = ""
        if card.vpi and card.configurable:
            link = "".join(f"LINK_TYPE_P{port.number} 0," for port in card.ports)
        self.values: dict[str, Value] = {}
        for row in (_MLX4 if mlx4 else _MLX5).format(link=link).split(","):
            name, number = row.split()
            self.values[name] = Value(int(number), int(number), int(number))
        for port in card.ports:
            value = self.values.get(f"LINK_TYPE_P{port.number}")
            if value is not None:
                now = 3 if "auto" in port.kind else 1 if "ib" in port.kind else 2
                value.default = 3 if mlx4 else 1
                value.current = now
                value.next = {"ib": 1, "eth": 2, "auto": 3}.get(port.pending, now)
        if card.vfs and "NUM_OF_VFS" in self.values:
            self.values["NUM_OF_VFS"] = Value(0, card.vfs, card.vfs)

    def activate(self) -> None:
        """Put what is stored in force, as a reset or a reboot does."""
        for value in self.values.values():
            value.current = value.next

    def link_type(self, number: int) -> str | None:
        """The kind that a port has after a reset; None where the flash does not say."""
        value = self.values.get(f"LINK_TYPE_P{number}")
        return {1: "ib", 2: "eth", 3: "auto (eth)"}.get(value.current) if value else None
