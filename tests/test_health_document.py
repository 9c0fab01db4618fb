"""A link's history in JSON and as metrics."""

from __future__ import annotations

import json

from mlxtop.analysis.port_view import port_view
from mlxtop.health.link_health import Best, Flap, LinkHealth
from mlxtop.health.signs import outlook
from mlxtop.model.json_text import encode
from mlxtop.outputs.document import document
from mlxtop.outputs.health_document import health_document
from mlxtop.outputs.metric_families import Families, labels_of
from mlxtop.outputs.port_metrics import add_port
from mlxtop.watch.watch import Watch
from tests.cases import CARD, case
from tests.link_ages import Aging
from tests.test_checks_health import FEC, WALL, points

PORT = CARD.ports[0]


def rising() -> LinkHealth:
    found = points(24 * 9, 0.2, rx_dbm=(-2.0, -2.0))
    found[-1] = found[-1]._replace(rx_dbm=(-2.0, -3.5))
    known = Aging(found).after(len(found))
    return known._replace(
        best={"speed": Best(2e11, "200 Gb/s", 5.0, 60)},
        flaps=(Flap(WALL - 100, "no signal", 4.5), Flap(WALL - 50, "", 0.0)),
    )


def test_nothing_remembered_is_null() -> None:
    assert health_document(None, None, None, 0.0) is None
    whole = document(case().frame, demo=False)
    assert whole["adapters"][0]["ports"][0]["history"] is None


def test_numbers_are_numbers_and_what_is_unknown_is_null() -> None:
    known = LinkHealth()
    found = health_document(known, outlook(known, None, None), None, WALL)
    assert found is not None
    assert found["raw_ber"] is None
    assert found["fails_in_days"] is None
    assert found["best"] == dict.fromkeys(found["best"])
    assert (found["lost_in_a_day"], found["losses"], found["changes"]) == (0, [], [])


def test_a_link_that_fails_says_when() -> None:
    frame = case(report=FEC).frame
    whole = document(frame, demo=False, health={PORT: rising()})
    found = json.loads(encode(whole))["adapters"][0]["ports"][0]["history"]
    earliest, days, latest = found["fails_in_days"]
    assert earliest <= days <= latest
    assert 7 < days < 10
    assert found["correctable_ber"] == 5e-5
    assert found["best"]["speed_bps"] == {"value": 2e11, "last": 5.0}
    assert [(one["reason"], one["seconds"]) for one in found["losses"]] == [
        ("no signal", 4.5),
        (None, 0.0),
    ]
    assert found["lost_in_a_day"] == 2


def test_of_a_link_that_was_not_seen_for_days_nothing_is_foretold() -> None:
    frame, watch = case(report=FEC).frame, Watch()
    known = rising()
    ago = WALL - 3 * 86400 - known.newest
    hours = tuple(one._replace(wall=one.wall + ago) for one in known.hours)
    known = known._replace(hours=hours, minutes=(), days=())
    whole = document(frame, demo=False, health={PORT: known})
    found = json.loads(encode(whole))["adapters"][0]["ports"][0]["history"]
    assert found["fails_in_days"] is None and found["raw_ber"] is None
    assert found["best"]["speed_bps"]["value"] == 2e11
    watch.health.restore(PORT, known)
    into, view = Families(), port_view(frame, PORT)
    add_port(into, view, watch, labels_of(view))
    names = {one.name.removeprefix("mlxtop_") for one in into}
    assert "port_best_bytes_per_second" in names
    assert not {"port_error_forecast_seconds", "module_light_lost_db"} & names


def test_the_same_is_told_as_metrics() -> None:
    frame, watch = case(report=FEC).frame, Watch()
    watch.health.restore(PORT, rising())
    into, view = Families(), port_view(frame, PORT)
    add_port(into, view, watch, labels_of(view))
    told = {one.name.removeprefix("mlxtop_"): list(one.rows.values()) for one in into}
    assert told["port_best_bytes_per_second"] == [2.5e10]
    assert told["port_correctable_error_ratio"] == [5e-5]
    assert 0.15 < told["port_error_decades_per_day"][0] < 0.25
    assert 7 * 86400 < told["port_error_forecast_seconds"][0] < 10 * 86400
    assert told["module_light_lost_db"] == [0.0, 1.5]
    assert told["port_lost_last_day"] == [2]
