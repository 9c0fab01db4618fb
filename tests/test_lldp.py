"""LLDP neighbours: as lldpcli and networkctl print them, and what hostile ones might say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.ends.match import MatchedBy, Matches, Surety
from mlxtop.ends.matching import match
from mlxtop.lab import ManualClock, load_joined, load_lab
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.lldp import LONGEST_TEXT, MOST_NEIGHBOURS, LldpNeighbour, mac_of
from mlxtop.model.machine import SeenMachine
from mlxtop.model.sample import Slow
from mlxtop.recording.mask import SampleMask
from mlxtop.sources.tools import lldp
from mlxtop.sources.tools.lldp import (
    parse_lldpcli,
    parse_networkctl,
    parse_networkctl_json,
    read_lldp,
)
from mlxtop.system.capture import Capture
from mlxtop.system.door import Finished
from mlxtop.system.masking import mask
from tests.ends import MAC, PORT, A, B, End, joined, pair

P0 = Port(PortId("0000:43:00.0", 1), PortKind.PHYSICAL, netdev="p0")
SWITCH = LldpNeighbour("94:8e:d3:5a:61:77", "leaf1", None, True, "Eth1/5")


def entry(device: str = "p0", via: str = "LLDP", name: str = "leaf1") -> dict[str, object]:
    """An interface of `lldpcli -f json0 show neighbors details` (lldpd 1.0.16)."""
    return {
        "name": device,
        "via": via,
        "rid": "1",
        "age": "0 day, 00:00:03",
        "chassis": [
            {
                "id": [{"type": "mac", "value": "94:8e:d3:5a:61:77"}],
                "name": [{"value": name}],
                "descr": [{"value": "SONiC\n202405"}],
                "mgmt-ip": [{"value": "fe80::1"}],
                "capability": [
                    {"type": "Bridge", "enabled": True},
                    {"type": "Station", "enabled": False},
                ],
            }
        ],
        "port": [
            {
                "id": [{"type": "ifname", "value": "Eth1/5"}],
                "descr": [{"value": "to rack 3"}],
                "ttl": [{"value": "120"}],
                "mfs": [{"value": "9216"}],
                "power": [
                    {
                        "supported": True,
                        "enabled": True,
                        "device-type": [{"value": "PSE"}],
                        "class": [{"value": "class 3"}],
                        "allocated": [{"value": "15000"}],
                    }
                ],
            }
        ],
        "vlan": [
            {"vlan-id": "7", "pvid": False, "value": "storage"},
            {"vlan-id": "40", "pvid": True, "value": "v40"},
        ],
    }


def document(*entries: object) -> str:
    return json.dumps({"lldp": [{"interface": list(entries)}]})


class Machine:
    """A machine that has some programs."""

    def __init__(self, answers: Mapping[str, Finished], root: bool = True) -> None:
        self.answers = answers
        self.root = root
        self.asked: list[Sequence[str]] = []

    def which(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if any(name == line.split()[0] for line in self.answers) else None

    def run(self, argv: Sequence[str], timeout: float) -> Finished:
        self.asked.append(argv)
        return self.answers[" ".join(argv)]


def test_a_switch_says_its_name_port_vlan_frame_size_and_power() -> None:
    ((device, one),) = parse_lldpcli(document(entry()))
    assert device == "p0"
    assert one == LldpNeighbour(
        "94:8e:d3:5a:61:77",
        "leaf1",
        "SONiC 202405",
        True,
        "Eth1/5",
        "to rack 3",
        40,
        9216,
        "gives 15.0 W, class 3",
        "lldpcli",
    )


def test_other_protocols_are_left_out_and_an_empty_answer_is_nobody() -> None:
    assert list(parse_lldpcli(document(entry(via="CDPv2")))) == []
    assert list(parse_lldpcli('{"lldp": [{}]}')) == []


def test_a_neighbour_that_says_little_is_unknown_and_not_zero() -> None:
    bare = {"name": "p0", "via": "LLDP", "chassis": [{}], "port": [{}]}
    assert [one for _, one in parse_lldpcli(document(bare))] == [LldpNeighbour(source="lldpcli")]


SYSTEMD = {
    "Neighbors": [
        {
            "InterfaceIndex": 2,
            "InterfaceName": "p0",
            "InterfaceAlternativeNames": [],
            "Neighbors": [
                {
                    "ChassisID": "94:8e:d3:5a:61:77",
                    "RawChassisID": [4, 148],
                    "PortID": "Eth1/5",
                    "RawPortID": [5, 69],
                    "PortDescription": "to rack 3",
                    "SystemName": "leaf1",
                    "EnabledCapabilities": 20,
                    "VlanID": 40,
                }
            ],
        }
    ]
}
TABLES = (
    "LINK CHASSIS ID        SYSTEM NAME CAPS        PORT ID PORT DESCRIPTION\n"
    "p0   94:8e:d3:5a:61:77 leaf1       ..b.r...... Eth1/5  to rack 3\n"
    "\nCapability Flags:\no - Other; p - Repeater;  b - Bridge\n",
    "LINK SYSTEM-NAME SYSTEM-DESCRIPTION CHASSIS-ID        PORT-ID PORT-DESCRIPTION CAPS\n"
    "p0   leaf1       n/a                94:8e:d3:5a:61:77 Eth1/5  to rack 3        ..b.r......\n"
    "\n1 LLDP neighbor(s) listed.\n",
)


def test_networkd_tells_the_same_as_json_and_in_its_tables() -> None:
    told = SWITCH._replace(port_description="to rack 3", source="networkctl")
    assert list(parse_networkctl_json(json.dumps(SYSTEMD))) == [("p0", told._replace(vlan=40))]
    for table in TABLES:
        assert list(parse_networkctl(table)) == [("p0", told)]
    assert list(parse_networkctl("0 LLDP neighbors listed.\n")) == []


def test_several_neighbours_of_a_port_are_kept_up_to_a_bound() -> None:
    many = [entry(name=f"leaf{number}") for number in range(40)]
    machine = Machine({" ".join(lldp.LLDPCLI): Finished(0, document(*many, entry("eth9")), "")})
    found = read_lldp(machine, [P0])  # type: ignore[arg-type]
    assert [one.chassis_name for one in found[P0.id]] == [
        f"leaf{n}" for n in range(MOST_NEIGHBOURS)
    ]
    assert set(found) == {P0.id}


def test_a_hostile_text_becomes_one_short_printable_line() -> None:
    name = "\x1b[2J\u202eevil\n" + "x" * 5000
    ((_, one),) = parse_lldpcli(document(entry(name=name)))
    assert one.chassis_name is not None
    assert one.chassis_name.startswith("?[2J?evil x")
    assert len(one.chassis_name) == LONGEST_TEXT


_KEYS = (
    *("lldp", "interface", "name", "via", "chassis", "port", "id", "value", "vlan", "mfs"),
    *("Neighbors", "InterfaceName", "VlanID", "EnabledCapabilities", "ChassisID"),
)
DEEP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            part,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(DEEP, st.text())
def test_nothing_that_a_program_prints_is_an_error(content: object, text: str) -> None:
    for parse in (parse_lldpcli, parse_networkctl_json, parse_networkctl):
        list(parse(json.dumps(content)))
        list(parse(text))
        list(parse(TABLES[0] + text))


def test_networkd_is_asked_where_lldpd_does_not_run() -> None:
    down = Finished(1, '{"lldp": [{}]}', "2026 [WARN/control] unable to connect to socket /run/x")
    old = Finished(1, "", "networkctl: unrecognized option '--json=short'")
    machine = Machine(
        {
            " ".join(lldp.LLDPCLI): down,
            " ".join(lldp.NETWORKCTL_JSON): old,
            " ".join(lldp.NETWORKCTL): Finished(0, TABLES[0], ""),
        }
    )
    assert read_lldp(machine, [P0])[P0.id][0].source == "networkctl"  # type: ignore[arg-type]
    with pytest.raises(OSError, match="lldpd does not run"):
        read_lldp(Machine({" ".join(lldp.LLDPCLI): down}), [P0])  # type: ignore[arg-type]
    denied = Finished(1, "", "unable to connect to socket: Permission denied")
    with pytest.raises(OSError, match="needs root"):
        read_lldp(Machine({" ".join(lldp.LLDPCLI): denied}), [P0])  # type: ignore[arg-type]
    with pytest.raises(OSError, match="apt install lldpd"):
        read_lldp(Machine({}), [P0])  # type: ignore[arg-type]


def test_a_masked_capture_has_no_name_of_a_neighbour_and_is_read_all_the_same() -> None:
    capture = Capture()
    med = {"lldp-med": [{"inventory": [{"serial": [{"value": "FOX1234X"}]}]}]}
    capture.commands[lldp.LLDPCLI] = Finished(0, document({**entry(), **med}), "")
    capture.commands[lldp.NETWORKCTL_JSON] = Finished(0, json.dumps(SYSTEMD), "")
    capture.commands[lldp.NETWORKCTL] = Finished(0, TABLES[0], "")
    hidden = mask(capture).commands
    for finished in hidden.values():
        for name in ("leaf1", "SONiC", "rack 3", "fe80", "FOX", "5a:61:77", "storage", "148"):
            assert name not in finished.stdout
    ((_, one),) = parse_lldpcli(hidden[lldp.LLDPCLI].stdout)
    assert (one.title, one.where, one.vlan, one.is_switch) == ("device 1", "Eth1/5", 40, True)
    assert mac_of(one.chassis)
    ((_, other),) = parse_networkctl_json(hidden[lldp.NETWORKCTL_JSON].stdout)
    assert (other.chassis, other.title) == (one.chassis, one.title)


def test_a_masked_recording_has_no_name_of_a_neighbour() -> None:
    said = SWITCH._replace(chassis_description="SONiC", port_description="to rack 3")
    sample = heard(End("a").machine, said, said._replace(chassis="leaf1.example")).frame.sample
    hider = SampleMask(["a"])
    hider.learn(sample)
    text = str(hider.masked(sample).lldp)
    for name in ("leaf1", "SONiC", "rack 3", "5a:61:77"):
        assert name not in text
    assert "Eth1/5" in text
    assert "94:8e:d3" in text


def test_root_runs_the_program_of_another_user_as_that_user() -> None:
    answers = {" ".join(lldp.LLDPCLI_AS_OWNER): Finished(0, document(entry()), "")}
    assert read_lldp(Machine(answers), [P0])[P0.id][0].title == "leaf1"  # type: ignore[arg-type]
    with pytest.raises(OSError, match="apt install lldpd"):
        read_lldp(Machine(answers, root=False), [P0])  # type: ignore[arg-type]
    none = Finished(1, "", "setpriv: failed to parse reuid: '_lldpd'")
    with pytest.raises(OSError, match="apt install lldpd"):
        read_lldp(Machine(dict.fromkeys(answers, none)), [P0])  # type: ignore[arg-type]


# The two ends of a link


def heard(machine: SeenMachine, *neighbours: LldpNeighbour) -> SeenMachine:
    """A machine whose port has those neighbours."""
    sample = machine.frame.sample._replace(lldp=Slow({PORT: neighbours}, 1.0))
    return machine._replace(frame=machine.frame._replace(sample=sample))


def host(name: str, **more: object) -> LldpNeighbour:
    """What a host says of itself by lldpd."""
    words = {"chassis": "02:00:00:00:00:77", "chassis_name": f"{name}.example", "is_switch": False}
    return LldpNeighbour(**{**words, "port": MAC[name], **more})  # type: ignore[arg-type]


def both(a: Sequence[LldpNeighbour], b: Sequence[LldpNeighbour] = ()) -> Matches:
    return match([heard(End("a").machine, *a), heard(End("b").machine, *b)])


NAME = End("b").machine.frame.ports[PORT].now.port.netdev


@pytest.mark.parametrize(
    "said",
    [
        host("b"),
        host("b", chassis_name=None, chassis=MAC["b"]),
        host("b", port=NAME),
        host("b", chassis_name="b", port="17", port_description=NAME),
        host("b", is_switch=True),
    ],
)
def test_a_neighbour_that_is_a_shown_port_is_surely_the_other_end(said: LldpNeighbour) -> None:
    (link,) = both([said]).links
    assert link.ends == (A, B)
    assert (link.by, link.surety) == (MatchedBy.LLDP, Surety.SURE)


def test_a_switch_as_neighbour_is_proof_against_a_link_that_the_table_suggests() -> None:
    one, other = pair()
    assert match([one, other]).links
    matches = match([heard(one, SWITCH), other])
    assert matches.links == ()
    assert matches.open[A] == "by LLDP its neighbour is a switch: leaf1 port Eth1/5"


def test_what_the_other_end_says_of_somebody_else_is_no_link() -> None:
    assert both([host("b")], [SWITCH]).links == ()
    crowd = both([host("b"), host("b", port="other")])
    assert len(crowd.links) == 1
    third = [heard(End(n).machine) for n in "bc"]
    several = match([heard(End("a").machine, host("b"), host("c")), *third])
    assert several.links == ()
    assert "several LLDP neighbours" in several.open[A]


def test_a_name_that_two_machines_have_says_nothing() -> None:
    machines = [End(name).machine for name in "abc"]
    twins = [
        one._replace(
            frame=one.frame._replace(
                sample=one.frame.sample._replace(host=one.frame.sample.host.__class__("localhost"))
            )
        )
        for one in machines
    ]
    said = host("b", chassis_name="localhost", port=NAME)
    assert match([heard(twins[0], said), *twins[1:]]).links == ()


def test_simulated_machines_of_a_rack_know_each_other_by_lldp() -> None:
    *_, machines = joined("roce1", "roce2", seconds=3)
    (link,) = match(machines).links
    assert (link.by, link.surety) == (MatchedBy.LLDP, Surety.SURE)


def test_a_simulated_switch_is_read() -> None:
    system = load_lab("dscp", ManualClock())
    port = P0._replace(netdev="enp65s0f0np0")
    (one,) = read_lldp(system, [port])[P0.id]
    assert (one.title, one.where, one.vlan, one.mtu) == ("leaf3", "Ethernet20", 40, 9216)
    alone = load_joined(["roce1", "roce2"], ManualClock())["roce1"]
    ports = [P0._replace(netdev=f"enp129s0f{n}np{n}", id=PortId("x", n)) for n in (0, 1)]
    assert [one[0].title for one in read_lldp(alone, ports).values()] == ["roce2"]


def test_addresses_are_read_however_they_are_written() -> None:
    assert mac_of("948E.D35A.6177") == mac_of("94-8e-d3-5a-61-77") == "94:8e:d3:5a:61:77"
    assert mac_of("Eth1/5") is None
    assert mac_of("00:00:00:00:00:00") is None
