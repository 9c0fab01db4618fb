"""/sys/bus/pci and /sys/devices/pci* of a simulated machine.

https://docs.kernel.org/ABI/testing/sysfs-bus-pci; AER files by sysfs-bus-pci-devices-aer;
configuration space by the PCI Express base specification, section 7.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from mlxtop.lab.ports import CardState, cpu_list, node_cores
from mlxtop.lab.spec import BridgeSpec, LinkSpec
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World

_SPEED_CODE = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}
_CORRECTABLE = "RxErr BadTLP BadDLLP Rollover Timeout NonFatalErr CorrIntErr HeaderOF"
_UNCORRECTABLE = (
    "Undefined DLP SDES TLP FCP CmpltTO CmpltAbrt UnxCmplt RxOF MalfTLP ECRC UnsupReq ACSViol "
    "UncorrIntErr BlockedTLP AtomicOpBlocked TLPBlockedErr PoisonTLPBlocked"
)
_AER = {
    "correctable": (_CORRECTABLE, "TOTAL_ERR_COR"),
    "nonfatal": (_UNCORRECTABLE, "TOTAL_ERR_NONFATAL"),
    "fatal": (_UNCORRECTABLE, "TOTAL_ERR_FATAL"),
}


def card_directory(card: CardState) -> str:
    """The canonical directory above the card's functions."""
    first = card.spec.path[0].address if card.spec.path else card.spec.functions[0]
    root = first.rpartition(":")[0]
    return "/".join([f"/sys/devices/pci{root}", *(bridge.address for bridge in card.spec.path)])


def function_directory(card: CardState, function: str) -> str:
    """The canonical directory of a function."""
    return f"{card_directory(card)}/{function}"


def config_space(ids: tuple[int, int], pci_class: int, now: LinkSpec, mps: int) -> bytes:
    """4096 bytes of configuration space with a PCI Express capability at 0x60.

    MPS is that of Device Control, and all that a bridge can do; MRRS is 512.
    """
    space = bytearray(4096)
    struct.pack_into("<HHHH", space, 0, *ids, 0x0406, 0x0010)
    space[9:12] = struct.pack("<I", pci_class)[:3]
    bridge = pci_class >> 8 == 0x0604
    space[14] = 1 if bridge else 0x80
    space[0x34] = 0x60
    size = mps.bit_length() - 8
    struct.pack_into("<BBH", space, 0x60, 0x10, 0, 0x42 if bridge else 0x02)
    struct.pack_into("<I", space, 0x64, size if bridge else max(size, 2))
    struct.pack_into("<H", space, 0x68, size << 5 | 2 << 12 | 1 << 4 | 1 << 11)
    link = _SPEED_CODE[now.speed] | now.width << 4
    struct.pack_into("<I", space, 0x6C, link)
    struct.pack_into("<H", space, 0x72, link)
    return bytes(space)


def vpd(card: CardState) -> bytes:
    """Vital product data: name, part number, serial number (PCI 3.0, appendix I)."""
    name = card.spec.description.partition(";")[0].encode()
    part = card.spec.part.partition("_")[0].encode()
    fields = b""
    for key, value in ((b"PN", part), (b"EC", b"A6"), (b"SN", card.spec.serial.encode())):
        fields += key + bytes((len(value),)) + value
    head = b"\x82" + struct.pack("<H", len(name)) + name
    body = head + b"\x90" + struct.pack("<H", len(fields) + 4) + fields + b"RV\x01"
    return body + bytes((-sum(body) & 0xFF,)) + b"\x78"


def add_card(tree: LabTree, world: World, card: CardState) -> None:
    """The bridges above a card and its functions."""
    below = ""
    for bridge in card.spec.path:
        first = card.spec.path[0].address
        below = f"{below}/{bridge.address}"
        directory = f"/sys/devices/pci{first.rpartition(':')[0]}{below}"
        if tree.node(f"{directory}/vendor") is None:
            _add_bridge(tree, world, card, bridge, directory)
    for index, function in enumerate(card.spec.functions):
        _add_function(tree, world, card, index, function)
    for index in range(len(card.spec.functions)):
        for number in range(card.spec.vfs):
            _add_vf(tree, world, card, index, number)


def _common(tree: LabTree, directory: str, address: str, driver: str) -> None:
    depth = directory.count("/") - 1
    tree.link(f"{directory}/subsystem", "../" * depth + "bus/pci")
    tree.link(f"{directory}/driver", "../" * depth + f"bus/pci/drivers/{driver}")
    place = directory.removeprefix("/sys/")
    tree.link(f"/sys/bus/pci/devices/{address}", f"../../../{place}")
    tree.link(f"/sys/bus/pci/drivers/{driver}/{address}", f"../../../../{place}")
    tree.files(directory, {"enable": 1, "power_state": "D0", "broken_parity_status": 0})


def _ids(tree: LabTree, directory: str, ids: str, pci_class: int, rev: int) -> None:
    """Identity files from `vendor:device:subsystem vendor:subsystem device`."""
    vendor, device, sub_vendor, sub_device = ids.split(":")
    names: dict[str, object] = {
        "vendor": f"0x{vendor}",
        "device": f"0x{device}",
        "subsystem_vendor": f"0x{sub_vendor}",
        "subsystem_device": f"0x{sub_device}",
        "class": f"0x{pci_class:06x}",
        "revision": f"0x{rev:02x}",
    }
    tree.files(directory, names)
    alias = (
        f"pci:v{int(vendor, 16):08X}d{int(device, 16):08X}sv{int(sub_vendor, 16):08X}"
        f"sd{int(sub_device, 16):08X}bc{pci_class >> 16:02X}sc{pci_class >> 8 & 255:02X}"
        f"i{pci_class & 255:02X}"
    )
    tree.file(f"{directory}/modalias", alias)


