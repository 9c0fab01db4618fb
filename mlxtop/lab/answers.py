"""Answers of the simulated kernel to `Question`s, in the shapes that the door promises."""

from __future__ import annotations

import errno
from collections.abc import Callable

from mlxtop.lab.aging import fec_bins
from mlxtop.lab.counts import DriverTable, mac_statistics, netdev_statistics
from mlxtop.lab.eeprom import Image, Monitors, encode, over
from mlxtop.lab.netdir import ARPHRD_ETHER, ARPHRD_INFINIBAND, hardware_address
from mlxtop.lab.network import Network
from mlxtop.lab.ports import PortState
from mlxtop.lab.qos import bridging
from mlxtop.lab.rdma import RdmaObjects
from mlxtop.lab.tables import FEATURES, ON
from mlxtop.lab.world import World
from mlxtop.system.door import Answer, Question, os_error

UP, BROADCAST, RUNNING, MULTICAST, LOWER_UP = 0x1, 0x2, 0x40, 0x1000, 0x10000
_OVERHEAT, _NO_CABLE, _CABLE_ISSUE = 9, 4, 5
_SFF_8636 = 3
"""ETH_MODULE_SFF_8636 of include/uapi/linux/ethtool.h."""
_FIBRE, _COPPER, _NONE = 3, 5, 0xEF
_MODES = {
    10_000: ("10000baseSR/Full", 1),
    25_000: ("25000baseSR/Full", 1),
    40_000: ("40000baseSR4/Full", 4),
    56_000: ("56000baseSR4/Full", 4),
    100_000: ("100000baseLR4_ER4/Full", 4),
    200_000: ("200000baseSR4/Full", 4),
    400_000: ("400000baseDR4/Full", 4),
}


