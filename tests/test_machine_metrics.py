"""What Prometheus is told of a machine: identity, what happens, and how it is read."""

from __future__ import annotations

import pytest

from mlxtop.lab import MACHINES
from mlxtop.model.counters import Severity
from mlxtop.model.identity import PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.lldp import LldpNeighbour
from mlxtop.model.rdma_objects import QueuePairs, RdmaHolder, RdmaObjects
from mlxtop.model.sample import AerError, Slow, SourceKind
from mlxtop.outputs.machine_metrics import FindingCount, families_of
from tests.metrics import Told, lab_machine, machine_of, told_of
from tests.samples import PACU, ethernet, pacu, sample
from tests.watching import DOWN

PORT = {"device": "mlx5_0", "port": "1", "netdev": "enp67s0np0", "pci": "0000:43:00.0"}
CARD = {"pci": "0000:43:00.0"}


# ---- identity


def test_identity_is_in_info_alone() -> None:
    one = told_of(pacu(1.0))
    ((port, _),) = one.rows("port_info")
    assert port.items() >= {"driver": "mlx5_core", "family": "ConnectX-4", **PORT}.items()
    ((card, _),) = one.rows("adapter_info")
    assert (card["part"], card["psid"]) == ("MCX455A-ECAT", "MT_2180110032")
    assert port["adapter"] == card["adapter"] == "0000:43:00.0"
    ((host, _),) = one.rows("host_info")
    assert host["name"] == "pacu"
    others = [name for name in one.names if not name.endswith("_info")]
    identity = {"MCX455A-ECAT", "MT_2180110032", "ConnectX-4", "mlx5_core", "pacu"}
    for name in others:
        assert not [row for row, _ in one.rows(name) if identity & set(row.values())]


def test_the_neighbour_by_lldp_is_one_series_a_port() -> None:
    first = pacu(1.0)
    (port,) = first.ports
    leaf = LldpNeighbour("94:8e:d3:5a:61:77", "leaf1", None, True, "Eth1/5")
    two = leaf, leaf._replace(port="Eth1/6")
    one = told_of(first._replace(lldp=Slow({port: two}, 1.0)))
    ((row, value),) = one.rows("port_neighbour_info")
    told = {"neighbour": "leaf1", "neighbour_port": "Eth1/5", "chassis": "94:8e:d3:5a:61:77"}
    assert value == 1 and row.items() >= told.items()
    assert told_of(first).rows("port_neighbour_info") == []


def test_what_changes_is_no_label_of_the_identity() -> None:
    ((port, _),) = told_of(pacu(1.0)).rows("port_info")
    assert not {"state", "detail", "phys_state", "mtu", "speed_mbps"} & set(port)


def test_a_simulated_machine_never_passes_for_a_real_one() -> None:
    one = told_of(pacu(1.0), kind=SourceKind.DEMO)
    ((row, _),) = one.rows("build_info")
    assert row["kind"] == "demo"


def test_pcie_errors_are_told_with_who_counts_them() -> None:
    first = pacu(1.0)
    (slot,) = first.pcie
    counts = {"BadTLP": 3, "total_err_cor": 3}
    aer = {AerError("0000:40:03.0", name): count for name, count in counts.items()}
    status = first.pcie[slot]._replace(aer=aer)
    one = told_of(first._replace(pcie={slot: status}))
    by = {"name": "BadTLP", "reporter": "0000:40:03.0"}
    assert one.value("pcie_aer_errors_total", **by, **CARD) == 3
    assert len(one.rows("pcie_aer_errors_total")) == 1, "a sum of those by name counts nothing"


# ---- what happens


def test_findings_are_counted_by_check_and_stand_at_their_port_or_card() -> None:
    findings = (
        FindingCount("lanes", Severity.WARNING, PACU.id),
        FindingCount("lanes", Severity.WARNING, PACU.id),
        FindingCount("PCIe slot", Severity.CRITICAL, "0000:43:00.0"),
        FindingCount("governor", Severity.NOTE, None),
    )
    one = told_of(pacu(1.0), findings=findings)
    assert one.value("finding", check="lanes", severity="warning", **PORT) == 2
    assert one.value("finding", check="PCIe slot", severity="critical", **CARD) == 1
    assert one.value("finding", check="governor", severity="note") == 1


def test_alarms_that_go_on_are_told_and_those_that_are_over_are_not() -> None:
    hot = sample(2.0, ethernet(PACU, 2.0, 0, 0, module=81.0))
    calm = sample(3.0, ethernet(PACU, 3.0, 0, 0, module=50.0))
    one = told_of(pacu(1.0), hot)
    assert one.value("alarm", kind="alarm", severity="critical", **PORT) == 1
    assert told_of(pacu(1.0), hot, calm).rows("alarm") == []


