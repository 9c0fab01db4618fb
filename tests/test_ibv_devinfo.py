"""The limits of RDMA devices, from ibv_devinfo."""

from __future__ import annotations

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.sources.tools.ibv_devinfo import parse_limits, read_limits

# ibv_devinfo -v of rdma-core 44, shortened
TEXT = """hca_id:\tmlx5_0
\ttransport:\t\t\tInfiniBand (0)
\tmax_mr_size:\t\t\t0xffffffffffffffff
\tmax_qp:\t\t\t\t262144
\tmax_qp_wr:\t\t\t32768
\tmax_cq:\t\t\t\t16777216
\tmax_cqe:\t\t\t4194303
\tmax_mr:\t\t\t\t16777216
\tmax_pd:\t\t\t\t16777216
\tmax_srq:\t\t\t8388608
\tmax_srq_wr:\t\t\t32767
"""


def test_limits_are_those_of_objects_alone() -> None:
    assert parse_limits(TEXT) == {
        "qp": 262144,
        "cq": 16777216,
        "mr": 16777216,
        "pd": 16777216,
        "srq": 8388608,
    }
    assert parse_limits("Failed to open device") == {}


def test_a_device_is_asked_by_its_name() -> None:
    dgx = load_lab("dgx", ManualClock())
    assert read_limits(dgx, "mlx5_0")["qp"] == 131072
    with pytest.raises(OSError, match="No IB devices found"):
        read_limits(dgx, "mlx5_9")


def test_without_the_tool_its_package_is_named() -> None:
    with pytest.raises(OSError, match="apt install ibverbs-utils"):
        read_limits(load_lab("pacu", ManualClock()), "mlx5_0")
