"""RDMA through `mlxtop load` between two namespaces of the virtual lab."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.ssh_lab import MISSING, SSHD, Far
from tests.vm import in_lab

LISTENING = """
export XDG_STATE_HOME=/tmp/state
listening() { # PORT: wait until somebody listens there
  for try in $(seq 600); do
    ip netns exec fry ss -Hltn "sport = :$1" | grep -q . && return
    sleep 0.2
  done
  echo "nobody listens at port $1" >&2
  exit 1
}
cat > /tmp/patient.py <<'END'
# The lab is twenty times slower than a machine, so a tool gets as much more time to answer.
from mlxtop.commands import load_far
from mlxtop.hosts import addresses, far_server, remote, ssh
addresses.ANSWER_S = far_server.ANSWER_S = load_far.FIRST_S = 300.0
remote.HELLO_S = remote.SILENCE_S = 300.0
ssh.OPTIONS = tuple(option.replace('=5', '=100') for option in ssh.OPTIONS)
from mlxtop.load import commands, iperf3, known_bytes, perftest, processes
known_bytes.SETTLED_S, known_bytes.PATIENCE_S = 2.0, 60.0
perftest.EXCHANGES_A_SECOND = 500
commands.PROBE_S *= 20
iperf3.PROBE_S *= 20
processes.ANSWER_S *= 20
processes.OVERTIME_S *= 20
from mlxtop.cli import main
raise SystemExit(main())
END
"""
SCRIPT = """
ip netns exec fry ib_write_bw -d rxe_fry -x 1 -D 6 -F --report_gbits > /tmp/fry &
server=$!
listening 18515
ip netns exec pacu $PYTHON /tmp/patient.py --all load 10.0.0.3 --tool ib_write_bw -t 6 \\
  --note lab --json > /tmp/rdma
wait $server || { cat /tmp/fry >&2; exit 1; }
cat /tmp/fry >&2
ip netns exec pacu $PYTHON /tmp/patient.py --all load 10.0.0.3 --tool ib_write_bw -t 6 2>&1 \
  | tail -n 1 >&2
