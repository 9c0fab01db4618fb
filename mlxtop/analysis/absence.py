"""Why a value is empty, in words.

A reader that failed has said why (`PortSample.absent`, `Adapter.absent`, `Temperature.problem`);
the rules here explain what was never there to be read. Field names are those of the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlxtop.analysis.ceiling import no_pcie
from mlxtop.analysis.port_view import PortView, port_view
from mlxtop.analysis.throughput import Throughput
from mlxtop.model.frame import Frame, PortFrame
from mlxtop.model.identity import Adapter, PortId, PortKind
from mlxtop.model.sample import LinkState, PortSample, Temperature

_RATES = ("rx_bps", "tx_bps", "rx_pps", "tx_pps")
_KERNEL = ("kernel_rx_bps", "kernel_tx_bps")
_RDMA = ("rdma_rx_bps", "rdma_tx_bps")


def port_absences(frame: Frame, port: PortId) -> dict[str, str]:
    """Return field name to reason, for every empty field of a port that is shown."""
    view = port_view(frame, port)
    now = view.now.now
    reasons = {
        **_names(now),
        **_link(now),
        **_throughput(view.now, view.throughput),
        **_temperatures(now),
        **_pcie(view),
    }
    return {**reasons, **now.absent}


def _pcie(view: PortView) -> Mapping[str, str]:
    status = view.pcie
    if status is not None and status.path.links:
        return status.absent
    reason = no_pcie(view.now.now.port)
    return {"pcie": reason, **(status.absent if status else {})}


def adapter_absences(frame: Frame, adapter: Adapter) -> dict[str, str]:
    """Field name to reason, for every empty field of a card that is shown."""
    found: dict[str, str] = {}
    first = adapter.functions[0] if adapter.functions else None
    if adapter.psid is None:
        found["psid"] = "neither the RDMA device nor devlink tells it"
    if adapter.firmware is None:
        found["firmware"] = "neither the RDMA device nor ethtool nor devlink tells it"
    if adapter.part is None:
        found["part"] = "part of the card's VPD, which needs root"
    if first is None or first.numa_node is None:
        found["numa_node"] = "the machine has one node, or its firmware does not say"
    statuses = [frame.sample.pcie.get(slot) for slot in adapter.slots]
    status = statuses[0] if statuses else None
    if status is None or not status.path.links:
        found["pcie"] = "no PCIe link above the device is visible (virtual machine?)"
    return {**found, **(status.absent if status else {}), **adapter.absent}


def _names(now: PortSample) -> Mapping[str, str]:
    port, found = now.port, {}
    if port.netdev is None:
        found["netdev"] = (
            "InfiniBand mode without ib_ipoib, or the device is in another network namespace"
        )
    if port.rdma is None:
        if port.bond is not None and port.is_mlx:
            found["rdma"] = f"merged into the RDMA device of {port.bond}"
        elif port.is_mlx:
            module = "mlx4_ib" if _is_mlx4(now) else "mlx5_ib"
            found["rdma"] = f"module {module} is not loaded, or RoCE is disabled"
        else:
            found["rdma"] = "not an RDMA device"
    if port.driver is None:
        found["driver"] = "a virtual device has no driver of its own"
    return found


def _link(now: PortSample) -> Mapping[str, str]:
    link, found = now.link, {}
    if link.speed is None:
        if link.state is not LinkState.UP:
            found["speed_mbps"] = f"no speed while the link is {link.state}"
        elif now.port.kind is PortKind.VIRTUAL:
            found["speed_mbps"] = "a virtual device has no line rate"
        else:
            found["speed_mbps"] = "the driver does not tell it"
    if link.phys_state is None:
        found["phys_state"] = "told by RDMA devices only"
    for name in ("mtu", "carrier_changes", "address"):
        if getattr(link, name) is None:
            found[name] = "the kernel did not tell" if now.port.netdev else "no network device"
    if link.layer is None:
        found["link_layer"] = "told by RDMA devices only"
    return found


def _throughput(frame: PortFrame, seen: Throughput) -> Mapping[str, str]:
    now, found = frame.now, {}
    if seen.source is None:
        reason = "no counter of this port could be read"
        found.update(dict.fromkeys((*_RATES, "rx_bytes", "tx_bytes", "source"), reason))
    missing = [field for field in _RATES if getattr(seen, field) is None]
    if seen.source is not None:
        reason = _no_rate(frame)
        found.update(dict.fromkeys(missing, reason))
    for field in _KERNEL:
        if getattr(seen, field) is None:
            found[field] = _no_kernel_share(frame)
    for field in _RDMA:
        if getattr(seen, field) is None:
            found[field] = _no_rate(frame) if now.port.rdma else "the port has no RDMA device"
    return found


def _no_rate(frame: PortFrame) -> str:
    if not frame.before:
        return "a rate needs two readings"
    return "the counter was reset or not read in this interval"


def _no_kernel_share(frame: PortFrame) -> str:
    if frame.now.port.switchdev:
        return "an uplink representor counts the whole port, not the kernel's share"
    if frame.now.port.netdev is None:
        return "the port has no network device"
    return _no_rate(frame)


def _is_mlx4(now: PortSample) -> bool:
    return now.port.driver is not None and now.port.driver.startswith("mlx4")


def _temperatures(now: PortSample) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in ("asic", "module"):
        sensor = next((t for t in now.temperatures if t.name == name), None)
        if sensor is None or sensor.celsius is None:
            found[f"{name}_c"] = _no_temperature(now, name, sensor)
    return found


def _no_temperature(now: PortSample, name: str, sensor: Temperature | None) -> str:
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
