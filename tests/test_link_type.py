"""Link types: which parameter is which port, what is offered, guarded, done and read back."""

import copy
import json
import time
from dataclasses import replace

import pytest

from mlxtop.change.plan import Command, Switch, WriteFile
from mlxtop.change.privilege import Access
from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.carry_out import carry_out, look
from mlxtop.link_type.naming import named_ports
from mlxtop.link_type.plan import (
    Change,
    LinkTypeSurvey,
    Method,
    NothingToDo,
    Refused,
    methods,
    prepare,
)
from mlxtop.link_type.reset import choose_level, persist, prepare_reset, read_levels
from mlxtop.link_type.survey import survey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.present import link_type as describe
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.system.door import Finished
from tests.link_lab import PHYSICS, LinkLab, link_lab

A1, A2 = PortId("0000:09:00.0", 1), PortId("0000:09:00.0", 2)
B1, B2 = PortId("0000:08:00.0", 1), PortId("0000:08:00.1", 1)
FILES = "/sys/bus/pci/devices/0000:09:00.0/mlx4_port"


def scene_of(system: LinkLab, rights: Access = Access.ROOT) -> LinkTypeSurvey:
    return look(system, rights)


def change_of(
    system: LinkLab, wanted: dict[PortId, LinkType], method: Method | None = None
) -> tuple[LinkTypeSurvey, Change]:
    scene = scene_of(system)
    return scene, prepare(scene, scene.card_of(next(iter(wanted))), wanted, method)


def commands(change: Change) -> list[str]:
    return [line for step in change.plan.steps for line in step.lines(sudo=False)]


def without(card: str, **changes: object) -> dict[str, object]:
    """The cards with some keys of one replaced."""
    cards = copy.deepcopy(PHYSICS["card"])
    cards[card] |= changes
    return dict(cards)


def test_every_port_is_shown_with_its_types_and_ways() -> None:
    assert describe.table(scene_of(link_lab())) == [
        ("0000:08:00.0/1", "enp8s0f0np0", "ETH", "ETH(2)", "IB(1)", "mstconfig"),
        ("0000:08:00.1/1", "mlx5_1", "IB", "IB(1)", "IB(1)", "mstconfig"),
        ("0000:09:00.0/1", "ibp9s0", "IB", "IB(1)", "–", "mlx4_portN, mstconfig"),
        ("0000:09:00.0/2", "enp9s0d1", "ETH", "ETH(2)", "–", "mlx4_portN, mstconfig"),
    ]


@pytest.mark.parametrize(
    ("port", "kind", "method", "line"),
    [
        (A1, "eth", Method.NOW, f"echo eth | tee {FILES}1"),
        (A2, "ib", Method.NOW, f"echo ib | tee {FILES}2"),
        (A1, "eth", Method.STORED, "mstconfig -d 0000:09:00.0 -y set LINK_TYPE_P1=2"),
        (A2, "auto", Method.STORED, "mstconfig -d 0000:09:00.0 -y set LINK_TYPE_P2=3"),
        (B1, "ib", Method.STORED, "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=1"),
        (B2, "eth", Method.STORED, "mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"),
    ],
)
def test_the_parameter_is_that_of_the_port(
    port: PortId, kind: str, method: Method, line: str
) -> None:
    _, change = change_of(link_lab(), {port: LinkType(kind)}, method)
    assert commands(change) == [line]


def test_both_ports_are_set_by_one_command() -> None:
    both = {B1: LinkType.IB, B2: LinkType.IB}
    _, change = change_of(link_lab(), both)
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=1 LINK_TYPE_P2=1"]
    back = ("mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=2 LINK_TYPE_P2=1",)
    assert change.plan.undo_lines(sudo=False) == back


def test_commands_to_copy_have_sudo_where_it_is_needed() -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    assert change.plan.lines(sudo=True) == (f"echo eth | sudo tee {FILES}1",)
    assert change.plan.undo_lines(sudo=True) == (f"echo ib | sudo tee {FILES}1",)


