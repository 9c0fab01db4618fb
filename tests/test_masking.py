"""What names a machine in a capture is hidden everywhere, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.cli import main
from mlxtop.commands.capture import capture
from mlxtop.commands.vocabulary import vocabulary
from mlxtop.system.capture import HEADER, Capture, Node, dump_capture
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.door import Finished, Question, System
from mlxtop.system.masking import mask
from tests.hostile import TEXTS
from tests.test_faults_parsers import seconds_of_cpu

VOCABULARY = vocabulary()


CARD = "/sys/devices/pci0000:40/0000:40:03.0/0000:43:00.0"


MACHINE = f"""{HEADER}
@label pacu.example.org
@root yes
/proc/sys/kernel/hostname = pacu
/proc/self -> 77
/proc/77/comm = mlxtop
/proc/1/comm = systemd
/proc/812/comm = irqbalance
/sys/class/net/enp67s0np0 -> ../..{CARD[4:]}/net/enp67s0np0
/sys/bus/pci/devices/0000:43:00.0 -> ../../..{CARD[4:]}
{CARD}/vendor = 0x15b3
{CARD}/reset ! EACCES
{CARD}/net/enp67s0np0/device -> ../../../0000:43:00.0
{CARD}/net/enp67s0np0/address = b8:ce:f6:12:34:50
{CARD}/net/enp67s0np0/speed ! EINVAL
{CARD}/net/enp67s0np0/queues/rx-0/x = 1
{CARD}/infiniband/mlx5_0/node_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/sys_image_guid = b8ce:f603:0012:3450
{CARD}/infiniband/mlx5_0/node_desc = pacu mlx5_0
{CARD}/empty/
/dev/kmsg:
  | 6,1,1500000,-;mlx5_core 0000:43:00.0: Port module event: module 0, Cable plugged
  |  SUBSYSTEM=pci
  |  DEVICE=+pci:0000:43:00.0
  | 6,2,1600000,-;usb 1-1: SerialNumber: 4C530001
? link-counters = {{"2": [1, 2, 3]}}
? driver-info enp67s0np0 = {{"driver": "mlx5_core"}}
? rings enp67s0np0 ! EOPNOTSUPP
$ mstlink -d 0000:43:00.0 => 1
  | -E- no
  & why
