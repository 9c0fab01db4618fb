"""What a port carries is found through bonds, bridges and VLANs, and doubt means stop."""

import json
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.change.guard import Danger, Uses, find_uses
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.identity import PortId
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.proc import Process, option, parse_words
from mlxtop.sources.kernel.routes import parse_default_devices
from mlxtop.sources.kernel.storage import addresses_in, parse_mounts
from mlxtop.sources.kernel.tcp import (
    has_session,
    parse_sockets,
    parse_sshd_ports,
    parse_unit_ports,
    ssh_ports,
)
from mlxtop.sources.tools.iproute2 import parse_addresses
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

CARD, OTHER = "0000:09:00.0", "0000:01:00.0"


ONE, TWO = PortId(CARD, 1), PortId(CARD, 2)


ROOT = "22 1 8:2 / / rw - ext4 /dev/sda2 rw"


def link(index: int, name: str, **more: object) -> dict[str, object]:
    return {"index": index, "name": name, "type": 1, "flags": 4099, "mtu": 1500} | more


def card_link(index: int, name: str, **more: object) -> dict[str, object]:
    return link(index, name, parent=CARD, parent_bus="pci", **more)


LINKS = [
    link(1, "lo", type=772),
    link(2, "eno1", parent=OTHER, parent_bus="pci"),
    card_link(3, "enp9s0"),
    card_link(4, "enp9s0d1", master=5),
    link(5, "bond0", kind="bond"),
    link(6, "bond0.7", kind="vlan", link=5),
    link(7, "br0", kind="bridge"),
    link(8, "tap0", kind="tun", master=7),
    link(9, "wg0", kind="wireguard"),
    link(10, "vm0", kind="veth", link=99),
]


LINKS[2]["master"] = None


class Bench:
    """A captured machine with a two-port mlx4 card beside a management card."""

    def __init__(self) -> None:
        base = f"/sys/devices/pci0000:00/{CARD}"
        self.files = {
            f"{base}/vendor": "0x15b3",
            f"{base}/device": "0x1003",
            f"{base}/class": "0x028000",
            f"{base}/net/enp9s0/dev_port": "0",
            f"{base}/net/enp9s0d1/dev_port": "1",
            f"{base}/mlx4_port1": "eth",
            f"{base}/mlx4_port2": "eth",
            "/proc/self/mountinfo": ROOT,
            "/proc/net/route": "eno1 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0",
        }
        self.links = [dict(entry) for entry in LINKS]
        self.routes: dict[str, str] = {"192.0.2.1": "eno1"}
        self.sockets: list[dict[str, object]] = []
        self.extra: list[str] = []

    def ssh(self, remote: str, device: str | None, port: int = 22, local: str = "10.0.0.1") -> None:
        self.sockets.append(
            {"local": local, "local_port": port, "remote": remote, "remote_port": 51000}
        )
        if device is not None:
            self.routes[f"{remote},{local}"] = device

    def system(self) -> CapturedSystem:
        base = f"/sys/devices/pci0000:00/{CARD}"
        lines = ["mlxtop capture 1", f"/sys/bus/pci/devices/{CARD} -> {base}"]
        lines.append(f"{base}/driver -> ../../../bus/pci/drivers/mlx4_core")
        lines.append("/sys/bus/pci/drivers/mlx4_core/")
        for name in ("enp9s0", "enp9s0d1"):
            lines.append(f"/sys/class/net/{name} -> {base}/net/{name}")
        for path, text in self.files.items():
            lines.append(f"{path}:")
            lines += [f"  | {line}" for line in text.splitlines()]
        lines.append(f"? links = {json.dumps(self.links)}")
        lines.append(f"? sockets = {json.dumps(self.sockets)}")
        for subject, device in self.routes.items():
            lines.append(f"? route {subject} = {json.dumps({'dev': device, 'local': False})}")
        capture = parse_capture("\n".join([*lines, *self.extra]))
        return CapturedSystem("bench", capture, capture)

    def uses(self, hidden: tuple[PortId, ...] = ()) -> Uses:
        system = self.system()
        return find_uses(system, discover(system), hidden)


