"""Counters that were proven wrong are kept, and throughput comes from another source."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlxtop.analysis.throughput import throughput
from mlxtop.model.counters import Miscount
from mlxtop.model.frame import Frame
from mlxtop.model.identity import PortId
from mlxtop.model.sample import Sample
from mlxtop.model.sample_codec import SampleDecoder, SampleEncoder
from mlxtop.present.text import plain
from mlxtop.present.traffic import traffic
from mlxtop.present.view import View
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.miscounts import LOOK_S, MOST, Miscounts, parse_entries
from tests.load_lab import simulated
from tests.samples import IB, PACU, ethernet, frame, pacu, sample, veth

WRONG = Miscount("eth-mac", 4.0, "netdev", "20261129T054018Z")
LOST = Miscount("eth-mac", None, "netdev", "")


def source(miscounts: Miscounts, *samples: Sample) -> str | None:
    shown = frame(*map(miscounts.apply, samples or (pacu(0.0), pacu(1.0))))
    return throughput(shown.ports[PACU.id]).source


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mlxtop-nic" / "counters.json"


@pytest.mark.parametrize("found", [WRONG, LOST])
def test_what_is_proven_outlives_the_program_and_is_taken_back(kept: Path, found: Miscount) -> None:
    miscounts = Miscounts(str(kept))
    assert source(miscounts) == "eth-mac"
    assert miscounts.learn(frame(pacu(0.0)), PACU.id, found) is None
    assert source(miscounts) == "netdev"
    assert kept.stat().st_mode & 0o777 == 0o600
    later = Miscounts(str(kept))
    assert source(later) == "netdev"
    assert later.apply(pacu(1.0)).ports[PACU.id].miscounts == (found,)
    assert later.learn(frame(pacu(0.0)), PACU.id, None) is None
    assert source(later) == "eth-mac"
    assert source(miscounts) == "netdev"
    assert source(miscounts, pacu(LOOK_S + 1), pacu(LOOK_S + 2)) == "eth-mac"


def test_another_kernel_firmware_card_or_kind_of_link_begins_anew(kept: Path) -> None:
    miscounts = Miscounts(str(kept))
    miscounts.learn(frame(pacu(0.0)), PACU.id, WRONG)
    now = pacu(1.0)
    (card,) = now.adapters
    others = (
        now._replace(host=now.host._replace(kernel="6.12.0")),
        now._replace(adapters=(card._replace(firmware="12.28.4000"),)),
        now._replace(adapters=(card._replace(functions=(card.functions[0]._replace(device=9),)),)),
        now._replace(adapters=()),
    )
    assert [source(miscounts, one) for one in others] == ["eth-mac"] * 4
    assert source(miscounts, now) == "netdev"


def test_a_source_that_is_not_there_is_not_taken(kept: Path) -> None:
    miscounts = Miscounts(str(kept))
    miscounts.learn(frame(pacu(0.0)), PACU.id, WRONG._replace(instead="bytes_phy"))
    assert source(miscounts) == "eth-mac"


def test_of_devices_that_are_no_cards_nothing_is_kept(kept: Path) -> None:
    miscounts = Miscounts(str(kept))
    shown = frame(sample(0.0, veth("veth0", 4, 0.0)))
    assert miscounts.learn(shown, PortId("veth0", 1), WRONG) is None
    assert not kept.exists()


def test_a_right_counter_makes_no_file(kept: Path) -> None:
    assert Miscounts(str(kept)).learn(frame(pacu(0.0)), PACU.id, None) is None
    assert not kept.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"schema": 2, "miscounts": {}}',
        '{"schema": 1, "miscounts": []}',
        '{"schema": 1, "miscounts": {"a": {"source": "x", "instead": "y", "factor": "4"}}}',
        "\ud800",
    ],
)
def test_a_damaged_file_is_as_none(kept: Path, text: str) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert parse_entries(text) == {}
    assert source(Miscounts(str(kept))) == "eth-mac"


def test_links_and_pipes_are_not_followed_and_a_full_disk_is_told(kept: Path) -> None:
    Miscounts(str(kept)).learn(frame(pacu(0.0)), PACU.id, WRONG)
    link, pipe = kept.with_name("link.json"), kept.with_name("pipe.json")
    link.symlink_to(kept)
    os.mkfifo(pipe)
    assert [source(Miscounts(str(one))) for one in (link, pipe)] == ["eth-mac"] * 2
    where = "/proc/nowhere/counters.json"
    problem = Miscounts(where).learn(frame(pacu(0.0)), PACU.id, WRONG)
    assert problem is not None and problem.startswith(where)


def test_the_file_stays_small(kept: Path) -> None:
    miscounts = Miscounts(str(kept))
    for number in range(MOST + 3):
        port = PACU._replace(driver=f"mlx{number}")
        miscounts.learn(frame(sample(0.0, ethernet(port, 0.0, 0, 0))), PACU.id, WRONG)
    keys = list(json.loads(kept.read_text())["miscounts"])
    assert len(keys) == MOST and keys[0].startswith("mlx3 ")


def test_it_travels_and_page_1_says_why() -> None:
    miscounts = Miscounts()
    miscounts.learn(frame(pacu(0.0)), PACU.id, WRONG)
    now = miscounts.apply(pacu(1.0))
    decoder, (data, tables) = SampleDecoder(), SampleEncoder().whole(now)
    decoder.learn(json.loads(json.dumps(tables)))
    assert decoder.whole(json.loads(json.dumps(data))) == now
    shown: Frame = frame(miscounts.apply(pacu(0.0)), now)
    text = " ".join(plain(line).strip() for s in traffic(View(shown, PACU.id)) for line in s.lines)
    told = "not by eth-mac, which has 4 times the bytes on this driver"
    assert f"{told} (mlxtop runs show 20261129T054018Z)" in " ".join(text.split())


def test_a_simulated_machine_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    live = LiveSource(simulated())
    shown = frame(live.take())
    port = next(iter(shown.ports))
    assert live.miscounts.learn(shown, port, WRONG) is None
    assert live.take().ports[port].miscounts == (WRONG,)
    assert list(tmp_path.iterdir()) == []
    live.close()


def test_an_infiniband_port_of_the_same_card_is_another_place(kept: Path) -> None:
    miscounts = Miscounts(str(kept))
    both = sample(0.0, ethernet(PACU, 0.0, 0, 0), ethernet(IB, 0.0, 0, 0))
    miscounts.learn(frame(both), PACU.id, WRONG)
    link = both.ports[IB.id].link._replace(layer=None)
    ports = {**both.ports, IB.id: both.ports[IB.id]._replace(link=link)}
    applied = miscounts.apply(both._replace(ports=ports))
    assert [bool(one.miscounts) for one in applied.ports.values()] == [True, False]