def test_mlx4_ports_change_at_once_before_they_are_stored() -> None:
    card = scene_of(link_lab()).card_of(A1)
    assert methods(card, (A1,)) == (Method.NOW, Method.STORED)


def test_a_function_whose_name_contradicts_its_number_is_refused() -> None:
    system = link_lab()
    inventory = discover(system)
    links = {
        index: replace(link, port_name="p1" if link.name == "enp8s0f0np0" else link.port_name)
        for index, link in inventory.links.items()
    }
    cards = survey(system, inventory._replace(links=links), Access.ROOT)
    port = next(port for card in cards for port in card.ports if port.id == B1)
    assert port.parameter is None and "calls itself p1" in (port.unclear or "")
    card = next(card for card in cards if card.port(B1))
    assert methods(card, (B1,)) == ()


def both_infiniband(virtual: bool) -> LinkLab:
    cards = without("b")
    cards["b"]["port"]["1"]["kind"] = "ib"  # type: ignore[index]
    system = link_lab(card=cards)
    if virtual:
        system.files["/proc/cpuinfo"] = b"flags : fpu hypervisor\n"
    return system


def test_in_a_virtual_machine_an_infiniband_function_could_be_either_port() -> None:
    scene = scene_of(both_infiniband(virtual=True))
    card = scene.card_of(B1)
    with pytest.raises(Refused, match="nothing confirms"):
        prepare(scene, card, {B2: LinkType.ETH})
    change = prepare(scene, card, {B1: LinkType.ETH, B2: LinkType.ETH})
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=2 LINK_TYPE_P2=2"]
    with pytest.raises(Refused, match="nothing confirms"):
        prepare(scene, card, {B1: LinkType.ETH, B2: LinkType.IB})


def test_on_a_real_machine_functions_count_as_ports_do() -> None:
    _, change = change_of(both_infiniband(virtual=False), {B2: LinkType.ETH})
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"]


def test_two_functions_with_one_parameter_are_unclear() -> None:
    system = both_infiniband(virtual=False)
    system.answers["mstconfig LINK_TYPE_P2"] = Finished(
        3, "-E- The Device doesn't support LINK_TYPE_P2 parameter\n", ""
    )
    scene = scene_of(system)
    card = scene.card_of(B1)
    assert card.parameters == (1,)
    for port in (B1, B2):
        with pytest.raises(Refused):
            prepare(scene, card, {port: LinkType.ETH})


def test_a_card_that_is_as_wanted_is_left_alone() -> None:
    for port, kind, method in ((B1, "eth", None), (A1, "ib", Method.NOW)):
        with pytest.raises(NothingToDo):
            change_of(link_lab(), {port: LinkType(kind)}, method)


def test_newer_cards_have_no_auto_sensing() -> None:
    with pytest.raises(Refused, match="no auto-sensing"):
        change_of(link_lab(), {B1: LinkType.AUTO})


def refusal(system: LinkLab, port: PortId, kind: str = "eth") -> str:
    with pytest.raises(Refused) as caught:
        change_of(system, {port: LinkType(kind)}, Method.STORED)
    return str(caught.value)


def test_what_is_not_possible_says_why_and_what_would_help() -> None:
    tools = {"mstconfig": "4.26.0", "ip": "6"}
    system = link_lab(host={"tools": tools})
    assert "mstflint 4.25 is the last" in refusal(system, A1)
    assert methods(scene_of(system).card_of(A1), (A1,)) == (Method.NOW,)
    assert "one link type only" in refusal(link_lab(card=without("b", vpi=False)), B2)
    assert "mlxconfig (NVIDIA MFT)" in refusal(link_lab(host={"tools": {"ip": "6"}}), B2)
    trouble = {"mstconfig": "write counter to semaphore: Operation not permitted"}
    system = link_lab(trouble=trouble)
    assert "cannot be told" not in refusal(system, B2)
    assert "Failed to open the device" in refusal(system, B2)
    system.files["/sys/kernel/security/lockdown"] = b"none [integrity] confidentiality\n"
    assert "lockdown (Secure Boot)" in refusal(system, B2)


