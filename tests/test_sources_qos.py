"""Priorities of a port and its RoCE settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.qos import Dcb, Gid, Roce
from mlxtop.sources.kernel.qos import parse_dcb, parse_traffic_class, read_roce, with_trust
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

PORT = Port(
    PortId("0000:43:00.0", 1),
    PortKind.PHYSICAL,
    driver="mlx5_core",
    netdev="p1",
    rdma="mlx5_0",
    rdma_port=1,
)
MASK = {"pfc": {"most": 8, "mask": 0b11000}}
MAPPED = {**MASK, "apps": [[5, 46, 6], [5, 26, 3], [1, 2048, 4]]}


def machine(text: str) -> CapturedSystem:
    capture = parse_capture(f"mlxtop capture 1\n{text}")
    return CapturedSystem("m", capture, capture)


def test_codes_of_other_selectors_are_no_dscp() -> None:
    assert parse_dcb(MAPPED).dscp == {26: 3, 46: 6}
    assert parse_dcb(MAPPED).pfc == (3, 4)


def test_classes_have_names_of_the_standard() -> None:
    ets = {"classes": [0, 0, 0, 1, 0, 0, 0, 0], "algorithms": [2, 0, 1, 255, 9, 0, 0, 0]}
    dcb = parse_dcb({"ets": {**ets, "bandwidth": [100, 0, 0, 0, 0, 0, 0, 0]}})
    assert dcb.classes[3] == 1
    assert dcb.algorithms[:5] == ("ets", "strict", "cbs", "vendor", "9")
    assert dcb.bandwidth[0] == 100
    assert dcb.pfc is None


MLX4 = PORT._replace(driver="mlx4_core")
VF = PORT._replace(kind=PortKind.VF)


@pytest.mark.parametrize(
    ("port", "answer", "files", "trust", "by"),
    [
        (PORT, MAPPED, "", "dscp", "dcb app"),
        (PORT, MASK, "", "pcp", "dcb app"),
        (PORT, {"apps": []}, "", None, ""),  # the driver answers for no port of its own
        (MLX4, MASK, "", None, ""),
        (VF, MAPPED, "", None, ""),
        (VF, {**MASK, "trusted": [5]}, "", "dscp", "dcb apptrust"),
        (PORT, {**MASK, "trusted": [255, 5]}, "", "pcp", "dcb apptrust"),
        (PORT, MASK, "/sys/class/net/p1/qos/trust = dscp", "dscp", "qos/trust"),
        (PORT, MAPPED, "/sys/class/net/p1/qos/trust = what", "dscp", "dcb app"),
    ],
)
def test_trust_is_told_only_where_it_can_be_known(
    port: Port, answer: object, files: str, trust: str | None, by: str
) -> None:
    dcb = with_trust(machine(files), port, parse_dcb(answer))
    assert (dcb.trust, dcb.trust_from) == (trust, by)


PLACE = "/sys/class/infiniband/mlx5_0"
FILES = f"""
{PLACE}/ports/1/gid_attrs/types/0 = IB/RoCE v1
{PLACE}/ports/1/gid_attrs/types/1 = RoCE v2
{PLACE}/ports/1/gid_attrs/types/2 ! EINVAL
{PLACE}/ports/1/gid_attrs/types/10 = RoCE v2
{PLACE}/ports/1/gids/0 = fe80:0000:0000:0000:0e42:a1ff:fe65:b2f0
{PLACE}/ports/1/gids/1 = 0000:0000:0000:0000:0000:0000:0000:0000
{PLACE}/ports/1/gids/10 = 0000:0000:0000:0000:0000:ffff:0a3c:0002
{PLACE}/ports/1/gid_attrs/ndevs/10 = p1
{PLACE}/tc/1/traffic_class = Global tclass=106
/sys/kernel/config/rdma_cm/mlx5_0/ports/1/default_roce_mode = RoCE v2
/sys/kernel/config/rdma_cm/mlx5_0/ports/1/default_roce_tos = 104
/sys/class/net/p1/ecn/roce_np/enable/3 = 1
/sys/class/net/p1/ecn/roce_np/enable/0 = 0
/sys/class/net/p1/ecn/roce_np/cnp_dscp = 48
/sys/class/net/p1/ecn/roce_np/cnp_802p_prio = 6
/sys/class/net/p1/ecn/roce_rp/enable/3 = 1
/sys/class/net/p1/ecn/roce_rp/enable/4 = 1
"""


def test_addresses_traffic_class_and_congestion_control_are_read() -> None:
    roce = read_roce(machine(FILES), PORT)
    assert roce.gids == (
        Gid(0, "fe80:0000:0000:0000:0e42:a1ff:fe65:b2f0", "IB/RoCE v1", None),
        Gid(10, "0000:0000:0000:0000:0000:ffff:0a3c:0002", "RoCE v2", "p1"),
    )
    assert (roce.mode, roce.tos, roce.traffic_class, roce.dscp) == ("RoCE v2", 104, 106, 26)
    assert (roce.notify, roce.react) == ((3,), (3, 4))
    assert (roce.cnp_dscp, roce.cnp_priority) == (48, 6)


def test_a_driver_that_shows_nothing_leaves_all_unknown() -> None:
    assert read_roce(machine(""), PORT) == Roce()
    assert Roce().dscp is None
    assert Roce(tos=106).dscp == 26


def test_a_tos_that_nobody_has_set_and_classes_of_single_hosts_say_nothing_of_all() -> None:
    assert Roce(tos=0).dscp is None
    assert Roce(tos=0, traffic_class=0).dscp == 0, "somebody has set it"
    assert parse_traffic_class("dst_ip=10.0.0.2/32,tclass=96\n") is None
    assert parse_traffic_class("Global tclass=106\ndst_ip=10.0.0.2/32,tclass=96\n") == 106
    assert parse_traffic_class("104") == 104
    assert parse_traffic_class("Global tclass=-1") is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(("pfc", "ets", "apps", "trusted")), anything) | anything)
def test_no_answer_makes_the_parser_fail(answer: object) -> None:
    dcb = parse_dcb(answer)
    assert isinstance(dcb, Dcb)
    assert all(0 <= priority < 8 for priority in dcb.dscp.values())
