"""What module and firmware signal on a link that is up, and lanes that carry most of the errors."""

from __future__ import annotations

from typing import NamedTuple

from mlxtop.doctor.check import Outcomes, PortCase, check, ports
from mlxtop.doctor.signals import broken, lost, recommended, stays_lost
from mlxtop.model.catalogue import CATALOGUE, counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.sample import LinkState

_CMIS = "CMIS 5.2, 8.3 and 8.9; SFF-8636, 6.2.3: the module's own flags"
_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_LANE_FAMILY = "rx_err_lane_{n}_phy"
_UNCORRECTED = "rx_pcs_symbol_err_phy"
_CRC = "rx_crc_errors_phy"
_ONE_LANE = 0.9
"""Share of all bit errors from which one lane is the reason of them."""
_ENOUGH = 1000
"""Bit errors below which a share says nothing."""


def _signals(port: PortCase) -> bool:
    module, report = port.now.module, port.now.report
    told = module is not None and (module.flags is not None or module.state is not None)
    return port.link.state is LinkState.UP and (told or report is not None)


@check(
    "module signals",
    needs=ports("no module with a link that signals anything", _signals),
    explains="Modules signal faults of their laser and firmware, and light or clocks that are lost;"
    " the card's firmware recommends what to do about a link.",
    normal="no fault, and `No issue was observed`. A first reading can still hold a loss from"
    " before the link came up; lanes that run without their clock recovery (40 Gb/s in a 100 Gb/s"
    " module) show its loss of lock all the time",
)
def _module(port: PortCase) -> Outcomes:
    advice = recommended(port.now.report)
    if faults := broken(port):
        yield port.warning(
            f"the link is up, but the module signals: {'; '.join([*faults, *lost(port)])}"
            f" ({_source(port)})",
            "a module that is about to fail, or has failed on a part of its lanes",
            "reseat the module, try it in another port, then replace it",
            _CMIS,
        )
    elif again := stays_lost(port):
        yield port.warning(
            f"the link is up, but the module signals again and again: {'; '.join(again)}"
            f" ({_source(port)})",
            "a lane without light or signal costs speed or errors",
            "clean both ends, then swap the fibre, then the module",
            _CMIS,
        )
    elif signs := lost(port):
        reason = f"{'; '.join(signs)}: it may be from before the link came up"
        yield port.unknown("module signals", reason)
    if advice is not None:
        yield port.warning(
            f"the link is up, but not free of trouble: {advice}",
            "the card's firmware sees a reason for errors or a lower speed",
            "follow it: clean and reseat both ends, then replace cable or module; then look again",
            "https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility",
        )


def _source(port: PortCase) -> str:
    module = port.now.module
    return (module.source if module else "") or f"ethtool -m {port.name}"


class _Lanes(NamedTuple):
    """Bit errors before correction by lane, from 0 as the driver and the tool count them."""

    errors: dict[int, int]
    source: str
    since: str


def _lane_errors(port: PortCase) -> _Lanes | None:
    reading = port.now.readings.get(Origin.DRIVER)
    rows = counters_of(Origin.DRIVER, reading.schema) if reading else ()
    errors = {
        counter.number: total
        for counter in rows
        if counter.family == _LANE_FAMILY
        and counter.number is not None
        and (total := port.frame.total(counter)) is not None
    }
    if any(errors.values()):
        return _Lanes(errors, f"ethtool -S {port.name}: rx_err_lane_*_phy", "since boot")
    report = port.now.report
    if report is None or not any(report.raw_errors):
        return None
    since = "since they were cleared"
    return _Lanes(dict(enumerate(report.raw_errors)), report.source or "mlxlink", since)


@check(
    "errors by lane",
    needs=ports("no count of bit errors by lane", lambda port: _lane_errors(port) is not None),
    explains="Every lane of 25 Gb/s and more has bit errors, which forward error correction (FEC)"
    " repairs. Lanes of a good link have about as many; what FEC cannot repair is lost.",
    normal="alike on all lanes, or nothing that could not be corrected",
)
def _by_lane(port: PortCase) -> Outcomes:
    lanes = _lane_errors(port)
    if lanes is None or len(lanes.errors) < 2:
        return
    total, (worst, most) = sum(lanes.errors.values()), max(lanes.errors.items(), key=lambda x: x[1])
    lost = _uncorrected(port)
    if total < _ENOUGH or most < _ONE_LANE * total or not lost:
        return
    yield port.warning(
        f"lane {worst} of 0 to {max(lanes.errors)} (lane {worst + 1} of the module) has {most} of"
        f" {total} bit errors before correction {lanes.since} ({lanes.source}); {lost}",
        "one lane is much worse than the others, and FEC could not repair all of it",
        "clean and reseat both ends; then replace the module, fibre or cable: what changes place"
        " with the bad lane is at fault",
        _COUNTERS,
    )


def _uncorrected(port: PortCase) -> str:
    """Return what was lost although errors are corrected, in words; empty where nothing was."""
    words = {
        "could not be corrected": port.frame.total(CATALOGUE[Origin.DRIVER, _UNCORRECTED]),
        "CRC errors": port.frame.total(CATALOGUE[Origin.DRIVER, _CRC]),
        "effective errors": port.now.report.effective_errors if port.now.report else None,
    }
    return ", ".join(f"{count} {text}" for text, count in words.items() if count)
