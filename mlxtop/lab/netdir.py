"""/sys/class/net, /sys/class/infiniband and hwmon of a simulated machine.

https://docs.kernel.org/ABI/testing/sysfs-class-net, sysfs-class-infiniband; values and errors as
mlx5_core, mlx4_core and ib_core give them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from mlxtop.lab.counts import ib_counter, netdev_statistics, rdma_hw_counter
from mlxtop.lab.pcidir import function_directory
from mlxtop.lab.ports import CardState, PortState
from mlxtop.lab.qos import add_gids, add_vendor_files
from mlxtop.lab.tables import HW_COUNTERS, IB_COUNTERS, LINK64, MLX4_HW_COUNTERS
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World
from mlxtop.system.door import os_error

ARPHRD_ETHER, ARPHRD_INFINIBAND = 1, 32


def hardware_address(port: PortState) -> str:
    """The netdev's address: 6 bytes, or 20 of IPoIB."""
    if not port.infiniband:
        return port.spec.mac
    guid = f"{port_guid(port):016x}"
    tail = ":".join(guid[i : i + 2] for i in range(0, 16, 2))
    return f"80:00:02:{port.spec.number:02x}:fe:80:00:00:00:00:00:00:{tail}"


def port_guid(port: PortState) -> int:
    """GUID of an RDMA port."""
    return port.card.spec.guid + port.spec.number - (1 if not port.card.spec.family.mlx4 else 0)


def speed(port: PortState) -> str:
    """`speed`: EINVAL when down, Mb/s otherwise, -1 without a link."""
    if not port.admin_up:
        raise os_error(errno.EINVAL)
    if not port.carrier:
        return "-1\n"
    if port.infiniband:
        return f"{int(float(port.spec.rate.split()[0]) * 1000)}\n"
    return f"{port.spec.speed}\n"


def carrier(port: PortState) -> str:
    """`carrier`: EINVAL while the interface is down."""
    if not port.admin_up:
        raise os_error(errno.EINVAL)
    return f"{int(port.carrier)}\n"


def add_netdev(tree: LabTree, world: World, port: PortState) -> None:
    """The network device of a port, where it has one now."""
    name = port.netdev
    if name is None:
        return
    function = function_directory(port.card, port.spec.function)
    directory = f"{function}/net/{name}"
    _net_common(tree, directory, name, port.spec.function)
    mlx4 = port.card.spec.family.mlx4
    fixed: dict[str, object] = {
        "address": hardware_address(port),
        "addr_len": 20 if port.infiniband else 6,
        "dev_id": f"0x{port.spec.number - 1 if port.infiniband else 0:x}",
        "dev_port": port.spec.number - 1 if mlx4 else 0,
        "ifindex": port.ifindex,
        "iflink": port.ifindex,
        "type": ARPHRD_INFINIBAND if port.infiniband else ARPHRD_ETHER,
        "tx_queue_len": 256 if port.infiniband else 1000,
        "name_assign_type": 4,
        "duplex": "full",
    }
    tree.files(directory, fixed)
    if port.infiniband:
        mode = f"{directory}/mode"
        tree.changing(mode, lambda: "connected\n" if port.connected else "datagram\n")
        tree.writers[mode] = port.write_mode
        tree.file(f"{directory}/pkey", "0xffff")
    if mlx4 or port.infiniband:
        tree.fails(f"{directory}/phys_port_name", errno.EOPNOTSUPP)
        tree.fails(f"{directory}/phys_switch_id", errno.EOPNOTSUPP)
    else:
        tree.file(f"{directory}/phys_port_name", f"p{port.spec.function[-1]}")
        tree.file(f"{directory}/phys_switch_id", f"{port.card.spec.guid:016x}")
    if port.bond and not port.infiniband:
        tree.link(f"{directory}/master", "../" * 5 + f"virtual/net/{port.bond}")
    _net_changing(tree, world, port, directory)


def _net_common(tree: LabTree, directory: str, name: str, function: str) -> None:
    place = directory.removeprefix("/sys/")
    tree.link(f"/sys/class/net/{name}", f"../../{place}")
    tree.link(f"{directory}/device", f"../../../{function}")
    tree.link(f"{directory}/subsystem", "../" * (place.count("/") + 1) + "class/net")


