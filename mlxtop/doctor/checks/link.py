"""Links that are down, slow, or set up differently at their two ends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlxtop.analysis.limits import gbps
from mlxtop.doctor.check import Case, CouldNotTell, Finding, Outcome
from mlxtop.doctor.checks.needs import needs_ethernet, needs_fast_ethernet
from mlxtop.model.counters import Severity
from mlxtop.model.frame import PortFrame
from mlxtop.model.identity import PortKind
from mlxtop.model.module import Identity
from mlxtop.model.sample import LinkLayer, LinkState
from mlxtop.model.tuning import Fec, LinkModes, PortTuning

_ETHTOOL = "https://docs.kernel.org/networking/ethtool-netlink.html"
_MODE = re.compile(r"^(\d{1,7})base", re.ASCII)
_TYPE = re.compile(r"(\d{1,4}(?:\.\d)?)G(?=BASE|AUI|\b)", re.ASCII)
_NEEDS_RS = re.compile(r"100GBASE-[SC]R4|25GBASE-[SC]R\b|CWDM4")
_LANE = 25_000_000_000
_NEGOTIATES = "Autoneg"
"""The mode that drivers add to the peer's when negotiation was completed with it."""
_CODES = ("None", "RS", "BASER", "LLRS")
_LANES = {"SFP": 1, "SFP+/SFP28": 1, "SFP112": 1, "QSFP": 4, "QSFP+": 4, "QSFP28": 4, "QSFP112": 4}
"""Form factors and their lanes towards the card; of wider ones cards use a part."""
_WAS_UP = 2
"""Changes of the carrier from which a link that is down was up once."""

_FAULTS = {
    LinkState.MODULE_FAULT: "module or cable does not work",
    LinkState.OVERHEAT: "the module switched itself off because it was too hot",
    LinkState.LOST: "the device no longer answers",
}
_UNUSED = {
    LinkState.ADMIN_DOWN: "switched off (ip link set {name} up)",
    LinkState.NO_MODULE: "no cable or module is plugged in",
    LinkState.DISABLED: "the port is disabled",
    LinkState.POLLING: "polling: no peer answers on this cable",
    LinkState.NO_DEVICE: "no network device here: another network namespace, or a missing driver",
    LinkState.DOWN: "no carrier, and the driver does not say why",
}
"""States in which nothing says that the port should work."""


def not_up(name: str, frame: PortFrame) -> CouldNotTell | None:
    """Why nothing can be said about a port that has no link; None when it is up."""
    link = frame.now.link
    if link.state is LinkState.UP:
        return None
    words = link.detail or _UNUSED.get(link.state, f"the link is in state {link.state}")
    return CouldNotTell(f"{name}: link", words.format(name=name))


def check_link(case: Case) -> Iterator[Outcome]:
    """Links are up, or it is clear why not."""
    for name, frame, _ in case.each():
        link = frame.now.link
        down = not_up(name, frame)
        if down is None or link.state is LinkState.INIT:
            continue
        disagree = link.state is LinkState.DOWN and link.detail is not None
        lost = link.state is LinkState.DOWN and (link.carrier_changes or 0) >= _WAS_UP
        if link.state in _FAULTS:
            yield Finding(
                Severity.CRITICAL,
                name,
                f"{link.state}: {link.detail or _FAULTS[link.state]} (ethtool {name})",
                _FAULTS[link.state],
                "let it cool and improve the airflow, then plug it in again"
                if link.state is LinkState.OVERHEAT
                else "reseat or replace the module; look at dmesg",
                _ETHTOOL,
            )
        elif disagree or link.state is LinkState.ARMED:
            yield Finding(
                Severity.WARNING,
                name,
                f"{link.state}: {link.detail or 'not yet active'} (ethtool {name})",
                "something is plugged in, but the two ends do not agree",
                "set speed, autonegotiation and FEC alike at both ends; then clean or replace the"
                " cable",
                _ETHTOOL,
            )
        elif lost:
            yield Finding(
                Severity.WARNING,
                name,
                f"no carrier, but there was one: it changed {link.carrier_changes} times"
                f" (/sys/class/net/{name}/carrier_changes)",
                "the link worked before and was lost",
                "look at the peer, then at cable and module at both ends; dmesg tells when",
                _ETHTOOL,
            )
        else:
            yield down


def fastest(modes: Iterable[str]) -> int | None:
    """The highest speed among link modes, bit/s.

    >>> fastest(["10000baseT/Full", "100000baseSR4/Full", "Autoneg"])
    100000000000
    """
    speeds = [int(match[1]) for mode in modes if (match := _MODE.match(mode))]
    return max(speeds) * 1_000_000 if speeds else None


