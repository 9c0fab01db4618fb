"""Synthetic temperatures: one body, two coupled ones, drifting rooms, fans and loads in steps."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

Power = Callable[[float], float]


@dataclass(frozen=True)
class Body:
    """Two coupled masses; `share` 0 makes it one. Time constants in s, `rise` in °C at power 1."""

    rise: float
    constant: float
    share: float = 0.0
    slow: float = 1.0
    """How many times slower the second mass is."""
    start: float = 40.0
    drift: float = 0.0
    """°C per s of the room."""
    power: Power = field(default=lambda _: 1.0)
    cooling: Power = field(default=lambda _: 1.0)
    """Airflow: divides the rise and the time constants."""


@dataclass(frozen=True)
class Sensor:
    """Step in °C, noise as a standard deviation, seconds between readings."""

    step: float = 0.125
    noise: float = 0.0
    every: float = 2.0


def truth(body: Body, seconds: float, dt: float = 0.25) -> list[float]:
    """The body's temperature every `dt` seconds."""
    fast = slow = 0.0
    values = []
    for n in range(int(seconds / dt) + 1):
        t = n * dt
        values.append(body.start + body.drift * t + fast + slow)
        goal = body.rise * body.power(t) / body.cooling(t)
        tau = body.constant / body.cooling(t)
        fast += (goal * (1 - body.share) - fast) * -math.expm1(-dt / tau)
        slow += (goal * body.share - slow) * -math.expm1(-dt / (tau * body.slow))
    return values


def readings(
    body: Body, sensor: Sensor, seconds: float, seed: int = 0
) -> list[tuple[float, float]]:
    """What a sensor says of it: (second, °C)."""
    dice = random.Random(seed)
    curve = truth(body, seconds)
    points = []
    t = 0.0
    while t <= seconds:
        value = curve[int(t / 0.25)] + dice.gauss(0, sensor.noise) if sensor.noise else None
        value = curve[int(t / 0.25)] if value is None else value
        points.append((t, round(value / sensor.step) * sensor.step))
        t += sensor.every
    return points