def _net_changing(tree: LabTree, world: World, port: PortState, directory: str) -> None:
    changing: dict[str, Callable[[], str]] = {
        "mtu": lambda: f"{port.mtu}\n",
        "speed": lambda: speed(port),
        "carrier": lambda: carrier(port),
        "operstate": lambda: "up\n" if port.carrier else "down\n",
        "carrier_changes": lambda: f"{port.carrier_changes}\n",
        "carrier_up_count": lambda: f"{(port.carrier_changes + 1) // 2}\n",
        "carrier_down_count": lambda: f"{port.carrier_changes // 2}\n",
        "flags": lambda: "0x1003\n" if port.admin_up else "0x1002\n",
    }
    for name, content in changing.items():
        tree.changing(f"{directory}/{name}", content)
    for index, name in enumerate(LINK64[:-1]):
        tree.changing(
            f"{directory}/statistics/{name}",
            lambda index=index: f"{netdev_statistics(world, port)[index]}\n",  # type: ignore[misc]
        )


def add_rdma(tree: LabTree, world: World, card: CardState) -> None:
    """The RDMA devices of a card: one a function (mlx5), or one with two ports (mlx4)."""
    for port in card.ports:
        if not port.present or not port.spec.rdma:
            continue
        function = function_directory(card, port.spec.function)
        directory = f"{function}/infiniband/{port.spec.rdma}"
        if tree.node(f"{directory}/hca_type") is None:
            _rdma_device(tree, world, port, directory)
        _rdma_port(tree, world, port, f"{directory}/ports/{port.spec.rdma_port}")
        if port.netdev and not port.infiniband:
            add_vendor_files(tree, port, directory, f"{function}/net/{port.netdev}")


def guid_text(guid: int) -> str:
    """As sysfs writes it, `0c42:a103:0065:b2f0`."""
    digits = f"{guid:016x}"
    return ":".join(digits[i : i + 4] for i in range(0, 16, 4))


def _rdma_device(tree: LabTree, world: World, port: PortState, directory: str) -> None:
    card = port.card
    place = directory.removeprefix("/sys/")
    tree.link(f"/sys/class/infiniband/{port.spec.rdma}", f"../../{place}")
    tree.link(f"{directory}/device", f"../../../{port.spec.function}")
    tree.link(f"{directory}/subsystem", "../" * (place.count("/") + 1) + "class/infiniband")
    own = card.spec.guid + (0 if card.spec.family.mlx4 else port.spec.number - 1)
    tree.files(
        directory,
        {
            "hca_type": card.spec.family.hca_type,
            "hw_rev": f"{card.spec.revision:x}",
            "node_type": "1: CA",
            "node_guid": guid_text(own),
            "sys_image_guid": guid_text(card.spec.guid + (3 if card.spec.family.mlx4 else 0)),
            "node_desc": f"{world.spec.label} {port.spec.rdma}",
        },
    )
    tree.changing(f"{directory}/fw_ver", lambda: f"{card.firmware}\n")
    if card.spec.psid is None:
        tree.raw(f"{directory}/board_id", b"\n")
    else:
        tree.file(f"{directory}/board_id", card.spec.psid)


def _rdma_state(port: PortState) -> str:
    if port.carrier:
        return "4: ACTIVE\n"
    return "1: DOWN\n"


def _rdma_phys(port: PortState) -> str:
    if port.carrier:
        return "5: LinkUp\n"
    return "2: Polling\n" if port.infiniband else "3: Disabled\n"


def _rdma_rate(port: PortState) -> str:
    if port.infiniband:
        return f"{port.spec.rate if port.carrier else '10 Gb/sec (4X SDR)'}\n"
    if not port.carrier:
        return "40 Gb/sec (4X QDR)\n"
    names = {
        10_000: "10 Gb/sec (1X QDR)",
        25_000: "25 Gb/sec (1X EDR)",
        40_000: "40 Gb/sec (4X QDR)",
        100_000: "100 Gb/sec (4X EDR)",
        200_000: "200 Gb/sec (4X HDR)",
        400_000: "400 Gb/sec (4X NDR)",
    }
    return f"{names.get(port.spec.speed, '40 Gb/sec (4X QDR)')}\n"


