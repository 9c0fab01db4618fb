"""The foundation on ConnectX-like devices of a real kernel."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vm import in_lab

SCRIPT = """
$PYTHON -m mlxtop --json-stream -d 0.5 > /tmp/stream &
watcher=$!
await() {  # until the newest line satisfies an expression over ports `p` and adapters `a`
  for try in $(seq 300); do
    $PYTHON -c '
import json, sys
lines = open("/tmp/stream").read().split("\\n")[:-1]
document = json.loads(lines[-1]) if lines else {"adapters": []}
a = document["adapters"]
p = {port["id"]: port for one in a for port in one["ports"]}
sys.exit(not eval(sys.argv[1]))' "$1" 2>/dev/null && { tail -n 1 /tmp/stream; return; }
    sleep 0.2
  done
  echo "never: $1" >&2; tail -n 1 /tmp/stream >&2; kill $watcher; exit 1
}
await 'len(p) == 5 and p["0000:07:00.0/1"]["rx_bps"] is not None'
cx 0 rdma_rx 1e9
cx 0 temp 91000
cx 0 module_temp 66000
await 'all(abs(p["0000:07:00.0/1"][key] - 8e9) < 8e8 for key in ("rx_bps", "rdma_rx_bps")) \
  and p["0000:07:00.0/1"]["kernel_rx_bps"] < 1e6 and a[0]["temperature"]["asic_c"] == 91 \
  and p["0000:07:00.0/1"]["module"]["temperature_c"] == 66'
cx 0 unplug
await '"0000:07:00.0/1" not in p and len(p) == 4'
cx 0 plug
await '"0000:07:00.0/1" in p and p["0000:07:00.0/1"]["rx_bps"] is not None'
kill -TERM $watcher
wait $watcher
"""


@pytest.mark.vm
def test_cards_of_a_running_kernel_are_found_followed_and_survive_hot_removal() -> None:
    done = in_lab(SCRIPT)
    assert done.returncode == 0, done.stderr
    start, loaded, unplugged, back = (json.loads(line) for line in done.stdout.splitlines())
    families = [adapter["family"] for adapter in start["adapters"]]
    assert families == ["ConnectX-7", "ConnectX-5 Ex", "ConnectX-3"]
    first, second, third = start["adapters"]
    assert first["pcie"]["available_mbps"] == 31504
    assert first["pcie"]["width"] == 4
    assert first["pcie"]["limited_by"] is not None
    assert second["functions"] == ["0000:08:00.0", "0000:08:00.1"]
    assert [port["id"] for port in third["ports"]] == ["0000:09:00.0/1", "0000:09:00.0/2"]
    layers = {port["id"]: port["link_layer"] for a in start["adapters"] for port in a["ports"]}
    assert layers["0000:08:00.1/1"] == layers["0000:09:00.0/2"] == "InfiniBand"
    port = _port(loaded)
    assert port["source"] == "eth-mac"
    assert port["rx_bps"] == pytest.approx(8e9, rel=0.1)  # of the whole interval, not its part
    assert unplugged["problems"] == []
    assert _port(back)["netdev"] == port["netdev"]


def _port(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        port
        for adapter in document["adapters"]
        for port in adapter["ports"]
        if port["id"] == "0000:07:00.0/1"
    )
    return found
