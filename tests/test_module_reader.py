"""A module is read at its own pace, as few bytes as needed."""

from __future__ import annotations

import errno

import pytest

from mlxtop.model.module import Flag
from mlxtop.sources.module import reader as reading
from mlxtop.sources.module.reader import ModuleReader, read_module
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, Question
from tests.ethtool_print import dump_of, json_of
from tests.module_bus import Bus
from tests.module_images import IMAGES, decode_eeprom, degrees, put, qsfp28, sfp28


def reader_of(bus: Bus) -> ModuleReader:
    return ModuleReader(bus, "eth0")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", IMAGES)
def test_reading_by_page_gives_what_the_whole_image_gives(kind: str) -> None:
    image = bytes(IMAGES[kind]())
    read = read_module(Bus(image), "eth0")  # type: ignore[arg-type]
    whole = decode_eeprom(image)
    assert (read.identity, read.lanes) == (whole.identity, whole.lanes)
    assert (read.temperature, read.thresholds) == (whole.temperature, whole.thresholds)
    assert read.source == "ethtool netlink"


def test_a_module_is_read_whole_once_and_then_only_what_changes() -> None:
    bus = Bus(bytes(qsfp28()))
    reader = reader_of(bus)
    reader.read()
    assert bus.asked[0][3:] == (0, 2)
    first = len(bus.asked)
    reader.read()
    assert len(bus.asked) == first
    bus.clock += 10.0
    image = qsfp28()
    put(image, 22, *degrees(71.5))
    bus.image = bytes(image)
    module = reader.read().module
    assert module is not None
    assert module.temperature == 71.5
    assert bus.asked[first:] == [(0, 0, 0x50, 2, 56)]


def test_after_an_error_nothing_is_asked_for_a_minute() -> None:
    bus = Bus(bytes(qsfp28()), errno.EIO)
    reader = reader_of(bus)
    answer = reader.read()
    assert answer.module is None
    assert answer.absent is not None
    assert "EIO" in answer.absent
    tries = len(bus.asked)
    bus.clock += 59.0
    reader.read()
    assert len(bus.asked) == tries
    bus.clock += 1.0
    bus.error = None
    assert reader.read().module is not None


def test_a_module_event_ends_the_pause() -> None:
    bus = Bus(bytes(qsfp28()), errno.EIO)
    reader = reader_of(bus)
    reader.read()
    bus.error = None
    reader.forget()
    assert reader.read().module is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.EPERM, "needs root"),
        (errno.EOPNOTSUPP, "no access"),
        (errno.ENODEV, "no module"),
        (errno.ETIMEDOUT, "does not answer"),
    ],
)
def test_the_reason_says_what_would_help(error: int, words: str) -> None:
    absent = reader_of(Bus(b"\x11" * 640, error)).read().absent
    assert absent is not None
    assert words in absent


@pytest.mark.parametrize("image", [b"\xff" * 640, b"\0" * 640, b""])
def test_an_erased_or_missing_memory_is_an_absence(image: bytes) -> None:
    bus = Bus(image or b"\0")
    if not image:
        bus.ask = lambda *_: ""  # type: ignore[method-assign]
    answer = reader_of(bus).read()
    assert answer.module is None
    assert answer.absent


def test_a_watched_run_reads_two_bytes_every_three_seconds_if_the_bus_is_quick() -> None:
    bus = Bus(bytes(qsfp28()))
    reader = reader_of(bus)
    reader.guarded = True
    reader.read()
    before = len(bus.asked)
    bus.clock += 3.0
    reader.read()
    assert bus.asked[before:] == [(0, 0, 0x50, 22, 2)]
    slow = Bus(bytes(qsfp28()))
    slow.delay = 0.05
    reader = reader_of(slow)
    reader.guarded = True
    reader.read()
    before = len(slow.asked)
    slow.clock += 4.0
    reader.read()
    assert len(slow.asked) == before


def test_latched_flags_are_kept_as_seen_since() -> None:
    image = qsfp28()
    image[6] = 0x80
    bus = Bus(bytes(image))
    reader = reader_of(bus)
    reader.read()
    bus.image = bytes(qsfp28())
    bus.clock += 10.0
    module = reader.read().module
    assert module is not None
    assert module.flags == frozenset()
    assert module.seen == {Flag("temperature high alarm"): 100.0}


