"""RDMA through `mlxtop load` between two namespaces of the virtual lab."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vm import in_lab

SCRIPT = """
export XDG_STATE_HOME=/tmp/state
ip netns exec fry ib_write_bw -d rxe_fry -x 1 -D 6 -F --report_gbits > /tmp/fry &
server=$!
for try in $(seq 300); do
  ip netns exec fry ss -Hltn 'sport = :18515' | grep -q . && break; sleep 0.2
done
ip netns exec pacu $PYTHON -m mlxtop --all load 10.0.0.3 --tool ib_write_bw -t 6 --note lab --json
wait $server
cat /tmp/fry >&2
ip netns exec pacu $PYTHON -m mlxtop --all load 10.0.0.3 --tool ib_write_bw -t 6 2>&1 \
  | tail -n 1 >&2
$PYTHON -m mlxtop runs show -1 --json > /tmp/shown
$PYTHON -c 'import json; print(json.load(open("/tmp/shown"))["note"])' >&2
"""


@pytest.mark.vm
def test_real_rdma_writes_are_measured_and_recorded() -> None:
    done = in_lab(SCRIPT)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["ended"] == "complete"
    plan = document["plan"]
    assert (plan["port_name"], plan["protocol"]) == ("pacu0", "RDMA")
    assert plan["commands"] == ["ib_write_bw -d rxe_pacu -i 1 -x 1 -D 6 -F --report_gbits 10.0.0.3"]
    report = done.stderr.splitlines()
    row = next(line.split() for line in report if line.strip().startswith("65536"))
    assert document["result"]["received_bps"] == pytest.approx(float(row[3]) * 1e9)
    assert document["result"]["received_bps"] > 1e7
    assert report[-2:] == [
        "mlxtop: failed: no ib_write_bw server listens at 10.0.0.3; "
        "start the same tool there first",
        "lab",
    ]


TOOLS = """
export XDG_STATE_HOME=/tmp/state
waits() {
  for try in $(seq 300); do
    ip netns exec fry ss -Hltn "sport = :$1" | grep -q . && return; sleep 0.2
  done
}
ip netns exec fry qperf &
waits 19765
for test in rc_rdma_write_bw rc_lat; do
  ip netns exec pacu $PYTHON -m mlxtop --all load 10.0.0.3 --tool qperf --test $test -t 3 --json
done
ip netns exec fry ib_write_lat -d rxe_fry -x 1 -n 40000 -F > /tmp/fry &
waits 18515
ip netns exec pacu $PYTHON -m mlxtop --all load 10.0.0.3 --tool ib_write_lat -t 2 --json
"""


@pytest.mark.vm
def test_qperf_and_latencies_of_real_rdma_are_measured() -> None:
    done = in_lab(TOOLS)
    assert done.returncode == 0, done.stderr
    bandwidth, latency, perftest = _documents(done.stdout)
    assert bandwidth["plan"]["commands"][0].endswith("10.0.0.3 rc_rdma_write_bw")
    assert bandwidth["result"]["received_bps"] > 1e6
    assert latency["result"]["latency"]["average_us"] > 1
    figures = perftest["result"]["latency"]
    assert figures["min_us"] <= figures["typical_us"] <= figures["p99_us"] <= figures["max_us"]


def _documents(text: str) -> list[dict[str, Any]]:
    """The JSON objects that stand one after the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text.rstrip()):
        document, end = decoder.raw_decode(text[place:].lstrip())
        found.append(document)
        place += len(text[place:]) - len(text[place:].lstrip()) + end
    return found
