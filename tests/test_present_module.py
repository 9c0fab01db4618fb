"""A module and its lanes in words."""

from __future__ import annotations

from mlxtop.model.frame import Frame
from mlxtop.model.module import Flag, Module
from mlxtop.model.sample import PortSample
from mlxtop.present.link import link
from mlxtop.present.text import plain
from mlxtop.present.view import View
from mlxtop.watch.heat import HeatWatch
from tests.module_images import IMAGES, decode_eeprom, put, qsfp28
from tests.samples import PACU, ethernet, frame, sample


def page(port: PortSample, tick: float = 30.0) -> str:
    shown = frame(sample(tick, port))
    watch = HeatWatch()
    watch.observe(shown)
    return text(shown, watch)


def text(shown: Frame, watch: HeatWatch | None = None) -> str:
    sections = link(View(shown, PACU.id, heat=watch))
    return "\n".join(plain(row) for section in sections for row in section.lines)


def with_module(module: Module) -> PortSample:
    return ethernet(PACU, 30.0, 0, 0)._replace(module=module)


def test_a_module_is_described_with_every_lane() -> None:
    image = qsfp28()
    put(image, 36, 0)
    put(image, 34, 300)
    module = decode_eeprom(bytes(image))._replace(source="ethtool netlink", tick=18.0)
    shown = page(with_module(module))
    assert "ACME OPTICS AC-Q28-CWDM4 rev 1B" in shown
    assert "100G CWDM4" in shown
    assert "2 km SMF" in shown
    assert "class 4, 3.5 W at most" in shown
    assert "dark" in shown
    assert "-15.23!" in shown
    assert "12 s ago" in shown


def test_flags_that_are_gone_are_seen_since() -> None:
    flags = {Flag("rx loss of signal", 1): 10.0, Flag("rx loss of signal", 3): 10.0}
    module = decode_eeprom(bytes(qsfp28()))._replace(seen=flags, tick=30.0)
    shown = page(with_module(module))
    assert "rx loss of signal on lanes 1, 3" in shown
    assert "not now" in shown


def test_a_refused_value_says_why() -> None:
    image = qsfp28()
    put(image, 22, -1)
    assert "the sensor reads -0.004 °C" in page(with_module(decode_eeprom(bytes(image))))


def test_a_cable_shows_its_length_and_losses() -> None:
    shown = page(with_module(decode_eeprom(bytes(IMAGES["qsfp28-dac"]()))))
    assert "2 m cable" in shown
    assert "13 dB at 7.0GHz" in shown


def test_without_a_module_the_reason_is_told() -> None:
    port = ethernet(PACU, 30.0, 0, 0)._replace(absent={"module": "needs root (CAP_NET_ADMIN)"})
    assert "needs root (CAP_NET_ADMIN)" in page(port)


def test_sent_light_that_is_not_measured_is_a_dash_with_its_reason() -> None:
    image = qsfp28()
    put(image, 50, 0, 0, 0, 0)
    shown = page(with_module(decode_eeprom(bytes(image))))
    assert "does not measure the light that it sends" in " ".join(shown.split())
    assert "dark" not in shown


def test_firmware_and_the_kind_of_received_power_are_shown() -> None:
    module = decode_eeprom(bytes(qsfp28()))
    who = module.identity._replace(firmware="3.11")
    shown = page(with_module(module._replace(identity=who)))
    assert "3.11" in shown
    assert "OMA" in shown


def test_a_lane_that_is_switched_off_bears_no_mark() -> None:
    image = qsfp28()
    for at in (36, 44, 52):
        put(image, at, 0)
    shown = page(with_module(decode_eeprom(bytes(image))))
    assert "dark" in shown
    assert "dark!" not in shown