$PYTHON -m mlxtop runs show -1 --json > /tmp/shown
$PYTHON -c 'import json; print(json.load(open("/tmp/shown"))["note"])' >&2
"""
FALSIFIED = """
tell() { # whatever has come of it
  $PYTHON - <<'END'
import json, pathlib
paths = [pathlib.Path("/tmp", name) for name in ("rdma", "tcp", "once")]
print(json.dumps({path.name: path.read_text() for path in paths if path.exists()}))
END
}
trap tell EXIT
falsified() {
  ip netns exec fry iperf3 -s -1 -D
  listening 5201
  ethtool -K enp7s0np0 tso off gso off
  sent=/sys/class/net/enp7s0np0/statistics/tx_bytes
  while read -r now < $sent; do # the octets of the port become four times what was sent
    [ "${before:-$now}" = "$now" ] || cx 0 tx_bytes_phy +$((3 * (now - before)))
    before=$now
    sleep 0.3
  done &
  falsify=$!
  sleep 1
  $PYTHON /tmp/patient.py -i enp7s0np0 load 10.0.3.3 -P 1 -t 5 \\
    --guard off --cooldown 0 --json > /tmp/tcp
  kill $falsify
  $PYTHON -m mlxtop -i enp7s0np0 --once --json > /tmp/once
}
falsified || echo "falsified: $?" >&2
"""
Done = tuple[dict[str, str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def loaded() -> Done:
    """What `mlxtop` told of both tests, as far as they came."""
    done = in_lab(LISTENING + FALSIFIED + SCRIPT)
    told: dict[str, str] = json.loads(done.stdout or "{}")
    return told, done


@pytest.mark.vm
def test_a_port_that_counts_falsely_is_found_and_its_throughput_comes_from_elsewhere(
    loaded: Done,
) -> None:
    told, done = loaded
    outcome = json.loads(told.get("tcp") or "{}")
    assert outcome.get("ended") == "complete", done.stderr
    check = outcome["counters"]
    rows = {row["source"]: row for row in check["rows"]}
    judged = {name: row["judgement"] for name, row in rows.items()}
    assert judged.pop("bytes_phy", "wrong") == "wrong"  # absent if first read after the load began
    assert judged == {"eth-mac": "wrong", "netdev": "agrees"}
    assert rows["eth-mac"]["unit"] == 4.0 and rows["eth-mac"]["frame_bytes"] > 9000
    assert (check["usual"], check["instead"], check["kept"]) == ("eth-mac", "netdev", True)
    cards = json.loads(told["once"])["adapters"]
    ports = {port["netdev"]: port for card in cards for port in card["ports"]}
    assert ports["enp7s0np0"]["source"] == "netdev"


@pytest.mark.vm
def test_real_rdma_writes_are_measured_and_recorded(loaded: Done) -> None:
    told, done = loaded
    assert done.returncode == 0, done.stderr
    document = json.loads(told["rdma"])
    assert document["ended"] == "complete"
    plan = document["plan"]
    assert (plan["port_name"], plan["protocol"]) == ("pacu0", "RDMA")
    assert plan["commands"] == ["ib_write_bw -d rxe_pacu -i 1 -x 1 -D 6 -F --report_gbits 10.0.0.3"]
    report = done.stderr.splitlines()
    row = next(line.split() for line in report if line.strip().startswith("65536"))
    assert document["result"]["received_bps"] == pytest.approx(float(row[3]) * 1e9)
    assert document["result"]["received_bps"] > 1e7
    refused = report.index(
        "mlxtop: failed: no ib_write_bw server listens at 10.0.0.3; start the same tool there first"
    )
    assert report[refused + 1] == "lab"


LATENCIES = r"""
mkdir /tmp/o
measured() { # NAME TOOL OPTIONS…: run `mlxtop load` and overhear the tool
  name=$1 tool=$2; shift 2
  cp "$(command -v $tool)" /tmp/o/real-$tool
  cat > /tmp/o/shim <<END
#!/bin/bash
case " \$* " in
  *" 10.0.0.3 "*) exec -a $tool /tmp/o/real-$tool "\$@" > >(tee -a /tmp/o/$name.heard) ;;
  *) exec -a $tool /tmp/o/real-$tool "\$@" ;;
esac
END
  chmod 755 /tmp/o/shim
  inside='mount --bind /tmp/o/shim "$(command -v '$tool')" && exec "$@"'
  ip netns exec pacu sh -ec "$inside" sh $PYTHON /tmp/patient.py --all load 10.0.0.3 --tool $tool \
    "$@" --json > /tmp/o/$name.json
}
ip netns exec fry qperf > /dev/null 2>&1 &
listening 19765
for test in rc_lat rc_bw rc_rdma_write_bw; do measured $test qperf -t 2 --test $test; done
for tool in ib_send_lat ib_read_lat ib_atomic_lat; do
  ip netns exec fry $tool -d rxe_fry -x 1 -n 500 -F > /dev/null &
  listening 18515
  measured $tool $tool -t 1
  wait $!
done
OVER_SSH
$PYTHON - <<'END'
import json, pathlib
told = {}
for path in pathlib.Path("/tmp/o").glob("*.json"):
    told[path.stem] = [json.loads(path.read_text()), path.with_suffix(".heard").read_text()]
print(json.dumps(told))
END
"""
OVER_SSH = """
mkdir -p /run/sshd
ip netns exec fry {sshd} -f {config} -E /tmp/sshd.log
export HOME={home}
over_ssh() {{ # TOOL OPTIONS…: run `mlxtop load` in the place of this shell
  exec ip netns exec pacu $PYTHON /tmp/patient.py --all load fry --ssh --cooldown 0 --tool "$@"
}}
tests() {{ pgrep -cx 'ib_write_bw|ib_send_lat' || true; }}
for try in 1 2 3; do
  (over_ssh ib_write_bw -t 6 --json > /tmp/o/ssh.json) && break