"""


def machine(text: str = MACHINE) -> CapturedSystem:
    parsed = parse_capture(text)
    assert parsed.complaints == []
    return CapturedSystem("file", parsed, parsed)


def outcome(look: Callable[[System], Any], system: System) -> Any:
    """What a look at a machine gives: a value, or an errno."""
    try:
        found = look(system)
    except OSError as error:
        return ("error", error.errno)
    return sorted(found) if isinstance(found, list) else found


LOOKS: list[Callable[[System], Any]] = [
    lambda system: system.list("/sys/class/net"),
    lambda system: system.real("/sys/class/net/enp67s0np0"),
    lambda system: system.real("/sys/class/net/enp67s0np0/device"),
    lambda system: system.link("/sys/class/net/enp67s0np0/device"),
    lambda system: system.read("/sys/class/net/enp67s0np0/address"),
    lambda system: system.read("/sys/class/net/enp67s0np0/speed"),
    lambda system: system.read("/sys/class/net/enp67s0np0/nothing"),
    lambda system: system.read("/sys/bus/pci/devices/0000:43:00.0/vendor"),
    lambda system: system.read("/sys/bus/pci/devices/0000:43:00.0/reset"),
    lambda system: system.list("/sys/class/net/enp67s0np0/device"),
    lambda system: system.list(f"{CARD}/empty"),
    lambda system: system.list(f"{CARD}/vendor"),
    lambda system: system.read("/sys/class/net/enp67s0np0/.."),
    lambda system: system.link(f"{CARD}/vendor"),
    lambda system: system.read("/sys/class/infiniband/mlx5_0/node_guid"),
    lambda system: system.ask(Question.LINK_COUNTERS),
    lambda system: system.ask(Question.DRIVER_INFO, "enp67s0np0"),
    lambda system: system.ask(Question.RINGS, "enp67s0np0"),
    lambda system: system.run(["mstlink", "-d", "0000:43:00.0"]),
    lambda system: system.which("mstlink"),
    lambda system: system.which("mlxlink"),
    lambda system: (system.root, system.label),
]


def everything(system: System) -> None:
    """Read all that the example machine has."""
    for look in LOOKS:
        outcome(look, system)
    for place in ("infiniband/mlx5_0/node_guid", "infiniband/mlx5_0/sys_image_guid"):
        system.read(f"{CARD}/{place}")
    system.read(f"{CARD}/infiniband/mlx5_0/node_desc")
    system.read("/proc/sys/kernel/hostname")


def test_a_masked_capture_names_nobody_but_groups_the_same() -> None:
    text = capture(machine(), everything, mask=True)
    for secret in ("pacu", "example", "12:34:50", "12:3450"):
        assert secret not in text
    kept = parse_capture(text)
    assert kept.complaints == []
    back = CapturedSystem("back", kept, kept)
    assert back.label == "host"
    base = f"{CARD}/infiniband/mlx5_0"
    guid = back.read(f"{base}/node_guid")
    assert guid == back.read(f"{base}/sys_image_guid") == b"b8ce:f603:0000:0001\n"
    assert back.read("/sys/class/net/enp67s0np0/address") == b"b8:ce:f6:00:00:01\n"
    assert back.read(f"{base}/node_desc") == b"host mlx5_0\n"
    assert back.read("/proc/sys/kernel/hostname") == b"host\n"


def masked_text(text: str) -> str:
    whole = Capture(properties={"label": "pacu"})
    whole.add("/x", Node(content=text.encode()))
    content = mask(whole).nodes["/x"].content
    assert content is not None
    return content.decode()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("b8:ce:f6:12:34:50: link up", "b8:ce:f6:00:00:01: link up"),
        ("B8-CE-F6-12-34-50.", "b8-ce-f6-00-00-01."),
        ("00:00:10:49:fe:80:00:00:00:00:00:00:b8:ce:f6:03:00:12:34:52",
         "00:00:10:49:fe:80:00:00:00:00:00:00:b8:ce:f6:03:00:00:00:01"),
        ("fe80:0000:0000:0000:bace:f6ff:fe12:3450", "fe80:0000:0000:0000:bace:f6ff:fe00:0001"),
        ("fe80::bace:f6ff:fe12:3450/64", "fe80::bace:f6ff:fe00:1/64"),
        ("fec0:0001:0002:0003:b8ce:f603:0012:3450", "2001:0db8:0000:0001:b8ce:f603:0000:0001"),
        ("0000:0000:0000:0000:0000:ffff:0a00:0001", "0000:0000:0000:0000:0000:ffff:0a00:0001"),
        ("0000:0000:0000:0000:0000:ffff:0808:0808", "0000:0000:0000:0000:0000:ffff:cb00:7101"),
        ("Node GUID: 0xb8cef60300123450", "Node GUID: 0xb8cef60300000001"),
        ("Base MAC:        b8cef6123450      4", "Base MAC:        b8cef6000001      4"),
        ("enxb8cef6123450 rocexb8cef60300123450", "enxb8cef6000001 rocexb8cef60300000001"),
        ("[SN] Serial number: MT2042X12345 end", "[SN] Serial number: SN1XXXXXXXXX end"),
        ('"Vendor SN": "AB12345678"', '"Vendor SN": "SN1XXXXXXX"'),
        ("on pacu: pacu-2 mlx5", "on host: host-2 mlx5"),
        ("PACU.local root@pacu pacu_x pacus", "host.local root@host host_x pacus"),
        ("BOOTIF=01-b8-ce-f6-12-34-50 ip=dhcp", "BOOTIF=01-b8-ce-f6-00-00-01 ip=dhcp"),
        ("MAC:b8:ce:f6:12:34:50, at b8:ce:f6:12:34:51 aa:bb-cc:dd-ee:ff",
         "MAC:b8:ce:f6:00:00:01, at b8:ce:f6:00:00:02 aa:bb-cc:dd-ee:ff"),
        ("lladdr b8ce.f612.3450, b8cef6123450", "lladdr b8ce.f600.0001, b8cef6000001"),
        ("id_ext=b8cef60300123450,dgid=fe80000000000000b8cef60300123451,pkey=ffff",
         "id_ext=b8cef60300000001,dgid=fe80000000000000b8cef60300000002,pkey=ffff"),
        ("service_id=0xaabbcc0300123450", "service_id=0xaabbcc0300000001"),
        ("0x506b4b0300c7a1e0 0x0000380001ffffff", "0x506b4b0300000001 0x0000380001ffffff"),
        ("S/N: MT2042X12345, serial-number mt2042x12345",
         "S/N: SN1XXXXXXXXX, serial-number SN1XXXXXXXXX"),
        ("SerialNumber=MT2042X12345 (MT2042X12345_1)",
         "SerialNumber=SN1XXXXXXXXX (SN1XXXXXXXXX_1)"),
        ("UUID=4c4c4544-0051-3010-8054-b7c04f4e3332",
         "UUID=00000000-0000-0000-0000-000000000001"),
    ],
)  # fmt: skip
def test_names_are_replaced_in_every_form(text: str, hidden: str) -> None:
    assert masked_text(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "0000:43:00.0", "pci0000:40/0000:40:03.0: limited by 0000:40:03.0 at", "12:34:56",
        "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "0000:0000:0000:0000", "::1", "16.35.3006",
        "fw 28.39.1002 (MT_0000000838)", "Serial number: None", "None", "std::string",
        "[mem 0x0000380000000000-0x0000380001ffffff 64bit pref]", "0x0000000000000001",
    ],
)  # fmt: skip
def test_what_names_nobody_stays(text: str) -> None:
    assert masked_text(text) == text


MAC = "b8:ce:f6:12:34:50"


SPELLINGS = (
    *("b8:ce:f6:12:34:50", "B8:CE:F6:12:34:50", "b8-ce-f6-12-34-50", "b8ce.f612.3450"),
    *("b8cef6123450", "B8CEF6123450", "0xb8cef6123450", "b8_ce_f6_12_34_50", "b8 ce f6 12 34 50"),
    *("0xb8, 0xce, 0xf6, 0x12, 0x34, 0x50", "b8cef60300123450", "b8ce:f603:0012:3450"),
    *("fe80000000000000b8cef60300123450", "bacef6fffe123450", "fe80::bace:f6ff:fe12:3450"),
    *("5034120003f6ceb8", "rdmab8cef6123450", "idb8cef6123450x"),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_that_is_known_is_hidden_in_every_spelling(spelling: str) -> None:
    whole = Capture(properties={"label": "h"})
    whole.add("/sys/class/net/eth0/address", Node(content=f"{MAC}\n".encode()))
    for before in ("", " ", "=", ":", "a", "z", "_", "01-", "MAC", "0", "/x-"):
        for after in ("", " ", ":", "_", "z", ".local", "-eth0"):
            text = f"{before}{spelling}{after}"
            whole.commands["lspci", text] = Finished(0, f"{text}\n", text)
            whole.answers["links", f"{before}{after}"] = [{"name": text}]
    text = dump_capture(mask(whole)).lower()
    digits = "".join(character for character in text if character in "0123456789abcdef")
    assert "123450" not in digits and "503412" not in digits


@pytest.mark.parametrize("size", [1 << 16])
@pytest.mark.parametrize(
    "piece",
    ["a", "b8", "b8:", "b8ce ", ":", " ", "MAC ", "serial ", 'SN="', "1.", "0x", "-", "up "],
)
def test_masking_takes_no_longer_for_text_of_any_kind(piece: str, size: int) -> None:
    with seconds_of_cpu(5):
        masked_text(f"MAC serial {(piece * size)[:size]}!")


@pytest.mark.parametrize("name", ["fry", "pc1", "cafe", "fry.example.org", "node17"])
def test_a_hosts_name_is_hidden_wherever_it_stands(name: str) -> None:
    whole = Capture(properties={"label": name})
    short = name.partition(".")[0]
    forms = (f"{short}-mgmt", f"{short.upper()}.local", f"root@{short}", f"{short}_x", f"({short})")
    whole.add("/proc/cmdline", Node(content=f"{' '.join(forms)}\n".encode()))
    whole.add(f"/sys/class/net/{short}-mgmt/mtu", Node(content=b"1500\n"))
    whole.answers["links",] = [{"name": f"{short}-mgmt", "index": 3}]
    whole.answers["rings", f"{short}-mgmt"] = {"rx": 1}
    whole.commands["ethtool", f"{short}-mgmt"] = Finished(0, f"Settings for {short}-mgmt:\n", "")
    hidden = mask(whole, VOCABULARY)
    assert short not in dump_capture(hidden).lower() and "example" not in dump_capture(hidden)
    assert list(hidden.children("/sys/class/net")) == ["host-mgmt"]
    assert hidden.answers["links",] == [{"name": "host-mgmt", "index": 3}]
    assert hidden.answers["rings", "host-mgmt"] == {"rx": 1}


def test_a_hosts_name_is_hidden_where_it_can_mean_nothing_else() -> None:
    whole = Capture(properties={"label": "up"})
    text = "Nov 28 14:37:01 up kernel: eth0 is up, root@up, hostname=up\n"
    whole.add("/x", Node(content=text.encode()))
    whole.add("/sys/class/infiniband/mlx5_0/node_desc", Node(content=b"up mlx5_0\n"))
    whole.add("/sys/class/net/eth0/operstate", Node(content=b"up\n"))
    hidden = mask(whole, VOCABULARY)
    assert hidden.nodes["/x"].content == (
        b"Nov 28 14:37:01 host kernel: eth0 is up, root@host, hostname=host\n"
    )
    assert hidden.nodes["/sys/class/infiniband/mlx5_0/node_desc"].content == b"host mlx5_0\n"
    assert hidden.nodes["/sys/class/net/eth0/operstate"].content == b"up\n"


COMMON = (
    *("eth", "up", "mlx5", "mlx4", "link", "net", "pci", "core", "rx", "tx", "x8", "x16", "on"),
    *("0000", "43", "1", "00", "b8", "fe80", "sys", "class", "devices", "host", "port", "speed"),
    *("mlx5-core", "infiniband", "active", "full", "none", "auto", "ib", "cpu", "gt", "linux"),
    *("off", "index", "name", "json", "a", "e", "node", "off", "16", "1500", "rate", "iperf3"),
)


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("cx4-x8", ("mlx5", "up", "eth", "link", "43", "x8")),
        *(pytest.param(host, COMMON, marks=pytest.mark.slow) for host in sorted(TEXTS)),
    ],
)
def test_no_hosts_name_makes_a_capture_unreadable(
    host: str, names: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host may be called like anything that kernels and drivers write."""

    def shown(name: str) -> Any:
        whole = parse_capture(TEXTS[host])
        whole.properties["label"] = name
        path = tmp_path / "machine.txt"
        path.write_text(dump_capture(mask(whole, VOCABULARY)))
        assert main(["--root", str(path), "--all", "--once", "--json"]) == 0
        document = _document(capsys.readouterr().out)
        del document["time"]
        return document

    expected = shown("nobodys-name")
    for name in names:
        assert shown(name) == expected, name


