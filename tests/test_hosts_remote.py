"""What comes from a far side is bounded, and clocks are compared by the quickest answer."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from collections import deque
from threading import Event

import pytest

from mlxtop.hosts import agent, ssh
from mlxtop.hosts.addresses import parsed_addresses
from mlxtop.hosts.agent import Agent, Output
from mlxtop.hosts.machines import Arrival, Machine, gather, seen_machine
from mlxtop.hosts.names import MOST, host_names
from mlxtop.hosts.parcel import parcel, program, reading_half
from mlxtop.hosts.remote import RemoteSource
from mlxtop.hosts.remote_stream import ClockPair
from mlxtop.hosts.serve import ServerSet
from mlxtop.lab import load_lab
from mlxtop.model.identity import PortId
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.machine import MachineState, Reach
from mlxtop.model.sample import Sample
from mlxtop.recording.lines import GZIP, Lines, Members
from mlxtop.sampler.facts import JOINED, RDMA, Fact
from mlxtop.sampler.source import Stop
from mlxtop.settings import Settings, load
from mlxtop.system.clock import RealClock
from mlxtop.watch.watch import Watch
from tests.samples import PACU, Samples, ethernet, sample

# ---- names and groups


@pytest.mark.parametrize("name", ["-x", "a b", "", "a\n", "a;b", "a'b", "@", "x@", "a/b", "é"])
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"invalid host name|no group"):
        host_names([name], {})


def test_names_of_groups_are_checked_too_and_each_machine_comes_once() -> None:
    assert host_names(["a", "@r", "a"], {"r": ("b", "a", "u@[x]".replace("[x]", "c"))}) == [
        *("a", "b", "u@c")
    ]
    with pytest.raises(ValueError, match="invalid host name: '-o'"):
        host_names(["@r"], {"r": ("-o",)})
    many = tuple(f"h{n}" for n in range(MOST + 1))
    assert len(host_names(many[:MOST], {})) == MOST
    with pytest.raises(ValueError, match="too many"):
        host_names(many, {})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[hosts.rack1]\nnames = ["a", "b"]', None),
        ("hosts = 3", "hosts is not a table of groups"),
        ("[hosts.rack1]\nname = 3", "rack1 is not a group"),
        ("[hosts]\nrack1 = 3", "rack1 is not a group"),
        ("[hosts.rack1]\nnames = [3]", "is not a list of names"),
    ],
)
def test_groups_of_the_settings_file(tmp_path, text: str, complaint: str | None) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "mlxtop-nic"
    folder.mkdir()
    (folder / "settings.toml").write_text(text)
    settings, complaints = load({}, {"XDG_CONFIG_HOME": str(tmp_path)})
    if complaint is None:
        assert (settings.hosts, complaints) == ({"rack1": ("a", "b")}, [])
    else:
        assert settings.hosts == Settings().hosts and complaint in complaints[0]


# ---- what is sent


def test_the_parcel_is_the_reading_half_alone() -> None:
    names = zipfile.ZipFile(io.BytesIO(reading_half())).namelist()
    packages = {name.split("/")[1] for name in names if name.count("/") > 1}
    assert packages == {"model", "system", "sources", "sampler", "hosts", "recording"}
    assert len(reading_half()) < 400_000


@pytest.mark.slow
def test_the_parcel_runs_without_any_library_and_ends_with_its_input() -> None:
    text, loader = program(["token", "1"])
    argv = [sys.executable, "-I", "-S", "-c", text]
    orders = parcel(loader) + b'{"interval": 0.1}\nclock 7\n'
    done = subprocess.run(argv, input=orders, capture_output=True, timeout=30, check=False)
    head, how, rest = done.stdout.split(b"\n", 2)
    assert (head, how.split()[:2]) == (b"", [b"token", b"sent"])
    assert done.returncode == 0 and done.stderr == b""
    assert rest.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("words", [(), ("tok",), ("to ken", "1"), ("tok", "3"), ("tok", "x")])
def test_an_agent_that_is_too_old_says_nothing(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert agent.main(words) == agent.TOO_OLD
    assert capfd.readouterr().out == ""


def test_no_quote_in_the_script() -> None:
    python, _ = program(["token", "1"])
    text = ssh.far_script("token", python.replace('"', '\\"'), sudo=True)
    assert "'" not in text and "\n" not in text and "sudo -n python3" not in text
    assert "sudo -n $p" in text and "sudo -n mlxtop agent" in text


# ---- clocks


def test_the_offset_is_that_of_the_quickest_answer() -> None:
    clocks = ClockPair()
    for number, (sent, took, theirs) in enumerate([(0.0, 0.4, 1.5), (10.0, 0.01, 11.005)]):
        clocks.asked[number] = sent
        clocks.answer(number, theirs, sent + took)
    assert clocks.offset == pytest.approx(1.0)
    assert clocks.measured is not None and ClockPair().measured is None
    assert clocks.measured.seconds == pytest.approx(1.0)
    assert clocks.measured.error_s == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("theirs", "told"), [(0.059, False), (0.061, True), (-0.049, False), (-0.051, True)]
)
def test_an_offset_is_told_when_it_is_surely_over_50_ms(theirs: float, told: bool) -> None:
    clocks = ClockPair({1: 0.0})
    clocks.answer(1, theirs, 0.01)  # the offset is theirs less 5 ms, give or take 5 ms
    assert (clocks.offset is not None) is told


def test_an_answer_that_nobody_asked_for_is_left_out() -> None:
    clocks = ClockPair({1: 5.0})
    clocks.answer(2, 100.0, 6.0)
    clocks.answer(1, 100.0, 4.0)  # our clock was set back meanwhile
    assert clocks.offset is None


# ---- a session


class Session:
    """An ssh whose far side has written some pieces."""

    token = "tok"

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.sent = deque(pieces), b""
        self.closed = False

    def read(self, seconds: float) -> bytes | None:
        return self.pieces.popleft() if self.pieces else b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def send_parcel(self) -> None:
        self.send(b"PARCEL")

    def why(self) -> str:
        return "the connection ended"

    def end(self) -> None:
        self.closed = True

    close = end


def pieces_of(*samples: Sample) -> list[bytes]:
    lines, members = Lines(), Members()
    return [b"".join(members.add(line) for line in lines.of(one)) for one in samples]


def recording(*samples: Sample) -> bytes:
    return b"".join(pieces_of(*samples))


def taken(monkeypatch: pytest.MonkeyPatch, session: Session, most: int = 99) -> tuple[list, Reach]:  # type: ignore[type-arg]
    """The samples of one session, and how the machine stands then."""
    source, stop = RemoteSource("fry"), Stop()
    monkeypatch.setattr("mlxtop.hosts.remote.Session", lambda host, sudo: session)
    source.listen(lambda: stop.set() if source.reach.state is MachineState.LOST else None)
    found = []
    for one in source.samples(stop):
        found.append(one)
        if len(found) >= most:
            stop.set()
    return found, source.reach


SENT = [sample(float(t), ethernet(PACU, t, 1e9, 2e9)) for t in range(3)]
HERE = b"banner\n\ntok installed 0.9 3.11.2\n"


def test_samples_come_as_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(HERE + recording(*SENT))
    found, reach = taken(monkeypatch, session)
    assert found == SENT and session.closed
    assert reach.via == "mlxtop 0.9 there" and not reach.sent
    assert json.loads(session.sent.split(b"\n")[0])["interval"] == 1.0
    assert (reach.state, reach.why) == (MachineState.LOST, "the connection ended")


def test_the_token_may_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = HERE + recording(*SENT)
    session = Session(*(bytes([byte]) for byte in whole))
    assert taken(monkeypatch, session)[0] == SENT


def test_what_is_sent_is_sent_once_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(b"\ntok send\n", b"\ntok sent 0.9 3.12.1\n" + recording(*SENT))
    found, reach = taken(monkeypatch, session)
    assert session.sent.startswith(b"PARCEL{") and found == SENT
    assert reach.sent and "its Python 3.12.1" in reach.via


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([b"x" * ((1 << 16) + 1)], "it prints more than a login would, and no recording"),
        ([b"\ntok nopython , python3 is Python 3.9\n"], "neither mlxtop nor python3 3.11 or newer"),
        ([HERE, *([os.urandom(1 << 16)] * 1100)], "it sends something else than samples"),
        ([b"\nother installed 1 2\n" + recording(*SENT)], "the connection ended"),
        ([], "the connection ended"),
    ],
    ids=["a login without an end", "no python", "garbage", "another token", "nothing"],
)
def test_what_is_no_recording_is_given_up(
    monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], why: str
) -> None:
    found, reach = taken(monkeypatch, Session(*pieces))
    assert found == [] and reach.state is MachineState.LOST and reach.why.startswith(why)


def test_a_machine_that_never_pauses_is_asked_for_its_clock_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session(HERE, *pieces_of(*SENT))
    assert taken(monkeypatch, session)[0] == SENT
    assert b"\nclock 1\n" in session.sent


@pytest.mark.parametrize(
    ("hello", "order", "absent"),
    [
        (HERE.replace(b"3.11.2", b"3.11.2 wants"), b"\nwants rdma_objects\n", "not read"),
        (HERE, b"", "the mlxtop there is older and cannot be asked for it"),
    ],
    ids=["this one", "an older one"],
)
def test_what_somebody_wants_for_a_while_is_asked_for_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, hello: bytes, order: bytes, absent: str
) -> None:
    session, source, stop = Session(hello, *pieces_of(*SENT)), RemoteSource("fry"), Stop()
    monkeypatch.setattr("mlxtop.hosts.remote.Session", lambda host, sudo: session)
    samples = source.samples(stop)
    before = next(samples)
    source.more_wants = frozenset({Fact.RDMA_OBJECTS})
    assert before.rdma_objects.absent == "not read"
    assert next(samples).rdma_objects.absent == absent
    assert order in session.sent and (order or b"wants" not in session.sent)
    source.close()


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("wants rdma_objects rdma_limits", RDMA),
        ("wants rdma_limits stored RDMA_OBJECTS ../x", {Fact.RDMA_LIMITS}),
        ("wants", frozenset()),
        ("wants " + "x " * 50, frozenset()),
    ],
)
def test_the_agent_reads_of_what_is_wanted_only_what_may_be(order: str, wanted: set[Fact]) -> None:
    agent = Agent(load_lab("pacu"), {}, None)
    agent.source.more_wants = frozenset({Fact.RDMA_OBJECTS})
    agent._carry_out(order.split(), Output(-1), ServerSet(agent._system, print))
    assert agent.source.more_wants == wanted
    agent.source.close()


def test_what_takes_too_long_to_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlxtop.hosts.remote_stream.BUSY_S", 0.005)
    monkeypatch.setattr("mlxtop.hosts.remote_stream.BUSY_SHARE", 0.0)
    nothing = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    bomb = nothing.compress(bytes(16 << 20)) + nothing.flush()
    found, reach = taken(monkeypatch, Session(HERE, *([bomb] * 9)))
    assert found == [] and reach.why == "what it sends takes too much time to read"


def test_a_machine_of_more_ports_than_can_be_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [PACU._replace(id=PortId("0000:43:00.0", n)) for n in range(1, 4)]
    many = sample(1.0, *(ethernet(port, 1, 1e9, 2e9) for port in ports))
    for most, count in ((3, 1), (2, 0)):
        monkeypatch.setattr("mlxtop.hosts.remote.MOST_PORTS", most)
        found, reach = taken(monkeypatch, Session(HERE + recording(many)))
        assert len(found) == count
    assert reach.why == "it tells of 3 ports or cards: 2 at most"


def test_of_a_flood_of_incidents_the_newest_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = tuple(Incident(IncidentKind.LINK_UP, str(n)) for n in range(1200))
    sent = SENT[0]._replace(incidents=flood)
    (found,), _ = taken(monkeypatch, Session(HERE + recording(sent)))
    assert [one.text for one in found.incidents] == [str(n) for n in range(200, 1200)]


def test_too_many_samples_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [sample(t / 1000, ethernet(PACU, t, 1e9, 2e9)) for t in range(200)]
    found, reach = taken(monkeypatch, Session(HERE + recording(*flood)), 1000)
    assert len(found) < 60 and reach.why == "it sends more samples than it was asked for"


@pytest.mark.parametrize(
    "rows",
    [None, 3, [3], [["a"]], [["a", 3]], [["a", "10.0.0.x"]], [["a", "10.0.0.1/24", "b"]]],
    ids=str,
)
def test_addresses_that_make_no_sense_are_left_out(rows: object) -> None:
    assert parsed_addresses(rows) == []


def test_addresses_are_taken_with_their_device() -> None:
    (one,) = parsed_addresses([["enp1s0", "10.0.0.3/24"]])
    assert (one.device, one.text) == ("enp1s0", "10.0.0.3/24")


# ---- several machines


def test_frames_of_all_machines_are_gathered() -> None:
    machines = [Machine("a", Samples(SENT)), Machine("b", Samples(SENT[:2]))]
    stop, found = Event(), []
    for arrival in gather(machines, stop, RealClock()):
        assert isinstance(arrival, Arrival)
        if arrival.frame is not None:
            found.append(arrival.machine.name)
        if len(found) == 5:
            stop.set()
    assert sorted(found) == ["a", "a", "a", "b", "b"]


def test_a_machine_that_fails_ends_alone() -> None:
    class Broken(Samples):
        def samples(self, stop: Event):  # type: ignore[no-untyped-def]
            raise OSError("gone")
            yield

    stop, ended = Event(), {}
    for arrival in gather(
        [Machine("a", Samples(SENT)), Machine("b", Broken([]))], stop, RealClock()
    ):
        if arrival.ended:
            ended[arrival.machine.name] = str(arrival.error)
            stop.set()
    assert ended == {"a": "None", "b": "gone"}


def test_a_seen_machine_has_an_age_only_while_it_is_lost() -> None:
    watch = Watch()
    assert seen_machine("fry", watch, Reach(MachineState.CONNECTING), 9.0) is None
    from mlxtop.model.frame import derive

    watch.ingest(derive(SENT[0], None))
    lost = seen_machine("fry", watch, Reach(MachineState.LOST, 2.0, "gone"), 9.0)
    live = seen_machine("fry", watch, Reach(MachineState.LIVE, 2.0), 9.0)
    assert lost is not None and live is not None
    assert (lost.age, lost.why, live.age) == (7.0, "gone", 0.0)


def test_the_far_side_reads_the_flash_for_a_passport() -> None:
    one = Agent(load_lab("pacu"), {"flash": True}, None)
    assert one.source._facts.wants == JOINED | {Fact.FLASH, Fact.PCIE, Fact.IN_USE}
    one.source.close()


def test_a_guard_here_makes_the_far_side_read_as_a_guard_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, source, stop = Session(HERE, *pieces_of(*SENT)), RemoteSource("fry"), Stop()
    monkeypatch.setattr("mlxtop.hosts.remote.Session", lambda host, sudo: session)
    samples = source.samples(stop)
    next(samples)
    assert b"guard" not in session.sent
    source.guarded = True
    next(samples)
    assert b"\nguard on\n" in session.sent
    source.close()
    agent = Agent(load_lab("pacu"), {}, None)
    for order, guarded in (("guard on", True), ("guard", True), ("guard off", False)):
        agent._carry_out(order.split(), Output(-1), ServerSet(agent._system, print))
        assert agent.source.guarded is guarded
    agent.source.close()