done
for try in 1 2 3; do
  over_ssh ib_send_lat -t 600 > /dev/null 2> /tmp/near &
  near=$!
  while kill -0 $near 2> /dev/null && [ "$(tests)" -lt 2 ]; do sleep 1; done
  [ "$(tests)" -ge 2 ] && break
done
echo "running: $(tests)" > /tmp/o/ssh.heard
kill -9 $near
for try in $(seq 60); do [ "$(tests)" = 0 ] && break; sleep 1; done
echo "left: $(tests)" >> /tmp/o/ssh.heard
cat /tmp/near /tmp/sshd.log >&2
"""
_UNITS = {"GB/sec": 8e9, "MB/sec": 8e6, "KB/sec": 8e3}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], str]]:
    """What `mlxtop load` told, and what the tools themselves printed."""
    far, over_ssh = Far(tmp_path_factory.mktemp("ssh"), 22022, "10.0.0.3"), "true"
    if not MISSING:
        far.prepare(far.with_mlxtop())
        over_ssh = OVER_SSH.format(sshd=SSHD, config=far.config, home=far.home)
    done = in_lab(LISTENING + LATENCIES.replace("OVER_SSH", over_ssh), seconds=1200)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[dict[str, Any], str]] = json.loads(done.stdout)
    return found


@pytest.mark.vm
@pytest.mark.parametrize("test", ["rc_bw", "rc_rdma_write_bw"])
def test_the_rates_of_qperf_over_rdma_are_its_own(
    told: dict[str, tuple[dict[str, Any], str]], test: str
) -> None:
    document, heard = told[test]
    number, unit = re.findall(r"^ +(?:send_)?bw += +([0-9.]+) (\S+)", heard, re.MULTILINE)[0]
    assert document["result"]["sent_bps"] == pytest.approx(float(number) * _UNITS.get(unit, 8))
    assert document["result"]["sent_bps"] > 1e6


@pytest.mark.vm
def test_the_latency_of_qperf_over_rdma_is_its_own(
    told: dict[str, tuple[dict[str, Any], str]],
) -> None:
    document, heard = told["rc_lat"]
    number, unit = re.findall(r"^ +latency += +([0-9.]+) (\S+)", heard, re.MULTILINE)[0]
    scale = {"us": 1.0, "ms": 1e3, "ns": 1e-3, "sec": 1e6}[unit]
    assert document["result"]["latency"]["average_us"] == pytest.approx(float(number) * scale)


@pytest.mark.vm
@pytest.mark.parametrize("tool", ["ib_send_lat", "ib_read_lat", "ib_atomic_lat"])
def test_the_latencies_of_perftest_are_its_own(
    told: dict[str, tuple[dict[str, Any], str]], tool: str
) -> None:
    document, heard = told[tool]
    (row,) = re.findall(r"^ \d+ +500 .*$", heard, re.MULTILINE)
    columns = [float(word) for word in row.split()]
    latency = document["result"]["latency"]
    keys = ("min_us", "max_us", "typical_us", "average_us", "p99_us")
    assert [latency[key] for key in keys] == pytest.approx([*columns[2:6], columns[7]])
    assert document["plan"]["commands"] == [f"{tool} -d rxe_pacu -i 1 -x 1 -n 500 -F 10.0.0.3"]


@pytest.mark.vm
@pytest.mark.skipif(MISSING, reason="needs root, ssh and sshd")
def test_a_server_of_perftest_is_started_by_ssh_and_ended_with_a_killed_near_side(
    told: dict[str, tuple[dict[str, Any], str]],
) -> None:
    document, heard = told["ssh"]
    assert (document["ended"], document["plan"]["target"]) == ("complete", "10.0.0.3")
    assert document["result"]["received_bps"] > 1e6
    assert document["plan"]["server"] == []
    assert heard.splitlines() == ["running: 2", "left: 0"]
