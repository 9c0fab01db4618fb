"""What happens to a machine by its script: a cable is cut, fans change, a sensor hangs."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.lab.drivers import Drivers
from mlxtop.lab.world import World


def play(world: World, drivers: Drivers, event: Mapping[str, object]) -> None:
    """One event of a script: `what` happens to `port`. Raises ValueError for an unknown one."""
    port = world.port(str(event.get("port", ""))) or world.ports[0]
    heat = world.heats[port.card.index]
    match event["what"]:
        case "cut":
            port.cable_cut = True
            world.link_changed(port)
        case "mend":
            port.cable_cut = False
            world.link_changed(port)
        case "airflow":
            heat.airflow = float(str(event["value"]))
        case "module-fails":
            world.module_fails(port, str(event["reason"]))
        case "sensor-hangs":
            port.card.hanging = True
        case "unplug":
            drivers.unplug(port.card)
        case other:
            raise ValueError(f"nothing known happens as {other!r}")