def test_addresses_of_peers_are_hidden_in_questions_and_texts_too() -> None:
    whole = Capture()
    whole.answers["sockets",] = [{"local": "10.0.0.2", "remote": "8.8.8.8"}]
    whole.answers["route", "8.8.8.8"] = {"dev": "eth0", "src": "10.0.0.2"}
    whole.commands["ping", "8.8.8.8"] = Finished(0, "64 bytes from 8.8.8.8: ttl 8.8.8.81\n", "")
    hidden = mask(whole)
    assert hidden.answers["route", "203.0.113.1"] == {"dev": "eth0", "src": "10.0.0.2"}
    told = hidden.commands["ping", "203.0.113.1"].stdout
    assert told == "64 bytes from 203.0.113.1: ttl 8.8.8.81\n"


def test_serials_of_files_and_of_vital_product_data_are_known_everywhere() -> None:
    whole = Capture(properties={"label": "h"})
    vpd = b"\x90\x20\x00PN\x07MCX515ASN\x0cMT2042X12345\xffRV\x01\x00"
    whole.add("/sys/bus/pci/devices/0000:43:00.0/vpd", Node(content=vpd))
    whole.add("/sys/class/dmi/id/product_serial", Node(content=b"5RTQX13\n"))
    whole.add("/sys/class/dmi/id/chassis_asset_tag", Node(content=b"1234567890\n"))
    whole.add("/x", Node(content=b"mt2042x12345 5rtqx13_a 5RTQX13 x5RTQX13 1234567890 sn 12345\n"))
    hidden = mask(whole)
    assert hidden.nodes["/sys/bus/pci/devices/0000:43:00.0/vpd"].content == vpd.replace(
        b"MT2042X12345", b"SN1XXXXXXXXX"
    )
    text = (hidden.nodes["/x"].content or b"").decode()
    assert "mt2042x12345" not in text and "1234567890" not in text
    assert text.lower().count("5rtqx13") == 1  # as a part of another word
    assert text.endswith("sn 12345\n")


