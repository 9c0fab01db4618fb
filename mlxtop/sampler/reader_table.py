"""The table of a port's readers.

To add a reader: a row of `READERS`, and what becomes of its value in `PortReaders`. No tool runs in
the first seconds, so that a quick look stays quick.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlxtop.model.counters import Origin
from mlxtop.model.identity import Port, PortKind
from mlxtop.model.sample import LinkLayer, Reading
from mlxtop.sources.kernel.ethtool import read_mac
from mlxtop.sources.kernel.net import read_vfs
from mlxtop.sources.kernel.rdma import DATA, port_path, read_data, read_table, table_schema
from mlxtop.sources.module.reader import GUARDED_INTERVAL
from mlxtop.sources.tools import mget_temp, mlxlink, mlxlink_pcie
from mlxtop.sources.tools.card_tool import installed
from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.sampler.port_readers import PortReaders

LINK, SENSORS, MODULE, REPORT, CHIP = "link", "hwmon", "module", "report", "asic_c"
PCIE_REPORT = "pcie_report"
"""Names of rows; the last four are the fields that are absent without them."""

_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOENT, errno.ENOTTY)


class ReaderInputs(NamedTuple):
    """All that the readers of a port depend on; other inputs need new readers."""

    port: Port
    layer: LinkLayer | None
    hwmon: str | None

    @property
    def infiniband(self) -> bool:
        return self.layer is LinkLayer.INFINIBAND


class Row(NamedTuple):
    """The way to read one thing of a port."""

    what: str
    """A table of counters, or a name."""
    every: float
    """Seconds between reads; 0: at every sample."""
    when: Callable[[ReaderInputs], object]
    """Return whether such a port has it."""
    read: Callable[[PortReaders, str], Callable[[], Any] | None]
    """Return what reads it, None where the driver shows no such thing; gets the tool's name."""
    alone: bool = False
    """Read in a thread of its own: it takes seconds."""
    tool: Callable[[System, Port], str | None] | None = None
    """Return the installed program that reads it, as root."""
    on_demand: bool = False
    """Read only of the port that somebody looks at, or where all is recorded: it costs much."""
    absent: Callable[[Port, str | None], str] | None = None
    """Return why that program is not run: it is not installed, or needs root."""


def _has_statistics(it: ReaderInputs) -> bool:
    return bool(it.port.netdev) and it.port.kind is not PortKind.VIRTUAL


def _has_standard_statistics(it: ReaderInputs) -> bool:
    return _has_statistics(it) and it.port.driver != "mlx4_core" and not it.infiniband


def _has_rdma(it: ReaderInputs) -> bool:
    return it.port.counts_rdma


def _has_module(it: ReaderInputs) -> bool:
    return bool(it.port.netdev) and it.port.kind is PortKind.PHYSICAL and not it.infiniband


def _has_vfs(it: ReaderInputs) -> bool:
    return bool(it.port.netdev) and it.port.kind is PortKind.PHYSICAL and bool(it.port.vfs)


def _has_tools(it: ReaderInputs) -> bool:
    """Return whether tools can ask the card about the port: they know its first one only."""
    mine = it.port.is_mlx and it.port.kind is PortKind.PHYSICAL
    return mine and it.port.function is not None and it.port.id.number == 1


def _has_mlxlink(it: ReaderInputs) -> bool:
    return _has_tools(it) and (it.port.driver or "").startswith("mlx5")


def supported(read: Callable[[], Any]) -> Any:
    """Return what `read` gives; None where the driver has no such table, which is no error."""
    try:
        return read()
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise


def _rdma_table(
    own: PortReaders, folder: str, without: tuple[str, ...] = ()
) -> Callable[[], Reading | None] | None:
    system, device, number = own.rdma
    path = f"{port_path(device, number)}/{folder}"
    schema = table_schema(system, path, without)
    return None if schema is None else partial(read_table, system, path, schema)


def why_no_sensor(port: Port) -> str:
    """Return why hwmon has no temperature of a port's chip."""
    if port.is_mlx4:
        return "driver mlx4 has no temperature sensor"
    return "no hwmon sensor: kernel older than 6.6, or firmware that does not offer it"


def _why_no_report(port: Port, tool: str | None) -> str:
    return f"{tool} needs root" if tool else "neither mstlink nor mlxlink is installed"


def _why_no_chip(port: Port, tool: str | None) -> str:
    missing = f"{tool} needs root" if tool else mget_temp.what_would_help(port.driver)
    return f"{why_no_sensor(port)}; {missing}"


READERS = (
    Row(Origin.MAC, 0.0, _has_standard_statistics, lambda own, _: partial(read_mac, *own.netdev)),
    Row(Origin.RDMA, 0.0, _has_rdma, lambda own, _: partial(read_data, *own.rdma)),
    # Some 35 firmware commands on a full-featured card.
    Row(
        Origin.DRIVER,
        2.0,
        _has_statistics,
        lambda own, _: partial(own.statistics.read, *own.netdev),
    ),
    Row(Origin.RDMA_HW, 2.0, _has_rdma, lambda own, _: _rdma_table(own, "hw_counters")),
    # On Ethernet the error files of `counters` are meaningless or always 0.
    Row(
        Origin.RDMA_ERRORS,
        5.0,
        lambda it: it.infiniband and _has_rdma(it),
        lambda own, _: _rdma_table(own, "counters", DATA.keys),
    ),
    # One firmware command or two for each of them, with RTNL held.
    Row(
        Origin.VFS,
        10.0,
        _has_vfs,
        lambda own, _: partial(read_vfs, *own.netdev),
        on_demand=True,
    ),
    Row(LINK, 2.0, lambda it: True, lambda own, _: own.read_link),
    Row(SENSORS, 2.0, lambda it: it.hwmon, lambda own, _: own.read_sensors),
    Row(MODULE, GUARDED_INTERVAL, _has_module, lambda own, _: own.memory.read, alone=True),
    Row(
        REPORT,
        mlxlink.INTERVAL,
        _has_mlxlink,
        lambda own, tool: partial(mlxlink.read_link_report, *own.function, tool),
        alone=True,
        tool=lambda system, _: installed(system, mlxlink.TOOLS),
        absent=_why_no_report,
    ),
    Row(
        PCIE_REPORT,
        mlxlink_pcie.SLOW_INTERVAL,
        _has_mlxlink,
        lambda own, tool: partial(mlxlink_pcie.read_pcie_report, *own.function, tool),
        alone=True,
        tool=lambda system, _: installed(system, mlxlink.TOOLS),
        absent=_why_no_report,
    ),
    Row(
        CHIP,
        mget_temp.INTERVAL,
        lambda it: _has_tools(it) and it.hwmon is None,
        lambda own, tool: partial(mget_temp.read_mget_temp, *own.function, tool),
        alone=True,
        tool=lambda system, port: mget_temp.find_tool(system, port.driver),
        absent=_why_no_chip,
    ),
)
