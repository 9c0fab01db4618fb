"""Every check finds what it is for, and says nothing where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxtop.doctor.check import (
    Case,
    CouldNotTell,
    Finding,
    Pending,
    Probe,
    examine,
)
from mlxtop.doctor.checks import CHECKS
from mlxtop.model.counters import Origin, Severity
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.incident import Incident, IncidentKind
from mlxtop.model.linktype import LinkType
from mlxtop.model.module import Identity, Lane, Module
from mlxtop.model.pcie import PcieLink, PciePath
from mlxtop.model.sample import AerError, Link, LinkLayer, LinkState, PcieStatus, Temperature
from mlxtop.model.tuning import (
    Bond,
    BondSlave,
    Channels,
    Coalesce,
    Fec,
    Interrupt,
    LinkModes,
    Pause,
    PciControl,
    PortTuning,
    Rings,
    Tuning,
)
from tests.cases import (
    CARD,
    CRITICAL,
    FUNCTION,
    GOOD,
    GOOD_HOST,
    GOOD_PORT,
    MODULE,
    NOTE,
    WARNING,
    X16,
    case,
    only,
    report,
    run,
    unknown,
)
from tests.situations import Situation, ethernet, frame_of, infiniband, slot

# --- the whole ----------------------------------------------------------------------------------


def test_a_machine_where_all_is_well_has_no_findings() -> None:
    good = report(probes=(Probe("10.0.0.3", "p1", 9000, True),))
    assert good.findings == ()
    assert good.could_not_tell == ()
    assert good.status == 0
    idle = {name for names in good.idle.values() for name in names}
    shown = {setting.topic for setting in good.settings}
    assert sorted([*good.fine, *idle, *shown]) == sorted(CHECKS)


def test_a_machine_of_which_nothing_is_known_has_no_findings_and_no_check_that_is_fine() -> None:
    situation = Situation(ethernet(100), None)
    frame, _ = frame_of(situation)
    nothing = Case(
        frame,
        Tuning(),
        tuple(frame.ports),
        unanswered={"card": "needs root"},
        absent={"kernel log": "needs root"},
    )
    report = examine(nothing, CHECKS)
    assert report.findings == ()
    for check in ("PCIe slot", "rings", "interrupts", "kernel log", "FEC", "MTU to the peer"):
        assert check not in report.fine
    told = {item.check for item in report.could_not_tell}
    assert {"kernel log", "p1: PCIe", "p1: rings"} <= told
    assert "ConnectX-4 at 0000:43:00.0: pending link type" in told
    assert report.status == 0


def test_the_worst_finding_makes_the_status() -> None:
    assert report(aspm="L1").status == 0
    assert report(port=replace(GOOD_PORT, channels=Channels(1, 63))).status == 1
    assert report(dead=frozenset({"0000:43:00.0"})).status == 2
    frame, _ = frame_of(GOOD)
    assert examine(Case(frame._replace(ports={}), Tuning(), ()), CHECKS).status == 3


def test_the_worst_finding_comes_first() -> None:
    found = report(
        aspm="L1",
        dead=frozenset({"0000:43:00.0"}),
        port=replace(GOOD_PORT, channels=Channels(1, 63)),
    ).findings
    assert [finding.severity for finding in found] == [CRITICAL, WARNING, NOTE]


# --- cards --------------------------------------------------------------------------------------


def test_a_card_that_reads_as_all_ones_is_dead() -> None:
    found = only(run("cards answer and have a driver", dead=frozenset({"0000:43:00.0"})))
    assert found.severity is CRITICAL
    assert "12 V" in found.advice
    assert "clock gating" in found.advice


@pytest.mark.parametrize(
    ("driver", "state", "severity", "advice"),
    [
        (None, "no driver is bound to it", CRITICAL, "modprobe mlx4_core"),
        ("vfio-pci", "passed through", NOTE, "virtual machine"),
        ("mlx4_core", "no network or RDMA device", CRITICAL, "modprobe mlx4_ib"),
    ],
)
def test_a_card_without_ports_says_what_to_try(
    driver: str | None, state: str, severity: Severity, advice: str
) -> None:
    card = CARD._replace(
        family="ConnectX-3",
        functions=(FUNCTION._replace(driver=driver),),
        ports=(),
        state=state,
    )
    found = only(run("cards answer and have a driver", replace(GOOD, adapter=card)))
    assert found.severity is severity
    assert advice in found.advice


def test_without_any_card_nothing_can_be_told() -> None:
    frame, _ = frame_of(GOOD)
    empty = frame._replace(ports={}, sample=frame.sample._replace(adapters=()))
    found = unknown(CHECKS["cards answer and have a driver"](Case(empty, Tuning(), ())))
    assert "rescan" in found.reason


def test_an_infiniband_port_without_ipoib_carries_no_ip() -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32)
    situation = replace(GOOD, link=link)
    host = replace(GOOD_HOST, modules=frozenset({"mlx4_ib"}))
    found = only(run("ports have network devices", situation, netdev=None, host=host))
    assert found.advice.startswith("modprobe ib_ipoib")
    assert run("ports have network devices", situation, netdev=None) == []
    assert run("ports have network devices", situation, host=host) == []


def test_firmware_in_flash_that_does_not_run_is_told() -> None:
    card = CARD._replace(firmware_stored="12.28.4512")
    found = only(run("firmware in flash is the running one", replace(GOOD, adapter=card)))
    assert "12.28.4512" in found.seen
    card = CARD._replace(firmware_stored=None, absent={"firmware_stored": "mlx4 does not tell"})
    told = unknown(run("firmware in flash is the running one", replace(GOOD, adapter=card)))
    assert told.reason == "mlx4 does not tell"


def test_a_link_type_that_waits_for_a_restart_is_told() -> None:
    port = PortId("0000:43:00.0", 1)
    check = "no link type is pending"
    assert run(check, pending={port: Pending(LinkType.IB, LinkType.IB)}) == []
    found = only(run(check, pending={port: Pending(LinkType.IB, LinkType.ETH)}))
    assert "InfiniBand now, Ethernet after" in found.seen


# --- link ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "detail", "severity"),
    [
        (LinkState.ADMIN_DOWN, None, None),
        (LinkState.NO_MODULE, "no cable or module", None),
        (LinkState.DOWN, None, None),
        (LinkState.POLLING, None, None),
        (LinkState.DOWN, "autonegotiation failed", WARNING),
        (LinkState.ARMED, None, WARNING),
        (LinkState.MODULE_FAULT, "power budget exceeded", CRITICAL),
        (LinkState.OVERHEAT, "overheat", CRITICAL),
        (LinkState.LOST, None, CRITICAL),
    ],
)
def test_a_link_that_is_down_is_a_finding_only_where_it_should_be_up(
    state: LinkState, detail: str | None, severity: Severity | None
) -> None:
    link = Link(LinkLayer.ETHERNET, state, detail, mtu=9000)
    (found,) = run("links are up", replace(GOOD, link=link))
    assert (found.severity if isinstance(found, Finding) else None) is severity


def test_a_link_that_was_lost_is_told_from_one_that_never_was() -> None:
    down = Link(LinkLayer.ETHERNET, LinkState.DOWN, mtu=9000, carrier_changes=3)
    assert "there was one" in only(run("links are up", replace(GOOD, link=down))).seen
    never = down._replace(carrier_changes=1)
    assert unknown(run("links are up", replace(GOOD, link=never))).check == "p1: link"


def modes(*, peer: tuple[str, ...] = (), card: str = "100000baseSR4/Full") -> PortTuning:
    return replace(GOOD_PORT, modes=LinkModes(True, 4, (card, "40000baseSR4/Full"), (), peer))


def test_a_link_slower_than_both_ends_allow_is_a_warning() -> None:
    slow = replace(GOOD, link=ethernet(40))
    peer = ("100000baseSR4/Full",)
    assert only(run("link speed", slow, modes(peer=peer))).severity is WARNING
    assert only(run("link speed", slow, modes())).severity is NOTE
    assert run("link speed", slow, modes(peer=("40000baseSR4/Full",))) == []
    module = MODULE._replace(identity=Identity("QSFP+", types=("40GBASE-SR4",)))
    assert run("link speed", slow, modes(), module=module) == []
    forced = replace(modes(peer=peer), modes=LinkModes(False, 4, peer, (), peer))
    seen = only(run("link speed", slow, forced)).seen
    assert "40.0 Gb/s on the line over 4 lanes" in seen
    assert "autonegotiation is off" in seen
    told = unknown(run("link speed", slow, modes(), module=None))
    assert "module" in told.reason


def test_missing_error_correction_is_found_where_it_is_needed() -> None:
    off = replace(GOOD_PORT, fec=Fec("Off"))
    check = "forward error correction"
    assert only(run(check, GOOD, off)).severity is WARNING
    long = MODULE._replace(identity=Identity("QSFP28", types=("100GBASE-LR4 or 25GBASE-LR",)))
    assert run(check, GOOD, off, module=long) == []
    assert run(check, replace(GOOD, link=ethernet(40)), off) == []
    assert run(check, replace(GOOD, link=ethernet(10)), off) == []


def test_pause_in_one_direction_only_is_a_note() -> None:
    one = replace(GOOD_PORT, pause=Pause(False, True, False))
    assert only(run("pause", GOOD, one)).severity is NOTE
    assert run("pause", GOOD, replace(GOOD_PORT, pause=Pause(False, False, False))) == []


# --- InfiniBand ---------------------------------------------------------------------------------


def test_a_port_without_subnet_manager_is_critical() -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32)._replace(state=LinkState.INIT, sm_lid=0)
    found = only(run("subnet manager", replace(GOOD, link=link)))
    assert found.severity is CRITICAL
    assert "opensm" in found.advice
    assert run("links are up", replace(GOOD, link=link)) == []
    assert run("subnet manager", replace(GOOD, link=link._replace(layer=LinkLayer.ETHERNET))) == []


@pytest.mark.parametrize(
    ("rate", "wrong"),
    [
        ("40 Gb/sec (4X QDR)", False),
        ("10 Gb/sec (1X QDR)", True),
        ("50 Gb/sec (2X EDR)", True),
        ("100 Gb/sec (2X HDR)", False),
        ("50 Gb/sec (1X HDR)", True),
        ("200 Gb/sec (2X NDR)", False),
    ],
)
def test_lost_lanes_are_found_but_narrow_cables_are_not(rate: str, wrong: bool) -> None:
    found = run("InfiniBand lanes", replace(GOOD, link=infiniband(rate, 8)))
    assert bool(found) is wrong


@pytest.mark.parametrize(
    ("driver", "mode", "mtu", "wrong"),
    [
        ("mlx4_core", "datagram", 2044, True),
        ("mlx4_core", "connected", 2044, True),
        ("mlx4_core", "connected", 65520, False),
        ("mlx5_core", "datagram", 4092, False),
    ],
)
def test_connected_mode_is_advised_where_the_driver_has_it(
    driver: str, mode: str, mtu: int, wrong: bool
) -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32, mtu, mode)
    found = run("IPoIB mode", replace(GOOD, link=link, driver=driver))
    assert bool(found) is wrong


# --- MTU ----------------------------------------------------------------------------------------


def test_small_frames_on_a_fast_link_are_a_note() -> None:
    found = only(run("MTU", replace(GOOD, link=ethernet(100, 1500))))
    assert found.severity is NOTE
    assert "94.1" in found.why
    assert "99.0" in found.why
    assert run("MTU", replace(GOOD, link=ethernet(10, 1500))) == []


def test_a_probe_that_only_small_packets_pass_is_a_warning() -> None:
    bad = Probe("fry", "p1", 9000, False, "something on the way takes 1500 bytes at most")
    found = only(run("MTU to the peer", probes=(bad,)))
    assert found.severity is WARNING
    assert "1500" in found.seen
    told = unknown(run("MTU to the peer", probes=(Probe("fry", "p1", 9000, None, "no answer"),)))
    assert told.reason == "no answer"


# --- PCIe ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "gbps", "severity", "words"),
    [
        (slot((8.0, 8), (8.0, 16), (8.0, 8)), 100, WARNING, "the slot gives x8 to a card of x16"),
        (slot((8.0, 8), (8.0, 16), (8.0, 16)), 100, WARNING, "could both do x16 but run at x8"),
        (slot((8.0, 16), (16.0, 16), (8.0, 16)), 200, WARNING, "the slot is Gen3, the card Gen4"),
        (slot((2.5, 16), (8.0, 16), (8.0, 16)), 100, WARNING, "could both do 8.0 GT/s"),
        (slot((8.0, 8), (8.0, 16), (8.0, 8)), 40, None, ""),
        (slot((8.0, 16), (16.0, 16), (8.0, 16)), 100, None, ""),
        (X16, 100, None, ""),
        (slot((8.0, 4), (8.0, 8)), 40, WARNING, "card and slot could both do x8"),
    ],
)
def test_the_slot_is_a_finding_only_where_the_line_is_faster(
    path: PciePath, gbps: int, severity: Severity | None, words: str
) -> None:
    found = run("PCIe slot", replace(GOOD, path=path, link=ethernet(gbps), rx=gbps / 5))
    if severity is None:
        assert found == []
    else:
        assert only(found).severity is severity
        assert words in only(found).seen
        assert "available PCIe bandwidth" in only(found).seen


def test_a_link_that_sleeps_while_idle_is_only_a_note() -> None:
    asleep = replace(GOOD, path=slot((2.5, 16), (8.0, 16), (8.0, 16)), rx=0.0)
    found = only(run("PCIe slot", asleep))
    assert found.severity is NOTE
    assert "under load" in found.advice


def test_an_uplink_above_the_slot_is_named() -> None:
    path = PciePath(
        (
            PcieLink("0000:43:00.0", 8.0, 16, 8.0, 16),
            PcieLink("0000:42:08.0", 8.0, 16, 8.0, 16),
            PcieLink("0000:41:00.0", 8.0, 4, 8.0, 16),
            PcieLink("0000:40:03.0", 8.0, 4, 8.0, 4),
        )
    )
    found = only(run("PCIe slot", replace(GOOD, path=path)))
    assert "uplink above the slot, at 0000:40:03.0" in found.seen


def test_two_ports_on_one_slot_are_a_note_where_the_card_is_as_wide() -> None:
    x8 = slot((8.0, 8), (8.0, 8), (8.0, 8))
    dual = replace(GOOD, link=ethernet(40), path=x8, others=(Situation(ethernet(40)),))
    found = only(run("PCIe shared by ports", dual))
    assert found.severity is NOTE
    assert "80.0 Gb/s of line, 57.6 usable" in found.seen
    alone = replace(GOOD, link=ethernet(40), path=x8)
    assert run("PCIe shared by ports", alone) == []


def test_two_cards_behind_a_narrow_bridge_are_found() -> None:
    def path(card: str, port: str) -> PciePath:
        return PciePath(
            (
                PcieLink(f"{card}", 8.0, 16, 8.0, 16),
                PcieLink(port, 8.0, 16, 8.0, 16),
                PcieLink("0000:41:00.0", 8.0, 16, 8.0, 16),
                PcieLink("0000:40:03.0", 8.0, 16, 8.0, 16),
            )
        )

    second = Port(
        PortId("0000:44:00.0", 1), PortKind.PHYSICAL, "mlx5_core", "0000:44:00.0", "two", "p2"
    )
    situation = replace(
        GOOD,
        path=path("0000:43:00.0", "0000:42:08.0"),
        others=(Situation(ethernet(100), port=second),),
    )
    base = case(situation)
    card = CARD._replace(key="two", functions=(FUNCTION._replace(address="0000:44:00.0"),))
    sample = base.frame.sample._replace(
        adapters=(CARD, card._replace(ports=(second.id,))),
        pcie={
            **base.frame.sample.pcie,
            "0000:44:00": PcieStatus(path("0000:44:00.0", "0000:42:09.0"), aspm="off"),
        },
    )
    both = replace(base, frame=base.frame._replace(sample=sample))
    found = only(CHECKS["PCIe shared by cards"](both))
    assert "0000:40:03.0" in found.seen
    assert "carry 200.0 Gb/s, the bridge 115.2 usable" in found.why


def test_small_packets_are_found_where_they_cost_something() -> None:
    small = replace(GOOD_PORT, control=PciControl(128, 512, 512, True))
    narrow = replace(GOOD, path=slot((8.0, 8), (8.0, 16), (8.0, 8)))
    assert "MaxPayload 128" in only(run("PCIe packet sizes", narrow, small)).seen
    fast_enough = replace(narrow, link=ethernet(40))
    assert run("PCIe packet sizes", fast_enough, small) == []
    reads = replace(GOOD_PORT, control=PciControl(256, 256, 128, True))
    assert "MaxReadReq 128" in only(run("PCIe packet sizes", GOOD, reads)).seen


def test_writes_that_wait_without_relaxed_ordering_are_a_note() -> None:
    strict = replace(GOOD_PORT, control=PciControl(256, 256, 512, False))
    waiting = replace(GOOD, gauges={"outbound_pci_stalled_wr": 40})
    assert "relaxed ordering is off" in only(run("PCIe packet sizes", waiting, strict)).seen
    assert run("PCIe packet sizes", waiting) == []
    assert run("PCIe packet sizes", GOOD, strict) == []


def test_bus_errors_are_told_when_they_grow_or_are_many_or_severe() -> None:
    check = "PCIe errors"
    assert run(check, aer={"0000:40:03.0 BadTLP": 3}) == []
    assert only(run(check, aer={"0000:40:03.0 BadTLP": 30})).severity is NOTE
    before = {"0000:43:00": PcieStatus(X16, aer={AerError("0000:40:03.0", "BadTLP"): 1})}
    grown = only(run(check, aer={"0000:40:03.0 BadTLP": 3}, pcie_before=before))
    assert grown.severity is WARNING
    assert "2 more just now" in grown.seen
    assert only(run(check, aer={"0000:43:00.0 CmpltTO": 1})).severity is WARNING


def test_power_saving_of_the_link_and_translation_are_notes() -> None:
    assert only(run("PCIe power saving", aspm="L1")).severity is NOTE
    assert only(run("IOMMU", GOOD, replace(GOOD_PORT, iommu="DMA-FQ"))).severity is NOTE
    slow = replace(GOOD, link=ethernet(10))
    assert run("IOMMU", slow, replace(GOOD_PORT, iommu="DMA-FQ")) == []


# --- queues -------------------------------------------------------------------------------------


def test_rings_are_advised_only_where_packets_found_no_buffer() -> None:
    losing = replace(GOOD, events={(Origin.DRIVER, "rx_out_of_buffer"): 40})
    found = only(run("rings", losing))
    assert found.advice == "ethtool -G p1 rx 8192"
    assert run("rings", losing, replace(GOOD_PORT, rings=Rings(8192, 8192, 8192))) == []


def test_one_queue_for_a_fast_port_is_a_warning() -> None:
    one = replace(GOOD_PORT, channels=Channels(1, 63))
    assert only(run("queues", GOOD, one)).advice == "ethtool -L p1 combined 8"
    assert run("queues", replace(GOOD, link=ethernet(1)), one) == []


def test_interrupts_on_one_core_or_on_the_wrong_node_are_told() -> None:
    host = replace(GOOD_HOST, processes=frozenset({"irqbalance"}))

    def placed(*cores: int) -> PortTuning:
        return replace(
            GOOD_PORT,
            interrupts=tuple(
                Interrupt(n, f"mlx5_comp{n}", (core,)) for n, core in enumerate(cores)
            ),
        )

    away = only(run("interrupts", GOOD, placed(0, 1, 2, 3), host=host))
    assert away.seen.startswith("interrupts on cores 0-3, the card is at cores 8-15")
    assert away.severity is WARNING
    assert "systemctl stop irqbalance" in away.advice
    assert "all 4 interrupts go to core 9" in only(run("interrupts", GOOD, placed(9, 9, 9, 9))).seen
    some = only(run("interrupts", GOOD, placed(0, 8, 9, 3)))
    assert some.seen.startswith("2 of 4 interrupts on cores 0,3, the card is at cores 8-15")
    assert some.severity is NOTE
    assert run("interrupts", GOOD, placed(8, 9, 15)) == []
    one_node = replace(GOOD, adapter=CARD._replace(functions=(FUNCTION._replace(numa_node=None),)))
    assert run("interrupts", one_node, placed(0, 1, 2, 3)) == []


def test_fixed_moderation_and_missing_offloads_are_told() -> None:
    fixed = replace(GOOD_PORT, coalesce=Coalesce(False))
    assert only(run("interrupt moderation", GOOD, fixed)).severity is NOTE
    off = replace(GOOD_PORT, features={**(GOOD_PORT.features or {}), "rx-gro": False})
    assert only(run("offloads", GOOD, off)).advice == "ethtool -K p1 gro on"


# --- host ---------------------------------------------------------------------------------------


def test_a_slow_governor_is_a_note_on_a_fast_port() -> None:
    host = replace(GOOD_HOST, governors={"powersave": 14, "performance": 2})
    assert "powersave on 14 cores" in only(run("processor clock", host=host)).seen
    assert run("processor clock", replace(GOOD, link=ethernet(10)), host=host) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("net.ipv4.tcp_timestamps", "0"),
        ("net.ipv4.tcp_sack", "0"),
        ("net.ipv4.tcp_low_latency", "1"),
        ("net.ipv4.tcp_rmem", "4096 87380 2097152"),
        ("vm.zone_reclaim_mode", "1"),
    ],
)
def test_settings_of_old_guides_are_flagged(key: str, value: str) -> None:
    host = replace(GOOD_HOST, sysctls={**GOOD_HOST.sysctls, key: value})
    found = only(run("kernel settings", host=host))
    assert found.seen.startswith(f"{key} = {value}")
    assert f"sysctl -w {key}=" in found.advice


def bonded(bond: Bond) -> list[Finding | CouldNotTell]:
    port = Port(
        PortId("0000:43:00.0", 1),
        PortKind.PHYSICAL,
        "mlx5_core",
        "0000:43:00.0",
        "card",
        "p1",
        bond="bond0",
        bond_kind="bond",
    )
    host = replace(GOOD_HOST, bonds={bond.name: bond})
    return run("bonds", replace(GOOD, port=port), host=host)


def slaves(*speeds: int | None, up: bool = True) -> tuple[BondSlave, ...]:
    return tuple(BondSlave(f"p{n}", up, speed, 1, "m") for n, speed in enumerate(speeds, 1))


@pytest.mark.parametrize(
    ("bond", "words"),
    [
        (Bond("bond0", "balance-rr", slaves=slaves(40000, 40000)), "balance-rr"),
        (Bond("bond0", "active-backup", slaves=slaves(None, up=False)), "p1 down"),
        (Bond("bond0", "balance-xor", slaves=slaves(40000, 10000)), "unequal speed"),
        (Bond("bond0", "balance-xor", slaves=slaves(40000)), "one member only"),
        (
            Bond("bond0", "802.3ad", "layer2", slaves=slaves(40000, 40000), partner="m"),
            "policy layer2",
        ),
        (
            Bond(
                "bond0",
                "802.3ad",
                "layer3+4",
                partner="00:00:00:00:00:00",
                slaves=slaves(40000, 40000),
            ),
            "LACP partner is all zeros",
        ),
        (
            Bond("bond0", "802.3ad", "layer3+4", None, "m", 2, slaves(40000, 40000)),
            "another aggregator",
        ),
    ],
)
def test_bonds_that_do_not_do_what_people_expect_are_found(bond: Bond, words: str) -> None:
    assert words in only(bonded(bond)).seen


def test_a_bond_in_order_has_no_finding() -> None:
    assert bonded(Bond("bond0", "802.3ad", "layer3+4", None, "m", 1, slaves(40000, 40000))) == []
    assert bonded(Bond("bond0", "active-backup", slaves=slaves(40000, 40000))) == []
    assert "proc" in unknown(bonded(Bond("bond1", "802.3ad"))).reason


# --- heat, counters, log, traffic -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sensor", "severity"),
    [
        (Temperature("asic", 50.0, 1.0, critical=105.0), None),
        (Temperature("asic", 106.0, 1.0, critical=105.0), WARNING),
        (Temperature("asic", 116.0, 1.0, critical=105.0), CRITICAL),
        (Temperature("module", 71.0, 1.0, critical=75.0), WARNING),
        (Temperature("module", 75.0, 1.0, critical=75.0), CRITICAL),
        (Temperature("module", 60.0, 1.0), None),
    ],
)
def test_temperatures_are_judged_by_their_own_limits(
    sensor: Temperature, severity: Severity | None
) -> None:
    cool = Temperature("asic", 50.0, 1.0, critical=105.0)
    sensors = (sensor,) if sensor.name == "asic" else (cool, sensor)
    found = run("temperatures", temperatures=sensors)
    assert found == [] if severity is None else only(found).severity is severity


def test_a_sensor_without_number_could_not_tell() -> None:
    hanging = Temperature("asic", 50.0, 1.0, stale=True, problem="no answer for 8 s")
    assert unknown(run("temperatures", temperatures=(hanging,))).reason == "no answer for 8 s"
    mlx4 = replace(GOOD, driver="mlx4_core")
    assert "mlx4" in unknown(run("temperatures", mlx4, temperatures=())).reason
    sensor = CARD._replace(functions=(FUNCTION._replace(hwmon="/sys/class/hwmon/hwmon3"),))
    silent = run("temperatures", replace(GOOD, adapter=sensor), temperatures=())
    assert unknown(silent).reason == "the sensor has not answered yet"


def test_a_dim_lane_is_found() -> None:
    dim = MODULE._replace(lanes=(Lane(0.8), Lane(0.8), Lane(0.07), Lane(0.8)))
    found = only(run("optical power", module=dim))
    assert found.severity is WARNING
    assert "rx power of lane 3 is 0.070 mW, below its low warning" in found.seen
    dark = MODULE._replace(lanes=(Lane(0.01),))
    assert only(run("optical power", module=dark)).severity is CRITICAL
    assert "memory" in unknown(run("optical power", module=None)).reason


def test_an_error_that_several_tables_count_is_told_once() -> None:
    events = {
        (Origin.DRIVER, "rx_crc_errors_phy"): 5.0,
        (Origin.NETDEV, "rx_crc_errors"): 5.0,
        (Origin.NETDEV, "rx_errors"): 5.0,
        (Origin.MAC, "FrameCheckSequenceErrors"): 5.0,
        (Origin.DRIVER, "rx_corrected_bits_phy"): 9000.0,
    }
    found = only(run("error counters", replace(GOOD, events=events)))
    assert found.seen == "rx_crc_errors_phy grew by 10 while watched (ethtool -S p1)"
    assert "cable" in found.advice


def test_errors_of_long_ago_are_no_finding() -> None:
    still = replace(GOOD, events={(Origin.DRIVER, "rx_crc_errors_phy"): 0.0})
    assert run("error counters", still) == []


def test_a_counter_at_its_ceiling_could_not_tell() -> None:
    link = infiniband("40 Gb/sec (4X QDR)", 32)
    base = case(replace(GOOD, link=link, events={(Origin.RDMA_ERRORS, "symbol_error"): 0}))
    port = base.ports[0]
    now = base.frame.ports[port].now
    reading = now.readings[Origin.RDMA_ERRORS]
    stuck = reading._replace(values=(65535,))
    now = now._replace(readings={**now.readings, Origin.RDMA_ERRORS: stuck})
    ports = {port: base.frame.ports[port]._replace(now=now)}
    full = replace(base, frame=base.frame._replace(ports=ports))
    assert "65535" in unknown(CHECKS["counters can still count"](full)).reason


def incident(kind: IncidentKind, severity: Severity, tick: float, text: str = "x") -> Incident:
    return Incident(kind, text, severity, tick, device="0000:43:00.0")


def test_trouble_in_the_kernel_log_is_told_until_something_shows_that_it_is_over() -> None:
    fault = incident(IncidentKind.MODULE_FAULT, CRITICAL, 5.0, "module 0: cable error")
    up = incident(IncidentKind.LINK_UP, NOTE, 9.0)
    assert only(run("kernel log", incidents=(fault,))).severity is CRITICAL
    assert run("kernel log", incidents=(fault, up)) == []
    power = incident(IncidentKind.POWER, WARNING, 2.0, "the slot gives too little power: 10 W")
    assert "12 V" in only(run("kernel log", incidents=(power, up))).advice
    elsewhere = fault._replace(device="0000:99:00.0")
    assert run("kernel log", incidents=(elsewhere,)) == []
    assert unknown(run("kernel log", absent={"kernel log": "needs root"})).reason == "needs root"


def test_what_limits_the_traffic_is_a_note_and_a_full_line_is_none() -> None:
    busy = replace(GOOD, cpu=(97.0,) * 16)
    found = only(run("what limits the traffic", busy))
    assert found.severity is NOTE
    assert "limited by CPU" in found.seen
    assert "SMT" in found.why
    assert run("what limits the traffic", replace(GOOD, rx=98.0)) == []


# --- nothing to look at ---------------------------------------------------------------------------


def test_a_check_with_nothing_to_look_at_is_not_called_fine() -> None:
    idle = report().idle
    assert idle["no InfiniBand port"] == (
        "InfiniBand lanes",
        "InfiniBand speed",
        "subnet manager",
    )
    assert idle["no bond"] == ("bonds",)
    assert idle["one card"] == ("PCIe shared by cards",)
    link = infiniband("100 Gb/sec (4X EDR)", 100)._replace(sm_lid=1)
    fabric = report(situation=replace(GOOD, link=link))
    assert {"InfiniBand lanes", "subnet manager"} <= set(fabric.fine)
    assert {"link speed", "pause"} <= set(fabric.idle["no Ethernet port"])


def test_without_any_port_no_check_is_fine() -> None:
    frame, _ = frame_of(GOOD)
    empty = frame._replace(ports={}, sample=frame.sample._replace(adapters=()))
    report = examine(Case(empty, Tuning(), ()), CHECKS)
    assert report.fine == ()
    assert "links are up" in report.idle["no port"]


def test_light_is_nothing_to_look_at_without_an_optical_module() -> None:
    copper = Module(Identity("QSFP28", types=("100GBASE-CR4",)))
    assert "optical power" in report(module=copper).idle["no optical module with a link"]
    assert "optical power" in report().fine


def test_checks_of_cards_have_nothing_to_look_at_without_one() -> None:
    base = case(replace(GOOD, function=None, driver="veth"))
    alone = replace(base, frame=base.frame._replace(sample=base.frame.sample._replace(adapters=())))
    found = examine(alone, CHECKS)
    assert found.judged
    assert found.idle["no card"] == (
        "cards answer and have a driver",
        "firmware in flash is the running one",
        "no link type is pending",
        "PCIe errors",
        "PCIe power saving",
    )
