"""/proc and /sys/devices/system of a simulated machine: interrupts, cores, settings, versions.

https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

from mlxtop.lab.network import Network
from mlxtop.lab.pcidir import function_directory
from mlxtop.lab.peers import far_address
from mlxtop.lab.ports import CardState, cpu_list, node_cores
from mlxtop.lab.rdma import add_holders
from mlxtop.lab.tree import LabTree
from mlxtop.lab.world import World

_SYSCTL = {
    "net/core/rmem_max": "212992",
    "net/core/wmem_max": "212992",
    "net/core/default_qdisc": "fq_codel",
    "net/core/netdev_max_backlog": "1000",
    "net/ipv4/tcp_rmem": "4096\t131072\t6291456",
    "net/ipv4/tcp_wmem": "4096\t16384\t4194304",
    "net/ipv4/tcp_congestion_control": "cubic",
    "net/ipv4/tcp_timestamps": "1",
    "net/ipv4/tcp_sack": "1",
    "net/ipv4/tcp_mtu_probing": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "kernel/dmesg_restrict": "1",
    "kernel/numa_balancing": "0",
    "kernel/nmi_watchdog": "1",
    "vm/zone_reclaim_mode": "0",
}


def add_host(tree: LabTree, world: World, network: Network) -> None:
    """Everything that is not a card; what the machine's file has itself is left alone."""
    spec = world.spec
    fixed = {
        "/proc/sys/kernel/hostname": spec.label,
        "/etc/hostname": spec.label,
        "/proc/sys/kernel/osrelease": spec.kernel,
        "/proc/version": f"Linux version {spec.kernel} (gcc) #1 SMP PREEMPT_DYNAMIC",
        "/proc/cmdline": f"BOOT_IMAGE=/boot/vmlinuz-{spec.kernel} root=UUID=5c1b ro quiet iommu=pt",
        "/sys/devices/system/cpu/online": f"0-{spec.cpus - 1}",
        "/sys/devices/system/cpu/present": f"0-{spec.cpus - 1}",
        "/sys/devices/system/cpu/smt/active": "1",
        "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
        "/sys/module/pcie_aspm/parameters/policy": "[default] performance powersave powersupersave",
        "/sys/kernel/security/lockdown": "[none] integrity confidentiality",
        "/proc/1/comm": "systemd",
        "/proc/811/comm": "irqbalance",
        "/proc/902/comm": "sshd",
        "/proc/self/mountinfo": "\n".join(
            ("22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw", *spec.extra.get("mounts", ()))
        ),
    }
    fixed |= {f"/proc/sys/{name}": value for name, value in _SYSCTL.items()}
    for path, text in fixed.items():
        if tree.node(path) is None:
            tree.file(path, text)
    tree.directory("/sys/kernel/iommu_groups/0")
    add_holders(tree, spec)
    _add_cores(tree, world)
    network.add_files(tree)
    rows: list[tuple[int, str, CardState]] = []
    for card in world.cards:
        rows += _add_interrupts(tree, world, network, card)
    tree.changing("/proc/interrupts", lambda: _interrupts(world, rows))
    tree.changing("/proc/uptime", lambda: f"{spec.uptime + world.time:.2f} 0.00\n")
    tree.changing("/proc/net/arp", lambda: _neighbours(world))
    if tree.node("/proc/net/route") is None:
        tree.changing("/proc/net/route", network.routes)
    if tree.node("/proc/mounts") is None:
        tree.raw("/proc/mounts", b"/dev/sda2 / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n")


def _add_cores(tree: LabTree, world: World) -> None:
    spec = world.spec
    model = []
    for core in range(spec.cpus):
        directory = f"/sys/devices/system/cpu/cpu{core}"
        tree.file(
            f"{directory}/cpufreq/scaling_governor",
            spec.extra.get("host", {}).get("governor", "performance"),
        )
        model += [f"processor\t: {core}", f"model name\t: {spec.cpu_model}", ""]
    for node in range(spec.nodes):
        tree.file(f"/sys/devices/system/node/node{node}/cpulist", cpu_list(node_cores(spec, node)))
    if tree.node("/proc/cpuinfo") is None:
        tree.raw("/proc/cpuinfo", ("\n".join(model) + "\n").encode())


def _add_interrupts(
    tree: LabTree, world: World, network: Network, card: CardState
) -> list[tuple[int, str, CardState]]:
    """An asynchronous vector and one a channel, each on its own core of the card's node."""
    rows = []
    number = 64 + 72 * card.index
    cores = card.cores(world.spec)
    for index, function in enumerate(card.spec.functions):
        channels = network.channels(card.ports[index])
        for vector in range(channels + 1):
            core = cores[(vector - 1) % len(cores)] if vector else cores[0]
            name = f"comp{vector - 1}" if vector else "async0"
            label = f"mlx5_{name}@pci:{function}"
            if card.spec.family.mlx4:
                label = f"mlx4-{vector}@{function}"
            tree.file(f"{function_directory(card, function)}/msi_irqs/{number}", "msix")
            directory = f"/proc/irq/{number}"
            tree.files(
                directory,
                {
                    "smp_affinity_list": core,
                    "effective_affinity_list": core,
                    "node": card.spec.node if world.spec.nodes > 1 else 0,
                },
            )
            tree.directory(f"{directory}/{label}")
            rows.append((number, label, card))
            number += 1
    return rows


def _neighbours(world: World) -> str:
    """/proc/net/arp: the far ends of ports that have an address and a carrier."""
    head = "IP address       HW type     Flags       HW address            Mask     Device"
    rows = [
        f"{port.spec.peer:<16} 0x1         0x2         {far_address(port, number)[:26]}"
        f"     *        {port.netdev}"
        for number, port in enumerate(world.ports, 1)
        if port.spec.peer and port.carrier and port.netdev
    ]
    return "\n".join([head, *rows]) + "\n"


def _interrupts(world: World, rows: list[tuple[int, str, CardState]]) -> str:
    """/proc/interrupts: each vector fires on its own core, in step with its work."""
    cpus = world.spec.cpus
    lines = ["".rjust(12) + "".join(f"CPU{core}".ljust(11) for core in range(cpus))]
    for number, label, card in rows:
        cores = card.cores(world.spec)
        vector = int("".join(c for c in label.partition("@")[0] if c.isdigit())[1:] or 0)
        core = cores[vector % len(cores)]
        fired = int(world.cores[core] * 9000) + 1200
        if "async" in label or label.startswith("mlx4-0"):
            core, fired = cores[0], 41
        counts = "".join(f"{fired if each == core else 0:>10} " for each in range(cpus))
        lines.append(f"{number:>4}: {counts} IR-PCI-MSIX {number * 1024}-edge      {label}")
    return "\n".join(lines) + "\n"
