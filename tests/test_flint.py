"""What mstflint and flint print of a flash, and the label of a board, are understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.flash import Flash, Vpd
from mlxtop.sources.kernel.vpd import parse_vpd
from mlxtop.sources.tools.flint import numbers, parse_query
from mlxtop.sources.tools.fwmanager import parse_report
from tests.test_mstconfig import CAPTURES, captured, expected

FS2 = """Image type:            FS2
FW Version:            2.42.5000
FW Version(Running):   2.35.5100
FW Release Date:       5.9.2017
MIC Version:           2.0.0
Config Sectors:        1
PRS Name:              cx3-1_MCX311A.prs
Product Version:       02.42.50.00
Rom Info:              type=PXE version=3.4.752
Device ID:             4099
Description:           Node             Port1            Port2            Sys image
GUIDs:                 0002c9030012ab40 0002c9030012ab41 0002c9030012ab42 0002c9030012ab43
MACs:                                       0002c912ab40     0002c912ab41
VSD:
PSID:                  MT_1170110023
"""
FS4 = """Image type:            FS4
FW Version:            20.35.1012
FW Release Date:       28.10.2022
Product Version:       20.35.1012
Rom Info:              type=UEFI version=14.28.15 cpu=AMD64,AARCH64
                       type=PXE version=3.6.804 cpu=AMD64
Description:           UID                GuidsNumber
Base GUID:             0002c90300ab1234        8
Base MAC:              0002c9ab1234            8
Image VSD:             N/A
Device VSD:            N/A
PSID:                  MT_2420110034
Orig PSID:             HUA0000000001
Security Attributes:   secure-fw, dev
"""


def test_an_image_of_connectx_3_with_another_version_running() -> None:
    flash = parse_query(FS2)
    assert (flash.image, flash.version, flash.running) == ("FS2", "2.42.5000", "2.35.5100")
    assert (flash.date, flash.psid, flash.original_psid) == ("5.9.2017", "MT_1170110023", None)
    assert flash.roms == ("PXE 3.4.752",)
    assert len(flash.guids) == 4 and flash.macs == ("0002c912ab40", "0002c912ab41")
    assert flash.more["PRS Name"] == "cx3-1_MCX311A.prs"
    assert not flash.blank


def test_an_image_of_connectx_6_whose_psid_was_another_one() -> None:
    flash = parse_query(FS4)
    assert (flash.psid, flash.original_psid) == ("MT_2420110034", "HUA0000000001")
    assert flash.roms == ("UEFI 14.28.15 (AMD64,AARCH64)", "PXE 3.6.804 (AMD64)")
    assert (flash.guids, flash.macs) == (("0002c90300ab1234",), ("0002c9ab1234",))
    assert flash.security == "secure-fw, dev"
    assert flash.more == {}


def test_not_available_and_blank_are_no_values() -> None:
    flash = parse_query(
        "Orig PSID:    N/A\nSecurity Attributes:   N/A\n"
        "GUIDs:   ffffffffffffffff ffffffffffffffff\nMACs:    ffffffffffff"
    )
    assert flash == Flash(blank=True)


MANAGER = """Querying Mellanox devices firmware ...

Device #1:
----------

  Device Type:      ConnectX3Pro
  Part Number:      764285-B21_Ax
  Description:      A 2-port adapter
  PSID:             HP_1380110017
  PCI Device Name:  mt4103_pci_cr0
  Port1 GUID:       0002c903000d0801
  Port2 MAC:        0002c90d0802
  Versions:         Current        Available
     FW             2.42.5700      2.42.5700
     FW (Running)   2.42.5016      N/A
     PXE            3.4.0754       3.4.0754
     UEFI           N/A            14.11.0049

  Status:           Up to date
"""


def test_a_report_of_the_firmware_manager() -> None:
    one, two = parse_report(MANAGER + MANAGER.replace("#1", "#2").partition("\n")[2])
    assert one == two
    assert (one.version, one.running, one.psid) == ("2.42.5700", "2.42.5016", "HP_1380110017")
    assert (one.roms, one.guids, one.macs) == (
        ("PXE 3.4.0754",),
        ("0002c903000d0801",),
        ("0002c90d0802",),
    )
    assert one.more["Part Number"] == "764285-B21_Ax"


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    parse_query(text)
    parse_report(f"Device #1:{text}")
    numbers(text)


@pytest.mark.parametrize("text", ["", "12.x", "12.28.", "-1.2", "1.²"])
def test_what_is_no_version(text: str) -> None:
    assert numbers(text) is None


def vpd(name: bytes, *fields: tuple[bytes, bytes]) -> bytes:
    body = b"".join(key + bytes((len(value),)) + value for key, value in fields)
    head = b"\x82" + len(name).to_bytes(2, "little") + name
    return head + b"\x90" + len(body).to_bytes(2, "little") + body + b"\x78"


def test_the_label_of_a_board() -> None:
    data = vpd(b"A card", (b"PN", b"MCX1 "), (b"SN", b"MT1\0"), (b"V3", b"x"), (b"RV", b"\x01"))
    assert parse_vpd(data) == Vpd("A card", "MCX1", "MT1", None, {"V3": "x"})


@given(st.binary(max_size=60))
def test_any_bytes_are_a_label_that_says_less(data: bytes) -> None:
    parse_vpd(data)
    parse_vpd(b"\x90\xff\x00" + data)


@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_every_captured_query_is_read_to_its_facts() -> None:
    facts = {name: fact for name, fact in expected("flint/").items() if "image_type" in fact}
    assert len(facts) >= 3
    for name, fact in facts.items():
        flash = parse_query(captured(name))
        found = (flash.image, flash.version, flash.running, flash.psid)
        keys = ("image_type", "fw_version", "running_fw", "psid")
        assert found == tuple(fact.get(key) for key in keys), name
        macs = fact.get("macs") or [fact["base_mac"]]
        assert list(flash.macs) == macs, name
        for rom, text in zip(fact.get("rom", ()), flash.roms, strict=True):
            assert text.startswith(f"{rom['type']} {rom['version']}"), name


@pytest.mark.skipif(not CAPTURES, reason="MLXTOP_CAPTURES names no folder")
def test_every_captured_report_is_read_to_its_facts() -> None:
    facts = {name: fact for name, fact in expected("flint/").items() if "devices" in fact}
    assert len(facts) >= 3
    for name, fact in facts.items():
        found = parse_report(captured(name))
        assert len(found) == len(fact["devices"]), name
        for flash, device in zip(found, fact["devices"], strict=True):
            assert flash.psid == device["psid"] and flash.version == device["fw"]["current"]
            assert flash.running == device["fw"].get("running")
            assert flash.more["Part Number"] == device["part"]
            macs = [device[key] for key in ("base_mac", "port2_mac") if key in device]
            assert set(macs) <= set(flash.macs), name
