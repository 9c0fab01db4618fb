"""Decoding and reading of pluggable modules."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.module import Bound, Flag, Lane, Module, Quantity, Thresholds, dbm
from mlxtop.sources.module import reader as reading
from mlxtop.sources.module.memory import Memory
from mlxtop.sources.module.reader import ModuleReader, ModuleSilent, decode_eeprom, read_module
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Answer, Question
from tests.module_images import IMAGES, degrees, put, qsfp28, qsfpdd, sfp28


def lanes(module: Module, quantity: Quantity) -> list[float | None]:
    return [None if v is None else round(v, 4) for v in module.values(quantity)]


def test_an_sfp28_is_decoded() -> None:
    module = decode_eeprom(bytes(sfp28()))
    who = module.identity
    assert (who.identifier, who.vendor, who.part) == ("SFP", "ACME OPTICS", "AC-SFP28-SR")
    assert (who.serial, who.revision, who.date) == ("AC28A00001", "A1", "240412")
    assert who.types == ("100GBASE-SR4 or 25GBASE-SR",)
    assert (who.connector, who.wavelength, who.power_class) == ("LC", 850.0, 2)
    assert who.lengths == {"OM2": 20.0, "OM4": 100.0, "OM3": 70.0}
    assert (module.temperature, module.voltage) == (38.5, 3.31)
    assert module.lanes == (Lane(0.6918, 0.8128, 6.8),)
    assert module.thresholds[Quantity.TEMPERATURE] == Thresholds(78, -13, 73, -8)
    assert module.thresholds[Quantity.BIAS] == Thresholds(12, 2, 11, 3)
    assert module.flags == frozenset()


def test_a_qsfp28_is_decoded() -> None:
    module = decode_eeprom(bytes(qsfp28()))
    who = module.identity
    assert (who.identifier, who.part, who.serial) == ("QSFP28", "AC-Q28-CWDM4", "AC28C00001")
    assert who.types == ("100G CWDM4",)
    assert (who.technology, who.wavelength) == ("1310 nm DFB", 1301.0)
    assert (who.power_class, who.max_power, who.passive) == (4, 3.5, False)
    assert who.lengths == {"SMF": 2000.0}
    assert module.temperature == 36.25
    assert lanes(module, Quantity.RX_POWER) == [0.8318, 0.7762, 0.8913, 0.7244]
    assert lanes(module, Quantity.BIAS) == [41.2, 40.8, 42.0, 41.5]
    assert module.thresholds[Quantity.RX_POWER] == Thresholds(2.2387, 0.0355, 1.7783, 0.0708)
    assert module.imbalance(Quantity.RX_POWER) == pytest.approx(0.9, abs=0.01)


def test_a_cmis_module_is_decoded_with_the_lanes_it_has() -> None:
    module = decode_eeprom(bytes(qsfpdd()))
    who = module.identity
    assert (who.identifier, who.part, who.serial) == ("QSFP-DD", "AC-QDD-DR4", "ACDD400001")
    assert who.types == ("400GAUI-8 C2M / 400GBASE-DR4", "100GAUI-2 C2M / 100GBASE-DR")
    assert (who.connector, who.technology) == ("MPO 1x12", "1310 nm EML")
    assert (who.power_class, who.max_power, who.lengths) == (6, 11.0, {"SMF": 500.0})
    assert (module.temperature, module.state) == (47.25, "ready")
    assert lanes(module, Quantity.TX_POWER) == [1.349, 1.2882, 1.3804, 1.2303]
    assert lanes(module, Quantity.BIAS) == [78.0, 79.5, 77.2, 78.8]
    assert module.thresholds[Quantity.BIAS] == Thresholds(120, 20, 110, 30)


def test_a_passive_cable_has_a_name_and_no_diagnostics() -> None:
    module = decode_eeprom(bytes(IMAGES["qsfp28-dac"]()))
    assert module.identity.passive
    assert module.identity.lengths == {"cable": 2.0}
    assert module.identity.attenuation == {"2.5GHz": 7, "5GHz": 10, "7GHz": 13, "12.9GHz": 18}
    assert not module.has_diagnostics
    assert "passive cable" in module.refused["diagnostics"]


def test_flags_are_named_by_quantity_and_lane() -> None:
    image = qsfp28()
    image[3] = 0x24
    image[6], image[9], image[12] = 0xA0, 0x04, 0x10
    assert decode_eeprom(bytes(image)).flags == frozenset(
        {
            Flag("tx loss of signal", 2),
            Flag("rx loss of signal", 3),
            Flag("temperature high alarm"),
            Flag("temperature high warning"),
            Flag("rx power low alarm", 2),
            Flag("bias low warning", 3),
        }
    )
    sfp = sfp28()
    sfp[256 + 112], sfp[256 + 117], sfp[256 + 110] = 0x80, 0x40, 0x02
    assert decode_eeprom(bytes(sfp)).flags == frozenset(
        {
            Flag("temperature high alarm"),
            Flag("rx power low warning"),
            Flag("rx loss of signal", 1),
        }
    )
    cmis = qsfpdd()
    cmis[9], cmis[128 * 5 + 148 - 128 + 0] = 0x04, 0x02
    cmis[128 * 5 + 150 - 128] = 0x04
    assert decode_eeprom(bytes(cmis)).flags == frozenset(
        {
            Flag("temperature high warning"),
            Flag("rx loss of lock", 2),
            Flag("rx power low alarm", 3),
        }
    )


@pytest.mark.parametrize("raw", [-1, 32_767, -32_768])
@pytest.mark.parametrize(("kind", "at"), [("sfp28", 256 + 96), ("qsfp28", 22), ("qsfpdd", 14)])
def test_impossible_temperatures_are_refused_with_a_reason(kind: str, at: int, raw: int) -> None:
    image = IMAGES[kind]()
    put(image, at, raw)
    module = decode_eeprom(bytes(image))
    assert module.temperature is None
    assert "°C" in module.refused["temperature"]
    assert module.voltage is not None


@pytest.mark.parametrize("limits", [(60, 70, 55, 0), (0, 0, 0, 0), (70, 0, 75, 5), (80, 0, 10, 60)])
def test_inverted_and_empty_limits_are_refused(limits: tuple[float, ...]) -> None:
    image = qsfp28()
    put(image, 3 * 128 + 128, *degrees(*limits))
    module = decode_eeprom(bytes(image))
    assert Quantity.TEMPERATURE not in module.thresholds
    assert "make no sense" in module.refused["temperature limits"]
    assert Quantity.VOLTAGE in module.thresholds


@pytest.mark.parametrize("first", [0x00, 0xFF, 0x77])
def test_what_is_no_module_is_refused(first: int) -> None:
    with pytest.raises(ModuleSilent):
        decode_eeprom(bytes([first]) * 640)


def test_an_erased_diagnostics_page_is_refused() -> None:
    module = decode_eeprom(bytes(sfp28()[:256]) + b"\xff" * 256)
    assert not module.has_diagnostics
    assert "0xff" in module.refused["diagnostics"]


def test_a_dark_lane_has_zero_milliwatts_and_no_dbm() -> None:
    image = qsfp28()
    put(image, 36, 0)
    lane = decode_eeprom(bytes(image)).lanes[1]
    assert lane.rx_mw == 0.0
    assert lane.rx_dbm is None
    assert dbm(0.5) == pytest.approx(-3.01, abs=0.01)


def test_external_calibration_is_applied() -> None:
    image = sfp28()
    image[92] = 0x58
    put(image, 256 + 84, 2 * 256, 256)
    put(image, 256 + 88, 256, 0)
    put(image, 256 + 76, 256, 0, 256, 0)
    image[256 + 64 + 4 : 256 + 64 + 8] = bytes.fromhex("40000000")
    module = decode_eeprom(bytes(image))
    assert module.temperature == 78.0
    assert module.voltage == 3.31
    assert module.lanes[0].rx_mw == pytest.approx(2 * 0.6918)


@pytest.mark.parametrize(
    ("value", "bound"),
    [(80, Bound.HIGH_ALARM), (75, Bound.HIGH_ALARM), (71, Bound.HIGH_WARNING), (30, None)],
)
def test_the_worst_crossed_limit_counts(value: float, bound: Bound | None) -> None:
    assert Thresholds(75, -5, 70, 0).crossed(value) is bound


@given(
    st.sampled_from([0x03, 0x0D, 0x11, 0x18, 0x1E]),
    st.binary(max_size=800),
    st.sampled_from([b"", b"\xff", b"\0"]),
)
def test_no_bytes_make_a_decoder_raise(first: int, data: bytes, filler: bytes) -> None:
    image = bytes([first]) + data + filler * 300
    module = decode_eeprom(image)
    assert module.temperature is None or -40 <= module.temperature <= 150


class Bus:
    """A machine that answers module questions from an image, and counts them."""

    demo = captured = False
    root = True
    label = "bus"

    def __init__(self, image: bytes, error: int | None = None) -> None:
        self.image = image
        self.error = error
        self.asked: list[tuple[int, ...]] = []
        self.clock = 100.0
        self.delay = 0.0

    def now(self) -> float:
        return self.clock

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        if question is not Question.MODULE_PAGE:
            raise OSError(errno.EOPNOTSUPP, "no")
        self.asked.append(details)
        self.clock += self.delay
        if self.error is not None:
            raise OSError(self.error, "injected")
        page, _bank, address, offset, length = details
        at = offset + 128 * page
        if self.image[0] == 0x03:
            at = offset + (256 if address == 0x51 else 0)
        elif self.image[0] == 0x18 and page == 0x11:
            at = 128 * 4 + offset
        return bytes(self.image[at : at + length]).hex()


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


def test_bytes_that_were_not_read_are_unknown() -> None:
    memory = Memory(b"\x11\x07", 0)
    assert memory.u16(1) is None
    assert memory.text(2, 4) is None
    assert memory.bit(9, 1) is None


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
