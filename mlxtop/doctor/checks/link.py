"""Links that are down, or slower than they could be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps

from mlxtop.analysis.limits import gbps
from mlxtop.doctor.by_design import is_breakout
from mlxtop.doctor.check import ETHERNET, PORT, CouldNotTell, Finding, Outcomes, PortCase, check
from mlxtop.doctor.infiniband_down import infiniband_down
from mlxtop.doctor.signals import broken, recommended, was_up, why_down
from mlxtop.model.identity import PortKind
from mlxtop.model.module import Identity
from mlxtop.model.sample import LinkState
from mlxtop.model.tuning import LinkModes

_ETHTOOL = "https://docs.kernel.org/networking/ethtool-netlink.html"
_MODE = re.compile(r"^(\d{1,7})base", re.ASCII)
_TYPE = re.compile(r"(\d{1,4}(?:\.\d)?)G(?=E?\b|BASE|AUI)", re.ASCII | re.IGNORECASE)
_LANES = {"SFP": 1, "SFP+/SFP28": 1, "SFP112": 1, "QSFP": 4, "QSFP+": 4, "QSFP28": 4, "QSFP112": 4}
"""Form factors and their lanes towards the card; of wider ones cards use a part."""

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


_NOT_WANTED = (LinkState.ADMIN_DOWN, LinkState.NO_MODULE, LinkState.NO_DEVICE)
"""States in which signals of a module say nothing of a fault."""


def _not_up(port: PortCase) -> CouldNotTell:
    """Return why nothing can be said about a port that has no link."""
    state = port.link.state
    words = port.link.detail or _UNUSED.get(state, f"the link is in state {state}")
    if _tells_why(port):
        words = f"the link is {state}"  # its finding has the reasons
    elif state not in _NOT_WANTED and (signs := why_down(port)):
        words = "; ".join([*([port.link.detail] if port.link.detail else []), *signs])
    return port.unknown("link", words.format(name=port.name))


def _tells_why(port: PortCase) -> bool:
    """Return whether something was read that says why a wanted link is down."""
    if port.link.state in _NOT_WANTED:
        return False
    signalled = broken(port) or recommended(port.now.report)
    return bool(signalled or (was_up(port.link) and why_down(port)))


PortJudge = Callable[[PortCase], Outcomes]


def when_up(judge: PortJudge) -> PortJudge:
    """Judge ports with a link; of the others yield why they have none."""

    @wraps(judge)
    def judge_if_up(port: PortCase) -> Outcomes:
        return judge(port) if port.link.state is LinkState.UP else iter((_not_up(port),))

    return judge_if_up


@check(
    "links are up",
    needs=PORT,
    explains="A port has a link when both ends see each other's signal and agree on speed, lanes"
    " and error correction.",
    normal="up; down only where nothing is plugged in, where the port is switched off, or where no"
    " light came yet. Light and locks that are lost say nothing of a port that is switched off",
)
def _link(port: PortCase) -> Outcomes:
    link, name = port.link, port.name
    if link.state in (LinkState.UP, LinkState.INIT):
        return
    if fault := _FAULTS.get(link.state):
        yield port.critical(
            f"{link.state}: {'; '.join([link.detail or fault, *why_down(port)])} (ethtool {name})",
            fault,
            "let it cool and improve the airflow, then plug it in again"
            if link.state is LinkState.OVERHEAT
            else "reseat or replace the module; look at dmesg",
            _ETHTOOL,
        )
    elif link.state in _NOT_WANTED:
        yield _not_up(port)
    elif _tells_why(port):
        yield _explained(port)
    elif port.is_infiniband:
        yield from infiniband_down(port)
    elif (link.state is LinkState.DOWN and link.detail is not None) or (
        link.state is LinkState.ARMED
    ):
        signs = "; ".join([link.detail or "not yet active", *why_down(port)])
        yield port.warning(
            f"{link.state}: {signs} (ethtool {name})",
            "something is plugged in, but the two ends do not agree",
            "set speed, autonegotiation and FEC alike at both ends; then clean or replace the"
            " cable",
            _ETHTOOL,
        )
    elif link.state is LinkState.DOWN and was_up(link):
        yield port.warning(
            f"no carrier, but there was one: it changed {link.carrier_changes} times"
            f" (/sys/class/net/{name}/carrier_changes)",
            "the link worked before and was lost",
            "look at the peer, then at cable and module at both ends; dmesg tells when",
            _ETHTOOL,
        )
    else:
        yield _not_up(port)


def _explained(port: PortCase) -> Finding:
    """Return the finding of a link that is down where something was read that says why."""
    link = port.link
    signs = [*([link.detail] if link.detail else []), *why_down(port)]
    if was_up(link):
        signs.append(f"the carrier changed {link.carrier_changes} times")
    module = port.now.module
    source = f"{module.source}: the module's signals" if module and module.source else "module"
    place = f"({source}; ethtool {port.name})"
    if broken(port):
        judge, why = port.critical, "the module reports that it does not work"
        advice = "reseat the module, try it in another port, then replace it"
    elif recommended(port.now.report):
        judge, why = port.warning, "the card's firmware says what it takes for the reason"
        advice = (
            "follow it: clean and reseat both ends, set speed, autonegotiation and FEC alike, then"
            " replace cable or module"
        )
    else:
        judge, why = port.warning, "no signal that can be used arrives from the other end"
        advice = (
            "look at the peer's port and module; then at the cable: dirt, a bend, send and receive"
            " fibres swapped, speeds that differ"
        )
    return judge(f"{link.state}: {'; '.join(signs)} {place}", why, advice, _ETHTOOL)


def _fastest(modes: Iterable[str]) -> int | None:
    """Return the highest speed among link modes in bit/s."""
    speeds = [int(match[1]) for mode in modes if (match := _MODE.match(mode))]
    return max(speeds) * 1_000_000 if speeds else None


def _rated(module: Identity) -> int | None:
    """Return the speed that a module is made for in bit/s; None where it does not say.

    One code stands for a speed in four lanes and for another one in the single lane of an SFP.

    >>> types = ("100GBASE-SR4 or 25GBASE-SR",)
    >>> _rated(Identity("QSFP28", types=types)), _rated(Identity("SFP+/SFP28", types=types))
    (100000000000, 25000000000)
    """
    choose = min if (module.identifier or "").startswith("SFP") else max
    speeds = [
        choose(float(number) for number in numbers)
        for text in module.types
        if (numbers := _TYPE.findall(text))
    ]
    return int(max(speeds) * 1e9) if speeds else None


def _bounds(port: PortCase, modes: LinkModes) -> dict[str, int]:
    """Return the speeds in bit/s that card, module and peer allow, as far as they are known."""
    module = port.now.module
    bounds = {
        "card": _fastest(modes.supported),
        "module": _rated(module.identity) if module else None,
        "peer": _fastest(modes.peer),
    }
    return {owner: speed for owner, speed in bounds.items() if speed is not None}


@check(
    "link speed",
    needs=ETHERNET,
    explains="Both ends agree on the fastest speed that card, module or cable, and peer have in"
    " common; a worn cable or a setting can make it slower.",
    normal="the smallest of the three",
)
@when_up
def _speed(port: PortCase) -> Outcomes:
    speed, modes = port.link.speed, port.settings.modes
    what = "link speed against what is possible"
    module = port.now.module
    if _lost_lanes(port) or (module is not None and is_breakout(module.identity)):
        return
    if speed is None or modes is None:
        yield port.unread(what, "modes", "the speed is not known")
        return
    bounds = _bounds(port, modes)
    if "card" not in bounds or len(bounds) == 1:
        yield port.unknown(what, "neither the peer's modes nor the module's type are known")
    elif speed < min(bounds.values()):
        yield _slow(port, speed, bounds, modes)


def _slow(port: PortCase, speed: int, bounds: dict[str, int], modes: LinkModes) -> Finding:
    possible = ", ".join(f"{owner} {gbps(most)}" for owner, most in bounds.items())
    lanes = f" over {modes.lanes} lanes" if modes.lanes else ""
    offered = _fastest(modes.advertised)
    if modes.autoneg is False:
        possible += "; autonegotiation is off"
    elif offered is not None and offered <= speed:
        possible += f"; this port offers {gbps(offered)} at most"
    peer = "peer" in bounds
    return (port.warning if peer else port.note)(
        f"{gbps(speed)} Gb/s on the line{lanes}; possible: {possible} (ethtool {port.name})",
        "the link is slower than both ends allow"
        if peer
        else "the link is slower than card and module allow; the peer may be the reason",
        f"ethtool -s {port.name} autoneg on; then look at speed and breakout of the peer's port",
        _ETHTOOL,
    )


def _host_lanes(module: Identity) -> int | None:
    """Return the number of lanes between card and module, by its form factor.

    >>> _host_lanes(Identity("QSFP28")), _host_lanes(Identity("SFP+/SFP28"))
    (4, 1)
    >>> _host_lanes(Identity())
    """
    return _LANES.get((module.identifier or "").partition(" ")[0])


def _full_speed(port: PortCase, modes: LinkModes) -> int | None:
    """Return the speed in bit/s that card and module allow, None where neither tells one."""
    bounds = _bounds(port, modes)
    return min((bounds[owner] for owner in ("card", "module") if owner in bounds), default=None)


def _lost_lanes(port: PortCase) -> tuple[int, int] | None:
    """Return lanes in use and lanes of the module, where some are missing and it costs speed."""
    modes, module = port.settings.modes, port.now.module
    if module is None or modes is None or modes.lanes is None:
        return None
    lanes, full = _host_lanes(module.identity), _full_speed(port, modes)
    if lanes is None or full is None or not 0 < port.speed < full:
        return None
    peer = _fastest(modes.peer)
    if is_breakout(module.identity) or (peer is not None and peer <= port.speed):
        return None
    return (modes.lanes, lanes) if modes.lanes < lanes else None


@check(
    "Ethernet lanes",
    needs=ETHERNET,
    explains="A link spreads its data over the lanes of the module: one in SFP, four in QSFP. A"
    " lane that is dirty or broken, or a port that is split at the peer, leaves a slower link over"
    " fewer of them.",
    normal="all lanes in use, or the full speed over fewer and faster ones; fewer with a breakout"
    " cable, or a peer that offers no more",
)
@when_up
def _lanes(port: PortCase) -> Outcomes:
    modes, module = port.settings.modes, port.now.module
    if port.now.port.kind is not PortKind.PHYSICAL:
        return
    if lost := _lost_lanes(port):
        yield port.warning(
            f"{lost[0]} of {lost[1]} lanes carry {gbps(port.speed)} Gb/s (ethtool {port.name})",
            "the module has lanes that carry nothing",
            "reseat and clean both ends, then replace cable or module; a splitter cable, or a"
            " port that is split at the peer, is meant to be so",
            _ETHTOOL,
        )
    elif modes is None:
        yield port.unread("Ethernet lanes", "modes", "the driver does not tell its modes")
    elif module is not None and is_breakout(module.identity):
        return  # the other lanes belong to other ports
    elif (full := _full_speed(port, modes)) is not None and port.speed >= full:
        return  # the speed proves that all lanes that matter are in use
    elif modes.lanes is None:
        yield port.unknown("Ethernet lanes", "the driver does not tell how many are in use")
    elif module is None or _host_lanes(module.identity) is None:
        yield port.unknown("Ethernet lanes", "the module does not tell how many it has")
