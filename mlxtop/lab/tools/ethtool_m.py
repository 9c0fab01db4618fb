"""`ethtool -m`: a QSFP module in words, as qsfp.c of ethtool prints them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mlxtop.lab.eeprom import BIAS_LIMITS, FLAGS, RX_LIMITS, TX_LIMITS, VOLT_LIMITS, Monitors
from mlxtop.lab.spec import ModuleSpec

_BOUNDS = ("high alarm", "low alarm", "high warning", "low warning")
_IDENTIFIERS = {0x0D: "QSFP+", 0x11: "QSFP28"}
_CONNECTORS = {0x07: "LC", 0x0C: "MPO Parallel Optic", 0x23: "No separable connector"}
_TECHNOLOGIES = {0: "850 nm VCSEL", 4: "1310 nm DFB", 0xA: "Copper cable unequalized"}


def lines(module: ModuleSpec, now: Monitors) -> Iterator[str]:
    """The whole report of a module with SFF-8636 memory."""
    if module.garbage:
        yield _row("Identifier", "0xff (reserved or unknown)")
        return
    yield from _identity(module)
    if not module.kind.passive:
        yield from _measured(now)
        yield from _flags(now)
        yield from _limits(module)


def _row(name: str, value: str) -> str:
    return f"\t{name:<41} : {value}"


def _identity(module: ModuleSpec) -> Iterator[str]:
    kind = module.kind
    yield _row("Identifier", f"0x{kind.identifier:02x} ({_IDENTIFIERS[kind.identifier]})")
    yield _row("Extended identifier description", f"{kind.watts:.1f}W max. Power consumption")
    yield _row("Connector", f"0x{kind.connector:02x} ({_CONNECTORS[kind.connector]})")
    yield _row("Transceiver type", f"100G Ethernet: {kind.words}" if kind.code else kind.words)
    yield _row("BR, Nominal", f"{kind.nominal}Mbps")
    yield _row("Length (SMF,km)", f"{kind.reach // 1000 if kind.single_mode else 0}km")
    optical = not kind.passive and not kind.single_mode
    yield _row("Length (OM3 50um)", f"{kind.reach if optical else 0}m")
    yield _row("Length (Copper or Active cable)", f"{kind.reach if kind.passive else 0}m")
    words = _TECHNOLOGIES[kind.technology]
    yield _row("Transmitter technology", f"0x{kind.technology << 4:02x} ({words})")
    if kind.wavelength:
        yield _row("Laser wavelength", f"{kind.wavelength:.3f}nm")
        yield _row("Laser wavelength tolerance", "6.500nm")
    oui = ":".join(kind.oui[i : i + 2] for i in (0, 2, 4))
    yield _row("Vendor name", kind.vendor)
    yield _row("Vendor OUI", oui)
    yield _row("Vendor PN", kind.part)
    yield _row("Vendor rev", "A0")
    yield _row("Vendor SN", module.serial)
    yield _row("Date code", "190412")
    yield _row("Revision Compliance", "SFF-8636 Rev 2.5/2.6/2.7")


def _milliwatts(power: float) -> str:
    dbm = 10 * math.log10(power) if power > 0 else -math.inf
    return f"{power:.4f} mW / {dbm:.2f} dBm"


def _degrees(celsius: float) -> str:
    return f"{celsius:.2f} degrees C / {celsius * 1.8 + 32:.2f} degrees F"


def _measured(now: Monitors) -> Iterator[str]:
    yield _row("Module temperature", _degrees(now.celsius))
    yield _row("Module voltage", f"{now.volts:.4f} V")
    yield _row("Alarm/warning flags implemented", "Yes")
    for lane, bias in enumerate(now.bias_ma, 1):
        yield _row(f"Laser tx bias current (Channel {lane})", f"{bias:.3f} mA")
    for lane, power in enumerate(now.tx_mw, 1):
        yield _row(f"Transmit avg optical power (Channel {lane})", _milliwatts(power))
    for lane, power in enumerate(now.rx_mw, 1):
        yield _row(f"Rcvr signal avg optical power(Channel {lane})", _milliwatts(power))


def _state(on: bool) -> str:
    return "On" if on else "Off"


def _flags(now: Monitors) -> Iterator[str]:
    for flag, bound in zip(FLAGS, _BOUNDS, strict=True):
        yield _row(f"Module temperature {bound}", _state(bool(now.latched & flag)))
    high, low, strong, weak = RX_LIMITS
    for lane, power in enumerate(now.rx_mw, 1):
        passed = (power > high, power < low, power > strong, power < weak)
        for bound, on in zip(_BOUNDS, passed, strict=True):
            yield _row(f"Laser rx power {bound:<12} (Channel {lane})", _state(on))


def _limits(module: ModuleSpec) -> Iterator[str]:
    bias = [module.kind.bias_ma * share for share in BIAS_LIMITS]
    for bound, limit in zip(_BOUNDS, bias, strict=True):
        yield _row(f"Laser bias current {bound} threshold", f"{limit:.3f} mA")
    for bound, limit in zip(_BOUNDS, TX_LIMITS, strict=True):
        yield _row(f"Laser output power {bound} threshold", _milliwatts(limit))
    for bound, limit in zip(_BOUNDS, module.limits, strict=True):
        yield _row(f"Module temperature {bound} threshold", _degrees(limit))
    for bound, limit in zip(_BOUNDS, VOLT_LIMITS, strict=True):
        yield _row(f"Module voltage {bound} threshold", f"{limit:.4f} V")
    for bound, limit in zip(_BOUNDS, RX_LIMITS, strict=True):
        yield _row(f"Laser rx power {bound} threshold", _milliwatts(limit))