def named(uses: Uses) -> dict[Danger, set[PortId] | None]:
    return {h.danger: None if h.ports is None else set(h.ports) for h in uses.hazards}


def test_a_machine_that_uses_another_card_is_in_no_danger() -> None:
    bench = Bench()
    bench.ssh("192.168.0.9", "eno1")
    assert bench.uses().hazards == ()


@pytest.mark.parametrize(
    ("device", "ports"),
    [("enp9s0", {ONE}), ("enp9s0d1", {TWO}), ("bond0", {TWO}), ("bond0.7", {TWO})],
)
def test_an_ssh_session_is_found_through_bonds_and_vlans(device: str, ports: set[PortId]) -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", device)
    uses = bench.uses()
    assert named(uses) == {Danger.SSH: ports}
    assert "10.0.0.9" in uses.hazards[0].text
    assert uses.connections == dict.fromkeys(ports, 1)


def test_a_bridge_stands_on_all_its_members() -> None:
    bench = Bench()
    bench.links[2]["master"] = 7
    bench.ssh("10.0.0.9", "br0")
    assert named(bench.uses()) == {Danger.SSH: {ONE}}


def test_the_session_counts_by_route_and_not_by_who_owns_the_address() -> None:
    bench = Bench()
    for index, (peer, device) in enumerate((("10.0.0.8", "enp9s0"), ("10.0.0.9", "enp9s0d1"))):
        bench.ssh(peer, device, local="10.0.0.1")
        assert len(bench.sockets) == index + 1
    assert {port for hazard in bench.uses().hazards for port in hazard.ports or ()} == {ONE, TWO}


@pytest.mark.parametrize("device", ["wg0", "vm0", "nowhere"])
def test_a_session_through_a_tunnel_counts_for_every_port(device: str) -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", device)
    uses = bench.uses()
    assert named(uses) == {Danger.SSH: None}
    assert uses.of([ONE]) and uses.of([TWO])


def test_a_session_without_a_route_back_counts_for_every_port() -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", None)
    assert named(bench.uses()) == {Danger.SSH: None}


def test_a_connection_that_is_bound_to_a_device_goes_by_that_device() -> None:
    bench = Bench()
    bench.ssh("fe80::9", None, local="fe80::1")
    bench.sockets[-1]["interface"] = 3
    assert named(bench.uses()) == {Danger.SSH: {ONE}}


def test_sshd_is_recognised_on_any_port_it_listens_on() -> None:
    for path, text in {
        "/etc/ssh/sshd_config": "Port 2222",
        "/proc/77/cmdline": "sshd: /usr/sbin/sshd -D -p 2222 [listener] 0 of 10-100 startups",
        "/etc/systemd/system/ssh.socket.d/own.conf": "[Socket]\nListenStream=2222",
    }.items():
        bench = Bench()
        bench.ssh("10.0.0.9", "enp9s0", port=2222)
        assert bench.uses().hazards == ()
        bench.files[path] = text
        bench.files["/proc/77/comm"] = "sshd"
        assert named(bench.uses()) == {Danger.SSH: {ONE}}, path


def test_sshd_is_recognised_by_the_socket_it_holds() -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", "enp9s0", port=2022)
    bench.files["/proc/77/comm"] = "sshd"
    bench.extra.append("/proc/77/fd/4 -> socket:[4711]")
    listening = {"local": "::", "local_port": 2022, "remote": None, "inode": 4711}
    bench.sockets.append(listening)
    assert named(bench.uses()) == {Danger.SSH: {ONE}}


