"""The state of a simulated machine and how it goes on: traffic, heat, links, scripted faults.

Time is cut into equal steps from the start, so that the same seed gives the same history however
often it is looked at; between two steps counters go on at the step's rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from threading import RLock

from mlxtop.lab.eeprom import over
from mlxtop.lab.heat import CardHeat, card_heat, drift
from mlxtop.lab.ports import CardState, PortState
from mlxtop.lab.programme import Programme
from mlxtop.lab.spec import MachineSpec
from mlxtop.lab.traffic import (
    ACKS,
    RX,
    SETTLE,
    TX,
    Flow,
    Jitter,
    Limits,
    core_share,
    goals,
    pcie_payload,
    shrink,
)
from mlxtop.system.door import DeviceEvent, KernelRecord

STEP = 0.25
"""Seconds of a step."""


class World:
    """A machine that lives; every method is called with `lock` held."""

    def __init__(self, spec: MachineSpec, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.lock = RLock()
        self.wall_start = 0.0
        """Epoch seconds of the start."""
        self.tool_seconds = float(spec.extra.get("host", {}).get("tool_seconds", 0.3))
        """What a tool that talks to the firmware takes."""
        self.time = 0.0
        """Seconds since the start that have been worked out."""
        self.rest = 0.0
        """Seconds since the last step."""
        self._steps = 0
        self._random = Random(f"{spec.label.partition('-')[0]}/{seed}")
        self._phase = self._random.uniform(0.0, 6.0)
        self.records: list[KernelRecord] = []
        self.happened: list[DeviceEvent] = []
        self.generation = 0
        """Grows whenever devices came, went or changed their names."""
        self.cards = [CardState(card, index) for index, card in enumerate(spec.cards)]
        self.ports = [port for card in self.cards for port in card.ports]
        self.heats = [card_heat(card.spec, spec.ambient) for card in self.cards]
        self.cores = [0.0] * spec.cpus
        """Seconds that each core was busy."""
        self.busy = [0.0] * spec.cpus
        """Share of each core that is busy now."""
        self._noise = [Jitter(Random(f"{seed}/{port.spec.netdev}/{n}")) for n, port in self._both()]
        self._idle = Random(f"{seed}/cores")
        self.programme = Programme(self, self._phase)
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._script = sorted(spec.events, key=lambda event: float(event["at"]))
        self.together: Sequence[World] = (self,)
        """Worlds whose time goes on with this one's: a cable joins them."""
        self.exchange: Callable[[], None] = lambda: None
        """Carries what their ports send to each other, in every step."""
        self.prepare: Callable[[], None] = lambda: None
        """Tells the ports of all of them what their far ends are about to do."""
        self.inject: Callable[[Mapping[str, object]], None] = lambda event: None
        """Lets an event of the script happen."""
        for heat in self.heats:
            heat.airflow *= self._random.uniform(0.97, 1.03)
        for port in self.ports:
            self._begin_with(port)

    def start(self) -> None:
        """Begin as if the first part of the traffic programme had been going on for long."""
        for world in self.together:
            world._play()
        self._begin_all(1.0)
        for world in self.together:
            for heat in world.heats:
                heat.settle(world.spec.ambient)

    def _begin_with(self, port: PortState) -> None:
        """Begin with what the port has counted since the machine was started, days ago."""
        random = Random(f"{self.spec.label}/{port.spec.netdev}")
        if not port.spec.up or port.unplugged:
            return
        share = self.spec.uptime * port.spec.speed * 1e6 / 8
        for direction in (RX, TX):
            for kind, most in (("tcp", 0.04), ("rdma", 0.02)):
                used = any(
                    (phase.rdma_rx or phase.rdma_tx) if kind == "rdma" else True
                    for phase in self.spec.profile
                    if phase.port in (port.spec.netdev, port.spec.ipoib)
                )
                frames = share * random.uniform(most / 4, most) / port.framing[kind].octets
                port.meters[direction][kind].frames = float(int(frames)) if used else 0.0

    def _both(self) -> Iterator[tuple[int, PortState]]:
        return ((n, port) for port in self.ports for n in (RX, TX))

    def port(self, name: str) -> PortState | None:
        """The port of a netdev or RDMA device, or by `address/number`."""
        for port in self.ports:
            if name in (
                port.netdev,
                port.spec.netdev,
                port.spec.ipoib,
                f"{port.spec.function}/{port.spec.number}",
            ):
                return port
        return next((port for port in self.ports if name and port.spec.rdma == name), None)

    def log(self, text: str, port: str | None, level: int = 6) -> None:
        """A line of the kernel's log, now, about a PCI device."""
        self.records.append(
            KernelRecord(
                self.spec.uptime + self.time,
                level,
                text,
                port,
                "pci" if port else None,
            )
        )

    def advance(self, seconds: float) -> None:
        """Work out the time up to `seconds` after the start; never back."""
        while (self._steps + 1) * STEP <= seconds:
            for world in self.together:
                world._go_on()
            self._begin_all()
        self.rest = min(max(seconds - self.time, 0.0), STEP)

    def _go_on(self) -> None:
        self._steps += 1
        self._finish()
        self.time = self._steps * STEP
        self._play()

    def _begin_all(self, closer: float = 1.0 - math.exp(-STEP / SETTLE)) -> None:
        """Decide what the coming step is like; rates come `closer` to their goals."""
        self.prepare()
        for world in self.together:
            for card in world.cards:
                world._share(card, closer)
        self.exchange()
        for world in self.together:
            world._work()

    def _work(self) -> None:
        """Let cores and cards have the load of the coming step."""
        self._load_cores()
        for card, heat in zip(self.cards, self.heats, strict=True):
            heat.lit = [port.module_on for port in card.ports]
            heat.loads = [port.load for port in card.ports]
            heat.load = sum(heat.loads) / len(heat.loads)

    def _finish(self) -> None:
        """Account for the step that ends."""
        for card, heat in zip(self.cards, self.heats, strict=True):
            for port in card.ports:
                port.account(STEP, self.time)
            heat.step(STEP, self.spec.ambient + drift(self.time, self._phase))
            self._watch(card, heat)
        for core, share in enumerate(self.busy):
            self.cores[core] += share * STEP

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Do something at the first step after so many seconds."""
        self._later.append((self.time + seconds, deed))

    def _play(self) -> None:
        """Do what is due: deeds, events of the script, and what the traffic programme wants."""
        due = [deed for when, deed in self._later if when <= self.time]
        self._later = [(when, deed) for when, deed in self._later if when > self.time]
        for deed in due:
            deed()
        while self._script and float(self._script[0]["at"]) <= self.time:
            self.inject(self._script.pop(0))
        self.programme.play()

    def _share(self, card: CardState, closer: float) -> None:
        """Give every flow of a card what it gets in the coming step."""
        for direction in (RX, TX):
            want: dict[int, float] = {}
            crossing: list[tuple[Flow, float]] = []
            for port in card.ports:
                share = core_share(port.framing["tcp"].payload, port.usual_payload)
                limits = Limits(
                    self.spec.stream_gbps[direction] * 1e9 * share,
                    self.spec.host_gbps[direction] * 1e9 * share,
                    port.line_rate,
                )
                mine = goals(port.flows, direction, limits)
                kernel = [(flow, 1.0) for flow in port.flows if flow.kernel]
                shrink(mine, kernel, direction, limits.host)
                shares = [(flow, port.framing[flow.kind].goodput) for flow in port.flows]
                port.use[direction] = shrink(mine, shares, direction, limits.line)
                want |= mine
                crossing += [(flow, port.pcie_share(flow)) for flow in port.flows]
            payload = pcie_payload(card.pcie_mbps, card.spec.mps, direction)
            card.pcie_use[direction] = shrink(want, crossing, direction, payload)
            for port in card.ports:
                noise = self._noise[2 * self.ports.index(port) + direction].next()
                goal = {flow: rate * noise for flow, rate in want.items()}
                self._set(port, direction, goal, closer)

    def _set(
        self, port: PortState, direction: int, goals_: dict[int, float], closer: float
    ) -> None:
        for flow in port.flows:
            goal = goals_[id(flow)] if port.carrier else 0.0
            rate = flow.rate[direction] + (goal - flow.rate[direction]) * closer
            rate = rate if port.carrier and rate > 1000.0 else 0.0
            self.carry(flow, direction, rate)
        self.measure_frames(port, direction)

    def carry(self, flow: Flow, direction: int, rate: float) -> None:
        """Let a flow go at a rate, bit/s."""
        flow.rate[direction] = rate
        flow.full[direction] = min(rate / flow.most[direction], 1.0) if flow.kernel else 0.0

    def measure_frames(self, port: PortState, direction: int) -> None:
        """Work out the frames a second of a port's flows, and of what answers them."""
        meters, back = port.meters[direction], port.meters[1 - direction]
        for kind in ACKS:
            meters[kind].rate = 0.0
        for flow in port.flows:
            rate = flow.rate[direction]
            meters[flow.kind].rate += rate / 8 / port.framing[flow.kind].payload
        for kind, (ack, after) in ACKS.items():
            sent = meters[kind].rate * port.framing[kind].payload
            back[ack].rate = sent / after

    def _load_cores(self) -> None:
        """Every stream keeps a core of the card's node busy, and its interrupts half of another."""
        busy = [0.004 + 0.012 * self._idle.random() for _ in self.busy]
        for card in self.cards:
            cores = card.cores(self.spec)
            place = 2 * card.index
            for port in card.ports:
                for flow in port.flows:
                    full = max(flow.full)
                    for _ in range(flow.streams if full else 0):
                        app, irq = cores[place % len(cores)], cores[(place + 1) % len(cores)]
                        busy[app] = min(busy[app] + 0.97 * full, 0.995)
                        busy[irq] = min(busy[irq] + 0.41 * full, 0.995)
                        place += 2
        self.busy = busy

    def _watch(self, card: CardState, heat: CardHeat) -> None:
        """Limits of modules and ASIC, told by the driver in its own words."""
        hot = heat.asic.celsius >= card.spec.family.warning
        if hot and not card.hot and not card.spec.family.mlx4:
            self.log(
                f"mlx5_core {card.spec.functions[0]}: temp_warn:174:(pid 0): "
                "High temperature on sensors with bit set 0 1",
                card.spec.functions[0],
                4,
            )
        card.hot = hot if not card.hot else heat.asic.celsius >= card.spec.family.warning - 3
        for port, mass in zip(card.ports, heat.modules, strict=True):
            module = port.spec.module
            if module is None or port.module_fault or module.kind.passive:
                continue
            port.latched |= over(mass.celsius, module.limits)
            if mass.celsius >= module.shutdown:
                self.module_fails(port, "High Temperature")

    def module_fails(self, port: PortState, reason: str) -> None:
        """The module disables itself: no light, no link, and the driver says why."""
        port.module_fault = reason
        bdf = port.spec.function
        if port.card.spec.family.mlx4:
            self.log(f"mlx4_core {bdf}: Bad cable detected on port {port.spec.number}", bdf, 4)
        else:
            if reason == "High Temperature":
                port.count("module_high_temp", 1)
            self.log(
                f"mlx5_core {bdf}: port_module:242:(pid 0): Port module event[error]: "
                f"module {port.spec.number - 1}, Cable error, {reason}",
                bdf,
                3,
            )
        self.link_changed(port)

    def link_changed(self, port: PortState) -> None:
        """Work out the carrier anew, and tell kernel log and listeners when it changed."""
        carrier = port.wants_carrier
        if carrier == port.carrier:
            return
        port.set_carrier(carrier)
        bdf, netdev = port.spec.function, port.netdev
        if netdev is None:
            return
        if port.card.spec.family.mlx4:
            text = f"mlx4_en: {netdev}: Link {'Up' if carrier else 'Down'}"
        else:
            text = f"mlx5_core {bdf} {netdev}: Link {'up' if carrier else 'down'}"
        self.log(text, bdf)
        self.device_changed(port)

    def device_changed(self, port: PortState) -> None:
        """Tell listeners that something of a network device is another: carrier, flags, MTU."""
        if port.netdev is not None:
            told = {"carrier": str(int(port.carrier))}
            event = DeviceEvent("link", "net", port.netdev, port.spec.function, told)
            self.happened.append(event)
