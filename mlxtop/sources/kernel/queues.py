"""Settings of a network device that ethtool shows: rings, channels, pause, offloads, FEC, modes.

https://docs.kernel.org/networking/ethtool-netlink.html
"""

from __future__ import annotations

from mlxtop.model.tuning import Channels, Coalesce, Fec, LinkModes, Pause, Rings
from mlxtop.system.door import Answer


def _number(answer: Answer, key: str) -> int | None:
    value = answer.get(key) if isinstance(answer, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _flag(answer: Answer, key: str) -> bool | None:
    value = answer.get(key) if isinstance(answer, dict) else None
    return bool(value) if isinstance(value, int) else None


def _names(answer: Answer, key: str) -> tuple[str, ...]:
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, list | tuple):
        return ()
    return tuple(name for name in value if isinstance(name, str))


def parse_rings(answer: Answer) -> Rings:
    """RINGS_GET.

    >>> parse_rings({"rx": 1024, "rx_max": 8192}).rx_max
    8192
    """
    return Rings(*(_number(answer, key) for key in ("rx", "rx_max", "tx")))


def parse_channels(answer: Answer) -> Channels:
    """CHANNELS_GET; drivers without combined channels tell those for receiving."""
    combined, most = _number(answer, "combined"), _number(answer, "combined_max")
    return Channels(combined or _number(answer, "rx"), most or _number(answer, "rx_max"))


def parse_coalesce(answer: Answer) -> Coalesce:
    """COALESCE_GET."""
    return Coalesce(_flag(answer, "adaptive_rx"))


def parse_pause(answer: Answer) -> Pause:
    """PAUSE_GET."""
    return Pause(*(_flag(answer, key) for key in ("autoneg", "rx", "tx")))


def parse_fec(answer: Answer) -> Fec:
    """FEC_GET."""
    active = answer.get("active") if isinstance(answer, dict) else None
    active = active if isinstance(active, str) else None
    return Fec(active, _flag(answer, "auto"), _names(answer, "modes"))


def parse_modes(answer: Answer) -> LinkModes:
    """LINKMODES_GET."""
    return LinkModes(
        _flag(answer, "autoneg"),
        _number(answer, "lanes"),
        *(_names(answer, key) for key in ("supported", "advertised", "peer")),
    )


def parse_features(answer: Answer) -> dict[str, bool]:
    """FEATURES_GET."""
    if not isinstance(answer, dict):
        return {}
    return {key: value for key, value in answer.items() if isinstance(value, bool)}
