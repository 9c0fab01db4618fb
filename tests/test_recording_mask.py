"""Samples without names: the same value hidden in the same way, everything else as it was."""

from __future__ import annotations

from itertools import chain

import pytest

from mlxtop.commands.vocabulary import vocabulary
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.json_text import encode
from mlxtop.model.module import Identity, Module
from mlxtop.model.rdma_objects import RdmaHolder, RdmaObjects, RdmaPeer
from mlxtop.model.sample import Sample, Slow
from mlxtop.model.sample_codec import SampleEncoder
from mlxtop.model.tuning import HostTuning, LoadProgram
from mlxtop.recording.mask import SampleMask
from tests.recorded import machine
from tests.samples import PACU, ethernet, sample

SERIAL, ADDRESS = "MT1234X56789", "24:8a:07:4b:13:0e"


def named(text: str) -> Sample:
    """A machine whose names stand in an incident too."""
    port = ethernet(PACU, 1.0, 1e9, 1e9)
    port = port._replace(link=port.link._replace(address=ADDRESS))
    module = Module(Identity("QSFP28", serial=SERIAL, part="MCP1600"))
    program = LoadProgram(7, "ib_write_bw", ("ib_write_bw", "-d", "mlx5_0", "-s", "65536", "fry"))
    one = sample(1.0, port._replace(module=module))
    return one._replace(
        incidents=(Incident(IncidentKind.DRIVER, text),),
        host_settings=Slow(HostTuning(programs=(program,)), 1.0),
    )


def text_of(one: Sample) -> str:
    return encode(SampleEncoder().whole(one)[0])


def test_names_are_hidden_wherever_they_stand() -> None:
    one = named(f"pacu: module {SERIAL} of {ADDRESS}, comm: mysqld")
    mask = SampleMask([one.host.name])
    mask.learn(one)
    hidden = mask.masked(one)
    whole = text_of(hidden)
    for name in ("pacu", SERIAL, ADDRESS, "mysqld", "fry"):
        assert name in text_of(one)
        assert name not in whole
    assert hidden.host.name == "host"
    text = hidden.incidents[0].text
    module = hidden.ports[PACU.id].module
    assert module is not None and module.identity.serial is not None
    assert module.identity.serial in text
    assert str(hidden.ports[PACU.id].link.address) in text
    assert text.endswith("comm: process1")


def test_everything_else_stays_as_it_is() -> None:
    one = named("x")
    hidden = SampleMask(["pacu"]).masked(one)
    port, old = hidden.ports[PACU.id], one.ports[PACU.id]
    assert port.readings == old.readings
    assert port.port == old.port
    assert port.temperatures == old.temperatures
    assert port.link._replace(address=None) == old.link._replace(address=None)
    assert port.module is not None and port.module.identity.part == "MCP1600"
    assert (hidden.wall, hidden.tick, hidden.pcie) == (one.wall, one.tick, one.pcie)
    programs = hidden.host_settings.value
    assert programs is not None
    assert programs.programs[0].words[1:5] == ("-d", "name", "-s", "65536")


def test_what_is_learned_later_is_hidden_from_the_beginning() -> None:
    early = named(f"module {SERIAL} was read")._replace(ports={})
    mask = SampleMask(["pacu"])
    mask.learn(early)
    mask.learn(named("x"))
    assert SERIAL not in text_of(mask.masked(early))


def test_a_part_that_stays_the_same_is_the_same_masked() -> None:
    mask = SampleMask(["pacu"])
    one = named("x")
    after = one._replace(tick=2.0)
    assert mask.masked(one).adapters is mask.masked(after).adapters


@pytest.mark.parametrize("name", ["pacu", "cx3-hp", "dgx", "faulty"])
def test_no_name_of_a_simulated_machine_is_left(name: str) -> None:
    samples = machine(name, 12)
    host = samples[0].host.name
    mask = SampleMask([host])
    for one in samples:
        mask.learn(one)
    serials = {
        port.module.identity.serial
        for port in chain.from_iterable(one.ports.values() for one in samples)
        if port.module is not None and port.module.identity.serial
    }
    addresses = {
        address
        for port in samples[-1].ports.values()
        if (address := port.link.address) is not None and ":00:00:" not in address[6:]
    }  # those of simulated machines can look like what they are replaced by
    for one in (samples[0], samples[-1]):
        whole = text_of(mask.masked(one))
        assert [word for word in (*serials, *addresses) if word.strip() in whole] == []
        assert mask.masked(one).host.name == "host"


@pytest.mark.parametrize("name", ["ceph", "mlx5", "x4", "cafe"])
def test_a_machine_that_is_called_like_a_word_is_hidden_where_a_host_is_meant(name: str) -> None:
    one = named("mlx5_core: ceph x4 of a port cafe")
    one = one._replace(host=one.host._replace(name=name))
    mask = SampleMask([name], vocabulary())
    mask.learn(one)
    assert mask.masked(one).host.name == "host"
    assert mask.host(f"to {name}") == "to host"
    assert "mlx5_core" in mask.masked(one).incidents[0].text


def test_who_holds_rdma_objects_is_hidden_with_users_services_and_peers() -> None:
    holder = RdmaHolder(
        "mlx5_0",
        7,
        comm="trainer",
        user="alice",
        service="Slurm job 4217",
        peers=(RdmaPeer("20.30.40.7", 2),),
    )
    one = named("x")._replace(rdma_objects=Slow(RdmaObjects((holder,), {"mlx5_0": {"qp": 1}}), 1.0))
    mask = SampleMask(["pacu"])
    mask.learn(one)
    hidden = mask.masked(one).rdma_objects.value
    assert hidden is not None
    (who,) = hidden.holders
    assert (who.comm, who.user, who.service) == ("process1", "user1", "service1")
    assert who.peers[0].address != "20.30.40.7"
    assert (who.device, hidden.held) == ("mlx5_0", {"mlx5_0": {"qp": 1}})
