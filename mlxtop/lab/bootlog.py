"""What the drivers said when the machine started, as /dev/kmsg keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from mlxtop.lab.ports import CardState
from mlxtop.lab.spec import CardSpec, LinkSpec
from mlxtop.model.pcie import bandwidth
from mlxtop.system.door import KernelRecord


def _gbps(link: LinkSpec) -> str:
    mbps = bandwidth(link.speed, link.width) or 0
    return f"{mbps // 1000}.{mbps % 1000:03d} Gb/s"


def bandwidth_line(card: CardSpec) -> str:
    """The kernel's line about the PCIe path, by pcie_print_link_status()."""
    hops = [(card.functions[0], card.link)]
    hops += [(bridge.address, bridge.now) for bridge in reversed(card.path)]
    limiting, least = hops[0]
    for address, link in hops[1:]:
        if (bandwidth(link.speed, link.width) or 0) <= (bandwidth(least.speed, least.width) or 0):
            limiting, least = address, link
    text = f"{_gbps(least)} available PCIe bandwidth"
    if _gbps(least) == _gbps(card.most):
        return f"{text} ({least.words} x{least.width} link)"
    return (
        f"{text}, limited by {least.words} x{least.width} link at {limiting} "
        f"(capable of {_gbps(card.most)} with {card.most.words} x{card.most.width} link)"
    )


def _mlx5(card: CardState) -> Iterator[tuple[float, str]]:
    for index, port in enumerate(card.ports):
        bdf = port.spec.function
        head = f"mlx5_core {bdf}: "
        yield 0.0, f"{head}firmware version: {card.spec.firmware}"
        yield 0.0, head + bandwidth_line(card.spec)
        yield (
            0.3,
            f"{head}E-Switch: Total vports {2 + card.spec.vfs}, "
            "per vport: max uc(1024) max mc(16384)",
        )
        if not port.unplugged:
            yield 0.1, f"{head}Port module event: module {index}, Cable plugged"
        if port.netdev:
            yield 0.3, f"{head}MLX5E: StrdRq(0) RqSz(1024) StrdSz(256) RxCqeCmprss(0 basic)"
            yield 3.5, f"mlx5_core {bdf} {port.netdev}: renamed from eth{index}"
            if port.carrier:
                yield 20.7, f"mlx5_core {bdf} {port.netdev}: Link up"


def _mlx4(card: CardState) -> Iterator[tuple[float, str]]:
    bdf = card.spec.functions[0]
    yield 0.0, "mlx4_core: Mellanox ConnectX core driver v4.0-0"
    yield 0.1, f"mlx4_core: Initializing {bdf}"
    yield 5.1, f"mlx4_core {bdf}: {bandwidth_line(card.spec)}"
    yield 0.1, "mlx4_en: Mellanox ConnectX HCA Ethernet driver v4.0-0"
    for port in card.ports:
        if port.infiniband or not port.netdev:
            continue
        number = port.spec.number
        yield 0.1, f"mlx4_en {bdf}: Activating port:{number}"
        yield 0.1, f"mlx4_en: {bdf}: Port {number}: Initializing port"
        yield 2.0, f"mlx4_core {bdf} {port.netdev}: renamed from eth{number - 1}"
        if port.carrier:
            yield 9.0, f"mlx4_en: {port.netdev}: Link Up"
    yield 1.0, "<mlx4_ib> mlx4_ib_add: mlx4_ib: Mellanox ConnectX InfiniBand driver v4.0-0"


def boot_records(cards: list[CardState]) -> list[KernelRecord]:
    """Records of the start, oldest first."""
    records = []
    for card in cards:
        seconds = 7.642432 + 0.01 * card.index
        lines = _mlx4(card) if card.spec.family.mlx4 else _mlx5(card)
        for after, text in lines:
            seconds += after + 0.000038
            level = 4 if "limited by" in text else 6
            tagged = card.spec.functions[0] in text or not card.spec.family.mlx4
            device = next((function for function in card.spec.functions if function in text), None)
            if device is None and tagged:
                device = card.spec.functions[0]
            records.append(
                KernelRecord(round(seconds, 6), level, text, device, "pci" if device else None)
            )
    return sorted(records, key=lambda record: record.seconds)


def kmsg_text(records: list[KernelRecord]) -> str:
    """/dev/kmsg: `prio,seq,usec,flags;text` and the device's tags."""
    lines = []
    for number, record in enumerate(records, 900):
        micros = round(record.seconds * 1e6)
        lines.append(f"{record.level},{number},{micros},-;{record.text}")
        if record.device:
            lines += [f" SUBSYSTEM={record.subsystem}", f" DEVICE=+pci:{record.device}"]
    return "\n".join(lines) + "\n"
