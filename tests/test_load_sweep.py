"""Axes of a sweep, and those that are too large."""

from __future__ import annotations

import pytest

from mlxtop.load.request import LoadRequest
from mlxtop.load.sweep import MOST_POINTS, Axis, applied, check, duration, parse_axis, points
from mlxtop.model.load import Direction, Tool

from .load_lab import PEER

BASE = LoadRequest(PEER, seconds=5)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("streams=1,2,8", ("1", "2", "8")),
        ("size=64..1K", ("64", "128", "256", "512", "1K")),
        ("size=64,4K..8K", ("64", "4K", "8K")),
        ("bitrate=1G..4G", ("1G", "2G", "4G")),
        ("streams=1..6", ("1", "2", "4", "6")),
        ("streams=3..3", ("3",)),
        ("mtu=1500..9000", ("1500", "3000", "6000", "9000")),
        ("tool=iperf3,nuttcp", ("iperf3", "nuttcp")),
        ("mtu=1500,9000", ("1500", "9000")),
        ("streams=2,2", ("2",)),
    ],
)
def test_an_axis_is_an_option_and_its_values(text: str, values: tuple[str, ...]) -> None:
    assert parse_axis(text).values == values


@pytest.mark.parametrize(
    "text",
    [
        *("streams", "streams=", "streams=0", "colour=1", "streams=8..2", "tool=iperf4"),
        *("tool=iperf3..nuttcp", "size=x", "udp=yes", "udp=off..on"),
    ],
)
def test_what_is_no_axis_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"is n|number|size|range|bytes"):
        parse_axis(text)


def test_points_are_all_combinations_and_change_the_request() -> None:
    axes = [parse_axis("streams=1,4"), parse_axis("direction=send,receive")]
    found = points(axes)
    assert len(found) == 4
    request = applied(BASE, found[-1])
    assert (request.streams, request.direction) == (4, Direction.RECEIVE)
    assert applied(BASE, (("tool", "qperf"), ("mtu", "9000"))).tool is Tool.QPERF


def axis(name: str, count: int) -> Axis:
    return Axis(name, tuple(str(number + 1) for number in range(count)))


def test_a_sweep_that_is_too_large_is_refused_with_its_time() -> None:
    check([axis("streams", MOST_POINTS)], BASE)
    with pytest.raises(ValueError, match="1001 points takes 5 h 33 min"):
        check([axis("streams", MOST_POINTS + 1)], BASE)
    with pytest.raises(ValueError, match="10000 points takes 2 days 7 h"):
        check([axis("streams", 100), axis("size", 100)], BASE)
    with pytest.raises(ValueError, match="one or two different axes"):
        check([axis("streams", 2)] * 2, BASE)
    long = BASE._replace(seconds=3600)
    check([axis("streams", 23)], long)
    with pytest.raises(ValueError, match="24 points takes"):
        check([axis("streams", 24)], long)


def test_no_time_is_told() -> None:
    assert duration(0.0) == "0 s"