def test_a_serial_is_hidden_wherever_it_stands() -> None:
    whole = Capture(properties={"label": "h"})
    whole.answers["devlink-info",] = {"pci/0000:43:00.0": {"serial": "MT2042X12345"}}
    whole.commands["lspci",] = Finished(0, "card MT2042X12345\n", "")
    whole.add("/x", Node(content=b"MT2042X12345 MT2042X123456\n"))
    hidden = mask(whole)
    assert hidden.answers["devlink-info",] == {"pci/0000:43:00.0": {"serial": "SN1XXXXXXXXX"}}
    assert hidden.commands["lspci",].stdout == "card SN1XXXXXXXXX\n"
    assert hidden.nodes["/x"].content == b"SN1XXXXXXXXX MT2042X123456\n"


@pytest.mark.parametrize(("kind", "place"), [(0x11, 196), (0x03, 68), (0x18, 166), (0x1E, 166)])
def test_a_modules_serial_is_hidden_in_its_memory(kind: int, place: int) -> None:
    memory = bytearray(range(256))
    memory[0] = kind
    memory[place : place + 16] = b"SERIAL9876      "
    whole = Capture()
    for offset in (0, 128):
        page = memory[offset : offset + 128].hex()
        whole.answers["module-page", "eth0", "0", "0", "80", str(offset), "128"] = page
        whole.answers["module-page", "eth0", "1", "0", "80", str(offset), "128"] = page
    whole.answers["module-eeprom", "eth1"] = {"type": 3, "data": memory.hex()}
    whole.answers["module-page", "eth0", "0", "0", "80", str(place + 4), "2"] = b"AL".hex()
    whole.answers["module-page", "eth2", "0"] = "00"
    whole.answers["module-page", "eth2", "0", "0", "80", "0", "1"] = "zz"
    hidden = mask(whole).answers
    pages = "".join(
        str(hidden["module-page", "eth0", "0", "0", "80", str(offset), "128"])
        for offset in (0, 128)
    )
    expected = memory.copy()
    expected[place : place + 16] = b"SN1XXXXXXX      "
    assert bytes.fromhex(pages) == bytes(expected)
    assert hidden["module-eeprom", "eth1"] == {"type": 3, "data": expected.hex()}
    assert hidden["module-page", "eth0", "0", "0", "80", str(place + 4), "2"] == b"  ".hex()
    assert hidden["module-page", "eth0", "1", "0", "80", "0", "128"] == memory[:128].hex()


