"""Modules of simulated machines, read by the product in every way there is: the same numbers."""

from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.module import Module, Quantity
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from mlxtop.sources.module.layouts import ModuleSilent
from mlxtop.sources.module.reader import read_module
from mlxtop.sources.tools.mlxlink import parse_mlxlink
from mlxtop.system.door import Question


def machine(name: str, seconds: float = 20.0) -> LabSystem:
    system = load_lab(name, ManualClock())
    system.wait(seconds, Event())
    return system


def same(one: Module, other: Module) -> None:
    assert one.identity.vendor == other.identity.vendor
    assert one.identity.part == other.identity.part
    assert one.identity.serial == other.identity.serial
    assert one.temperature == pytest.approx(other.temperature, abs=0.51)
    assert len(one.lanes) == len(other.lanes)
    for mine, its in zip(one.lanes, other.lanes, strict=True):
        assert mine.rx_mw == pytest.approx(its.rx_mw, rel=0.01)
        assert mine.tx_mw == pytest.approx(its.tx_mw, rel=0.01)


@pytest.mark.parametrize(("name", "netdev"), [("fry", "enp67s0np0"), ("dgx", "enp48s0f0np0")])
def test_memory_and_text_of_a_module_say_the_same(name: str, netdev: str) -> None:
    system = machine(name)
    memory = read_module(system, netdev)
    told = parse_ethtool_m(system.run(["ethtool", "-m", netdev]).stdout)
    assert told is not None
    same(memory, told)
    for quantity in (Quantity.TEMPERATURE, Quantity.RX_POWER, Quantity.TX_POWER, Quantity.BIAS):
        mine, its = memory.thresholds[quantity], told.thresholds[quantity]
        assert mine.high_alarm == pytest.approx(its.high_alarm, rel=0.01)
        assert mine.low_warning == pytest.approx(its.low_warning, rel=0.01)


@pytest.mark.parametrize(
    ("name", "netdev", "tool", "device"),
    [
        ("fry", "enp67s0np0", "mstlink", "0000:43:00.0"),
        ("dgx", "ibp24s0", "mlxlink", "0000:18:00.0"),
        ("dgx", "enp139s0f1np1", "mlxlink", "0000:8b:00.1"),
    ],
)
@pytest.mark.parametrize("options", [("-m",), ("-m", "--json")])
def test_memory_and_link_tool_say_the_same(
    name: str, netdev: str, tool: str, device: str, options: tuple[str, ...]
) -> None:
    system = machine(name)
    memory = read_module(system, netdev)
    told = parse_mlxlink(system.run([tool, "-d", device, *options]).stdout).module
    assert told is not None
    same(memory, told)


def test_a_dim_lane_is_told_by_its_flag_and_by_its_light() -> None:
    module = read_module(machine("faulty"), "enp101s0f0np0")
    lights = [lane.rx_mw or 0.0 for lane in module.lanes]
    assert lights[2] < min(lights[:2] + lights[3:]) / 5
    assert {(flag.text, flag.lane) for flag in module.flags or ()} == {("rx power low warning", 3)}


def test_a_module_that_answers_with_ff_is_refused() -> None:
    with pytest.raises(ModuleSilent):
        read_module(machine("faulty"), "enp101s0f1np1")


def test_a_copper_cable_has_a_name_and_nothing_to_measure() -> None:
    module = read_module(machine("tiny"), "enp3s0")
    assert module.identity.passive
    assert module.identity.part == "MC2206130-002"
    assert module.temperature is None


def test_flags_of_a_hot_module_stay_until_they_are_read() -> None:
    system = machine("fry", 71.0)
    system.read("/proc/uptime")
    system.wait(60, Event())
    first = read_module(system, "enp67s0np0")
    assert first.temperature is not None
    assert first.temperature < 75
    assert any("temperature high warning" in flag.text for flag in first.flags or ())
    assert not read_module(system, "enp67s0np0").flags


def test_mlx4_gives_a_module_by_the_old_way_only() -> None:
    system = machine("cx3-hp")
    with pytest.raises(OSError):
        system.ask(Question.MODULE_PAGE, "ens2", 0, 0, 0x50, 0, 2)
    assert len(system.ask(Question.MODULE_EEPROM, "ens2")["data"]) == 512
