"""Every question to the kernel beside the tools' answers, on ConnectX-like devices."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.vm import in_lab

pytestmark = pytest.mark.vm

NETDEVS = ("enp7s0np0", "ibp8s0f1", "enp9s0", "nsim0")

SCRIPT = """
import json, os, subprocess, sys, threading, time
from mlxtop.system.door import Question as Q
from mlxtop.system.local import LocalSystem

NETDEVS = ("enp7s0np0", "ibp8s0f1", "enp9s0", "nsim0")
WHOLE = (Q.LINKS, Q.LINK_COUNTERS, Q.DEVLINK_INFO, Q.SOCKETS, Q.ROUTE)

def answer(system, question, netdev="", *details):
    try:
        return system.ask(question, netdev, *details)
    except OSError as error:
        return [error.errno, error.strerror]

def answers():
    system = LocalSystem()
    out = {question: answer(system, question) for question in WHOLE[:4]}
    out["route"] = system.ask(Q.ROUTE, "10.0.3.9")
    for netdev in NETDEVS:
        for question in Q:
            if question not in WHOLE:
                details = (0, 0, 0x50, 0, 128) if question == Q.MODULE_PAGE else ()
                out[f"{question} {netdev}"] = answer(system, question, netdev, *details)
    system.close()
    return out

def tool(*argv):
    return subprocess.run(argv, capture_output=True, text=True).stdout

def until(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)

def listeners():
    with open("/proc/net/netlink") as table:
        return sum(row.split()[1] == "15" and int(row.split()[3], 16) != 0
                   for row in table.readlines()[1:])

def events():
    system, stop, seen = LocalSystem(), threading.Event(), []
    def follow():
        for event in system.events(stop):
            seen.append([event.action, event.subsystem, event.name, event.device])
    before = listeners()
    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: listeners() > before)
    for command, action in (("cx 0 unplug", "remove"), ("cx 0 plug", "add")):
        tool(*command.split())
        until(lambda: {"net", "infiniband", "hwmon", "pci"} <=
              {event[1] for event in seen if event[0] == action and event[3] == "0000:07:00.0"})
    stop.set()
    thread.join()
    log = []
    for record in system.kernel_log(threading.Event()):
        log.append([record.device, record.text])
        if record.device == "0000:07:00.0":
            break
    system.close()
    return seen, log

def flips():
    system = LocalSystem()
    found = []
    tool("cx", "0", "nstrings", "40")
    found.append(answer(system, Q.DRIVER_STATISTICS, "enp7s0np0"))
    tool("cx", "0", "nstrings", "500")
    found.append(answer(system, Q.DRIVER_STATISTICS, "enp7s0np0"))
    tool("cx", "0", "nstrings_flip", "1")
    for _ in range(20):
        found.append(answer(system, Q.DRIVER_STATISTICS, "enp7s0np0"))
    tool("cx", "0", "nstrings_flip", "0")
    tool("cx", "0", "nstrings", "0")
    system.close()
    return found

out = {"ip": tool("ip", "-j", "-d", "link"), "devlink": tool("devlink", "-j", "dev", "info")}
out["ip route"] = tool("ip", "-j", "route", "get", "10.0.3.9")
out["root"] = answers()
for netdev in NETDEVS:
    for option in ("", "--json -S --groups eth-mac eth-phy --", "--json -I --show-fec", "-i", "-S",
                   "--json -I -a", "-g", "-l", "-c", "-k", "-m"):
        first, _, last = option.partition(" --groups")
        argv = [*first.split(), netdev, *(["--groups", "eth-mac", "eth-phy"] if last else [])]
        if option == "-m":
            argv += ["raw", "on"]
            raw = subprocess.run(["ethtool", *argv], capture_output=True).stdout
            out[f"-m {netdev}"] = raw.hex()
        else:
            out[f"{first} {netdev}".strip()] = tool("ethtool", *argv)
if os.fork() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    with open("/tmp/nobody.json", "w") as file:
        json.dump(answers(), file)
    os._exit(0)
os.wait()
with open("/tmp/nobody.json") as file:
    out["nobody"] = json.load(file)
out["flips"] = flips()
out["events"], out["log"] = events()
with open("/out/answer.json", "w") as file:
    json.dump(out, file)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("lab")
    done = in_lab(f"exec $PYTHON -c '{SCRIPT}'", options=["-M", "-o", str(out)])
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads((out / "answer.json").read_text())
    return answer


