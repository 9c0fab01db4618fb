"""Which GID of a port belongs to an address of RoCE v2."""

from mlxtop.sources.kernel.gids import read_gid_index
from mlxtop.system.capture import HEADER
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem


def captured(text: str) -> CapturedSystem:
    return CapturedSystem("test", capture := parse_capture(f"{HEADER}\n{text}"), capture)


def test_the_gid_of_roce_v2_with_the_own_address_is_taken() -> None:
    base = "/sys/class/infiniband/mlx5_0/ports/1"
    rows = [
        ("fe80:0000:0000:0000:0000:0000:0000:0001", "IB/RoCE v1"),
        ("fe80:0000:0000:0000:0000:0000:0000:0001", "RoCE v2"),
        ("0000:0000:0000:0000:0000:ffff:0a00:0002", "IB/RoCE v1"),
        ("0000:0000:0000:0000:0000:ffff:0a00:0002", "RoCE v2"),
    ]
    text = "".join(
        f"{base}/gids/{n} = {gid}\n{base}/gid_attrs/types/{n} = {kind}\n"
        for n, (gid, kind) in enumerate(rows)
    )
    text += f"{base}/gids/4 = 0000\n{base}/gid_attrs/types/4 ! EINVAL\n"
    system = captured(text)
    assert read_gid_index(system, "mlx5_0", 1, "10.0.0.2") == 3
    assert read_gid_index(system, "mlx5_0", 1, "10.9.9.9") == 1
    assert read_gid_index(system, "mlx5_1", 1, "10.0.0.2") is None


def test_without_an_address_the_gid_of_the_tests_own_netdev_is_taken() -> None:
    base = "/sys/class/infiniband/mlx5_0/ports/1"
    text = "".join(
        f"{base}/gids/{n} = fe80::{n}\n{base}/gid_attrs/types/{n} = RoCE v2\n"
        f"{base}/gid_attrs/ndevs/{n} = {netdev}\n"
        for n, netdev in enumerate(("eth0.7", "bond0", "eth0"))
    )
    system = captured(text)
    assert read_gid_index(system, "mlx5_0", 1, None, ("bond0", "eth0")) == 1
    assert read_gid_index(system, "mlx5_0", 1, None, (None, "eth0")) == 2
    assert read_gid_index(system, "mlx5_0", 1, None) == 0
