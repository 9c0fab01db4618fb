"""Modules of all three layouts behind a real kernel: the same numbers as the real ethtool's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlxtop.model.module import Module, Quantity, Thresholds
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from tests.vm import in_lab

SCRIPT = r"""
for kind in sfp28 qsfp28 qsfpdd qsfp28-dac; do
  $PYTHON -c '
import sys
from tests.module_images import IMAGES
image = IMAGES[sys.argv[1]]()
if sys.argv[1] == "qsfpdd":
    image[2 * 128 + 160 - 128] = 0x07  # ethtool 6.1 divides by the bias factor, CMIS multiplies
sys.stdout.buffer.write(image)' $kind > /run/$kind
done
for kind in sfp28-sr qsfp28-cwdm4 qsfpdd-dr4; do
  $PYTHON $MLXTOP_LAB/samples/mkeeprom.py $kind /run/lab-$kind
done
cat > /run/look.py <<'P'
import json, subprocess, sys
from mlxtop.sources.module.reader import ModuleReader, explain
from mlxtop.system.local import LocalSystem
system = LocalSystem()
def look(netdev):
    try:
        module = ModuleReader(system, netdev).read_now()
    except OSError as error:
        return {"absent": explain(error)}
    return {
        "source": module.source, "part": module.identity.part, "serial": module.identity.serial,
        "vendor": module.identity.vendor, "temperature": module.temperature,
        "voltage": module.voltage, "flags": sorted(map(str, module.flags or ())),
        "lanes": [[l.rx_mw, l.tx_mw, l.bias_ma] for l in module.lanes],
        "limits": {str(q): t._asdict() for q, t in module.thresholds.items()},
        "wavelength": module.identity.wavelength, "lengths": module.identity.lengths,
        "refused": dict(module.refused),
    }
def said(netdev):
    done = subprocess.run(["ethtool", "-m", netdev], capture_output=True, text=True)
    return done.stdout
def cx(*words):
    subprocess.run(["cx", *words], check=True)
found = {}
mlx5 = "enp7s0np0"
for kind in ("sfp28", "qsfp28", "qsfpdd", "qsfp28-dac", "lab-sfp28-sr", "lab-qsfp28-cwdm4",
             "lab-qsfpdd-dr4"):
    cx("0", "eeprom", f"/run/{kind}")
    found[kind] = {"mlxtop": look(mlx5), "ethtool": said(mlx5)}
cx("0", "eeprom", "/run/qsfp28")
cx("0", "module_temp", "81500")
found["hot"] = {"mlxtop": look(mlx5), "ethtool": said(mlx5)}
cx("0", "eeprom", "ff")
found["ff"] = {"mlxtop": look(mlx5)}
cx("0", "eeprom", "eio")
found["eio"] = {"mlxtop": look(mlx5)}
cx("0", "eeprom", "ok")
cx("3", "eeprom", "/run/sfp28")
found["mlx4"] = {"mlxtop": look("enp9s0"), "ethtool": said("enp9s0")}
cx("3", "eeprom", "/run/qsfp28")
found["mlx4-qsfp"] = {"mlxtop": look("enp9s0")}
for kind, told in found.items():
    print(json.dumps([kind, told]))
P
$PYTHON /run/look.py
$PYTHON -c '
import os
from mlxtop.sources.module.reader import ModuleReader
from mlxtop.system.local import LocalSystem
ModuleReader(LocalSystem(), "enp7s0np0").read()  # what it imports may lie where nobody may not look
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(ModuleReader(LocalSystem(), "enp7s0np0").read().absent)'
"""


@pytest.fixture(scope="module")
def lab() -> tuple[dict[str, Any], str]:
    done = in_lab(SCRIPT)
    assert done.returncode == 0, done.stderr
    *found, unprivileged = done.stdout.strip().splitlines()
    return dict(json.loads(line) for line in found), unprivileged


KINDS = (
    "sfp28",
    "qsfp28",
    "qsfpdd",
    "qsfp28-dac",
    "lab-sfp28-sr",
    "lab-qsfp28-cwdm4",
    "lab-qsfpdd-dr4",
    "hot",
    "mlx4",
)


@pytest.mark.vm
@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_real_ethtool(
    lab: tuple[dict[str, Any], str], kind: str
) -> None:
    mine = lab[0][kind]["mlxtop"]
    told = parse_ethtool_m(lab[0][kind]["ethtool"])
    assert told is not None
    assert mine["part"] == told.identity.part
    assert mine["serial"] == told.identity.serial
    assert mine["vendor"] == told.identity.vendor
    assert mine["wavelength"] == told.identity.wavelength
    same(mine["temperature"], told.temperature, 0.005)
    same(mine["voltage"], told.voltage, 0.0001)
    _same_lanes(mine["lanes"], told)
    assert mine["limits"].keys() == {str(quantity) for quantity in told.thresholds}
    for quantity, limits in told.thresholds.items():
        _same_limits(mine["limits"][str(quantity)], limits)
    quantities = tuple(map(str, Quantity))
    wanted = {str(f) for f in told.flags or () if f.text.startswith(quantities)}
    assert {f for f in mine["flags"] if f.startswith(quantities)} == wanted


def same(mine: float | None, told: float | None, within: float) -> None:
    assert (mine is None) == (told is None)
    if mine is not None:
        assert mine == pytest.approx(told, abs=within)


def _same_lanes(mine: list[list[float | None]], told: Module) -> None:
    lanes = [[lane.rx_mw, lane.tx_mw, lane.bias_ma] for lane in told.lanes]
    # ethtool prints all eight lanes of a CMIS module, also those that it does not have.
    assert len(mine) <= len(lanes)
    for one, other in zip(mine, lanes, strict=False):
        for value, printed in zip(one, other, strict=True):
            same(value, printed, 0.001)


def _same_limits(mine: dict[str, float | None], told: Thresholds) -> None:
    for bound, value in mine.items():
        same(value, getattr(told, bound), 0.006)


@pytest.mark.vm
def test_modules_that_answer_rubbish_or_not_at_all_are_told(
    lab: tuple[dict[str, Any], str],
) -> None:
    assert "0xff" in lab[0]["ff"]["mlxtop"]["absent"]
    assert "not answer" in lab[0]["eio"]["mlxtop"]["absent"]
    old = lab[0]["mlx4-qsfp"]["mlxtop"]
    assert (old["part"], old["temperature"], old["limits"]) == ("AC-Q28-CWDM4", 36.25, {})
    assert lab[0]["qsfp28"]["mlxtop"]["source"] == "ethtool netlink"
    assert "temperature high alarm" in lab[0]["hot"]["mlxtop"]["flags"]
    assert "diagnostics" in lab[0]["qsfp28-dac"]["mlxtop"]["refused"]
    assert "needs root" in lab[1]