def _rdma_port(tree: LabTree, world: World, port: PortState, directory: str) -> None:
    infiniband = port.infiniband
    tree.changing(f"{directory}/state", lambda: _rdma_state(port))
    tree.changing(f"{directory}/phys_state", lambda: _rdma_phys(port))
    tree.changing(f"{directory}/rate", lambda: _rdma_rate(port))
    lid = port.spec.number + 10 * port.card.index
    tree.files(
        directory,
        {
            "link_layer": "InfiniBand" if infiniband else "Ethernet",
            "lid": f"0x{lid:x}" if infiniband else "0x0",
            "sm_lid": "0x1" if infiniband else "0x0",
            "lid_mask_count": 0,
            "sm_sl": 0,
            "cap_mask": _capabilities(port),
            "pkeys/0": "0xffff",
        },
    )
    if infiniband:
        gid = guid_text(port_guid(port))
        tree.file(f"{directory}/gids/0", f"fe80:0000:0000:0000:{gid}")
        tree.file(f"{directory}/gids/1", "0000:0000:0000:0000:0000:0000:0000:0000")
        tree.fails(f"{directory}/gid_attrs/ndevs/0")
        tree.file(f"{directory}/gid_attrs/types/0", "IB/RoCE v1")
        tree.fails(f"{directory}/gid_attrs/ndevs/1")
        tree.fails(f"{directory}/gid_attrs/types/1")
    elif port.netdev:
        add_gids(tree, port, directory, _eui64(port.spec.mac))
    for name in IB_COUNTERS:
        tree.changing(
            f"{directory}/counters/{name}",
            lambda name=name: f"{ib_counter(world, port, name)}\n",  # type: ignore[misc]
        )
    names = MLX4_HW_COUNTERS if port.card.spec.family.mlx4 else HW_COUNTERS
    for name in names:
        tree.changing(
            f"{directory}/hw_counters/{name}",
            lambda name=name: f"{rdma_hw_counter(world, port, name)}\n",  # type: ignore[misc]
        )
    tree.file(f"{directory}/hw_counters/lifespan", 10)


def _capabilities(port: PortState) -> str:
    """PortInfo CapabilityMask; bit 1 is set by a subnet manager of this machine."""
    if not port.infiniband:
        return "0x04010000"
    return "0x0251486a" if port.spec.sm else "0x02514868"


def _eui64(mac: str) -> str:
    parts = [int(part, 16) for part in mac.split(":")]
    parts = [parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]]
    return ":".join(f"{parts[i]:02x}{parts[i + 1]:02x}" for i in range(0, 8, 2))


def add_hwmon(
    tree: LabTree, card: CardState, number: int, sensor: Callable[[CardState, int, str], str]
) -> int:
    """The hwmon devices of a card's functions; returns the next free number."""
    for index, port in enumerate(card.ports):
        if not card.spec.sensor:
            break
        directory = f"{function_directory(card, port.spec.function)}/hwmon/hwmon{number}"
        place = directory.removeprefix("/sys/")
        tree.link(f"/sys/class/hwmon/hwmon{number}", f"../../{place}")
        tree.link(f"{directory}/device", f"../../../{port.spec.function}")
        tree.file(f"{directory}/name", "mlx5")
        module = port.spec.module
        labels = ["asic"]
        if module is not None and not module.kind.passive and not module.garbage:
            labels.append(f"Module{index}")
        for channel, label in enumerate(labels, 1):
            tree.file(f"{directory}/temp{channel}_label", label)
            for what in ("input", "crit", "highest"):
                tree.changing(
                    f"{directory}/temp{channel}_{what}",
                    lambda index=index, label=label, what=what: sensor(  # type: ignore[misc]
                        card, -1 if label == "asic" else index, what
                    ),
                )
        number += 1
    return number