def test_a_tool_that_hangs_is_given_up_and_said_so() -> None:
    system = link_lab()
    system.world.tool_seconds = 1000.0
    assert "did not answer in time" in refusal(system, B2)


def test_a_virtual_function_is_told_apart_from_its_port() -> None:
    scene = scene_of(link_lab())
    with pytest.raises(Refused, match="no physical port"):
        scene.card_of(PortId("0000:08:00.5", 1))


def test_json_is_asked_where_the_text_is_not_understood() -> None:
    system = link_lab()
    row = {"next_value": "ETH(2)", "current_value": "ETH(2)", "default_value": "IB(1)"}
    table = {"LINK_TYPE_P1": row, "LINK_TYPE_P2": row | {"next_value": "IB(1)"}}
    document = {"Device #1": {"device": "0000:08:00.0", "tlv_configuration": table}}
    system.files["/tmp/x/link.json"] = json.dumps(document).encode()
    system.answers |= {
        "mstconfig": Finished(0, "a layout of the year 2030\n", ""),
        "mktemp": Finished(0, "/tmp/x\n", ""),
        "rm": Finished(0, "", ""),
    }
    scene = scene_of(system)
    assert scene.card_of(B1).stored == {1: LinkType.ETH, 2: LinkType.IB}


def test_what_breaks_is_named() -> None:
    _, change = change_of(link_lab(), {A1: LinkType.ETH})
    text = "\n".join(change.plan.breaks)
    assert "ibp9s0" in text and "mlx4_0" in text and "enp9s0d1" in text
    assert "0000:09:00.0/2: the other port is registered anew" in text
    assert change.affected == (A1, A2)


def guarded(default: str) -> LinkLab:
    return link_lab(network={"default": default})


def test_a_port_that_carries_the_default_route_needs_its_name_typed() -> None:
    system = guarded("enp9s0d1")
    scene, change = change_of(system, {A1: LinkType.ETH})
    assert change.endangered == (A2,)
    assert any("default route" in line for line in describe.plan_lines(change, False))
    with pytest.raises(Refused, match="default route"):
        carry_out(system, scene, change, Access.ROOT, None)
    assert system.written == []
    outcome = carry_out(system, scene, change, Access.ROOT, None, typed=[A2])
    assert outcome.done and outcome.keeper is not None and outcome.keeper.keep()


def test_a_port_that_carries_nothing_needs_no_name() -> None:
    _, change = change_of(guarded("enp9s0d1"), {B2: LinkType.ETH})
    assert change.hazards == () and change.endangered == ()


def test_a_danger_that_came_after_the_plan_stops_the_deed() -> None:
    system = link_lab()
    scene, change = change_of(system, {A1: LinkType.ETH})
    system._network.default = "enp9s0d1"
    system._build()
    with pytest.raises(Refused, match="default route"):
        carry_out(system, scene, change, Access.ROOT, None)
    assert system.written == []


def test_ports_that_changed_after_the_plan_stop_the_deed() -> None:
    system = link_lab()
    scene, change = change_of(system, {A1: LinkType.ETH})
    system.write(f"{FILES}1", b"eth\n")
    system.written.clear()
    with pytest.raises(Refused, match="no longer what it was"):
        carry_out(system, scene, change, Access.ROOT, None)
    assert system.written == []


def test_exactly_these_bytes_are_written_and_kept() -> None:
    system = link_lab()
    scene, change = change_of(system, {A1: LinkType.ETH})
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert system.written == [(f"{FILES}1", b"eth\n")]
    assert outcome.done and outcome.said == ("0000:09:00.0/1 now: Ethernet ✓",)
    assert "# 0000:09:00.0/1: ibp9s0 is now enp9s0" in outcome.next
    assert "ip link set enp9s0 up" in outcome.next
    assert outcome.keeper is not None and outcome.keeper.left() > 0
    assert outcome.keeper.keep()
    assert not outcome.keeper.take_back()
    assert system.read(f"{FILES}1") == b"eth\n"


