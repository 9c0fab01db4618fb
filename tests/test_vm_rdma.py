"""Who holds RDMA objects on a real kernel, against what iproute2 lists of the same."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.vm import FOR_OTHERS, in_lab

SCRIPT = (
    FOR_OTHERS
    + r"""
on() { ip netns exec "$@"; }
cd /run  # the tests write files
on fry ib_write_bw -d rxe_fry -x 1 -F -D 900 -q 3 -u 22 > /run/server 2>&1 &
on fry rping -s -a 10.0.0.3 -C 100000000 > /dev/null 2>&1 &
for try in $(seq 100); do
  [ "$(on fry ss -Hltn 'sport = 18515' | wc -l)" = 1 ] && break; sleep 0.2
done
on pacu ib_write_bw -d rxe_pacu -x 1 -F -D 900 -q 3 -u 22 10.0.0.3 > /run/client 2>&1 &
on pacu rping -c -a 10.0.0.3 -C 100000000 > /dev/null 2>&1 &
for try in $(seq 200); do
  [ "$(on pacu rdma resource show qp | grep -c 'RC state RTS')" = 4 ] && break; sleep 0.2
done
# They ran; now they stand still, so that the slow machine does not make them give up.
kill -STOP $(pgrep -x ib_write_bw) || { tail /run/server /run/client >&2; exit 1; }
tested=$(on pacu rdma -j resource show qp | $PYTHON -c 'import json, sys
print(next(q["pid"] for q in json.load(sys.stdin) if q.get("comm") == "ib_write_bw"))')
list='echo "{\"user\": \"$1\""; for kind in qp cm_id mr cq pd; do
  echo ", \"$kind\": $(rdma -j resource show $kind | grep . || echo [])"; done
  echo ", \"threads\": {$(cd /proc
    for task in [0-9]*/task/*; do echo "\"${task##*/}\": ${task%%/*}"; done | paste -sd,)}"
  echo ", \"all\": $(rdma -j resource show)"
  echo ", \"ours\": $("$PYTHON" -m mlxtop rdma --json), \"status\": $?}"'
look() { local name=$1; shift; "$@" bash -c "$list" - "$name" | tr -d '\n'; echo; }
other="setpriv --reuid 65534 --regid 65534 --clear-groups"
look root on pacu
look nobody on pacu $other
look inside on pacu unshare --pid --fork --mount-proc
look server on fry
kill -9 $tested
for try in $(seq 100); do
  on pacu rdma resource show qp | grep -q ib_write_bw || break; sleep 0.2
done
look killed on pacu
"""
)


def rows(kind: str, listed: dict[str, Any]) -> Counter[tuple[object, ...]]:
    """Entries of iproute2 by holder, threads as their process, and for QPs by type."""
    holders = Counter[tuple[object, ...]]()
    for one in listed[kind]:
        pid = listed["threads"].get(str(one.get("pid")), one.get("pid"))
        module = one.get("comm") if pid is None else None
        more = (one["type"],) if kind == "qp" else ()
        holders[one["ifname"], pid, module, *more] += 1
    return holders


def ours(kind: str, document: dict[str, Any]) -> Counter[tuple[object, ...]]:
    """The same of `mlxtop rdma --json`."""
    holders = Counter[tuple[object, ...]]()
    for one in document["processes"]:
        key = one["device"], one["pid"], one["module"]
        if kind == "qp":
            for name, number in one["qp"].items():
                holders[*key, name] += number
        else:
            number = one["mr"]["count"] if kind == "mr" else one[kind]
            holders[key] += number
    return +holders


def compare(listed: dict[str, Any]) -> None:
    for kind in ("qp", "cm_id", "mr", "cq", "pd"):
        assert ours(kind, listed["ours"]) == rows(kind, listed), (listed["user"], kind)
    told = sum(one["mr"]["bytes"] for one in listed["ours"]["processes"])
    assert told == sum(one["mrlen"] for one in listed["mr"])
    devices = {one["device"]: one["objects"] for one in listed["ours"]["devices"]}
    kinds = ("qp", "cm_id", "mr", "cq", "pd", "ctx")
    assert {name: {kind: held[kind] for kind in kinds} for name, held in devices.items()} == {
        one["ifname"]: {kind: one[kind] for kind in kinds} for one in listed["all"]
    }


@pytest.mark.vm
def test_real_tests_are_told_as_iproute2_lists_them_to_everybody() -> None:
    done = in_lab(SCRIPT, seconds=1500)
    assert done.returncode == 0, done.stderr
    looks = {one["user"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert set(looks) == {"root", "nobody", "inside", "server", "killed"}
    for one in looks.values():
        assert one["status"] == 0
        compare(one)
    for user in ("root", "nobody"):
        named = {one["comm"]: one for one in looks[user]["ours"]["processes"]}
        test, ping = named["ib_write_bw"], named["rping"]
        assert (test["qp"], test["qp_states"], test["connected"]) == ({"RC": 3}, {"RTS": 3}, 3)
        assert test["mr"]["count"] >= 1
        assert test["user"] == ping["user"] == "root"
        assert [peer["address"] for peer in ping["peers"]] == ["10.0.0.3"]
        assert named["ib_write_bw"]["since"] is not None
    inside = looks["inside"]["ours"]
    assert "ib_write_bw" not in {one["comm"] for one in inside["processes"]}
    assert "processes" in inside["absent"]
    assert "ib_write_bw" in {one["comm"] for one in looks["server"]["ours"]["processes"]}
    killed = {one["comm"] for one in looks["killed"]["ours"]["processes"]}
    assert "ib_write_bw" not in killed
    assert "rping" in killed
