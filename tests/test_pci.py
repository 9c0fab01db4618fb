"""Facts of PCI functions."""

from __future__ import annotations

from mlxtop.model.tuning import PciControl
from mlxtop.sources.kernel.pci import parse_config


def config_space(control: int, capability: int = 2) -> bytes:
    """256 bytes with a power management and an Express capability."""
    data = bytearray(256)
    data[0x06] = 0x10
    data[0x34] = 0x40
    data[0x40:0x42] = bytes([0x01, 0x60])
    data[0x60:0x62] = bytes([0x10, 0x00])
    data[0x64:0x66] = capability.to_bytes(2, "little")
    data[0x68:0x6A] = control.to_bytes(2, "little")
    return bytes(data)


def test_packet_sizes_come_from_the_express_capability() -> None:
    assert parse_config(config_space(5 << 12)) == PciControl(128, 512, 4096, False)
    assert parse_config(config_space(0, capability=7)) is None
    assert parse_config(b"\xff" * 4096) is None
    assert parse_config(config_space(0)[:64]) is None
