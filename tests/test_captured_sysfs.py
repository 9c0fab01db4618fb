"""Trees of real machines that hold /sys/class/infiniband alone, served as captured machines."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlxtop.cli import main

pytestmark = pytest.mark.captures

FAMILIES = {"MT4129": "ConnectX-7", "MT41692": "BlueField-3 (ConnectX-7)", "MT4099": "ConnectX-3"}
SPEEDS = {
    "400 Gb/sec (4X NDR)": 400_000,
    "40 Gb/sec (4X QDR)": 32_000,
    "100 Gb/sec (4X EDR)": 100_000,
}


@pytest.fixture
def captures() -> Path:
    place = os.environ.get("MLXTOP_CAPTURES")
    if not place:
        pytest.skip("MLXTOP_CAPTURES does not name the folder of captured outputs")
    return Path(place)


@pytest.mark.parametrize(
    "name",
    [
        "gpud-h100-mlx5-ndr-and-bond",
        "node-exporter-i40iw-no-pma",
        "procfs-hfi1-opa-not-mellanox",
        "procfs-mlx4-qdr-2port",
    ],
)
def test_every_port_of_the_tree_is_shown_with_its_facts(
    name: str, captures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads((captures / "EXPECTED.json").read_text())[f"sysfs/{name}/"]["devices"]
    root = str(captures / "sysfs" / name)
    assert main(["--root", root, "--all", "--once", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["problems"] == []
    shown = {port["id"]: (one, port) for one in document["adapters"] for port in one["ports"]}
    assert set(shown) == {
        f"{device}/{number}" for device, facts in expected.items() for number in facts["ports"]
    }
    for device, facts in expected.items():
        for number, port in facts["ports"].items():
            _check(*shown[f"{device}/{number}"], facts, port)


def _check(adapter: Any, shown: Any, facts: Any, port: Any) -> None:
    assert adapter["family"] == FAMILIES.get(facts.get("hca_type"))
    if adapter["family"]:
        assert (adapter["psid"], adapter["firmware"]) == (facts["board_id"], facts["fw_ver"])
    assert shown["link_layer"] == port["link_layer"]
    assert shown["phys_state"] == port["phys_state"].partition(": ")[2]
    assert shown["state"] == "up"
    if port["link_layer"] == "InfiniBand":
        _check_infiniband(shown, port)
    else:
        # On Ethernet `rate` is no speed, and the counters are this function's RDMA alone.
        assert shown["speed_mbps"] is None


def _check_infiniband(shown: Any, port: Any) -> None:
    if port["rate"] in SPEEDS:
        assert shown["speed_mbps"] == SPEEDS[port["rate"]]
    for key, column in (("rx_bytes", "port_rcv_data"), ("tx_bytes", "port_xmit_data")):
        known = isinstance(port[column], int)
        assert shown[key] == (port[column] * 4 if known else None)
        assert known or shown["absent"][key]
    for counter in ("symbol_error", "port_rcv_errors", "link_downed", "port_xmit_wait"):
        known = isinstance(port[counter], int)
        assert shown["errors"].get(counter) == (port[counter] if known else None)


def test_two_of_them_are_not_mellanox_and_need_all(
    captures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("node-exporter-i40iw-no-pma", "procfs-hfi1-opa-not-mellanox"):
        assert main(["--root", str(captures / "sysfs" / name), "--once"]) == 1
        assert "--all" in capsys.readouterr().err
