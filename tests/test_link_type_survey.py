"""Which ports a word names, which parameter belongs to which port, and why it is unclear."""

from dataclasses import replace

import pytest

from mlxtop.change.privilege import Access
from mlxtop.link_type.card import Refused
from mlxtop.link_type.options import Method, methods, prepare
from mlxtop.link_type.survey import named_ports, survey
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.sampler.discover import discover
from mlxtop.system.door import Finished
from tests.link_lab import (
    A1,
    A2,
    B1,
    B2,
    LinkLab,
    change_of,
    commands,
    link_lab,
    survey_of,
    without,
)


def both_infiniband(virtual: bool) -> LinkLab:
    cards = without("b")
    cards["b"]["port"]["1"]["kind"] = "ib"  # type: ignore[index]
    system = link_lab(card=cards)
    if virtual:
        system.files["/proc/cpuinfo"] = b"flags : fpu hypervisor\n"
    return system


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


def test_in_a_virtual_machine_an_infiniband_function_could_be_either_port() -> None:
    survey = survey_of(both_infiniband(virtual=True))
    card = survey.card_of(B1)
    with pytest.raises(Refused, match="nothing confirms"):
        prepare(survey, card, {B2: LinkType.ETH})
    change = prepare(survey, card, {B1: LinkType.ETH, B2: LinkType.ETH})
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P1=2 LINK_TYPE_P2=2"]
    with pytest.raises(Refused, match="nothing confirms"):
        prepare(survey, card, {B1: LinkType.ETH, B2: LinkType.IB})


def test_on_a_real_machine_functions_count_as_ports_do() -> None:
    _, change = change_of(both_infiniband(virtual=False), {B2: LinkType.ETH})
    assert commands(change) == ["mstconfig -d 0000:08:00.0 -y set LINK_TYPE_P2=2"]


def test_two_functions_with_one_parameter_are_unclear() -> None:
    system = both_infiniband(virtual=False)
    system.answers["mstconfig LINK_TYPE_P2"] = Finished(
        3, "-E- The Device doesn't support LINK_TYPE_P2 parameter\n", ""
    )
    survey = survey_of(system)
    card = survey.card_of(B1)
    assert card.parameters == (1,)
    for port in (B1, B2):
        with pytest.raises(Refused):
            prepare(survey, card, {port: LinkType.ETH})


def refusal(system: LinkLab, port: PortId, kind: str = "eth") -> str:
    with pytest.raises(Refused) as caught:
        change_of(system, {port: LinkType(kind)}, Method.STORED)
    return str(caught.value)


def test_what_is_not_possible_says_why_and_what_would_help() -> None:
    tools = {"mstconfig": "4.26.0", "ip": "6"}
    system = link_lab(host={"tools": tools})
    assert "mstflint 4.25 is the last" in refusal(system, A1)
    assert methods(survey_of(system).card_of(A1), (A1,)) == (Method.NOW,)
    assert "one link type only" in refusal(link_lab(card=without("b", vpi=False)), B2)
    assert "mlxconfig (NVIDIA MFT)" in refusal(link_lab(host={"tools": {"ip": "6"}}), B2)
    trouble = {"mstconfig": "write counter to semaphore: Operation not permitted"}
    system = link_lab(trouble=trouble)
    assert "unclear" not in refusal(system, B2)
    assert "Failed to open the device" in refusal(system, B2)
    system.files["/sys/kernel/security/lockdown"] = b"none [integrity] confidentiality\n"
    assert "lockdown (Secure Boot)" in refusal(system, B2)


def test_a_virtual_function_is_told_apart_from_its_port() -> None:
    survey = survey_of(link_lab())
    with pytest.raises(Refused, match="no physical port"):
        survey.card_of(PortId("0000:08:00.5", 1))


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
