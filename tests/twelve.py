"""A machine of twelve ports for tests of tables and walls: hand-made samples, no system below."""

from __future__ import annotations

from math import cos

from mlxtop.model.sample import Link, LinkLayer, LinkState, PortSample, Sample
from tests.samples import G, ethernet, mlx5_port, sample

PORTS = [mlx5_port(f"0000:{n:02x}:00.0", f"ens{n}f0np0", f"mlx5_{n}") for n in range(1, 13)]
UP = Link(LinkLayer.ETHERNET, LinkState.UP, speed=100 * G, mtu=9000, carrier_changes=1)
LOST = UP._replace(state=LinkState.DOWN, carrier_changes=2)


def at(tick: int) -> Sample:
    """All ports carry waves; the fifth loses its link at 60 s, the ninth counts errors."""
    ports: list[PortSample] = []
    for n, port in enumerate(PORTS):
        rate = 4e9 * (n + 1) + 18e9 * (cos(n) - cos(tick / 9 + n)) / tick  # the mean of a sine
        link = LOST if n == 4 and tick >= 60 else UP
        errors = tick if n == 8 else 0
        one = ethernet(port, tick, rate, rate / 2, module=45.0 + n, errors=errors, link=link)
        ports.append(one)
    return sample(float(tick), *ports)


def twelve(seconds: int = 70) -> list[Sample]:
    """What was read in so many seconds."""
    return [at(tick) for tick in range(1, seconds + 1)]
