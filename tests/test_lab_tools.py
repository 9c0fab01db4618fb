"""The commands of simulated machines, read here by the product's own parsers."""

import json
from threading import Event

import pytest

from mlxtop.lab import LabSystem, ManualClock, load_lab
from mlxtop.model.linktype import LinkType
from mlxtop.sources.tools.card_tool import Trouble
from mlxtop.sources.tools.iproute2 import parse_addresses
from mlxtop.sources.tools.mlxlink_pcie import read_pcie_report
from mlxtop.sources.tools.mstconfig import Column, parse_mstconfig, parse_mstconfig_json
from mlxtop.sources.tools.mstfwreset import parse_levels, parse_reset
from mlxtop.system.door import Question

BDF = "0000:43:00.0"


@pytest.fixture
def pacu() -> LabSystem:
    return load_lab("pacu", ManualClock())


def test_a_query_shows_default_current_and_next_boot(pacu: LabSystem) -> None:
    out = pacu.run(["mstconfig", "-d", BDF, "-e", "q", "LINK_TYPE_P1"]).stdout
    report = parse_mstconfig(out)
    assert tuple(report.parameters["LINK_TYPE_P1"].values) == tuple(Column)[:3]
    assert report.device == BDF
    assert report.link_type(1, Column.CURRENT) is LinkType.ETH


def test_a_set_is_kept_for_the_next_boot_and_a_reset_applies_it(pacu: LabSystem) -> None:
    done = pacu.run(["mstconfig", "-d", BDF, "-y", "set", "LINK_TYPE_P1=1"], change=True)
    assert "Applying... Done!" in done.stdout
    after = parse_mstconfig(pacu.run(["mstconfig", "-d", BDF, "-e", "q"]).stdout)
    assert after.link_type(1, Column.CURRENT) is LinkType.ETH
    assert after.link_type(1, Column.NEXT) is LinkType.IB
    reset = pacu.run(["mstfwreset", "-d", BDF, "-l", "3", "-y", "r"], change=True)
    assert parse_reset(reset.stdout).loaded
    pacu.wait(5, Event())
    assert pacu.read(f"/sys/bus/pci/devices/{BDF}/class") == b"0x020700\n"
    assert "enp67s0np0" not in pacu.list("/sys/class/net")
    assert pacu.read("/sys/class/infiniband/mlx5_0/ports/1/link_layer") == b"InfiniBand\n"


def test_without_a_yes_nothing_is_changed(pacu: LabSystem) -> None:
    refused = pacu.run(["mstconfig", "-d", BDF, "set", "LINK_TYPE_P1=1"])
    assert refused.status == 2
    after = parse_mstconfig(pacu.run(["mstconfig", "-d", BDF, "-e", "q"]).stdout)
    assert after.link_type(1, Column.NEXT) is LinkType.ETH


def test_a_single_port_card_has_no_second_link_type(pacu: LabSystem) -> None:
    answer = pacu.run(["mstconfig", "-d", BDF, "q", "LINK_TYPE_P2"])
    assert answer.status == 3
    assert parse_mstconfig(answer.stdout).trouble is Trouble.NO_PARAMETER


def test_the_json_of_a_query_is_a_file(pacu: LabSystem) -> None:
    pacu.run(["mstconfig", "-d", BDF, "-j", "/tmp/nv.json", "-e", "q", "LINK_TYPE_P1"])
    report = parse_mstconfig_json(pacu.read("/tmp/nv.json").decode())
    assert report.link_type(1, Column.DEFAULT) is LinkType.IB


def test_reset_levels_are_offered(pacu: LabSystem) -> None:
    levels = parse_levels(pacu.run(["mstfwreset", "-d", BDF, "query"]).stdout)
    (three,) = (level for level in levels if level.number == 3)
    assert three.supported
    assert three.default
    warm = pacu.run(["mstfwreset", "-d", BDF, "-l", "4", "-y", "r"], change=True)
    report = parse_reset(warm.stdout)
    assert (report.done, report.reboots, report.loaded) == (True, True, False)


def test_wrappers_run_what_they_wrap(pacu: LabSystem) -> None:
    argv = ["sudo", "-n", "timeout", "-k", "5", "30", "mstmget_temp", "-d", BDF]
    assert 30 < float(pacu.run(argv).stdout) < 70
    assert pacu.run(["sudo", "-n", "true"]).status == 0


def test_a_command_that_is_not_installed_cannot_be_started(pacu: LabSystem) -> None:
    assert pacu.which("nuttcp") is None
    with pytest.raises(FileNotFoundError):
        pacu.run(["nuttcp"])


def test_a_command_that_takes_too_long_is_ended(pacu: LabSystem) -> None:
    finished = pacu.run(["iperf3", "-c", "10.0.0.3", "-t", "60"], timeout=5)
    assert finished.timed_out
    assert finished.status < 0
    before = pacu.now()
    pacu.wait(5, Event())
    assert pacu.now() == before + 5


def test_json_stream_agrees_with_the_counters_of_the_port(pacu: LabSystem) -> None:
    lines: list[str] = []
    pacu.wait(130, Event())
    before = pacu.ask(Question.DRIVER_STATISTICS, "enp67s0np0")
    done = pacu.stream(
        ["iperf3", "-c", "10.0.0.3", "-t", "8", "-P", "4", "--json-stream"], lines.append, Event()
    )
    after = pacu.ask(Question.DRIVER_STATISTICS, "enp67s0np0")
    assert done.status == 0
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["start", *["interval"] * 8, "end"]
    received = events[-1]["data"]["sum_received"]["bytes"]
    assert received == sum(event["data"]["sum"]["bytes"] for event in events[1:-1])
    column = before["names"].index("tx_bytes")
    wire = after["values"][column] - before["values"][column]
    assert wire == pytest.approx(received * 9014 / 8948, rel=0.01)


