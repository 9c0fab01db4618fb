"""LLDP on the page of a link, and firmware that takes the frames for itself."""

from __future__ import annotations

from collections.abc import Sequence

from mlxtop.change.privilege import Access, RootCommands
from mlxtop.link_type.card import read_lldp_agents
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import StoredConfig
from mlxtop.model.lldp import LldpNeighbour
from mlxtop.model.sample import Slow
from mlxtop.present.neighbours import neighbours
from mlxtop.present.view import View
from mlxtop.system.door import Finished
from tests.cases import GOOD
from tests.situations import frame_of

HEAD = "Device #1:\nDevice:         0000:81:00.0\nConfigurations:      Next Boot\n"


class Card:
    """A machine whose mstconfig prints a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[Sequence[str]] = []

    def run(self, argv: Sequence[str], timeout: float) -> Finished:
        self.asked.append(argv)
        return Finished(0, self.text, "")


def agents(text: str) -> dict[int, str]:
    card = Card(text)
    root = RootCommands(card, Access.ROOT)  # type: ignore[arg-type]
    found = read_lldp_agents(root, "mstconfig", "81:00.0", 2)
    (argv,) = card.asked
    assert list(argv[-2:]) == ["LLDP_NB_RX_MODE_P1", "LLDP_NB_RX_MODE_P2"]
    return found


def test_a_port_whose_firmware_takes_the_frames_is_told_with_the_parameter() -> None:
    rows = "        LLDP_NB_RX_MODE_P1     ALL(2)\n        LLDP_NB_RX_MODE_P2     OFF(0)\n"
    assert agents(HEAD + rows) == {1: "LLDP_NB_RX_MODE_P1 ALL(2)"}


def test_firmware_without_the_parameter_has_no_agent() -> None:
    assert agents("-E- The Device doesn't support LLDP_NB_RX_MODE_P1 parameter\n") == {}


def page(told: Sequence[LldpNeighbour], agent: str | None) -> str:
    frame, port = frame_of(GOOD)
    card = frame.adapter(port)
    assert card is not None
    stored = StoredConfig(lldp_agents={PortId(*port): agent} if agent else {})
    sample = frame.sample._replace(
        lldp=Slow({port: tuple(told)} if told else {}, 1.0),
        stored={card.key: Slow(stored, 1.0)},
    )
    (section,) = neighbours(View(frame._replace(sample=sample), port))
    return " ".join("\n".join("".join(text for text, _ in line) for line in section.lines).split())


def test_the_page_names_the_agent_only_where_nobody_is_heard() -> None:
    agent = "LLDP_NB_RX_MODE_P1 ALL(2)"
    assert agent in page((), agent)
    assert "firmware" not in page((), None)
    leaf = LldpNeighbour("94:8e:d3:5a:61:77", "leaf1", is_switch=True, port="Eth1/5", vlan=40)
    shown = page(
        [leaf, leaf._replace(chassis_name="pbx\x1b[2J", mtu=9216, power="gives 15 W")], agent
    )
    assert agent not in shown
    for part in ("leaf1 switch", "Eth1/5", "VLAN 40", "9216 bytes", "gives 15 W"):
        assert part in shown
    assert "\x1b" not in shown
