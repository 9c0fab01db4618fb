"""Five stories, each of a person who presses only what the screen shows; simulated time.

a: optics that overheat, 80×24 · b: from InfiniBand to Ethernet · c: eight 400G cards ·
d: links of a Ceph host that must fail over · e: no card, simulated machines.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples import Samples, sample
from tests.story import person
from tests.test_tui_app import running, screen_text, until

LINK_TYPE = "L Link type"

pytestmark = pytest.mark.slow


async def test_a_hot_module_is_seen_coming_and_the_guard_stops_a_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("fry", tmp_path, monkeypatch) as one:
        await one.sees("enp67s0np0 ● 100G Eth", "56 °C", "module warning", "module alarm")
        await one.waits_for(r"▲ enp67s0np0 module \d\d → 75 °C in \d+ s")
        await one.sees("CPU-bound: 4 streams × 11.", "PCIe 3.0 x8 of x16", "°C↑")
        await one.press("enter", "Enter Details")
        await one.press("2", "2 Link")
        await one.sees("Heat · enp67s0np0")
        await one.sees_like(r"module \d+ °C warning 75 °C in \d+ s ± \d+ s")
        await one.waits_for(r"module \d+ °C at warning since \d\d:\d\d:\d\d, alarm 80 °C in", 40)
        await one.press("escape", "Esc Back")
        await one.waits_for(r"▲ enp67s0np0 module \d+ °C\b.*80 °C", 60)
        await one.waits_for(r"module cool again after \d+", 120)
        await one.press("e", "e Events")
        await one.sees_like(
            r"Events, newest first .*enp67s0np0 module at 8\d\.0 °C, alarm at 80 °C"
        )


async def test_a_load_is_stopped_by_the_guard_before_the_module_is_too_hot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("fry", tmp_path, monkeypatch) as one:
        await one.press("question_mark", "? Help")
        await one.press("I", "I Load")
        await one.sees("↓ in the first field takes one: 10.0.0.2")
        await one.press("down", "↓")
        await one.sees_like(r"Far end\s+10\.0\.0\.2")
        await one.walking.press("tab", "tab")
        await one.write("300", "Time")
        await one.press("enter", "Enter Plan")
        await one.waits_for("guard: stops at ASIC 105 °C, module 75 °C, or 15 s before")
        await one.sees("At the far end, before: iperf3 -s -1 -p 5201")
        await one.press("f5", "F5 Ctrl-R Run")
        await one.waits_for(r"Now 5\d\.\d Gb/s.* K below 75 °C")
        await one.press("escape", "Esc Close")
        await one.sees("LOAD", "DEMO")
        await one.press("I", "I Load")
        await one.waits_for("stopped by the heat guard", 120)
        await one.waits_for("Outcome", 60)
        await one.sees_like(r"Outcome stopped by the heat guard: (ASIC|module) at")
        await one.sees_like(
            r"next: mlxtop load 10\.0\.0\.2( --via enp67s0np0)? --hold finds the rate"
        )
        heat = await one.sees_like(
            r"module: \d+\.0 °C at the start, (\S+) at most, (\S+) after the cool-down"
        )
        assert float(heat[2]) < float(heat[1]) < 75.0
        one.sees_not("as good as it gets")
        await one.press("escape", "Esc Close")
        one.sees_not("LOAD")


async def test_two_ports_become_infiniband_on_probation_and_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("cx3-hp", tmp_path, monkeypatch) as one:
        await one.waits(2.0)
        await one.sees("ens2 ● 40G Eth", "ens2d1 ● 40G Eth", "PCIe-bound: 9")
        await one.looks_up(LINK_TYPE)
        await one.press("L", LINK_TYPE)
        await one.waits_for("Change to")
        await one.sees("ens2 Ethernet Ethernet", "ens2d1 auto-sensing: Ethernet auto-sensing")
        await one.press("right", "← → choose")
        await one.sees("‹ both ports ›", "‹ InfiniBand ›", "‹ now ›", "taken back after 60 s")
        await one.press("enter", "Enter plan")
        await one.waits_for("Runs")
        await one.sees("echo ib | tee /sys/bus/pci/devices/0000:05:00.0/mlx4_port2")
        await one.sees("Breaks", "bond bond0 loses ens2", "Undo")
        await one.press("y", "y yes, do it")
        await one.waits_for("ON PROBATION")
        await one.sees(
            "0000:05:00.0/1 now: InfiniBand ✓", "✗ ibs2: not in bond0, which is of Ethernet"
        )
        await one.press("escape", "Esc leave, time runs on")
        await one.press("escape", "Esc Back")
        await one.sees_like(r"ON PROBATION \d+ s link . bond ✗ .*K keep B take back")
        await one.waits_for(r"ibs2 (● FDR|◌ polling)", 10)
        await one.press("B", "B take back")
        await one.waits_for(r"ens2 ● 40G", 20)
        one.sees_not("ON PROBATION", "Failed")
        await one.press("e", "e Events")
        await one.sees("link type of ens2 and ens2d1 ETH and VPI → IB, taken back after")
        await one.press("escape", "Esc Back")
        await one.looks_up(LINK_TYPE)
        await one.press("L", LINK_TYPE)
        await one.sees("Taken back", "as you wished", "0000:05:00.0/1 is Ethernet again")
        await one.press("A", "A bring back as it was")
        await one.waits_for("✓ ens2: in bond0")
        await one.sees("✓ ens2: 10.30.0.1 answers")
        await one.waits(25.0)
        await one.press("escape", "Esc back")
        await one.press("escape", "Esc Back")
        one.sees_not("module out", "down")


async def test_infiniband_becomes_ethernet_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("odroid", tmp_path, monkeypatch, (120, 40)) as one:
        await one.waits(2.0)
        await one.sees("ib0 ● QDR 40G")
        await one.looks_up(LINK_TYPE)
        await one.press("L", LINK_TYPE)
        await one.waits_for("Change to")
        await one.sees("‹ this port, ib0 ›", "‹ Ethernet ›", "‹ now ›")
        await one.press("down", "↑ ↓ row")
        await one.press("down", "↑ ↓ row")
        await one.press("right", "now and for good")
        await one.press("right", "now and for good")
        await one.sees("‹ now and for good ›")
        await one.press("enter", "Enter plan")
        await one.waits_for("Runs when you keep it")
        await one.sees("echo eth | tee /sys/bus/pci/devices/0000:01:00.0/mlx4_port1")
        await one.sees("printf '%s\\n'", "'options mlx4_core", "port_type_array=2,1'")
        await one.sees("network device ib0 with 10.10.10.70/24 goes")
        await one.press("y", "y yes, do it")
        await one.waits_for("A brings it back as it was")
        await one.press("A", "A bring back as it was")
        await one.waits_for(r"✓ enp1s0: address 10.10.10.70/24")
        await one.press("K", "K keep")
        await one.waits_for("Kept and stored")
        await one.sees("holds port_type_array=2,1 ✓")
        await one.press("escape", "Esc back")
        await one.press("escape", "Esc Back")
        await one.waits_for(r"enp1s0 ● 10G")
        one.sees_not("ON PROBATION", "Failed", "Errno")


async def test_a_board_with_four_lanes_says_what_it_is_limited_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("tiny", tmp_path, monkeypatch) as one:
        await one.sees("PCIe 3.0 x4 of x8")
        await one.waits_for("CPU-bound: 4 streams × 5.0 Gb/s")
        await one.sees("PCIe 31.5 Gb/s, 26.5 usable")
        await one.press("d", "d Doctor")
        await one.waits_for("Findings · 2 ports · 1 warning, 1 note")
        await one.sees("! 1 warning", "the slot gives x4 to a card of x8")
        await one.press("enter", "Enter In plain words")
        await one.sees(
            "A card reaches memory over its slot's lanes.", "normal lanes and generation"
        )
        await one.sees("move the card to a slot with more lanes")
        await one.press("escape", "Esc Back")
        await one.press("escape", "Esc Back")
        await one.press("enter", "Enter Details")
        await one.press("3", "3 PCIe")
        await one.sees("▸ 0000:00:1d.0 3.0 x4", "limits", "31.504 Gb/s of 63.008 the card can")


async def test_an_old_card_has_the_names_of_its_field_and_half_its_lanes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("odroid", tmp_path, monkeypatch) as one:
        await one.waits_for("CPU-bound: 1 stream of 11.3 Gb/s")
        await one.sees("ib0 ● QDR 40G", "PCIe 2.0 x4 of x8", "link 40 Gb/s, 32.0 usable")
        await one.press("d", "d Doctor")
        await one.waits_for("1 warning, 1 note")
        await one.sees("16.000 Gb/s available PCIe bandwidth")
        await one.press("escape", "Esc Back")
        await one.waits(20.0)
        await one.sees("ib0 ● QDR 40G", "TX")


async def test_a_sick_port_of_twelve_comes_first_and_all_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("dgx", tmp_path, monkeypatch, (200, 60), 5.0) as one:
        await one.waits(20.0)
        ports = [line.split()[1].strip("▸") for line in one.text.split("\n")[3:15]]
        assert len(set(ports)) == 12, one.text
        await one.sees("10 × ConnectX-7", "not saturated: link", "NDR 400G", "200G Eth")
        await one.press("d", "d Doctor")
        await one.waits_for("WELL nothing worse than a note")
        await one.sees("enp48s0f0np0: rx", "notifications (CNP)")
        await one.press("escape", "Esc Back")
        await one.press("w", "w Wall")
        await one.waits_for("no port in trouble")
        assert all(port in one.text for port in ports)
        await one.press("enter", "Enter Details")
        await one.waits_for("Throughput · ")


async def test_all_twelve_ports_are_there_over_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("dgx", tmp_path, monkeypatch) as one:
        await one.waits(2.0)
        assert sum(" ● " in line for line in one.text.split("\n")) == 12, one.text
        await one.press("slash", "/ Filter")
        await one.walking.press(*"!ibp")
        await one.sees("enp48s0f0np0")
        one.sees_not("ibp24s0")


async def test_a_link_that_dies_is_told_everywhere_and_its_cause_is_one_key_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with person("ceph", tmp_path, monkeypatch) as one:
        await one.waits(70.0)
        one.sees_not("down")
        await one.waits_for(r"! enp3s0d1 down \d+ s", 20)
        await one.sees("○ down ↕1")
        await one.press("enter", "Enter Details")
        await one.sees_like(r"! enp3s0d1 down \d+ s")
        await one.press("escape", "Esc Back")
        await one.press("d", "d Doctor")
        await one.waits_for("WARNING enp3s0d1: no carrier, but there was one")
        await one.sees("look at the peer, then at cable and module at both ends", "! 1 warning")
        await one.press("e", "e Events")
        await one.waits_for(r"\d\d:\d\d:\d\d \d+ s … enp3s0d1 link down")
        await one.sees("a acknowledge", "Enter its page")
        await one.press("escape", "Esc back")
        await one.press("escape", "Esc Back")
        await one.sees("○ down ↕1")


async def test_who_has_no_card_learns_why_a_simulated_one_sends_46_of_100(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(Samples([sample(1.0)])) as (app, pilot):
        assert "A All devices  D Demo" in screen_text(app)
        await pilot.press("D")
        await until(pilot, lambda: app.instead == "demo")
    async with person("pacu", tmp_path, monkeypatch) as one:
        await one.waits(12.0)
        await one.sees_like(r"TX 46\.\d Gb/s")
        await one.sees("enp67s0np0 ● 100G Eth", "→ CPU-bound: 4 streams × 11.", "one core each")
        await one.press("d", "d Doctor")
        await one.waits_for("1 warning, 1 note")
        await one.sees("WARNING ConnectX-4 at 0000:43:00.0", "capable of 126.016 Gb/s")
        await one.press("down", "NOTE enp67s0np0: tx 46.")
        await one.press("enter", "Enter In plain words")
        await one.sees_like(r"measured, CPU-bound: 4 streams × 11\.\d Gb/s, one core each")
        await one.press("escape", "Esc Back")
        await one.press("escape", "Esc Back")
        await one.press("enter", "Enter Details")
        await one.press("3", "3 PCIe")
        await one.waits_for("PCIe 3.0 x8")
        await one.sees("0000:40:03.0", "limits")
        await one.press("escape", "Esc Back")
        await one.waits_for("-60 s")
        rows = [line for line in one.text.split("\n") if "⣿" in line]
        assert max(row.count("⣿") for row in rows) > 5
