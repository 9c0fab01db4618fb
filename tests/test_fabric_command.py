"""`mlxtop fabric` on simulated machines: words, drawing, JSON, and a large fabric."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

import pytest

from mlxtop.commands.arguments import command_module
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.fabric import Fabric, FabricEnd, FabricLink, FabricNode, NodeKind
from mlxtop.present.fabric import counts_words, lines
from mlxtop.present.fabric_drawing import MOST_NODES, drawing
from mlxtop.present.text import line_width, plain
from mlxtop.settings import Settings
from mlxtop.sources.tools.fabric import Via, own_ports, read_local
from mlxtop.sources.tools.fabric_scan import LARGE, read_fabric
from mlxtop.system.door import Finished


class Asked:
    """A simulated machine that says which tools ran."""

    def __init__(self, name: str, **printed: str) -> None:
        self._system = load_lab(name, ManualClock())
        self._printed = printed
        self.tools: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._system, name)

    def run(self, argv: Sequence[str], **options: object) -> Finished:
        self.tools.append(argv[0])
        for word, text in self._printed.items():
            if word in argv:
                return Finished(0 if text else 255, text, "")
        return self._system.run(argv)


def run(machine: str, command: str, *words: str) -> tuple[int, str, str]:
    """Status and outputs of a command on a simulated machine, in simulated time."""
    module = command_module(command)
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    module.add_arguments(parser)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        system = load_lab(machine, ManualClock())
        status = module.run(parser.parse_args(words), system, Settings())
    return status, out.getvalue(), err.getvalue()


def test_text_tells_managers_slow_links_errors_and_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status, out, _ = run("hdr", "fabric")
    assert status == 0
    assert "5 switches, 16 adapters, 28 links" in out
    assert "leaf2 1 ⇄ hdr mlx5_1 1" in out and "could be 4X HDR" in out
    assert "half of 4X HDR" in out and "HDR100" in out
    assert "symbol errors ≥65,535, link recoveries 12, link downs 3" in out
    assert "no other stands by" not in out and "standby" in out
    assert max(map(len, out.splitlines())) <= 120
    assert "┌─ spine1 ─" in out and "hdr mlx5_0 (this host)" in out


def test_without_iblinkinfo_it_is_not_said_that_every_link_runs_as_it_can() -> None:
    class Bare:
        def __init__(self) -> None:
            self._system = load_lab("hdr", ManualClock())

        def __getattr__(self, name: str) -> object:
            return getattr(self._system, name)

        def which(self, tool: str) -> str | None:
            return None if tool == "iblinkinfo" else self._system.which(tool)

    told = "\n".join(map(plain, lines(read_fabric(Bare()), 100)))  # type: ignore[arg-type]
    assert "iblinkinfo is not installed" in told
    assert "below what both ends can do: not known" in told


def test_json_has_every_link_once_with_guids() -> None:
    status, out, _ = run("hdr", "fabric", "--json")
    told = json.loads(out)
    assert status == 0 and len(told["links"]) == 28 and told["whole"] is True
    slow = [one["could_be"] for one in told["links"] if one["could_be"]]
    assert slow == [{"lanes": 4, "speed": "HDR"}] * 3, "and not the adapter for half the rate"
    assert told["own_guids"] == ["0x0c42a103007a5000", "0x0c42a103007a6180"]
    assert [one["state"] for one in told["subnet_managers"]] == ["master", "standby"]


def test_a_machine_without_the_tools_says_what_to_install() -> None:
    status, out, err = run("pacu", "fabric")
    assert (status, out) == (1, "")
    assert "apt install infiniband-diags" in err


def test_of_a_large_fabric_only_own_links_are_asked_unless_all_is_wanted() -> None:
    system = Asked("hdr", switchinfo=f"LinearFdbTop:.......{LARGE + 1}")
    fabric = read_fabric(system)  # type: ignore[arg-type]
    assert not fabric.is_whole and len(fabric.links) == 2
    assert {"ibnetdiscover", "ibqueryerrors"}.isdisjoint(system.tools)
    assert "--all asks every port" in "\n".join(map(plain, lines(fabric, 80)))
    assert read_fabric(system, everything=True).is_whole  # type: ignore[arg-type]
    small = Asked("hdr", switchinfo=f"LinearFdbTop:.......{LARGE}")
    assert read_fabric(small).is_whole  # type: ignore[arg-type]


def test_a_second_port_in_the_same_fabric_is_not_scanned_again() -> None:
    system = Asked("hdr")
    read_fabric(system)  # type: ignore[arg-type]
    assert system.tools.count("ibnetdiscover") == 1


def test_without_a_manager_that_is_said_and_the_rest_is_told() -> None:
    system = Asked("hdr", sminfo="", ibqueryerrors="")
    fabric = read_fabric(system)  # type: ignore[arg-type]
    assert fabric.managers == () and {"managers", "errors"} <= fabric.absent.keys()
    assert len(fabric.links) == 28


def test_errors_that_nobody_counted_are_not_none() -> None:
    silent = Asked("hdr", ibqueryerrors="ibwarn: [7100] sa_get_handle: No SM/SA found on port")
    fabric = read_fabric(silent)  # type: ignore[arg-type]
    assert fabric.absent["errors"] == "ibqueryerrors: no subnet manager answers"
    assert "none counted" not in "\n".join(map(plain, lines(fabric, 100)))


def test_where_one_scan_fails_the_other_still_tells_the_links() -> None:
    by_names = read_fabric(Asked("hdr", iblinkinfo=""))  # type: ignore[arg-type]
    assert len(by_names.links) == 28 and "links" in by_names.absent and not by_names.below
    by_links = read_fabric(Asked("hdr", ibnetdiscover=""))  # type: ignore[arg-type]
    assert len(by_links.links) == 28 and "nodes" in by_links.absent
    assert len(by_links.below) == len(by_links.halved) == 2, "which ends are switches is not told"


def test_own_ports_are_those_with_a_link() -> None:
    assert own_ports(load_lab("hdr", ManualClock())) == [Via("mlx5_0", 1), Via("mlx5_1", 1)]
    assert own_ports(load_lab("pacu", ManualClock())) == []


def test_own_links_tell_what_this_end_may_do() -> None:
    local = read_local(load_lab("hdr", ManualClock()))
    assert [own.link.could for own in local.links] == [None, (4, "HDR")]
    assert local.links[0].enabled == "1X 2X 4X, SDR DDR QDR FDR EDR HDR"
    assert [one.where for one in local.managers] == ["login mlx5_0", "store1 mlx5_0"]
    assert [one.lid for one in local.managers] == [21, 18]


def fabric_of(*cables: str, **kinds: NodeKind) -> Fabric:
    """A fabric of `a 1 b 2` cables; what begins with `n` is an adapter."""
    links = []
    for text in cables:
        a, first, b, second = text.split()
        ends = FabricEnd(a, int(first), a, a), FabricEnd(b, int(second), b, b)
        links.append(FabricLink(*ends, "Active", "LinkUp", 4, "HDR"))
    names = {end.node for link in links for end in link.ends}
    nodes = {
        name: FabricNode(name, NodeKind.ADAPTER if name.startswith("n") else NodeKind.SWITCH, name)
        for name in names
    }
    return Fabric(nodes, tuple(links))


def drawn(fabric: Fabric, columns: int = 120) -> list[str] | None:
    told = drawing(fabric, columns)
    return None if told is None else [plain(line).rstrip() for line in told]


def test_two_switches_stand_above_each_other_with_one_line_between() -> None:
    text = drawn(fabric_of("s1 1 n1 1", "s1 9 s2 9", "s2 1 n2 1", "s2 2 n3 1"), 60)
    assert text is not None
    ends = [line.strip()[0] for line in text]
    assert "".join(ends) == "┌││└│┌│││└"
    stem = text[3].index("┬")
    assert text[4][stem] == "│" and text[5][stem] == "┴"


def test_two_adapters_without_a_switch_are_drawn_too() -> None:
    text = drawn(fabric_of("n1 1 n2 1"), 60)
    assert text is not None and "n1" in text[0] and "n2" in text[1]


def test_a_ring_names_the_links_that_no_line_shows() -> None:
    ring = fabric_of(
        *("s1 1 s2 2", "s2 1 s3 2", "s3 1 s1 2"), *("s1 5 n1 1", "s2 5 n2 1", "s3 5 n3 1")
    )
    text = drawn(ring)
    assert text is not None and any(line.startswith("also: s") for line in text)


def test_a_wide_layer_takes_several_rows_without_lines() -> None:
    cables = [f"s{n} 1 n{n} 1" for n in range(8)] + [f"s{n} 9 top {n}" for n in range(8)]
    wide, narrow = drawn(fabric_of(*cables), 200), drawn(fabric_of(*cables), 120)
    assert wide is not None and narrow is not None
    assert sum("┌─ s" in line for line in wide) == 1 and any("┴" in line for line in wide)
    assert sum("┌─ s" in line for line in narrow) == 2
    assert not any("┴" in line or "┬" in line for line in narrow)
    assert max(map(len, narrow)) <= 120


def test_a_fabric_of_many_nodes_is_not_drawn() -> None:
    many = fabric_of(*(f"s1 {n} n{n} 1" for n in range(1, MOST_NODES + 1)))
    assert drawn(many) is None
    assert drawn(fabric_of(*(f"s1 {n} n{n} 1" for n in range(1, MOST_NODES)))) is not None


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    fabric = read_fabric(load_lab("hdr", ManualClock()))
    assert max(line_width(line) for line in lines(fabric, columns)) <= columns


def test_a_full_counter_is_marked() -> None:
    assert counts_words({"LinkDownedCounter": 255, "X": 1}) == "link downs ≥255, X 1"
