"""A capture of ConnectX-like devices in a running kernel, read back elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxtop.cli import main
from tests.vm import FOR_OTHERS, in_lab

pytestmark = pytest.mark.vm

SCRIPT = (
    FOR_OTHERS
    + """
$PYTHON -m mlxtop --once --json --delay 0 > /out/live.json
$PYTHON -m mlxtop capture /out/masked.txt
$PYTHON -m mlxtop capture --no-mask /out/plain.txt
cat /sys/class/net/*/address > /out/addresses
setpriv --reuid 65534 --regid 65534 --clear-groups $PYTHON -m mlxtop capture - > /out/nobody.txt
"""
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lab")
    done = in_lab(SCRIPT, options=["-M", "-o", str(out)])
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.mark.parametrize("name", ["masked", "plain", "nobody"])
def test_a_capture_shows_the_machine_that_it_was_made_of(
    lab: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--root", str(lab / f"{name}.txt"), "--once", "--json"]) == 0
    captured: dict[str, Any] = json.loads(capsys.readouterr().out)
    live = json.loads((lab / "live.json").read_text())
    assert len(captured["adapters"]) == len(live["adapters"]) == 3
    for was, now in zip(live["adapters"], captured["adapters"], strict=True):
        for key in ("family", "device_id", "psid", "firmware", "functions", "pcie"):
            assert now[key] == was[key]
        assert now["temperature"]["asic_c"] == pytest.approx(was["temperature"]["asic_c"], abs=2)
        for old, new in zip(was["ports"], now["ports"], strict=True):
            for key in ("id", "netdev", "rdma", "link_layer", "state", "speed_mbps", "source"):
                assert new[key] == old[key]
            assert (new["rx_bytes"] or 0) >= (old["rx_bytes"] or 0)


@pytest.mark.parametrize("name", ["masked", "nobody"])
def test_a_masked_capture_holds_no_address_of_the_machine(lab: Path, name: str) -> None:
    text = (lab / f"{name}.txt").read_text()
    addresses = (lab / "addresses").read_text().split()
    plain = (lab / "plain.txt").read_text()
    found = {address for address in addresses if address in plain and address.strip("0:f")}
    assert len(found) >= 4
    assert not any(address in text for address in found)
