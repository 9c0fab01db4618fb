"""Line rates and goodput against figures worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.linkrate import (
    Protocol,
    ethernet_goodput,
    infiniband_goodput,
    parse_rate,
    roce_mtu,
)

TCP, UDP, RDMA = Protocol


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("10 Gb/sec (4X SDR)", 8_000_000_000),
        ("10 Gb/sec (4X)", 8_000_000_000),
        ("2.5 Gb/sec (1X SDR)", 2_000_000_000),
        ("20 Gb/sec (4X DDR)", 16_000_000_000),
        ("40 Gb/sec (4X QDR)\n", 32_000_000_000),
        ("10 Gb/sec (1X QDR)", 8_000_000_000),
        ("40 Gb/sec (4X FDR10)", 40_000_000_000),
        ("56 Gb/sec (4X FDR)", 54_545_454_545),
        ("14 Gb/sec (1X FDR)", 13_636_363_636),
        ("100 Gb/sec (4X EDR)", 100_000_000_000),
        ("300 Gb/sec (12X EDR)", 300_000_000_000),
        ("25 Gb/sec (1X EDR)", 25_000_000_000),
        ("100 Gb/sec (2X HDR)", 100_000_000_000),
        ("200 Gb/sec (4X HDR)", 200_000_000_000),
        ("200 Gb/sec (2X NDR)", 200_000_000_000),
        ("400 Gb/sec (4X NDR)", 400_000_000_000),
        ("800 Gb/sec (4X XDR)", 800_000_000_000),
    ],
)
def test_a_rate_loses_what_its_encoding_takes(text: str, bits: int) -> None:
    rate = parse_rate(text)
    assert rate is not None
    assert rate.bits == bits


@pytest.mark.parametrize(
    "text",
    [None, "", "40000", "40 Gb/sec", "40 Gb/sec (4X)", "40 Gb/sec (4X ODR)", "0 Gb/sec (0X)"],
)
def test_what_is_no_rate_is_unknown(text: str | None) -> None:
    assert parse_rate(text) is None


def test_the_parts_of_a_rate_are_told_apart() -> None:
    rate = parse_rate("40 Gb/sec (4X FDR10)")
    assert rate is not None
    assert (rate.signalling, rate.lanes, rate.generation) == (40.0, 4, "FDR10")


@given(st.one_of(st.text(), st.from_regex(r"\d+(\.\d)? Gb/sec \(\d+X( [A-Z]+\d*)?\)")))
def test_no_text_makes_the_rate_parser_raise(text: str) -> None:
    rate = parse_rate(text)
    assert rate is None or rate.bits > 0


@pytest.mark.parametrize(
    ("share", "percent"),
    [
        # (MTU - 52) / (MTU + 38): 1448/1538, 8948/9038
        (ethernet_goodput(TCP, 1500), 94.15),
        (ethernet_goodput(TCP, 9000), 99.00),
        # 1472/1538
        (ethernet_goodput(UDP, 1500), 95.71),
        # 1024/1106 and 4096/4178
        (ethernet_goodput(RDMA, 1500), 92.59),
        (ethernet_goodput(RDMA, 9000), 98.04),
        # 1992/2082, 4040/4130
        (infiniband_goodput(TCP, 2044), 95.68),
        (infiniband_goodput(TCP, 4092), 97.82),
        # 65468/(65524 + 32 * 26)
        (infiniband_goodput(TCP, 65520, connected=True), 98.66),
        # 4096/4122, 2048/2074
        (infiniband_goodput(RDMA, 4092), 99.37),
        (infiniband_goodput(RDMA, 65520, connected=True), 98.75),
        (infiniband_goodput(RDMA, None), 98.75),
    ],
)
def test_goodput_is_data_over_wire(share: float | None, percent: float) -> None:
    assert share is not None
    assert round(100 * share, 2) == percent


def test_an_mtu_without_room_for_data_has_no_goodput() -> None:
    assert ethernet_goodput(TCP, 52) is None
    assert ethernet_goodput(RDMA, 300) is None
    assert infiniband_goodput(TCP, 40) is None
    assert ethernet_goodput(TCP, None) is None


def test_the_rdma_mtu_follows_the_devices() -> None:
    assert [roce_mtu(size) for size in (68, 1500, 2200, 4200, 9000)] == [
        None,
        1024,
        2048,
        4096,
        4096,
    ]