def test_stop_ends_a_stream_and_its_traffic(pacu: LabSystem) -> None:
    stop = Event()
    lines: list[str] = []
    pacu.wait(42, Event())

    def take(line: str) -> None:
        lines.append(line)
        if len(lines) == 4:
            stop.set()

    done = pacu.stream(["iperf3", "-c", "10.0.0.3", "-t", "60", "--json-stream"], take, stop)
    assert done.status < 0
    assert len(lines) == 4
    pacu.wait(4, Event())
    first = pacu.ask(Question.MAC_STATISTICS, "enp67s0np0")["OctetsTransmittedOK"]
    pacu.wait(1, Event())
    second = pacu.ask(Question.MAC_STATISTICS, "enp67s0np0")["OctetsTransmittedOK"]
    assert (second - first) * 8 < 4e9


def test_a_refused_connection_is_told_in_every_format(pacu: LabSystem) -> None:
    argv = ["iperf3", "-c", "10.0.0.3", "-p", "9"]
    text = pacu.run(argv)
    assert text.status == 1
    assert text.stderr.startswith("iperf3: error - unable to connect to server")
    document = json.loads(pacu.run([*argv, "-J"]).stdout)
    assert document["error"].endswith("Connection refused")
    line = pacu.run([*argv, "--json-stream"]).stdout.splitlines()[0]
    assert json.loads(line)["event"] == "error"


def test_the_card_itself_tells_its_pcie_link(pacu: LabSystem) -> None:
    page = read_pcie_report(pacu, BDF, "mstlink")
    assert (page.running, page.enabled) == ((8.0, 8), (8.0, 16))
    assert page.errors["crc_tlp"] == 0 and page.caveat is None


FILE = "/etc/modprobe.d/own.conf"


def test_tee_and_sed_write_files_that_are_read_back(pacu: LabSystem) -> None:
    text = "# one\noptions mlx4_core port_type_array=2,0\n"
    done = pacu.run(["sudo", "tee", FILE], stdin=text, change=True)
    assert (done.status, done.stdout) == (0, text)
    assert pacu.read(FILE).decode() == text
    edit = "s/port_type_array=[0-9,]*/port_type_array=1,2/"
    assert pacu.run(["sed", "-i", "-e", edit, FILE], change=True).status == 0
    assert pacu.read(FILE).decode().endswith("port_type_array=1,2\n")
    words = ["sed", "-i", "-e", "/^#/d", "-e", r"$a\0000:09:00.0 ib eth", FILE]
    assert pacu.run(words, change=True).status == 0
    assert pacu.read(FILE) == b"options mlx4_core port_type_array=1,2\n0000:09:00.0 ib eth\n"


def test_sed_says_what_it_cannot_do(pacu: LabSystem) -> None:
    missing = pacu.run(["sed", "-i", "-e", "/a/d", "/etc/nothing"], change=True)
    assert missing.status == 2 and "No such file" in missing.stderr
    pacu.run(["tee", FILE], stdin="a\n", change=True)
    assert pacu.run(["sed", "-i", "-e", "y/a/b/", FILE], change=True).status == 1
    assert pacu.read(FILE) == b"a\n"


def test_a_new_network_device_has_no_address_until_it_is_set_up_again() -> None:
    lab = load_lab("tiny", ManualClock())
    port = lab.world.ports[0]
    peer, before = port.spec.peer, port.netdev
    given = {a.device: a for a in parse_addresses(lab.run(["ip", "-j", "address", "show"]).stdout)}
    assert before is not None and given[before].text == port.spec.ip
    lab.write(f"/sys/bus/pci/devices/{port.spec.function}/mlx4_port1", b"ib\n")
    lab.wait(5, Event())
    name = port.netdev
    assert name is not None and lab.run(["ping", "-c", "1", peer]).status == 1
    assert not [
        a
        for a in parse_addresses(lab.run(["ip", "-j", "address", "show"]).stdout)
        if a.device == name
    ]
    for words in (
        ["link", "set", name, "up", "mtu", "2044"],
        ["address", "add", port.spec.ip, "dev", name],
    ):
        assert lab.run(["ip", *words], change=True).status == 0, words
    assert lab.run(["ping", "-c", "1", peer]).status == 0
    again = lab.run(["ip", "address", "add", port.spec.ip, "dev", name], change=True)
    assert again.status == 2 and "File exists" in again.stderr


def test_a_bond_takes_no_member_that_is_up() -> None:
    lab = load_lab("cx3-hp", ManualClock())
    port = lab.world.ports[0]
    port.forget()
    join = ["ip", "link", "set", "ens2", "master", "bond0"]
    assert "not permitted" in lab.run(join, change=True).stderr
    lab.run(["ip", "link", "set", "ens2", "down"], change=True)
    assert lab.run(join, change=True).status == 0
    master = {link["name"]: link["master"] for link in lab.ask(Question.LINKS)}
    assert master["ens2"] == master["ens2d1"] is not None
    assert lab.run(["ip", "link", "set", "ens9", "up"], change=True).status == 1
