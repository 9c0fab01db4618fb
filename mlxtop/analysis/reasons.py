"""Why a value of a port is empty, in words; each function belongs to a row of `fields`."""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.analysis.ceiling import no_pcie
from mlxtop.analysis.port_view import PortView
from mlxtop.model.identity import PortKind
from mlxtop.model.sample import LinkState, PortSample

PART = "part of the card's VPD, which needs root"
PSID = "neither the RDMA device nor devlink tells it"
FIRMWARE = "neither the RDMA device nor ethtool nor devlink tells it"
NUMA = "the machine has one node, or its firmware does not say"
NO_PATH = "no PCIe link above the device is visible (virtual machine?)"


def netdev(view: PortView) -> str:
    """Return why a port has no network device."""
    return "InfiniBand mode without ib_ipoib, or the device is in another network namespace"


def rdma(view: PortView) -> str:
    """Return why a port has no RDMA device."""
    port = view.now.now.port
    if port.bond is not None and port.is_mlx:
        return f"merged into the RDMA device of {port.bond}"
    if port.is_mlx:
        module = "mlx4_ib" if _is_mlx4(view.now.now) else "mlx5_ib"
        return f"module {module} is not loaded, or RoCE is disabled"
    return "not an RDMA device"


def driver(view: PortView) -> str:
    """Return why a port has no driver."""
    return "a virtual device has no driver of its own"


def layer(view: PortView) -> str:
    """Return why the link layer is not known."""
    return "told by RDMA devices only"


def phys_state(view: PortView) -> str:
    """Return why the physical state is not known."""
    return "told by RDMA devices only"


def speed(view: PortView) -> str:
    """Return why the data rate is not known."""
    now = view.now.now
    if now.link.state is not LinkState.UP:
        return f"no speed while the link is {now.link.state}"
    if now.port.kind is PortKind.VIRTUAL:
        return "a virtual device has no line rate"
    return "the driver does not tell it"


def of_netdev(view: PortView) -> str:
    """Return why something that network devices tell is not known."""
    return "the kernel did not tell" if view.now.now.port.netdev else "no network device"


def source(view: PortView) -> str:
    """Return why no counter tells the traffic."""
    return "no counter of this port could be read"


def counters(view: PortView) -> str | None:
    """Return why totals are not known."""
    return source(view) if view.throughput.source is None else None


def rate(view: PortView) -> str:
    """Return why there is no rate."""
    return counters(view) or _no_rate(view)


def _no_rate(view: PortView) -> str:
    if not view.now.before:
        return "a rate needs two readings"
    return "the counter was reset or not read in this interval"


def kernel_rate(view: PortView) -> str:
    """Return why the share of the kernel's stack is not known."""
    port = view.now.now.port
    if port.switchdev:
        return "an uplink representor counts the whole port, not the kernel's share"
    if port.netdev is None:
        return "the port has no network device"
    return _no_rate(view)


def rdma_rate(view: PortView) -> str:
    """Return why the share of RDMA is not known."""
    return _no_rate(view) if view.now.now.port.rdma else "the port has no RDMA device"


def pcie(view: PortView) -> Mapping[str, str]:
    """Return what is not known of a port's PCIe, with the reasons."""
    status = view.pcie
    read = status.absent if status else {}
    if status is not None and status.path.links:
        return read
    return {"pcie": no_pcie(view.now.now.port), **read}


def asic_temperature(view: PortView) -> str:
    """Return why the chip's temperature is not known."""
    return _no_temperature(view.now.now, "asic")


def module_temperature(view: PortView) -> str:
    """Return why the module's temperature is not known."""
    return _no_temperature(view.now.now, "module")


def _is_mlx4(now: PortSample) -> bool:
    return now.port.driver is not None and now.port.driver.startswith("mlx4")


def _no_temperature(now: PortSample, name: str) -> str:
    sensor = now.sensor(name)
    if sensor is not None and sensor.problem:
        return sensor.problem
    if now.port.kind is PortKind.VF:
        return "a virtual function has no sensors"
    if now.port.kind is PortKind.VIRTUAL:
        return "a virtual device has no sensors"
    if name == "module" and now.link.state is LinkState.NO_MODULE:
        return "no module is plugged in"
    if _is_mlx4(now):
        if name == "asic":
            return "driver mlx4 has no temperature sensor"
        return "driver mlx4 has no module sensor; root can read the module's memory"
    if not now.port.is_mlx:
        return "no sensor is known for this device"
    if name == "module" and any(t.name == "asic" for t in now.temperatures):
        return "no sensor channel: a passive cable, or plugged in after the driver was loaded"
    return "no hwmon sensor: kernel older than 6.6, or firmware that does not offer it"
