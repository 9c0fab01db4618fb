"""RDMA through `mlxtop load` between two namespaces of the virtual lab."""

from __future__ import annotations

import json

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
