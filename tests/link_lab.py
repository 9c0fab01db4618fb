"""Simulated machines for link types: a ConnectX-3 VPI and a two-port ConnectX-5."""

import copy
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

from mlxtop.change.privilege import Access
from mlxtop.lab import LabSystem, ManualClock
from mlxtop.lab.physics_block import machine
from mlxtop.link_type.options import Change, Method, prepare
from mlxtop.link_type.survey import LinkTypeSurvey, look
from mlxtop.model.identity import PortId
from mlxtop.model.linktype import LinkType
from mlxtop.system.capture import Capture
from mlxtop.system.door import Finished

PHYSICS = tomllib.loads("""
[host]
tools = { mstconfig = "4.25.0", mstfwreset = "4.25.0", ip = "6.1.0" }

[card.a]
family = "ConnectX-3"
slot = "0000:00:03.0/0000:09:00.0"
link = "8.0 x8"
most = "8.0 x8"
part = "MCX354A-FCBT"
description = "ConnectX-3 VPI adapter card; dual-port QSFP"
firmware = "2.42.5000"
guid = "0x0002c90300112230"
rdma = "mlx4_0"

[card.a.port.1]
netdev = "enp9s0"
ipoib = "ibp9s0"
kind = "ib"
ip = "10.0.6.2/24"
peer = "10.0.6.3"

[card.a.port.2]
netdev = "enp9s0d1"
ipoib = "ibp9s0d1"
kind = "eth"
ip = "10.0.7.2/24"
peer = "10.0.7.3"

[card.b]
family = "ConnectX-5"
slot = "0000:00:02.0/0000:08:00.0"
link = "16.0 x16"
most = "16.0 x16"
part = "MCX556A-EDAT"
description = "ConnectX-5 Ex VPI adapter card; dual-port QSFP28"
firmware = "16.35.3006"
guid = "0x248a070300a1b2c0"

[card.b.port.1]
netdev = "enp8s0f0np0"
rdma = "mlx5_0"
ip = "10.0.3.2/24"
peer = "10.0.3.3"

[card.b.port.2]
netdev = "enp8s0f1np1"
rdma = "mlx5_1"
kind = "ib"
""")

A1, A2 = PortId("0000:09:00.0", 1), PortId("0000:09:00.0", 2)
B1, B2 = PortId("0000:08:00.0", 1), PortId("0000:08:00.1", 1)
FILES = "/sys/bus/pci/devices/0000:09:00.0/mlx4_port"
ROUTE = "eno1 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0"


class LinkLab(LabSystem):
    """A machine that notes what is written to it and run on it."""

    def __init__(self, physics: dict[str, Any]) -> None:
        capture = Capture()
        capture.properties["root"] = "yes"
        super().__init__(machine("bench", physics), capture, ManualClock(), 0)
        self.written: list[tuple[str, bytes]] = []
        self.ran: list[tuple[str, ...]] = []
        self.files: dict[str, bytes] = {}
        """Contents in place of the lab's."""
        self.answers: dict[str, Finished] = {}
        """A command, with its last word or `set`, that is answered so instead of by the lab."""
        self.before: Callable[[tuple[str, ...]], None] = lambda argv: None

    def read(self, path: str) -> bytes:
        return self.files[path] if path in self.files else super().read(path)

    def write(self, path: str, data: bytes) -> None:
        self.written.append((path, data))
        super().write(path, data)

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        self.ran.append(tuple(argv))
        self.before(tuple(argv))
        kind = " ".join((argv[0], "set" if "set" in argv else argv[-1]))
        for key in (kind, argv[0]):
            if key in self.answers:
                return self.answers[key]
        return super().run(argv, timeout=timeout, stdin=stdin, change=change)


def link_lab(**changes: Any) -> LinkLab:
    """The machine, with tables of the physics replaced: `network={…}`."""
    return LinkLab(copy.deepcopy(PHYSICS) | changes)


def survey_of(system: LinkLab, rights: Access = Access.ROOT) -> LinkTypeSurvey:
    return look(system, rights)


def change_of(
    system: LinkLab, wanted: dict[PortId, LinkType], method: Method | None = None
) -> tuple[LinkTypeSurvey, Change]:
    survey = survey_of(system)
    return survey, prepare(survey, survey.card_of(next(iter(wanted))), wanted, method)


def commands(change: Change) -> list[str]:
    return [line for step in change.plan.steps for line in step.lines(sudo=False)]


def without(card: str, **changes: object) -> dict[str, object]:
    """The cards with some keys of one replaced."""
    cards = copy.deepcopy(PHYSICS["card"])
    cards[card] |= changes
    return dict(cards)


def guarded(default: str) -> LinkLab:
    return link_lab(network={"default": default})


class Sudoer(LinkLab):
    """A machine whose user is not root, and may use sudo or not."""

    has_sudo = True

    @property
    def root(self) -> bool:
        return False

    def which(self, command: str) -> str | None:
        return "/usr/bin/sudo" if command == "sudo" and self.has_sudo else super().which(command)

    def foreground(self, argv: Any, *, stdin: str | None = None, change: bool = False) -> Finished:
        return self.run(argv, stdin=stdin or "", change=change)


def sudoer() -> Sudoer:
    system = link_lab()
    system.__class__ = Sudoer
    assert isinstance(system, Sudoer)
    return system