def test_a_session_that_cannot_be_found_among_the_connections_stops_everything() -> None:
    bench = Bench()
    bench.files |= {"/proc/77/comm": "sshd-session", "/proc/77/cmdline": "sshd-session: ed@pts/0"}
    assert named(bench.uses()) == {Danger.UNCLEAR: None}


def test_sessions_within_the_machine_are_no_danger() -> None:
    bench = Bench()
    bench.ssh("127.0.0.1", None, local="127.0.0.1")
    bench.ssh("10.0.0.1", None, local="10.0.0.1")
    assert bench.uses().hazards == ()


def test_default_routes_of_both_families_count() -> None:
    bench = Bench()
    bench.files["/proc/net/route"] = "enp9s0 00000000 0100A8C0 0003 0 0 0 00000000 0 0 0"
    assert named(bench.uses()) == {Danger.ROUTE: {ONE}}
    bench = Bench()
    zero = "0" * 32
    bench.files["/proc/net/ipv6_route"] = (
        f"{zero} 00 {zero} 00 fe8000000000000000fc00fffe000001 400 1 0 00000003 enp9s0d1\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200       lo"
    )
    assert named(bench.uses()) == {Danger.ROUTE: {TWO}}


def test_network_storage_counts_by_its_server() -> None:
    bench = Bench()
    bench.files["/proc/self/mountinfo"] += "\n29 1 0:26 / /srv rw - nfs4 nas:/ rw,addr=10.0.0.7"
    bench.routes["10.0.0.7"] = "enp9s0"
    uses = bench.uses()
    assert named(uses) == {Danger.STORAGE: {ONE}} and "/srv" in uses.hazards[0].text
    bench.files["/proc/self/mountinfo"] = "29 1 0:26 / / rw - nfs4 nas:/ rw,addr=10.0.0.7"
    assert named(bench.uses()) == {Danger.ROOT: {ONE}}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/sys/class/iscsi_connection/connection1:0/address", "10.0.0.7"),
        ("/sys/class/nvme/nvme3/address", "traddr=10.0.0.7,trsvcid=4420,src_addr=10.0.0.1"),
        ("/sys/bus/rbd/devices/0/config_info", "10.0.0.7:6789 name=admin rbd img"),
    ],
)
def test_attached_block_devices_count_by_their_server(path: str, text: str) -> None:
    bench = Bench()
    bench.files[path] = text
    if "nvme" in path:
        bench.files["/sys/class/nvme/nvme3/transport"] = "rdma"
    bench.routes["10.0.0.7"] = "bond0"
    assert named(bench.uses()) == {Danger.STORAGE: {TWO}}


def test_storage_without_a_known_server_counts_for_every_port() -> None:
    bench = Bench()
    bench.files["/proc/self/mountinfo"] += "\n29 1 0:26 / /far rw - fuse.sshfs me@there:/ rw"
    assert named(bench.uses()) == {Danger.STORAGE: None}


def test_a_running_iperf3_counts_and_a_waiting_server_does_not() -> None:
    bench = Bench()
    bench.files |= {"/proc/88/comm": "iperf3", "/proc/88/cmdline": "iperf3 -s -p 5300"}
    bench.files["/proc/88/cmdline"] = bench.files["/proc/88/cmdline"].replace(" ", "\0")
    assert bench.uses().hazards == ()
    bench.ssh("10.0.0.9", "enp9s0", port=5300)
    assert named(bench.uses()) == {Danger.IPERF: {ONE}}