class Kernel:
    """Netlink and ethtool of a simulated machine; called with the world's lock held."""

    def __init__(self, world: World, network: Network) -> None:
        self.world = world
        self.network = network
        self._tables: dict[str, DriverTable] = {}
        self._rdma_objects = RdmaObjects(world)
        self._questions: dict[Question, Callable[[PortState, tuple[int, ...]], Answer]] = {
            Question.MAC_STATISTICS: self._mac_statistics,
            Question.DRIVER_STATISTICS: self._driver_statistics,
            Question.DRIVER_INFO: self._driver_info,
            Question.LINK_STATE: self._link_state,
            Question.LINK_MODES: self._link_modes,
            Question.FEC: self._fec,
            Question.PAUSE: self._pause,
            Question.DCB: lambda port, _: bridging(port),
            Question.VF_STATISTICS: self._vf_statistics,
            Question.RINGS: self._rings,
            Question.CHANNELS: self._channels,
            Question.COALESCE: self._coalesce,
            Question.FEATURES: self._features,
            Question.MODULE_PAGE: self._module_page,
            Question.MODULE_EEPROM: self._module_eeprom,
        }

    def ask(self, question: Question, subject: str, details: tuple[int, ...]) -> Answer:
        """The answer; raises OSError with the kernel's errno."""
        if question is Question.LINKS:
            return self._links()
        if question is Question.LINK_COUNTERS:
            return self._link_counters()
        if question is Question.DEVLINK_INFO:
            return self._devlink()
        if question is Question.NEIGHBOURS:
            return self.network.hardware_neighbours()
        if question is Question.ROUTE:
            return self.network.route(subject)
        if question is Question.SOCKETS:
            return self.network.sockets()
        if question is Question.RDMA_OBJECTS:
            return self._rdma_objects.answer(subject)
        if question is Question.RDMA_SYSTEM:
            return {"shared": True}
        port = next((port for port in self.world.ports if port.netdev == subject), None)
        if port is None:
            known = any(device.name == subject for device in self.network.others)
            raise os_error(errno.EOPNOTSUPP if known else errno.ENODEV)
        return self._questions[question](port, details)

    def _links(self) -> Answer:
        links = [device.link() for device in self.network.others]
        for port in self.world.ports:
            if port.netdev is None:
                continue
            bond = self.network.index(port.bond) if not port.infiniband else None
            flags = BROADCAST | MULTICAST | (UP if port.admin_up else 0)
            flags |= RUNNING | LOWER_UP if port.carrier else 0
            mlx4 = port.card.spec.family.mlx4
            links.append(
                {
                    "index": port.ifindex,
                    "name": port.netdev,
                    "kind": "ipoib" if port.infiniband else None,
                    "type": ARPHRD_INFINIBAND if port.infiniband else ARPHRD_ETHER,
                    "flags": flags,
                    "mtu": port.mtu,
                    "operstate": 6 if port.carrier else 2,
                    "carrier": int(port.carrier),
                    "carrier_changes": port.carrier_changes,
                    "master": bond,
                    "link": None,
                    "address": hardware_address(port),
                    "parent": port.spec.function,
                    "parent_bus": "pci",
                    "port_name": None if mlx4 or port.infiniband else f"p{port.spec.function[-1]}",
                    "slave_kind": "bond" if bond else None,
                }
            )
        return sorted(links, key=lambda link: int(str(link["index"])))

    def _link_counters(self) -> Answer:
        counters: dict[int, tuple[int, ...]] = {}
        for port in self.world.ports:
            if port.netdev is not None:
                counters[port.ifindex] = netdev_statistics(self.world, port)
        for device in self.network.others:
            counters[device.index] = self.network.counters(device, self.world)
        return counters

    def _mac_statistics(self, port: PortState, details: tuple[int, ...]) -> Answer:
        if port.card.spec.family.mlx4 or port.infiniband:
            return {}
        return mac_statistics(self.world, port)

    def _driver_statistics(self, port: PortState, details: tuple[int, ...]) -> Answer:
        name = port.netdev or ""
        table = self._tables.get(name)
        if table is None or table.port is not port:
            table = self._tables[name] = DriverTable(port, self.network.channels(port))
        return {"names": table.names, "values": table.values(self.world)}

    def _driver_info(self, port: PortState, details: tuple[int, ...]) -> Answer:
        card = port.card
        psid = f" ({card.spec.psid})" if card.spec.psid else ""
        if card.spec.family.mlx4:
            name, version, psid = "mlx4_en", "4.0-0", ""
        else:
            name, version = "mlx5_core", self.world.spec.kernel
        if port.infiniband:
            name = "ib_ipoib" if card.spec.family.mlx4 else "mlx5_core[ib_ipoib]"
        return {
            "driver": name,
            "version": version,
            "firmware": f"{card.firmware}{psid}",
            "bus": port.spec.function,
        }

    def _link_state(self, port: PortState, details: tuple[int, ...]) -> Answer:
        state: int | None = None
        if not port.carrier and not port.card.spec.family.mlx4:
            if port.module_fault == "High Temperature":
                state = _OVERHEAT
            elif port.module_fault:
                state = _CABLE_ISSUE
            elif port.unplugged:
                state = _NO_CABLE
        return {
            "link": int(port.carrier),
            "extended": state,
            "substate": None,
            "sqi": None,
            "down_count": port.carrier_changes // 2,
        }

    def _link_modes(self, port: PortState, details: tuple[int, ...]) -> Answer:
        name, lanes = _MODES.get(port.spec.speed, ("100000baseCR4/Full", 4))
        module = port.spec.module
        if module is not None and module.kind.passive:
            name = name.replace("SR", "CR").replace("LR4_ER4", "CR4")
        kind = _NONE if module is None else _COPPER if module.kind.passive else _FIBRE
        speed = port.spec.speed
        if port.infiniband:
            name, speed = "", int(float(port.spec.rate.split()[0]) * 1000)
        return {
            "speed": speed if port.carrier else None,
            "duplex": "full" if port.carrier else None,
            "autoneg": int(not port.infiniband),
            "lanes": lanes if port.carrier and not port.card.spec.family.mlx4 else None,
            "port": kind,
            "advertised": [name] if name else [],
            "supported": [name] if name else [],
            "peer": [],
        }

    def _fec(self, port: PortState, details: tuple[int, ...]) -> Answer:
        if port.card.spec.family.mlx4 or port.infiniband:
            raise os_error(errno.EOPNOTSUPP)
        coded = port.spec.speed >= 25_000
        history = port.spec.history
        bins = fec_bins(history["raw"], port.spec.speed, self.world.time) if history else None
        return {
            "active": ("RS" if coded else "None") if port.carrier else None,
            "auto": True,
            "modes": ["None", "RS", "BASER"] if coded else ["None"],
            "corrected": int(port.errors.get("fec_corrected_blocks", 0)),
            "uncorrectable": int(port.errors.get("fec_uncorrectable_blocks", 0)),
            **({"bins": bins} if bins else {}),
        }

    def _pause(self, port: PortState, details: tuple[int, ...]) -> Answer:
        if port.infiniband:
            raise os_error(errno.EOPNOTSUPP)
        lossless = bool(port.card.spec.pfc)
        return {
            "autoneg": 0,
            "rx": not lossless,
            "tx": not lossless,
            "rx_frames": int(port.errors.get("rx_pause_ctrl_phy", 0)),
            "tx_frames": int(port.errors.get("tx_pause_ctrl_phy", 0)),
        }

    def _vf_statistics(self, port: PortState, details: tuple[int, ...]) -> Answer:
        """Virtual functions that carry nothing: what flows here is the port's own."""
        counts = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_dropped", "tx_dropped")
        return [{"vf": number, **dict.fromkeys(counts, 0)} for number in range(port.card.spec.vfs)]

    def _rings(self, port: PortState, details: tuple[int, ...]) -> Answer:
        return {"rx": 1024, "rx_max": 8192, "tx": 1024, "tx_max": 8192}

    def _channels(self, port: PortState, details: tuple[int, ...]) -> Answer:
        count = self.network.channels(port)
        if port.card.spec.family.mlx4:
            return {"combined": 0, "combined_max": 0, "rx": count, "tx": count, "other": 0}
        return {"combined": count, "combined_max": count, "rx": 0, "tx": 0, "other": 0}

    def _coalesce(self, port: PortState, details: tuple[int, ...]) -> Answer:
        return {"adaptive_rx": True, "adaptive_tx": True, "rx_usecs": 8, "tx_usecs": 8}

    def _features(self, port: PortState, details: tuple[int, ...]) -> Answer:
        return {name: name in ON for name in FEATURES}

    def image(self, port: PortState) -> Image:
        """The module's EEPROM now; reading it clears the latched flags."""
        module = port.spec.module
        if module is None or port.unplugged:
            raise os_error(errno.EIO)
        return encode(module, self.monitors(port))

    def monitors(self, port: PortState) -> Monitors:
        """Return what the module measures now."""
        module = port.spec.module
        if module is None:
            return Monitors(0.0, 0.0, (), (), ())
        kind = module.kind
        mass = self.world.heats[port.card.index].modules[port.spec.number - 1]
        lit = 1.0 if port.module_on else 0.0
        lanes = range(kind.lanes)
        spread = [1.0 + 0.05 * ((lane * 7 + port.spec.number) % 5 - 2) / 2 for lane in lanes]
        light = 0.0 if port.cable_cut else lit
        aged = 1.0 + 0.004 * (mass.celsius - 40.0)
        return Monitors(
            mass.celsius,
            3.27 + 0.002 * spread[0],
            tuple(kind.rx_mw * light * spread[n] * module.dim.get(n, 1.0) for n in lanes),
            tuple(kind.tx_mw * lit * spread[-1 - n] for n in lanes),
            tuple(kind.bias_ma * lit * aged * spread[n] for n in lanes),
            port.latched | over(mass.celsius, module.limits),
        )

    def _module_page(self, port: PortState, details: tuple[int, ...]) -> Answer:
        if len(details) != 5:
            raise os_error(errno.EINVAL)
        if port.card.spec.family.mlx4:
            raise os_error(errno.EOPNOTSUPP)
        page, bank, i2c, offset, length = details
        data = self.image(port).read(page, i2c, offset, length) if bank == 0 else None
        if data is None:
            raise os_error(errno.EINVAL)
        if offset <= 9 and offset + length > 6:
            port.latched = 0
        return data.hex()

    def _module_eeprom(self, port: PortState, details: tuple[int, ...]) -> Answer:
        data = self.image(port).flat()
        if data[0] not in (0x0C, 0x0D, 0x11):
            raise os_error(errno.EINVAL)
        port.latched = 0
        size = 256 if port.card.spec.family.mlx4 else 640
        return {"type": _SFF_8636, "data": data[:size].ljust(size, b"\0").hex()}

    def _devlink(self) -> Answer:
        handles: dict[str, Answer] = {}
        for card in self.world.cards:
            if card.spec.family.mlx4 or not card.present:
                continue
            for function in card.spec.functions:
                psid = {"fw.psid": card.spec.psid} if card.spec.psid else {}
                handles[f"pci/{function}"] = {
                    "driver": "mlx5_core",
                    "serial": card.spec.serial,
                    "fixed": psid,
                    "running": {"fw.version": card.firmware, "fw": card.firmware},
                    "stored": {"fw.version": card.spec.stored, "fw": card.spec.stored},
                }
        return handles