def test_the_serial_number_in_the_configuration_space_is_hidden() -> None:
    config = bytearray(4096)
    config[0x100:0x104] = (0x0001 | 0x150 << 20).to_bytes(4, "little")
    config[0x150:0x154] = (0x0003 | 0 << 20).to_bytes(4, "little")
    config[0x154:0x15C] = bytes.fromhex("503412fffff6ceb8")
    whole = Capture()
    whole.add("/sys/bus/pci/devices/0000:43:00.0/config", Node(content=bytes(config)))
    hidden = mask(whole).nodes["/sys/bus/pci/devices/0000:43:00.0/config"].content
    assert hidden is not None
    assert hidden[0x154:0x15C][::-1].hex() == "b8cef6ffff000001"
    assert hidden[:0x154] == config[:0x154]


def test_public_addresses_of_peers_are_hidden_and_private_ones_stay() -> None:
    whole = Capture()
    whole.answers["sockets",] = [{"local": "10.0.0.2", "remote": "8.8.8.8", "inode": 1}]
    assert mask(whole).answers["sockets",] == [
        {"local": "10.0.0.2", "remote": "203.0.113.1", "inode": 1}
    ]


@given(st.binary(min_size=8, max_size=8), st.text(max_size=10), st.sampled_from(":-"))
def test_no_address_survives_in_any_form(octets: bytes, around: str, separator: str) -> None:
    octets = b"\xb8\xce\xf6" + octets[3:7] + b"\x99"
    for form in (octets.hex(":", 2), octets.hex(separator), octets[2:].hex(separator)):
        assert form not in masked_text(f"{around} {form} {around}")
        assert form.upper() not in masked_text(f"{around} {form.upper()}: {around}")


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(list(Question)), st.text(max_size=5), st.sampled_from("01x")),
        JSON,
        max_size=4,
    ),
    st.binary(max_size=300),
    st.text(max_size=30),
)
def test_any_capture_can_be_masked(
    answers: dict[tuple[str, ...], Any], config: bytes, label: str
) -> None:
    whole = Capture(answers=dict(answers), properties={"label": label})
    whole.add("/sys/config", Node(content=config))
    whole.add("/sys/phys_switch_id", Node(content=config))
    hidden = mask(whole)
    json.dumps(list(hidden.answers.values()))


def _document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found