def _link_files(tree: LabTree, directory: str, now: LinkSpec, most: LinkSpec) -> None:
    tree.files(
        directory,
        {
            "current_link_speed": now.words,
            "current_link_width": now.width,
            "max_link_speed": most.words,
            "max_link_width": most.width,
        },
    )
    tree.files(f"{directory}/link", {"l1_aspm": 0, "clkpm": 0})


def _aer(world: World, card: CardState, kind: str, where: str) -> Callable[[], str]:
    """AER counts: rates of the machine's `faults.aer`, by `device` or `root`."""
    names, total = _AER[kind]
    rates = card.spec.faults.get("aer", {}).get(where, {})

    def content() -> str:
        seconds = world.time + 3600.0
        counts = {name: int(rates.get(name, 0.0) * seconds) for name in names.split()}
        lines = [f"{name} {count}" for name, count in counts.items()]
        return "\n".join([*lines, f"{total} {sum(counts.values())}"]) + "\n"

    return content


def _add_aer(tree: LabTree, world: World, card: CardState, directory: str, where: str) -> None:
    for kind in _AER:
        tree.changing(f"{directory}/aer_dev_{kind}", _aer(world, card, kind, where))


def _add_bridge(
    tree: LabTree, world: World, card: CardState, bridge: BridgeSpec, directory: str
) -> None:
    _common(tree, directory, bridge.address, "pcieport")
    _ids(tree, directory, f"{bridge.ids}:1028:04f7", 0x060400, 4)
    _link_files(tree, directory, bridge.now, bridge.most)
    tree.file(f"{directory}/numa_node", card.spec.node if world.spec.nodes > 1 else -1)
    vendor, device = (int(part, 16) for part in bridge.ids.split(":"))
    tree.raw(
        f"{directory}/config",
        config_space((vendor, device), 0x060400, bridge.now, card.spec.mps),
    )
    root = bridge is card.spec.path[0]
    last = bridge is card.spec.path[-1]
    _add_aer(tree, world, card, directory, "root" if last else "none")
    if root:
        for name, kind in (("cor", "correctable"), ("nonfatal", "nonfatal"), ("fatal", "fatal")):
            content = _aer(world, card, kind, "root" if last else "none")
            tree.changing(
                f"{directory}/aer_rootport_total_err_{name}",
                lambda content=content: content().split()[-1] + "\n",  # type: ignore[misc]
            )


def _add_function(tree: LabTree, world: World, card: CardState, index: int, function: str) -> None:
    spec = card.spec
    directory = function_directory(card, function)
    family = spec.family
    pci_class = family.pci_class
    if not family.mlx4 and card.ports[index].infiniband:
        pci_class = 0x020700
    _common(tree, directory, function, family.driver)
    _ids(tree, directory, f"15b3:{family.device:04x}:{spec.subsystem}", pci_class, spec.revision)
    _link_files(tree, directory, spec.link, spec.most)
    cores = node_cores(world.spec, spec.node)
    several = world.spec.nodes > 1
    tree.files(
        directory,
        {
            "numa_node": spec.node if several else -1,
            "local_cpulist": cpu_list(cores),
            "irq": 64 + 40 * card.index,
        },
    )
    tree.raw(
        f"{directory}/config",
        config_space((0x15B3, family.device), pci_class, spec.link, spec.mps),
    )
    tree.raw(f"{directory}/vpd", vpd(card))
    if not family.mlx4:
        tree.files(directory, {"sriov_totalvfs": max(8, spec.vfs), "sriov_numvfs": spec.vfs})
    _add_aer(tree, world, card, directory, "device")


def add_gpu(tree: LabTree, world: World, text: str, node: int) -> None:
    """A GPU and what is above it, from `root port/…/address`; ports that are there stay."""
    *above, address = text.split("/")
    first = (above or [address])[0]
    directory = f"/sys/devices/pci{first.rpartition(':')[0]}"
    for bridge in above:
        directory = f"{directory}/{bridge}"
        if tree.node(f"{directory}/vendor") is None:
            _common(tree, directory, bridge, "pcieport")
            _ids(tree, directory, "1000:c030:1000:1003", 0x060400, 0)
    directory = f"{directory}/{address}"
    _common(tree, directory, address, "nvidia")
    _ids(tree, directory, "10de:2330:10de:16c1", 0x030200, 0xA1)
    tree.file(f"{directory}/numa_node", node if world.spec.nodes > 1 else -1)


def vf_address(card: CardState, index: int, number: int) -> str:
    """PCI address of a function's VF, as routing ids count on behind the functions."""
    place = 2 + index * card.spec.vfs + number
    return f"{card.spec.functions[0][:8]}{place // 8:02x}.{place % 8}"


def _add_vf(tree: LabTree, world: World, card: CardState, index: int, number: int) -> None:
    family = card.spec.family
    address = vf_address(card, index, number)
    directory = f"{card_directory(card)}/{address}"
    _common(tree, directory, address, family.driver)
    _ids(tree, directory, f"15b3:{family.vf_device:04x}:{card.spec.subsystem}", 0x020000, 0)
    unknown: dict[str, object] = {
        "current_link_speed": "Unknown",
        "current_link_width": 0,
        "max_link_speed": card.spec.most.words,
        "max_link_width": card.spec.most.width,
        "numa_node": card.spec.node if world.spec.nodes > 1 else -1,
    }
    tree.files(directory, unknown)
    tree.link(f"{directory}/physfn", f"../{card.spec.functions[index]}")
    physical = function_directory(card, card.spec.functions[index])
    tree.link(f"{physical}/virtfn{number}", f"../{address}")
