"""What module and firmware signal on a link that is up, and lanes that carry most of the errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mlxtop.doctor.check import Finding, Outcomes, PortCase, check, ports
from mlxtop.doctor.signals import broken, has_failed, lost, recommended, signals_again, stays_lost
from mlxtop.model.catalogue import CATALOGUE, counters_of
from mlxtop.model.counters import Origin
from mlxtop.model.sample import LinkState

_STANDARDS = "SFF-8636 bytes 3 to 5, CMIS bytes 3 and 8 and page 11h; mlxlink -m"
_MLXLINK = "https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility"
_COUNTERS = "https://docs.kernel.org/networking/device_drivers/ethernet/mellanox/mlx5/counters.html"
_LANE_FAMILY = "rx_err_lane_{n}_phy"
_UNCORRECTED = "rx_pcs_symbol_err_phy"
_CRC = "rx_crc_errors_phy"
_LASER = "tx fault"
"""The one fault that modules also latch while a link comes up."""
_AS_IT_IS = ("SFP", "SFP+/SFP28")
"""Modules whose flag of it is the state of a pin (SFF-8472 byte 110)."""
_ONE_LANE = 0.9
"""Share of all bit errors from which one lane is the reason of them."""
_ENOUGH = 1000
"""Bit errors below which a share says nothing."""


def _tells(port: PortCase) -> bool:
    """Return whether the module of a link that is up, or the tool, tells how it is."""
    module, report = port.now.module, port.now.report
    told = module is not None and (module.flags is not None or module.state is not None)
    return port.link.state in (LinkState.UP, LinkState.INIT) and (told or report is not None)


@check(
    "module faults",
    needs=ports("no module that tells of its faults", _tells),
    explains="Modules signal when a laser, their firmware or the path of the data through them"
    " fails, and light or clocks that are lost; the card's firmware recommends what to do. Signals"
    " stay until they are read, so one may be from before the link came up.",
    normal="none, and `No issue was observed`. Light that was lost is none on a link that is up"
    " unless a later reading shows it again; a loss of lock is none at all, as lanes that run"
    " without their clock recovery (40 Gb/s in a 100 Gb/s module) show it all the time",
)
def _faults(port: PortCase) -> Outcomes:
    if faults := broken(port):
        yield _judge(port, faults)(
            f"the link is up, but the module signals: {'; '.join([*faults, *lost(port)])}"
            f" ({_source(port)})",
            "a part of the module failed, or did when the link last came up; data may be lost or"
            " the link may not come up again",
            "read it again after a minute (ethtool -m, mlxlink -m): what is still signalled is so"
            " now; then reseat the module, update its firmware, or replace it",
            _STANDARDS,
        )
    elif again := stays_lost(port):
        yield port.warning(
            f"the link is up, but the module signals again and again: {'; '.join(again)}"
            f" ({_source(port)})",
            "a lane without light or signal costs speed or errors",
            "clean both ends, then swap the fibre, then the module",
            _STANDARDS,
        )
    elif signs := [words for words in lost(port) if "signal" in words]:
        reason = f"{'; '.join(signs)}: it may be from before the link came up"
        yield port.unknown("module faults", reason)
    if advice := recommended(port.now.report):
        yield port.warning(
            f"the link is up, but not free of trouble: {advice}",
            "the card's firmware sees a reason for errors or a lower speed",
            "follow it: clean and reseat both ends, then replace cable or module; then look again",
            _MLXLINK,
        )


def _judge(port: PortCase, faults: list[str]) -> Callable[..., Finding]:
    """Return how grave faults are.

    A laser's fault in a memory that latches and was read once may be long over; SFP modules show
    the state of now. The card's firmware reads the memory all the time: what its tool shows is so.
    """
    if has_failed(port):
        return port.critical
    report, module = port.now.report, port.now.module
    told = report.module.flags if report and report.module else None
    is_now = any(flag.text == _LASER for flag in told or ()) or bool(signals_again(port, _LASER))
    latches = module is None or module.identity.identifier not in _AS_IT_IS
    lasers = all(words.startswith(_LASER) for words in faults)
    return port.note if lasers and latches and not is_now else port.warning


def _source(port: PortCase) -> str:
    readings = (port.now.module, port.now.report)
    sources = (one.source for one in readings if one is not None and one.source)
    return next(sources, f"ethtool -m {port.name}")


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
