"""Modules, tools and the kernel log in samples."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from threading import Event

import pytest

from mlxtop.model.identity import PortId
from mlxtop.model.incident import IncidentKind
from mlxtop.model.module import Bound, Quantity
from mlxtop.model.sample import PortSample, Sample
from mlxtop.sampler.live import LiveSource
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, Question
from tests.module_images import put, qsfp28, sfp28

TEXT = (Path(__file__).parent / "hosts" / "cx4-x8.txt").read_text()
PORT = PortId("0000:43:00.0", 1)
NETDEV = "enp67s0np0"
ROOT = "@root yes\n"

MSTLINK = f"$ mstlink -d {PORT.device} -m -c --json\n  | " + json.dumps(
    {"result": {"output": {"Physical Counters and BER Info": {"Raw Physical BER": "2E-8"}}}}
)
KMSG = f"""/dev/kmsg:
  | 4,1,7000000,-;mlx5_core {PORT.device}: Port module event: module 0, Cable plugged
  |  SUBSYSTEM=pci
  |  DEVICE=+pci:{PORT.device}
  | 6,2,8000000,-;usb 1-1: new high-speed USB device
"""


def whole(image: bytes) -> str:
    return f'? module-eeprom {NETDEV} = {{"type": 3, "data": "{image.hex()}"}}\n'


def sample(*extra: str, incidents: bool = False) -> Sample:
    capture = parse_capture(TEXT + "".join(extra))
    system = CapturedSystem("pacu", capture, capture)
    source = LiveSource(system, patience=2.0, incidents=incidents)
    try:
        return next(iter(source.samples(Event())))
    finally:
        source.close()


def port_of(found: Sample) -> PortSample:
    return found.ports[PORT]


def test_a_module_comes_with_its_sample_and_brings_its_own_limits() -> None:
    port = port_of(sample(ROOT, whole(bytes(qsfp28()))))
    assert port.module is not None
    assert port.module.identity.part == "AC-Q28-CWDM4"
    sensor = next(t for t in port.temperatures if t.name == "module")
    assert (sensor.warning, sensor.critical) == (70.0, 75.0)
    assert sensor.limits_from == "module's own thresholds"


def test_the_modules_own_sensor_stands_in_where_hwmon_has_none() -> None:
    lines = [line for line in TEXT.splitlines() if "/hwmon" not in line]
    capture = parse_capture("\n".join([*lines, ROOT, whole(bytes(qsfp28())), ""]))
    source = LiveSource(CapturedSystem("pacu", capture, capture), patience=2.0)
    port = port_of(next(iter(source.samples(Event()))))
    source.close()
    sensor = next(t for t in port.temperatures if t.name == "module")
    assert (sensor.celsius, sensor.source) == (36.25, "ethtool ioctl")
    assert "mstflint 4.31" in port.absent["asic_c"]


def test_without_root_the_module_says_what_root_would_add() -> None:
    port = port_of(sample(f"? module-page {NETDEV} 0 0 80 0 2 ! EPERM\n"))
    assert port.module is None
    assert "root" in port.absent["module"]


def test_a_refused_sensor_says_why() -> None:
    image = qsfp28()
    put(image, 22, -1)
    port = port_of(sample(ROOT, whole(bytes(image))))
    assert "-0.004" in port.absent["module_c"]
    assert port.module is not None
    assert port.module.voltage == 3.28


def test_the_firmwares_own_report_is_part_of_the_sample() -> None:
    port = port_of(sample(ROOT, MSTLINK + "\n"))
    assert port.report is not None
    assert port.report.raw_ber == 2e-8
    assert "neither mstlink nor mlxlink" in port_of(sample(ROOT)).absent["report"]
    assert "needs root" in port_of(sample(MSTLINK + "\n")).absent["report"]


def test_incidents_come_once_and_only_those_of_the_cards() -> None:
    found = sample(KMSG, incidents=True)
    assert [(i.kind, i.device, i.tick) for i in found.incidents] == [
        (IncidentKind.MODULE_PLUGGED, PORT.device, 7.0)
    ]
    assert sample(KMSG).incidents == ()


def test_a_kernel_log_that_may_not_be_read_is_told() -> None:
    found = sample("/dev/kmsg ! EPERM\n", incidents=True)
    assert found.incidents == ()
    assert found.absent["kernel_log"] == "needs root"


class Plugged(CapturedSystem):
    """A machine whose module can be changed, with a clock."""

    captured = False

    def __init__(self) -> None:
        capture = parse_capture(TEXT + ROOT)
        super().__init__("pacu", capture, capture)
        self.time = 100.0
        self.image = bytes(qsfp28())
        self.asked = 0
        self.hang = Event()
        self.hanging = False

    def now(self) -> float:
        return self.time

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        if question is Question.MODULE_PAGE:
            raise OSError(errno.EOPNOTSUPP, "no")
        if question is Question.MODULE_EEPROM:
            self.asked += 1
            if self.hanging:
                self.clock.wait(None, self.hang)
            return {"data": self.image.hex()}
        return super().ask(question, subject, *details)


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


def test_another_module_is_noticed_after_its_event(plugged: Plugged) -> None:
    source = LiveSource(plugged, patience=2.0)
    first = port_of(source.take()).module
    plugged.image = bytes(sfp28())
    plugged.time += 4.0
    same = port_of(source.take()).module
    for readers in source._devices.readers.values():
        readers.memory.forget()
    plugged.time += 4.0
    other = port_of(source.take()).module
    source.close()
    assert first is not None
    assert same is not None
    assert other is not None
    assert first.identity == same.identity
    assert other.identity.part == "AC-SFP28-SR"


def test_a_module_that_hangs_stops_nothing_else_and_is_asked_once(plugged: Plugged) -> None:
    source = LiveSource(plugged, patience=0.3)
    plugged.hanging = True
    first = source.take()
    for _ in range(3):
        plugged.time += 10.0
        last = source.take()
    assert plugged.asked == 1
    assert port_of(first).readings.keys() == port_of(last).readings.keys()
    assert any("module" in problem.subject for problem in last.problems)
    plugged.hang.set()
    source.close()


def test_power_beyond_its_limits_is_a_crossing() -> None:
    image = qsfp28()
    put(image, 34, 0.03 * 10_000)
    module = port_of(sample(ROOT, whole(bytes(image)))).module
    assert module is not None
    assert module.crossings(Quantity.RX_POWER)[0] is Bound.LOW_ALARM


def test_an_infiniband_port_says_that_only_a_tool_could_read_its_module() -> None:
    text = (Path(__file__).parent / "hosts" / "cx3-vpi.txt").read_text()
    capture = parse_capture(text)
    source = LiveSource(CapturedSystem("tiny", capture, capture), patience=2.0)
    found = next(iter(source.samples(Event())))
    source.close()
    absent = found.ports[PortId("0000:01:00.0", 1)].absent
    assert "no Ethernet device to ask" in absent["module"]
    assert "4.25" in absent["asic_c"]


def test_a_sensor_that_never_answered_says_so() -> None:
    hang = Event()

    class Hanging(Plugged):
        def read(self, path: str) -> bytes:
            if "/hwmon" in path and path.endswith("_input"):
                self.clock.wait(None, hang)
            return super().read(path)

    system = Hanging()
    source = LiveSource(system, patience=0.3)
    source.take()
    system.time += 10.0
    port = port_of(source.take())
    hang.set()
    source.close()
    assert "has not answered" in port.absent["asic_c"]
