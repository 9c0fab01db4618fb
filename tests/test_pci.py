"""Facts of PCI functions."""

from __future__ import annotations

import pytest

from mlxtop.model.tuning import PciControl
from mlxtop.sources.kernel.pci import parse_config, read_pcie
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem


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


PORT = "/sys/devices/pci0000:00/0000:00:02.0"
CARD = f"{PORT}/0000:01:00.0"


def below(
    vendor: str,
    port: tuple[str, int] = ("2.5 GT/s PCIe", 1),
    card: tuple[str, int] = ("16.0 GT/s PCIe", 8),
) -> CapturedSystem:
    """A card in a port, each with its link."""
    files = [f"{PORT}/vendor = {vendor}", f"{CARD}/vendor = 0x15b3"]
    for place, (speed, width) in ((PORT, port), (CARD, card)):
        for which in ("current", "max"):
            files += [
                f"{place}/{which}_link_speed = {speed}",
                f"{place}/{which}_link_width = {width}",
            ]
    capture = parse_capture("\n".join(["mlxtop capture 1", *files, ""]))
    return CapturedSystem("x", capture, capture)


@pytest.mark.parametrize(
    ("vendor", "gbps"), [("0x1b36", 126.024), ("0x15ad", 126.024), ("0x8086", 2.0)]
)
def test_ports_of_hypervisors_do_not_limit_a_card(vendor: str, gbps: float) -> None:
    path = read_pcie(below(vendor), CARD).path
    assert path.available_mbps == gbps * 1000


def test_a_hypervisors_port_that_shows_the_cards_own_link_is_named_as_the_kernel_names_it() -> None:
    path = read_pcie(below("0x1b36", ("16.0 GT/s PCIe", 8)), CARD).path
    assert [link.device for link in path.links] == ["0000:01:00.0", "0000:00:02.0"]
    wider = read_pcie(below("0x1b36", ("16.0 GT/s PCIe", 16)), CARD).path
    assert wider.available_mbps == path.available_mbps


def test_a_hypervisors_port_does_not_limit_a_card_that_does_not_tell_its_link() -> None:
    unknown = ("Unknown", 0)
    assert read_pcie(below("0x1b36", card=unknown), CARD).path.available_mbps is None
    assert read_pcie(below("0x8086", card=unknown), CARD).path.available_mbps == 2000