def test_programs_that_use_rdma_count_and_the_kernel_s_own_do_not() -> None:
    bench = Bench()
    device = f"/sys/devices/pci0000:00/{CARD}/infiniband/mlx4_0"
    bench.files |= {f"{device}/ports/{n}/link_layer": "Ethernet" for n in (1, 2)}
    bench.extra.append(f"/sys/class/infiniband/mlx4_0 -> {device}")
    bench.extra.append(f"{device}/device -> ../../../{CARD}")
    assert named(bench.uses()) == {Danger.UNCLEAR: {ONE, TWO}}
    groups: list[dict[str, object]] = [
        {"port": 1, "type": "GSI", "module": "ib_core", "count": 1},
        {"port": 2, "type": "UD", "module": "ib_ipoib", "count": 1},
    ]
    bench.extra.append(f"? rdma-objects mlx4_0 = {json.dumps({'qp': groups})}")
    assert bench.uses().hazards == ()
    groups.append({"port": 2, "type": "RC", "module": "nvme_rdma", "count": 9})
    bench.extra[-1] = f"? rdma-objects mlx4_0 = {json.dumps({'qp': groups})}"
    assert named(bench.uses()) == {Danger.RDMA: {TWO}}
    assert "NVMe/RDMA host uses RDMA on mlx4_0" in str(bench.uses().hazards)


def test_who_cannot_be_named_uses_rdma_all_the_same() -> None:
    bench = Bench()
    device = f"/sys/devices/pci0000:00/{CARD}/infiniband/mlx4_0"
    bench.files |= {f"{device}/ports/{n}/link_layer": "Ethernet" for n in (1, 2)}
    bench.extra.append(f"/sys/class/infiniband/mlx4_0 -> {device}")
    bench.extra.append(f"{device}/device -> ../../../{CARD}")
    groups = [{"port": 1, "type": "RC", "state": "RTS", "count": 1}]
    bench.extra.append(f"? rdma-objects mlx4_0 = {json.dumps({'qp': groups})}")
    assert named(bench.uses()) == {Danger.RDMA: {ONE}}
    bench.extra[-1] = f"? rdma-objects mlx4_0 = {json.dumps({'qp': [], 'absent': {'qp': 'x'}})}"
    assert named(bench.uses()) == {Danger.UNCLEAR: {ONE, TWO}}


@pytest.mark.parametrize(("namespace", "unclear"), [(4026531836, False), (4026532201, True)])
def test_what_others_hold_is_unclear_inside_a_pid_namespace(namespace: int, unclear: bool) -> None:
    bench = Bench()
    device = f"/sys/devices/pci0000:00/{CARD}/infiniband/mlx4_0"
    bench.files |= {f"{device}/ports/{n}/link_layer": "Ethernet" for n in (1, 2)}
    bench.extra.append(f"/sys/class/infiniband/mlx4_0 -> {device}")
    bench.extra.append(f"{device}/device -> ../../../{CARD}")
    bench.extra.append('? rdma-objects mlx4_0 = {"qp": []}')
    bench.extra.append(f"/proc/self/ns/pid -> pid:[{namespace}]")
    assert named(bench.uses()) == ({Danger.UNCLEAR: {ONE, TWO}} if unclear else {})


def test_programs_that_use_the_rdma_device_of_a_sub_function_use_its_card() -> None:
    bench = Bench()
    device = f"/sys/devices/pci0000:00/{CARD}/mlx5_core.sf.3/infiniband/mlx5_7"
    bench.files[f"{device}/ports/1/link_layer"] = "Ethernet"
    bench.extra.append(f"/sys/class/infiniband/mlx5_7 -> {device}")
    bench.extra.append(f"{device}/device -> /sys/devices/pci0000:00/{CARD}/mlx5_core.sf.3")
    groups = [{"port": 1, "type": "RC", "pid": 7, "count": 1}]
    bench.extra.append(f"? rdma-objects mlx5_7 = {json.dumps({'qp': groups})}")
    assert named(bench.uses()) == {Danger.RDMA: {ONE, TWO}}


def test_what_cannot_be_listed_stops_everything() -> None:
    bench = Bench()
    del bench.files["/proc/self/mountinfo"]
    assert named(bench.uses()) == {Danger.UNCLEAR: None}
    bench = Bench()
    bench.extra.append("? sockets ! EPERM")
    assert named(bench.uses()) == {Danger.UNCLEAR: None}


