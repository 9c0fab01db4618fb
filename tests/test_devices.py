"""What the ports of one card and of one cage share."""

from __future__ import annotations

import pytest

from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.module import Identity, Module
from mlxtop.model.sample import Link, PortSample, Temperature
from mlxtop.sampler.devices import _share_asic, _share_modules

CAGE = PortId("0000:01:00.0", 1)
MODULE = Module(Identity(part="X-1"), 41.0)
WHY = {"module": "the driver gives no access", "module_c": "no sensor", "psid": "not told"}


def one(slot: int, cage: PortId | None, module: Module | None, heat: float | None) -> PortSample:
    port = Port(PortId(f"000{slot}:01:00.0", 1), PortKind.PHYSICAL, cage=cage)
    sensors = (Temperature("asic", 60.0, 1.0), Temperature("module", heat, 1.0))
    absent = WHY if module is None else {}
    return PortSample(port, Link(), temperatures=sensors, module=module, absent=absent)


def shared(*samples: PortSample) -> list[PortSample]:
    return list(_share_modules({sample.port.id: sample for sample in samples}).values())


@pytest.mark.parametrize("backwards", [False, True])
def test_the_ports_of_a_cage_show_the_module_that_any_of_them_could_read(backwards: bool) -> None:
    samples = [one(0, CAGE, None, None), one(2, CAGE, MODULE, 44.0)]
    for sample in shared(*(samples[::-1] if backwards else samples)):
        assert sample.module == MODULE
        assert [t.celsius for t in sample.temperatures] == [60.0, 44.0]
        assert "module" not in sample.absent and "module_c" not in sample.absent


def test_other_reasons_stay() -> None:
    first, _ = shared(one(0, CAGE, None, None), one(2, CAGE, MODULE, 44.0))
    assert first.absent == {"psid": "not told"}


@pytest.mark.parametrize("cage", [None, PortId("0003:01:00.0", 1)])
def test_ports_of_other_cages_keep_what_they_have(cage: PortId | None) -> None:
    first, second = one(0, cage, None, None), one(2, CAGE, MODULE, 44.0)
    assert shared(first, second) == [first, second]


def test_every_port_keeps_its_own_module() -> None:
    other = Module(Identity(part="X-2"), 30.0)
    first, second = one(0, CAGE, other, 30.0), one(2, CAGE, MODULE, 44.0)
    assert shared(first, second) == [first, second]


def chip(number: int, celsius: float | None, stale: bool = False) -> PortSample:
    port = Port(PortId(f"0000:01:00.{number}", 1), PortKind.PHYSICAL, adapter="card")
    return PortSample(port, Link(), temperatures=(Temperature("asic", celsius, 1.0, stale=stale),))


@pytest.mark.parametrize("other", [chip(1, None), chip(1, 90.0, stale=True)])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_chips_temperature_is_that_of_a_function_that_answers(
    other: PortSample, backwards: bool
) -> None:
    samples = [chip(0, 55.0), other][:: -1 if backwards else 1]
    found = _share_asic({sample.port.id: sample for sample in samples})
    assert {one.sensor("asic") for one in found.values()} == set(chip(0, 55.0).temperatures)
