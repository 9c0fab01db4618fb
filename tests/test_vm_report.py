"""What goes wrong with cards of a real kernel while it is recorded stands in the report."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vm import in_lab

SCRIPT = r"""
$PYTHON -m mlxtop -d 0.5 record /run/a.mlxrec 2>/run/told &
recorder=$!
lines() { { zcat /run/a.mlxrec 2>/dev/null || true; } | wc -l; }
more() {  # until so many records more are written
  local wanted=$(($(lines) + $1))
  for try in $(seq 600); do [ "$(lines)" -ge $wanted ] && return; sleep 0.2; done
  echo "no record for two minutes" >&2; cat /run/told >&2; kill $recorder; exit 1
}
plant() { echo "\"$1\": $(date +%s.%N)," | tr -d "\n" >> /run/times; shift; cx "$@" > /dev/null; }
more 12
plant link 0 carrier 0
more 16
plant link_back 0 carrier 1
more 16
plant hot 0 temp 104000
more 20
plant cool 0 temp 60000
more 12
plant errors 0 rx_crc_errors_phy +5000
more 16
kill -TERM $recorder
wait $recorder
echo "{$(cat /run/times) \"none\": 0}"
$PYTHON -m mlxtop --json report /run/a.mlxrec | $PYTHON -c \
  'import json, sys; print(json.dumps(json.load(sys.stdin)))'
$PYTHON -m mlxtop report --html /run/a.mlxrec > /run/a.html
grep -c 'link down\|104.0 °C\|CRC' /run/a.html
grep -c '<script\|http://\|https://' /run/a.html || true
"""
NETDEV = "enp7s0np0"
SOON_S = 12.0
"""Seconds in which a slow machine sees what was planted."""


@pytest.mark.vm
def test_a_flap_an_overheat_and_errors_are_in_the_report_each_with_its_time() -> None:
    done = in_lab(SCRIPT)
    assert done.returncode == 0, done.stderr
    times, report, told, foreign = map(json.loads, done.stdout.splitlines())
    begins = {
        "link": [one for one in report["incidents"] if one["kind"] == "link down"],
        "hot": [one for one in report["incidents"] if "ASIC at 104.0" in one["text"]],
        "errors": [one for one in report["incidents"] if "CRC" in one["text"]],
    }
    for name, found in begins.items():
        assert found, (name, report["incidents"])
        assert found[0]["subject"] == NETDEV
        assert -1.0 <= found[0]["since"] - times[name] <= SOON_S
    assert begins["hot"][0]["severity"] == "critical"
    assert -1.0 <= begins["link"][0]["until"] - times["link_back"] <= SOON_S
    port = _port(report)
    assert port["link"]["lost"] == 1
    assert port["link"]["state"] == "up"
    asic = next(one for one in port["sensors"] if one["name"] == "asic")
    assert asic["above_alarm_s"] > 0 and asic["spread"]["peak"] == 104.0
    crc = next(one for one in port["errors"] if "rx_crc_errors_phy" in one["counters"])
    assert crc["events"] == 5000
    assert -1.0 <= crc["first"] - times["errors"] <= SOON_S
    assert (told > 0, foreign) == (True, 0)


def _port(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in report["ports"] if one["name"] == NETDEV)
    return found