def rated(module: Identity) -> int | None:
    """The speed that a module is made for, bit/s; None where it does not say.

    One code stands for a speed in four lanes and for another one in the single lane of an SFP.

    >>> types = ("100GBASE-SR4 or 25GBASE-SR",)
    >>> rated(Identity("QSFP28", types=types)), rated(Identity("SFP+/SFP28", types=types))
    (100000000000, 25000000000)
    """
    choose = min if (module.identifier or "").startswith("SFP") else max
    speeds = [
        choose(float(number) for number in numbers)
        for text in module.types
        if (numbers := _TYPE.findall(text))
    ]
    return int(max(speeds) * 1e9) if speeds else None


@needs_ethernet
def check_speed(case: Case) -> Iterator[Outcome]:
    """The link is as fast as card, module and peer allow."""
    for name, frame, settings in case.each():
        link, modes = frame.now.link, settings.modes
        if link.layer is LinkLayer.INFINIBAND or lost_lanes(frame, modes):
            continue
        if down := not_up(name, frame):
            yield down
            continue
        if link.speed is None or modes is None:
            reason = settings.absent.get("modes", "the speed is not known")
            yield CouldNotTell(f"{name}: link speed against what is possible", reason)
            continue
        module = frame.now.module
        bounds = {
            "card": fastest(modes.supported),
            "module": rated(module.identity) if module else None,
            "peer": fastest(modes.peer),
        }
        known = {who: speed for who, speed in bounds.items() if speed is not None}
        enough = "peer" in known or "module" in known
        if "card" not in known or not enough:
            yield CouldNotTell(
                f"{name}: link speed against what is possible",
                "neither the peer's modes nor the module's type are known",
            )
        elif link.speed < min(known.values()):
            yield _slow(name, link.speed, known, modes)


def host_lanes(module: Identity) -> int | None:
    """The lanes between card and module, by its form factor.

    >>> host_lanes(Identity("QSFP28")), host_lanes(Identity("SFP+/SFP28")), host_lanes(Identity())
    (4, 1, None)
    """
    return _LANES.get((module.identifier or "").partition(" ")[0])


def lost_lanes(frame: PortFrame, modes: LinkModes | None) -> tuple[int, int] | None:
    """Lanes in use and lanes of the module, where some are missing and it costs speed."""
    link, module = frame.now.link, frame.now.module
    if link.state is not LinkState.UP or module is None or modes is None or modes.lanes is None:
        return None
    bounds = [b for b in (rated(module.identity), fastest(modes.supported)) if b is not None]
    lanes = host_lanes(module.identity)
    if lanes is None or not bounds or not link.speed or link.speed >= min(bounds):
        return None
    return (modes.lanes, lanes) if modes.lanes < lanes else None


@needs_ethernet
def check_ethernet_lanes(case: Case) -> Iterator[Outcome]:
    """A link slower than its module uses all of the module's lanes."""
    for name, frame, settings in case.each():
        link, modes = frame.now.link, settings.modes
        if link.layer is LinkLayer.INFINIBAND or frame.now.port.kind is not PortKind.PHYSICAL:
            continue
        if down := not_up(name, frame):
            yield down
        elif lost := lost_lanes(frame, modes):
            used, lanes = lost
            yield Finding(
                Severity.WARNING,
                name,
                f"{used} of {lanes} lanes carry {gbps(link.speed or 0)} Gb/s (ethtool {name})",
                "the module has lanes that carry nothing",
                "reseat and clean both ends, then replace cable or module; a splitter cable, or a"
                " port that is split at the peer, is meant to be so",
                _ETHTOOL,
            )
        elif unclear := _lanes_unclear(frame, settings):
            yield CouldNotTell(f"{name}: Ethernet lanes", unclear)


def _lanes_unclear(frame: PortFrame, settings: PortTuning) -> str | None:
    """Why lanes cannot be judged; None where the speed proves that all that matter are in use."""
    link, modes, module = frame.now.link, settings.modes, frame.now.module
    if modes is None:
        return settings.absent.get("modes", "the driver does not tell its modes")
    bounds = [fastest(modes.supported), rated(module.identity) if module else None]
    if link.speed and link.speed >= min((b for b in bounds if b is not None), default=1 << 60):
        return None
    if modes.lanes is None:
        return "the driver does not tell how many are in use"
    if module is None or host_lanes(module.identity) is None:
        return "the module does not tell how many it has"
    return None


@needs_ethernet
def check_autonegotiation(case: Case) -> Iterator[Outcome]:
    """Both ends negotiate, or neither does."""
    for name, frame, settings in case.each():
        modes, module = settings.modes, frame.now.module
        if frame.now.link.layer is LinkLayer.INFINIBAND:
            continue
        if down := not_up(name, frame):
            yield down
            continue
        if modes is None or modes.autoneg is None:
            reason = settings.absent.get("modes", "the driver does not tell it")
            yield CouldNotTell(f"{name}: autonegotiation", reason)
            continue
        answers = _NEGOTIATES in modes.peer
        copper = module is not None and module.identity.passive is True
        tells = (frame.now.port.driver or "").startswith("mlx5")
        silent = copper and tells and (frame.now.link.speed or 0) >= _LANE and not modes.peer
        if not modes.autoneg and answers:
            yield _one_sided(name, "off here, but the peer negotiates", f"{name} autoneg on")
        elif modes.autoneg and silent:
            yield _one_sided(
                name, "on here, but the peer does not answer", f"{name} autoneg on, at the peer"
            )