def test_another_module_in_the_cage_starts_anew() -> None:
    image = qsfp28()
    image[6] = 0x80
    bus = Bus(bytes(image))
    reader = reader_of(bus)
    reader.read()
    bus.image = bytes(sfp28())
    bus.clock += reading.REFRESH
    module = reader.read().module
    assert module is not None
    assert module.identity.part == "AC-SFP28-SR"
    assert module.seen == {}


def test_the_driver_without_pages_is_asked_for_the_whole_image() -> None:
    text = f'mlxtop capture 1\n? module-eeprom eth0 = {{"type": 2, "data": "{sfp28().hex()}"}}\n'
    system = CapturedSystem("x", capture := parse_capture(text), capture)
    module = read_module(system, "eth0")
    assert (module.temperature, module.source) == (38.5, "ethtool ioctl")


def test_a_captured_machine_may_hold_only_what_ethtool_printed() -> None:
    text = (
        "mlxtop capture 1\n$ ethtool -m eth0\n"
        "  | Identifier : 0x03 (SFP)\n  | Module temperature : 40.01 degrees C / 104.02 F\n"
    )
    system = CapturedSystem("x", capture := parse_capture(text), capture)
    module = read_module(system, "eth0")
    assert (module.temperature, module.source) == (40.01, "ethtool -m")


def test_a_driver_without_upper_pages_still_tells_who_and_how_warm() -> None:
    class Mlx4(Bus):
        def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
            if details and details[0] == 3:
                raise OSError(errno.EINVAL, "no such page")
            return super().ask(question, subject, *details)

    bus = Mlx4(bytes(qsfp28()))
    reader = reader_of(bus)
    first = reader.read().module
    bus.clock += 10.0
    second = reader.read().module
    assert first is not None
    assert second is not None
    assert (second.temperature, second.thresholds) == (36.25, {})
    assert first.identity == second.identity


def captured(text: str) -> CapturedSystem:
    capture = parse_capture(f"mlxtop capture 1\n{text}")
    return CapturedSystem("x", capture, capture)


@pytest.mark.parametrize(
    "command", ["ethtool -m eth0", "ethtool -m eth0 hex on", "ethtool --module-info eth0"]
)
def test_bytes_that_a_captured_machine_dumped_are_decoded(command: str) -> None:
    dump = dump_of(bytes(qsfp28())).replace("\n", "\n  | ")
    module = read_module(captured(f"$ {command}\n  | {dump}\n"), "eth0")
    assert (module.identity.part, module.temperature) == ("AC-Q28-CWDM4", 36.25)


@pytest.mark.parametrize("command", ["ethtool -j -m eth0", "ethtool --json -m eth0"])
def test_json_of_a_captured_machine_is_decoded(command: str) -> None:
    module = read_module(captured(f"$ {command}\n  | {json_of(bytes(sfp28()))}\n"), "eth0")
    assert (module.identity.part, module.temperature) == ("AC-SFP28-SR", 38.5)


def test_output_counts_where_the_questions_needed_root() -> None:
    text = "? module-page eth0 0 0 80 0 2 ! EPERM\n$ ethtool -m eth0\n  | Identifier : 0x03 (SFP)\n"
    assert read_module(captured(text), "eth0").identity.identifier == "SFP"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('? module-eeprom eth0 = {"type": 4, "data": "1200"}\n', "0x12 (CXP2)"),
        ("$ ethtool -m eth0\n  | Offset\t\tValues\n  | 0x0000:\t\tff ff\n", "0xff"),
    ],
)
def test_bytes_at_hand_are_never_called_no_access(text: str, words: str) -> None:
    absent = ModuleReader(captured(text), "eth0").read().absent
    assert absent is not None
    assert words in absent


def test_a_module_whose_temperature_becomes_impossible_is_decoded_anew() -> None:
    bus = Bus(bytes(qsfp28()))
    reader = reader_of(bus)
    reader.guarded = True
    reader.read()
    image = qsfp28()
    put(image, 22, 0)
    put(image, 26, 0)
    bus.image = bytes(image)
    bus.clock += 3.0
    module = reader.read().module
    assert module is not None
    assert module.temperature in (None, 0.0)
    bus.clock += 10.0
    module = reader.read().module
    assert module is not None
    assert module.temperature is None