def test_a_change_that_is_not_confirmed_is_taken_back() -> None:
    system = link_lab()
    scene, change = change_of(system, {A1: LinkType.ETH})
    (step,) = change.plan.steps
    assert isinstance(step, Switch) and step.seconds == 60
    hasty = replace(change, plan=replace(change.plan, steps=(replace(step, seconds=0),)))
    outcome = carry_out(system, scene, hasty, Access.ROOT, None)
    deadline = time.monotonic() + 10
    while system.written[-1] != (f"{FILES}1", b"ib\n") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert system.read(f"{FILES}1") == b"ib\n"
    assert outcome.keeper is not None and not outcome.keeper.keep()


def test_both_ports_switch_together() -> None:
    system = link_lab()
    both = {A1: LinkType.AUTO, A2: LinkType.IB}
    scene, change = change_of(system, both)
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert system.written == [(f"{FILES}1", b"auto\n"), (f"{FILES}2", b"ib\n")]
    assert outcome.done and outcome.keeper is not None and outcome.keeper.take_back()
    assert system.read(f"{FILES}2") == b"eth\n"


def test_a_refused_type_leaves_all_as_it_was() -> None:
    cards = without("a", vpi=False)
    cards["a"]["port"]["1"]["kind"] = "eth"  # type: ignore[index]
    system = link_lab(card=cards)
    scene, change = change_of(system, {A1: LinkType.IB})
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert not outcome.done and outcome.keeper is None
    assert "not supported" in outcome.said[0]
    assert system.written[-1] == (f"{FILES}1", b"eth\n")


def test_a_stored_type_is_read_back() -> None:
    system = link_lab()
    scene, change = change_of(system, {B2: LinkType.ETH})
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert outcome.done and outcome.said == ("LINK_TYPE_P2 next boot: ETH(2) ✓",)
    assert "mlxtop link-type --reset 0000:08:00.1/1" in outcome.next
    sets = [argv for argv in system.ran if "set" in argv]
    assert sets == [("mstconfig", "-d", "0000:08:00.0", "-y", "set", "LINK_TYPE_P2=2")]
    assert scene_of(system).card_of(B2).port(B2).pending  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Finished(0, "Applying... Done!\n-I- Please reboot machine\n", ""), "✗ wanted 2"),
        (Finished(3, "Applying... Failed!\n-E- Semaphore is locked\n", ""), "Semaphore"),
        (Finished(0, "\x1b]0;owned\x07 what?\n", ""), "✗ wanted 2"),
        (Finished(-9, "", "Killed\n"), "Killed"),
    ],
)
def test_a_tool_that_says_something_else_than_it_did_is_found_out(
    answer: Finished, words: str
) -> None:
    system = link_lab()
    scene, change = change_of(system, {B2: LinkType.ETH})
    system.answers["mstconfig set"] = answer
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert not outcome.done and words in "\n".join(outcome.said)


def test_setting_is_never_ended_early() -> None:
    system = link_lab()
    scene, change = change_of(system, {B2: LinkType.ETH})
    real = system.world.tool_seconds
    queries = system.ran.__len__()

    def slow(argv: tuple[str, ...]) -> None:
        system.world.tool_seconds = 700.0 if "set" in argv else real

    system.before = slow
    outcome = carry_out(system, scene, change, Access.ROOT, None)
    assert outcome.done and len(system.ran) > queries


def test_another_tool_at_work_is_waited_for_and_then_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlxtop.link_type.survey.LOCK_SECONDS", 0.0)
    system = link_lab()
    scene, change = change_of(system, {B2: LinkType.ETH})
    lock = card_lock(system, B2.device)
    with system.claim(lock, 0.0), pytest.raises(Refused, match="another tool"):
        carry_out(system, scene, change, Access.ROOT, None)