def _one_sided(name: str, seen: str, command: str) -> Finding:
    return Finding(
        Severity.NOTE,
        name,
        f"autonegotiation {seen} (ethtool {name})",
        "over copper the two ends agree on speed, error correction and pause only if both"
        " negotiate; a link that is up may come up otherwise, or not at all, next time",
        f"ethtool -s {command}; set it alike at both ends",
        _ETHTOOL,
    )


def _slow(name: str, speed: int, known: dict[str, int], modes: LinkModes) -> Finding:
    told = ", ".join(f"{who} {gbps(most)}" for who, most in known.items())
    lanes = f" over {modes.lanes} lanes" if modes.lanes else ""
    offered = fastest(modes.advertised)
    if modes.autoneg is False:
        told += "; autonegotiation is off"
    elif offered is not None and offered <= speed:
        told += f"; this port offers {gbps(offered)} at most"
    return Finding(
        Severity.WARNING if "peer" in known else Severity.NOTE,
        name,
        f"{gbps(speed)} Gb/s on the line{lanes}; possible: {told} (ethtool {name})",
        "the link is slower than both ends allow"
        if "peer" in known
        else "the link is slower than card and module allow; the peer may be the reason",
        f"ethtool -s {name} autoneg on; then look at speed and breakout of the peer's port",
        _ETHTOOL,
    )


@needs_fast_ethernet
def check_fec(case: Case) -> Iterator[Outcome]:
    """Lanes of 25 Gb/s over copper and short optics need error correction."""
    for name, frame, settings in case.each():
        link, fec = frame.now.link, settings.fec
        if link.layer is LinkLayer.INFINIBAND:
            continue
        if down := not_up(name, frame):
            yield down
            continue
        if not link.speed or link.speed < _LANE or link.speed == 40_000_000_000:
            continue
        if fec is None or fec.active is None:
            yield CouldNotTell(f"{name}: FEC", settings.absent.get("fec", "the driver is silent"))
            continue
        module = frame.now.module
        types = module.identity.types if module else ()
        needed = next((text for text in types if _NEEDS_RS.search(text)), None)
        yield from _fec_mismatch(name, fec, settings.modes)
        if fec.active.lower() in ("off", "none") and needed:
            yield Finding(
                Severity.WARNING,
                name,
                f"FEC is off on a {needed} link (ethtool --show-fec {name})",
                "lanes of 25 Gb/s have bit errors; without correction they become lost packets",
                f"ethtool --set-fec {name} encoding rs, at both ends alike",
                _ETHTOOL,
            )


def _fec_mismatch(name: str, fec: Fec, modes: LinkModes | None) -> Iterator[Finding]:
    """What is active against what is set here, and against what the peer says that it has."""
    offered = [mode for mode in (modes.peer if modes else ()) if mode in _CODES]
    active = "None" if fec.active in (None, "Off") else fec.active
    fixed = [mode for mode in fec.modes if mode in _CODES]
    if offered and active not in offered:
        seen = f"{active} is active, the peer offers {', '.join(offered)}"
    elif fec.auto is False and fixed and active not in fixed:
        seen = f"{active} is active, {', '.join(fixed)} is set"
    else:
        return
    yield Finding(
        Severity.WARNING,
        name,
        f"FEC {seen} (ethtool --show-fec {name})",
        "ends that correct errors differently lose the link or every packet",
        f"ethtool --set-fec {name} encoding auto, or the same code at both ends",
        _ETHTOOL,
    )


@needs_ethernet
def check_pause(case: Case) -> Iterator[Outcome]:
    """Pause works in both directions or in none."""
    for name, frame, settings in case.each():
        pause = settings.pause
        if frame.now.link.layer is LinkLayer.INFINIBAND:
            continue
        if pause is None or pause.rx is None or pause.tx is None:
            yield CouldNotTell(f"{name}: pause", settings.absent.get("pause", "not told"))
        elif pause.rx != pause.tx:
            on, off = ("rx", "tx") if pause.rx else ("tx", "rx")
            yield Finding(
                Severity.NOTE,
                name,
                f"pause {on} on, {off} off (ethtool -a {name})",
                "one side may stop the other but not the other way round: drops under load",
                f"ethtool -A {name} rx on tx on, and the same at the peer",
                _ETHTOOL,
            )
