"""Page P and the ribbon: the scripted death of a link is seen, alarmed and led around."""

from __future__ import annotations

import pytest

from mlxtop.watch.alert import AlertKind
from tests.tour import walk


@pytest.mark.slow
async def test_the_demo_leads_around_the_link_that_dies() -> None:
    async with walk("ceph", (120, 44)) as walking:
        paths = walking.app.paths
        assert paths is not None
        paths.begin(suggested=False)
        await walking.forward(3.0)
        await walking.press("P")
        await walking.forward(2.0)
        text = walking.text()
        assert "ceph3  10.15.15.3" in text
        assert "▸ dev enp3s0d1" in text
        assert "route dev enp3s0d1  the most preferred way" in text
        await walking.forward(75.0)
        text = walking.text()
        assert "▸ via 10.15.15.2 dev enp3s0" in text
        assert "no carrier" in text
        assert "enp3s0d1 down" in text.splitlines()[1]
        assert "way to ceph3 down" in text.splitlines()[1]
        texts = [one.incident.text for one in walking.app.state.watch.events]
        assert any(one.startswith("route to ceph3 goes via 10.15.15.2") for one in texts)
        frame = walking.app.state.frame
        assert frame is not None
        busy = {
            one.now.port.name: walking.app.state.watch.highs.get(port)
            for port, one in frame.ports.items()
        }
        assert busy["enp3s0"], "the traffic goes on by the other link"


@pytest.mark.slow
async def test_an_alarm_of_a_way_leads_to_the_page() -> None:
    async with walk("ceph", (120, 44)) as walking:
        assert walking.app.paths is not None
        walking.app.paths.begin(suggested=False)
        await walking.forward(80.0)
        alarms = walking.app.state.watch.alarms.all()
        way = next(alarm for alarm in alarms if alarm.subject.peer == "ceph3")
        walking.app.action_cause(way.key)
        await walking.forward(1.0)
        assert "▸ via 10.15.15.2 dev enp3s0" in walking.text()


async def test_a_machine_without_several_routes_is_probed_only_when_asked() -> None:
    async with walk("pacu", (100, 36)) as walking:
        paths = walking.app.paths
        assert paths is not None
        paths.begin(suggested=False)
        await walking.forward(2.0)
        assert paths.status().peers == ()
        await walking.press("P")
        await walking.forward(3.0)
        assert "the most preferred way" in walking.text()


async def test_a_healthy_machine_whose_neighbour_answers_no_pings_has_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with walk("pacu", (100, 36)) as walking:
        paths = walking.app.paths
        assert paths is not None
        monkeypatch.setattr("mlxtop.lab.icmp.LabPinger._trip", lambda *_: None)
        await walking.press("P")
        await walking.forward(5.0)
        assert paths.status().suggested
        assert paths.status().peers[0].dead
        alarms = walking.app.state.watch.alarms.all()
        assert [one for one in alarms if one.kind is AlertKind.PATH_DOWN] == []
