"""Two coupled thermal masses: the ASIC and the module in its cage.

C dT/dt = P - G (T - ambient) - K (T - other); since two masses take part, no single exponential
describes the warm-up exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mlxtop.lab.spec import CardSpec, HeatSpec


@dataclass(slots=True)
class Mass:
    """One thermal mass, degrees Celsius."""

    spec: HeatSpec
    celsius: float = 0.0
    highest: float = 0.0

    def flow(self, watts: float, ambient: float, airflow: float, other: float) -> float:
        """Degrees a second with `watts` of loss and `other` watts going elsewhere."""
        conductance = airflow / self.spec.resistance
        capacity = self.spec.tau / self.spec.resistance
        return (watts - conductance * (self.celsius - ambient) - other) / capacity

    def add(self, degrees: float) -> None:
        """Warm up, or cool down."""
        self.celsius += degrees
        self.highest = max(self.highest, self.celsius)


@dataclass(slots=True)
class CardHeat:
    """The ASIC of a card and the modules of its ports (None where there is no source of heat)."""

    spec: CardSpec
    asic: Mass
    modules: list[Mass]
    airflow: float
    load: float = 0.0
    """Share of the line rate that all ports carry both ways."""
    lit: list[bool] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def step(self, seconds: float, ambient: float) -> None:
        """Let time pass."""
        coupling = self.spec.coupling
        asic, modules = self.asic, self.modules
        flows = [coupling * (asic.celsius - module.celsius) for module in modules]
        watts = asic.spec.idle + asic.spec.full * self.load
        gain = asic.flow(watts, ambient, self.airflow, sum(flows)) * seconds
        for module, flow, lit, load in zip(modules, flows, self.lit, self.loads, strict=True):
            watts = module.spec.idle + module.spec.full * load if lit else 0.1
            module.add(module.flow(watts, ambient, self.airflow, -flow) * seconds)
        asic.add(gain)

    def settle(self, ambient: float) -> None:
        """Go to the temperatures at which the present load stays for good: all flows balance."""
        coupling, airflow = self.spec.coupling, self.airflow
        gained = self.asic.spec.idle + self.asic.spec.full * self.load
        gained += airflow / self.asic.spec.resistance * ambient
        lost = airflow / self.asic.spec.resistance
        alone = []
        for module, lit, load in zip(self.modules, self.lit, self.loads, strict=True):
            watts = module.spec.idle + module.spec.full * load if lit else 0.1
            away = airflow / module.spec.resistance
            alone.append((watts + away * ambient, away + coupling))
            gained += coupling * alone[-1][0] / alone[-1][1]
            lost += coupling - coupling**2 / alone[-1][1]
        self.asic.celsius = gained / lost
        for module, (watts, away) in zip(self.modules, alone, strict=True):
            module.celsius = (watts + coupling * self.asic.celsius) / away
        for mass in (self.asic, *self.modules):
            mass.highest = mass.celsius


def card_heat(spec: CardSpec, ambient: float) -> CardHeat:
    """The masses of a card, all at ambient temperature; a port without module gets none."""
    none = HeatSpec(0.0, 0.0, 10.0, 30.0)
    modules = [
        Mass(port.module.heat if port.module else none, ambient, ambient) for port in spec.ports
    ]
    heat = CardHeat(spec, Mass(spec.heat, ambient, ambient), modules, spec.airflow)
    heat.lit = [port.module is not None and port.up for port in spec.ports]
    heat.loads = [0.0] * len(modules)
    return heat


def drift(seconds: float, phase: float) -> float:
    """Return how far the ambient temperature is from its mean, degrees."""
    return 0.5 * math.sin(seconds / 97.0 + phase) + 0.3 * math.sin(seconds / 31.0 + 2 * phase)