def test_a_reset_makes_stored_types_true() -> None:
    system = link_lab()
    scene, change = change_of(system, {B2: LinkType.ETH})
    assert carry_out(system, scene, change, Access.ROOT, None).done
    scene = scene_of(system)
    card = scene.card_of(B2)
    tool, levels = read_levels(system, card, Access.ROOT)
    assert [level.number for level in levels] == [3, 4]
    reset = prepare_reset(scene, card, tool, choose_level(levels, None))
    assert commands(reset) == ["mstfwreset -d 0000:08:00.0 -l 3 -y reset"]
    outcome = carry_out(system, scene, reset, Access.ROOT, None)
    assert outcome.done, outcome.said
    assert scene_of(system).card_of(B2).port(B2).now is LinkType.ETH  # type: ignore[union-attr]


def test_no_reset_on_a_card_that_the_guard_names_whatever_is_typed() -> None:
    system = guarded("enp8s0f0np0")
    scene = scene_of(system)
    card = scene.card_of(B1)
    tool, levels = read_levels(system, card, Access.ROOT)
    with pytest.raises(Refused, match="no firmware reset"):
        prepare_reset(scene, card, tool, choose_level(levels, 3))
    fine = prepare_reset(replace(scene, uses=type(scene.uses)()), card, tool, levels[0])
    with pytest.raises(Refused, match="no firmware reset"):
        carry_out(system, scene, fine, Access.ROOT, None, typed=[B1, B2])


def test_connectx3_has_no_reset() -> None:
    system = link_lab()
    scene = scene_of(system)
    with pytest.raises(Refused, match="a reboot does the same"):
        read_levels(system, scene.card_of(A1), Access.ROOT)


def test_types_last_over_a_boot_by_the_driver_s_parameter() -> None:
    system = link_lab()
    scene = scene_of(system)
    change = persist(system, scene, scene.card_of(A1))
    (step,) = change.plan.steps
    assert isinstance(step, WriteFile) and step.path == "/etc/modprobe.d/mlxtop-mlx4.conf"
    assert step.text.endswith("options mlx4_core port_type_array=1,2\n")
    for path in ("/etc/rdma/mlx4.conf", "/usr/libexec/mlx4-setup.sh"):
        system.files[path] = b"# types\n"
    (step,) = persist(system, scene, scene.card_of(A1)).plan.steps
    assert isinstance(step, Command) and "$a\\0000:09:00.0 ib eth" in step.argv
    with pytest.raises(Refused, match="only mlx4"):
        persist(system, scene, scene.card_of(B1))


def test_a_parameter_that_is_set_elsewhere_is_changed_there() -> None:
    system = load_lab("cx3-hp", ManualClock())
    scene = look(system, Access.ROOT)
    change = persist(system, scene, scene.card_of(scene.inventory.ports[0].id))
    (step,) = change.plan.steps
    assert isinstance(step, Command) and step.argv[-1] == "/etc/modprobe.d/mlx4.conf"
    assert "port_type_array=2,0" in change.plan.undo_lines(sudo=True)[0]


def test_words_mean_ports_and_never_by_guess() -> None:
    inventory = discover(link_lab())
    for word in ("0000:09:00.0/2", "09:00.0/2", "enp9s0d1", "mlx4_0/2"):
        assert named_ports(inventory, word) == (A2,)
    assert named_ports(inventory, "0000:09:00.0") == (A1, A2)
    assert named_ports(inventory, "0000:08:00.0") == (B1,)
    assert named_ports(inventory, "mlx5_1") == (B2,)
    assert named_ports(inventory, "0000:08:00") == (B1, B2)
    with pytest.raises(Refused, match="several ports: mlx4_0/1, mlx4_0/2"):
        named_ports(inventory, "mlx4_0")
    for word in ("eno1", "0000:09:00.0/3", "mlx", "", "enp9s0"):
        with pytest.raises(Refused, match="no such port"):
            named_ports(inventory, word)