def test_a_port_whose_device_is_elsewhere_is_doubtful() -> None:
    assert named(Bench().uses(hidden=(ONE,))) == {Danger.UNCLEAR: {ONE}}


def test_the_network_device_of_a_virtual_function_stands_on_its_card() -> None:
    bench = Bench()
    bench.links.append(link(11, "enp9s0v0", parent="0000:09:00.1", parent_bus="pci"))
    bench.extra.append("/sys/bus/pci/devices/0000:09:00.1/")
    bench.extra.append(f"/sys/bus/pci/devices/0000:09:00.1/physfn -> ../{CARD}")
    bench.ssh("10.0.0.9", "enp9s0v0")
    assert named(bench.uses()) == {Danger.SSH: {ONE, TWO}}


@given(st.text(), st.text())
def test_no_text_makes_these_parsers_raise(one: str, two: str) -> None:
    parse_mounts(one)
    parse_mounts(f"29 1 0:26 / {one} rw - nfs4 {two}")
    addresses_in(one)
    parse_default_devices(one, two)
    parse_addresses(one)
    parse_sshd_ports(one)
    parse_unit_ports(one)
    words = parse_words(one)
    option(words, "p", "port")
    has_session([Process(1, "sshd", words)])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["local", "remote", "local_port", "ifname", "port", "addr_info"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_no_answer_makes_these_parsers_raise(answer: object) -> None:
    sockets = parse_sockets(answer)
    ssh_ports(Bench().system(), [], sockets)
    parse_addresses(json.dumps(answer))


def test_storage_traffic_is_known_by_its_port() -> None:
    for port, name in {2049: "NFS", 3260: "iSCSI", 4420: "NVMe over TCP", 445: "SMB"}.items():
        bench = Bench()
        bench.ssh("10.0.0.9", "enp9s0", port=port)
        uses = bench.uses()
        assert named(uses) == {Danger.STORAGE: {ONE}}
        assert f"{name} traffic with 10.0.0.9 (1 TCP connection)" in uses.hazards[0].text
    bench = Bench()
    bench.ssh("10.0.0.9", "enp9s0", port=5201)
    assert bench.uses().hazards == ()


@pytest.mark.parametrize(("port", "counts"), [(6799, 0), (6800, 1), (7568, 1), (7569, 0)])
def test_ceph_is_known_by_its_ports_where_it_runs(port: int, counts: int) -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", "enp9s0d1", port=port)
    bench.ssh("10.0.0.9", "enp9s0d1", port=port)
    assert bench.uses().hazards == ()
    bench.files["/proc/88/comm"] = "ceph-osd"
    uses = bench.uses()
    assert named(uses) == ({Danger.STORAGE: {TWO}} if counts else {})
    assert len(uses.hazards) == counts
    del bench.files["/proc/88/comm"]
    bench.files["/etc/ceph/ceph.conf"] = "[global]"
    assert len(bench.uses().hazards) == counts


def test_storage_daemons_are_known_by_the_sockets_they_hold() -> None:
    bench = Bench()
    bench.ssh("10.0.0.9", "enp9s0", port=40123)
    bench.sockets[-1]["inode"] = 4712
    bench.files["/proc/88/comm"] = "glusterfsd"
    assert bench.uses().hazards == ()
    bench.extra.append("/proc/88/fd/4 -> socket:[4712]")
    uses = bench.uses()
    assert named(uses) == {Danger.STORAGE: {ONE}} and "GlusterFS" in uses.hazards[0].text


def test_the_simulated_ceph_host_is_guarded_on_both_ports() -> None:
    system = load_lab("ceph", ManualClock())
    system.wait(2, Event())
    hazards = find_uses(system, discover(system)).hazards
    assert [h.danger for h in hazards] == [Danger.STORAGE, Danger.STORAGE]
    assert {str(port) for h in hazards for port in h.ports or ()} == {
        "0000:03:00.0/1",
        "0000:03:00.0/2",
    }