@pytest.fixture(scope="module", params=["root", "nobody"])
def asked(lab: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = lab[request.param]
    return found


def refused(answer: object) -> bool:
    return isinstance(answer, list) and len(answer) == 2 and isinstance(answer[0], int)


def test_links_are_those_of_ip(lab: dict[str, Any], asked: dict[str, Any]) -> None:
    links = {link["name"]: link for link in asked["links"]}
    for said in json.loads(lab["ip"]):
        link = links[said["ifname"]]
        assert (link["index"], link["mtu"]) == (said["ifindex"], said["mtu"])
        assert (link["parent"], link["parent_bus"]) == (
            said.get("parentdev"),
            said.get("parentbus"),
        )
        assert link["kind"] == said.get("linkinfo", {}).get("info_kind")
        assert link["slave_kind"] == said.get("linkinfo", {}).get("info_slave_kind")
        assert link["port_name"] == said.get("phys_port_name")
        assert link["address"] == said["address"]
    assert links["bp0"]["master"] == links["bond0"]["index"]
    assert set(asked["link-counters"]) == {str(link["index"]) for link in asked["links"]}


@pytest.mark.parametrize("netdev", NETDEVS)
def test_standard_statistics_are_those_of_ethtool(
    lab: dict[str, Any], asked: dict[str, Any], netdev: str
) -> None:
    said = json.loads(lab[f"--json -S {netdev}"])[0]
    found = asked[f"mac-statistics {netdev}"]
    assert found.keys() == said["eth-mac"].keys() | said["eth-phy"].keys()
    if netdev == "enp7s0np0":
        assert found["OctetsReceivedOK"] > 0


@pytest.mark.parametrize("netdev", NETDEVS)
def test_driver_and_its_statistics_are_those_of_ethtool(
    lab: dict[str, Any], asked: dict[str, Any], netdev: str
) -> None:
    said = dict(line.split(": ", 1) for line in lab[f"-i {netdev}"].splitlines() if ": " in line)
    info = asked[f"driver-info {netdev}"]
    assert [info["driver"], info["version"], info["firmware"], info["bus"]] == [
        said[key] for key in ("driver", "version", "firmware-version", "bus-info")
    ]
    names = [line.strip().rpartition(": ")[0] for line in lab[f"-S {netdev}"].splitlines()[1:]]
    statistics = asked[f"driver-statistics {netdev}"]
    if netdev == "nsim0":
        assert refused(statistics)
    else:
        assert statistics["names"] == names
        assert len(statistics["values"]) == len(names)


@pytest.mark.parametrize("netdev", ["enp7s0np0", "ibp8s0f1", "enp9s0"])
def test_link_modes_are_those_of_ethtool(
    lab: dict[str, Any], asked: dict[str, Any], netdev: str
) -> None:
    said = lab[netdev]
    modes = asked[f"link-modes {netdev}"]
    assert f"Speed: {modes['speed']}Mb/s" in said
    assert f"Duplex: {modes['duplex'].capitalize()}" in said
    assert f"Auto-negotiation: {'on' if modes['autoneg'] else 'off'}" in said
    supported, advertised = said.split("Advertised link modes:")
    for text, names in ((supported, modes["supported"]), (advertised, modes["advertised"])):
        assert set(re.findall(r"\d+base\w+/\w+", text.split("pause")[0])) <= set(names)
        assert {name for name in names if "base" in name} <= set(re.findall(r"\d+base\S+", text))
    state = asked[f"link-state {netdev}"]
    assert f"Link detected: {'yes' if state['link'] else 'no'}" in said


def test_fec_and_pause_are_those_of_ethtool(lab: dict[str, Any], asked: dict[str, Any]) -> None:
    for netdev in NETDEVS:
        fec = asked[f"fec {netdev}"]
        said = lab[f"--json -I --show-fec {netdev}"]
        if refused(fec):
            assert "active" not in said
            continue
        (entry,) = json.loads(said)
        assert [fec["active"] or "None"] == entry["active"]
        total = entry["statistics"].get("corrected_bits", {}).get("total")
        assert fec["corrected_bits"] == total
    pause = asked["pause enp7s0np0"]
    (entry,) = json.loads(lab["--json -I -a enp7s0np0"])
    assert (pause["rx"], pause["tx"]) == (entry["rx"], entry["tx"])
    assert pause["rx_frames"] == entry["statistics"]["rx_pause_frames"]
    assert asked["pause enp9s0"]["rx_frames"] is None


def test_rings_channels_and_coalescing_are_those_of_ethtool(
    lab: dict[str, Any], asked: dict[str, Any]
) -> None:
    def numbers(text: str, name: str) -> list[int | None]:
        found = re.findall(rf"^{name}:[ \t]*(\S+)", text, re.MULTILINE)
        return [int(value) if value.isdecimal() else None for value in found]

    for netdev in ("enp7s0np0", "enp9s0"):
        rings, channels = asked[f"rings {netdev}"], asked[f"channels {netdev}"]
        coalesce = asked[f"coalesce {netdev}"]
        said = lab[f"-g {netdev}"]
        assert [rings["rx_max"], rings["rx"]] == numbers(said, "RX")
        assert [rings["tx_max"], rings["tx"]] == numbers(said, "TX")
        said = lab[f"-l {netdev}"]
        assert [channels["combined_max"], channels["combined"]] == numbers(said, "Combined")
        assert [channels["rx"]] == numbers(said, "RX")[1:]
        said = lab[f"-c {netdev}"]
        assert [coalesce["rx_usecs"]] == numbers(said, "rx-usecs")
        assert [coalesce["tx_usecs"]] == numbers(said, "tx-usecs")
        adaptive = {True: "on", False: "off", None: "n/a"}
        assert f"RX: {adaptive[coalesce['adaptive_rx']]}  TX:" in said


def test_features_are_those_of_ethtool(lab: dict[str, Any], asked: dict[str, Any]) -> None:
    for netdev in NETDEVS:
        said = dict(
            line.strip().split(": ", 1) for line in lab[f"-k {netdev}"].splitlines() if ": " in line
        )
        features = asked[f"features {netdev}"]
        shared = features.keys() & said.keys()
        assert len(shared) > 20
        assert {name: said[name].startswith("on") for name in shared} == {
            name: bool(features[name]) for name in shared
        }
        fixed = {name for name in shared if said[name] == "off [fixed]"}
        assert fixed == {name for name in shared if features[name] is None}


def test_module_bytes_are_those_of_ethtool(lab: dict[str, Any]) -> None:
    raw = lab["-m enp7s0np0"]
    assert lab["root"]["module-page enp7s0np0"] == raw[:256]
    eeprom = lab["root"]["module-eeprom enp7s0np0"]
    assert eeprom["data"].startswith(raw[:256])
    assert lab["root"]["module-eeprom enp9s0"]["type"] == 3
    for question in ("module-page", "module-eeprom"):
        assert lab["nobody"][f"{question} enp7s0np0"][0] == 1


def test_devlink_versions_are_those_of_devlink(lab: dict[str, Any], asked: dict[str, Any]) -> None:
    said = json.loads(lab["devlink"])["info"]
    assert asked["devlink-info"].keys() == said.keys()
    for handle, entry in said.items():
        info = asked["devlink-info"][handle]
        assert info["driver"] == entry["driver"]
        for state in ("fixed", "running", "stored"):
            assert info[state] == entry["versions"].get(state, {})


def test_the_route_is_that_of_ip(lab: dict[str, Any], asked: dict[str, Any]) -> None:
    said = json.loads(lab["ip route"])[0]
    assert asked["route"]["dev"] == said["dev"]
    assert asked["route"]["src"] == said["prefsrc"]


def test_statistics_that_change_their_table_are_read_or_refused(lab: dict[str, Any]) -> None:
    forty, many, *flipping = lab["flips"]
    assert len(forty["names"]) == len(forty["values"]) == 40
    assert len(many["names"]) == len(many["values"]) == 500
    for answer in flipping:
        if refused(answer):
            assert answer[1] == "the driver's statistics keep changing"
        else:
            assert len(answer["names"]) == len(answer["values"])


def test_a_card_that_is_unplugged_and_comes_back_is_told(lab: dict[str, Any]) -> None:
    events = [tuple(event) for event in lab["events"]]
    card = "0000:07:00.0"
    for subsystem in ("net", "infiniband", "hwmon"):
        told = [action for action, kind, _, device in events if (kind, device) == (subsystem, card)]
        assert "remove" in told
        assert "add" in told
    assert ("remove", "pci", card, card) in events
    assert ("add", "pci", card, card) in events


def test_kernel_messages_of_a_card_carry_its_address(lab: dict[str, Any]) -> None:
    assert any(device == "0000:07:00.0" for device, _ in lab["log"])
