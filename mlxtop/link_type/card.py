"""A card: the link types of its ports, its lock, and what its tools say that it has stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace

from mlxtop.change.privilege import LOCK_SECONDS, Access, RootCommands
from mlxtop.model.identity import Adapter, Port, PortId
from mlxtop.model.linktype import LinkType
from mlxtop.sources.kernel.pci import card_lock
from mlxtop.sources.kernel.sysfs import names
from mlxtop.sources.tools import mstconfig
from mlxtop.sources.tools.card_tool import Trouble, complaints
from mlxtop.sources.tools.mstconfig import Column, ConfigReport
from mlxtop.system.door import REGISTERS, Finished, System

PARAMETERS = ("LINK_TYPE_P1", "LINK_TYPE_P2")
SPEED = ("CQE_COMPRESSION", "MAX_ACC_OUT_READ", "PCI_WR_ORDERING")
"""Parameters that guides for fast links mention; older firmware lacks some, mlx4 all."""
LLDP_AGENT = "LLDP_NB_RX_MODE_P"
"""Which LLDP frames the firmware processes, before its port's number: OFF, MANDATORY, ALL."""
_NO_AGENT = ("OFF(0)", "0")
REBOOT = "a reboot does the same"
_FINAL = (Trouble.UNSUPPORTED, Trouble.NO_ACCESS)


class Refused(Exception):
    """A change that is not made; the text says why and what would help."""


@dataclass(frozen=True, slots=True)
class PortTypes:
    """The link types of a port; None where one is unknown."""

    port: Port
    now: LinkType | None
    """InfiniBand or Ethernet."""
    configured: LinkType | None = None
    """mlx4: the content of `mlx4_portN`, auto included."""
    parameter: int | None = None
    """n of the port's LINK_TYPE_Pn; None where there is none or it is unclear which it is."""
    unclear: str | None = None
    """Why it is unclear which parameter belongs to this port."""
    next_boot: LinkType | None = None
    default: LinkType | None = None
    current: LinkType | None = None
    """The type that the firmware started with."""
    read_only: bool = False

    @property
    def id(self) -> PortId:
        return self.port.id

    @property
    def pending(self) -> bool:
        """Return True where the next boot brings another type than this one did.

        False on mlx4 without a current value: the driver may have changed types since the boot.
        """
        before = self.current or (self.now if self.configured is None else None)
        return self.next_boot is not None and before is not None and self.next_boot != before


@dataclass(frozen=True, slots=True)
class Card:
    """An adapter with the link types of its ports."""

    adapter: Adapter
    device: str
    """PCI address to give to tools: the first physical function."""
    ports: tuple[PortTypes, ...]
    tool: str | None = None
    """mstconfig or mlxconfig, whichever answered for this card."""
    parameters: tuple[int, ...] = ()
    """The n of every LINK_TYPE_Pn that the card has."""
    stored: Mapping[int, LinkType] = field(default_factory=dict)
    """The type of the next boot by n of LINK_TYPE_Pn."""
    switchable: bool = False
    """The driver takes types through `mlx4_portN`, at once."""
    reasons: tuple[str, ...] = ()
    """Why a method cannot be used, and what would help."""
    unanswered: str | None = None
    """Why the stored configuration is unknown; None where it is known or the card has none."""

    @property
    def restart(self) -> str:
        """Return what loads the stored types where a firmware reset does not."""
        if self.adapter.is_dpu:
            return "a power cycle does the same; a reboot does not, in DPU mode"
        return REBOOT

    @property
    def mlx4(self) -> bool:
        """Return True for the mlx4 driver: ConnectX-3 and older."""
        return self.adapter.is_mlx4

    def port(self, wanted: PortId) -> PortTypes | None:
        return next((port for port in self.ports if port.id == wanted), None)