def test_incidents_are_counted_by_kind_and_a_repeated_report_is_no_second_one() -> None:
    def look(tick: float, *keys: str) -> tuple[Incident, ...]:
        kind, device = IncidentKind.COMMAND, "0000:43:00.0"
        return tuple(Incident(kind, "timeout", tick=tick, device=device, key=k) for k in keys)

    one = told_of(
        pacu(1.0)._replace(incidents=look(1.0, "a")),
        pacu(2.0)._replace(incidents=look(2.0, "a", "b")),
    )
    told = one.value("incidents_total", kind="firmware command", severity="note", **CARD)
    assert told == 2


def test_an_incident_of_a_port_has_the_labels_of_the_port() -> None:
    one = told_of(pacu(1.0), sample(2.0, ethernet(PACU, 2.0, 0, 0, link=DOWN)))
    assert one.value("incidents_total", kind="link down", severity="warning", **PORT) == 1


# ---- how it is read


def test_sources_have_an_age_which_grows_when_nothing_is_read() -> None:
    machine = machine_of(pacu(1.0))
    for now, age in ((1.0, 0.0), (31.0, 30.0)):
        one = Told(families_of([machine._replace(now=now)]))
        assert one.value("source_age_seconds", source="sample") == age
        assert one.value("source_age_seconds", source="eth-mac", **PORT) == age


def test_what_could_not_be_read_is_not_up_and_has_no_age() -> None:
    first = pacu(1.0)
    port = first.ports[PACU.id]._replace(absent={"module": "needs root"})
    one = told_of(first._replace(ports={PACU.id: port}, absent={"kernel_log": "needs root"}))
    assert one.value("source_up", source="module", **PORT) == 0
    assert one.value("source_age_seconds", source="module", **PORT) is None
    assert one.value("source_up", source="kernel_log") == 0


def test_what_nobody_wanted_is_no_source() -> None:
    sources = {row["source"] for row, _ in told_of(pacu(1.0)).rows("source_up")}
    assert not {"streams", "host_settings", "settings"} & sources


# ---- several machines, many functions


def test_samples_of_several_machines_are_told_apart_by_host() -> None:
    one, other = machine_of(pacu(1.0), host="pacu"), machine_of(pacu(1.0), host="fry")
    rows = Told(families_of([one, other])).rows("port_up")
    assert [row["host"] for row, _ in rows] == ["pacu", "fry"]


def test_virtual_functions_are_told_one_by_one_only_when_asked_for() -> None:
    functions = [
        PACU._replace(
            id=PortId(f"0000:43:0{n}.0", 1),
            kind=PortKind.VF,
            function=f"0000:43:0{n}.0",
            netdev=f"vf{n}",
            rdma=None,
        )
        for n in range(1, 9)
    ]
    ports = [ethernet(port, 1.0, 0, 0) for port in (PACU, *functions)]
    assert len(told_of(sample(1.0, *ports)).rows("port_up")) == 1
    assert len(told_of(sample(1.0, *ports), with_vfs=True).rows("port_up")) == 9


@pytest.mark.quick("pacu", "ceph", "aging", "hdr")
@pytest.mark.parametrize("name", MACHINES)
def test_every_simulated_machine_is_told_with_all_its_ports_once(name: str) -> None:
    machine = lab_machine(name)
    one = Told(families_of([machine]))
    ports = [its.now.port for its in machine.frame.ports.values()]
    assert len(one.rows("port_up")) == sum(port.kind is not PortKind.VF for port in ports)
    assert all(one.help(name) for name in one.names)


def test_rdma_objects_are_told_by_device_and_kind_and_no_process() -> None:
    pairs = QueuePairs("RC", "RTS", 96), QueuePairs("RC", "ERR", 1)
    holder = RdmaHolder("mlx5_0", 7, comm="trainer", qps=pairs, mrs=2, mr_bytes=4096)
    kernel = RdmaHolder("mlx5_0", module="ib_core", qps=(QueuePairs("GSI", "RTS", 1),))
    objects = RdmaObjects((holder, kernel), {"mlx5_0": {"qp": 98, "mr": 2}})
    one = told_of(
        pacu(1.0)._replace(
            rdma_objects=Slow(objects, 1.0), rdma_limits={"mlx5_0": Slow({"qp": 131072}, 1.0)}
        )
    )
    at = {"device": "mlx5_0"}
    assert one.value("rdma_objects", kind="qp", **at) == 98
    assert one.value("rdma_objects_limit", kind="qp", **at) == 131072
    assert one.value("rdma_queue_pairs", type="RC", state="ERR", **at) == 1
    assert one.value("rdma_registered_bytes", **at) == 4096
    assert one.value("rdma_users", **at) == 1
    assert one.value("source_up", source="rdma_objects") == 1
    for name in one.names:
        assert not [row for row, _ in one.rows(name) if "trainer" in row.values()]
    assert "rdma_objects" not in told_of(pacu(1.0)).names