@contextmanager
def claimed(
    system: System, card: Card, rights: Access, ask: bool = False
) -> Iterator[RootCommands]:
    """Be the only tool on a card, also on one in two slots. Raises Refused where another is.

    Without root's rights this locks nothing: then the processes of sudo do. With `ask` sudo may
    ask for a password on the terminal for queries too.
    """
    slots = sorted({card_lock(system, function.address) for function in card.adapter.functions})
    sudo = rights is Access.SUDO
    locks = (f"{slot}/{REGISTERS}" for slot in slots if sudo and REGISTERS in names(system, slot))
    try:
        with ExitStack() as stack:
            for slot in slots:  # in one order, so that two tools never wait for each other
                stack.enter_context(system.claim(slot, LOCK_SECONDS))
            yield RootCommands(system, rights, ask, tuple(locks))
    except BlockingIOError as error:
        text = f"another tool is at work on this card: {error.strerror}"
        raise Refused(text) from None


def read_config(root: RootCommands, tool: str, device: str) -> ConfigReport:
    """Read LINK_TYPE of both ports; a card of one port has no LINK_TYPE_P2 and gives an error.

    Firmware without default and current values is asked again without `-e`. A layout that the
    parser does not understand is asked for again as JSON. Raises NotAllowed, TimeoutError and
    OSError.
    """
    report = ConfigReport()
    one = PARAMETERS[:1]
    for verbose, wanted in ((True, PARAMETERS), (True, one), (False, PARAMETERS), (False, one)):
        words = [tool, "-d", device, *(["-e"] if verbose else []), "q", *wanted]
        report = _report(root.query(words))
        if report.parameters or report.trouble in _FINAL:
            break
        if report.trouble is Trouble.NO_PARAMETER and wanted == one:
            break
        if report.trouble is None:
            report = _read_json(root, [tool, "-d", device, "-e"], wanted)
            break
    if report.device is not None and not report.device.endswith(device.removeprefix("0000:")):
        return replace(report, parameters={}, errors=(f"answered for {report.device}",))
    return report


def read_values(root: RootCommands, tool: str, device: str) -> dict[str, str]:
    """Return the stored values that bear on speed, without those that this firmware lacks.

    A tool that does not know one of the names answers nothing: then all parameters are read.
    Raises NotAllowed, TimeoutError and OSError.
    """
    words = [tool, "-d", device, "q"]
    report = _report(root.query([*words, *SPEED]))
    if report.trouble is Trouble.NO_PARAMETER:
        report = _report(root.query(words))
    values = {name: row.values.get(Column.NEXT) for name, row in report.parameters.items()}
    return {name: value for name in SPEED if (value := values.get(name))}


def read_lldp_agents(root: RootCommands, tool: str, device: str, ports: int) -> dict[int, str]:
    """Return the ports, by number, whose firmware is to take LLDP frames, with the parameter.

    Firmware that lacks the parameter has no such agent, or none that can be told of.
    Raises NotAllowed, TimeoutError and OSError.
    """
    names = {number: f"{LLDP_AGENT}{number}" for number in range(1, ports + 1)}
    report = _report(root.query([tool, "-d", device, "q", *names.values()]))
    rows = ((number, name, report.parameters.get(name)) for number, name in names.items())
    values = ((number, name, row and row.values.get(Column.NEXT)) for number, name, row in rows)
    return {
        number: f"{name} {value}"
        for number, name, value in values
        if value and value not in _NO_AGENT
    }


def _report(finished: Finished) -> ConfigReport:
    if finished.timed_out:
        raise TimeoutError("did not answer in time; the firmware may be busy")
    return replace(mstconfig.parse_mstconfig(finished.stdout), errors=complaints(finished))


def _read_json(root: RootCommands, words: list[str], wanted: tuple[str, ...]) -> ConfigReport:
    """Read the same from a JSON file, which mstflint 4.31 and later can write."""
    folder = ""
    with suppress(OSError):
        folder = root.system.run(("mktemp", "-d")).stdout.strip()
    if not folder.startswith("/"):
        return ConfigReport()
    file = f"{folder}/link.json"
    try:
        if root.query([*words, "-j", file, "q", *wanted]).status == 0:
            text = root.system.read(file).decode("utf-8", "replace")
            return mstconfig.parse_mstconfig_json(text)
    except FileNotFoundError:
        pass
    finally:
        root.system.run(("rm", "-r", "--", folder))
    return ConfigReport()
