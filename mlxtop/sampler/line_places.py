"""Which function of ours a line of the kernel log is about, and what that makes of it."""

from __future__ import annotations

from mlxtop.model.counters import Severity
from mlxtop.sampler.card_places import Places
from mlxtop.sources.kernel.kernel_log import LogLine
from mlxtop.sources.kernel.vocabulary.judges import JUDGES
from mlxtop.sources.kernel.vocabulary.row import Role


class LinePlaces:
    """Functions by the names that the log itself has told, else by sysfs."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._names: dict[str, str] = {}
        self._devices: set[str] = set()
        """Functions that drivers of ours have told of, also where they are gone."""
        self._bonds: set[str] = set()
        self._ghes: dict[str, str] = {}

    def place(self, line: LogLine) -> LogLine | None:
        """Return a line with its function; None where it is about a device of others."""
        placed = self._with_function(line)
        if placed is None:
            return None
        if line.row.cause == "ghes":
            return self._told_by_bios(placed)
        if line.row.cause == "power" and line.role is Role.EVENT:
            return self._of_the_slot(placed)
        return placed

    def _with_function(self, line: LogLine) -> LogLine | None:
        one = line.incident
        device = one.device
        if device is None:
            names = (line.auxiliary, one.rdma, one.ifname)
            device = next((d for n in names if n and (d := self._function(n))), None)
        elif line.ours:
            self._devices.add(device)
            if one.ifname is not None:
                self._names[one.ifname] = device
        if not line.ours and not self._concerns(line, device):
            return None
        return line._replace(incident=one._replace(device=device)) if device != one.device else line

    def _function(self, name: str) -> str | None:
        return self._names.get(name) or self._places.function(name)

    def _concerns(self, line: LogLine, device: str | None) -> bool:
        """Return whether a line without a driver's head is about one of our devices."""
        one = line.incident
        if device is not None:
            ours = device in self._devices or self._places.is_ours(device)
            if ours and (bond := one.details.get("bond")):
                self._bonds.add(bond)
            reporter = one.details.get("reporter")
            return ours or (reporter is not None and self._places.is_ours(reporter))
        if (bond := one.details.get("bond")) is not None:
            return bond in self._bonds or "ifname" in one.details
        return line.severity is not Severity.NOTE or one.ifname is None

    def _told_by_bios(self, line: LogLine) -> LogLine:
        """Return a line of the BIOS with the severity that a line before has told."""
        parts = dict(line.incident.details)
        number = parts.get("number", "")
        if line.role is Role.PART:
            self._ghes = {number: parts.get("level", "")}
            return line
        parts["level"] = self._ghes.get(number, "")
        judgement = JUDGES["ghes"](parts)
        return line if judgement is None else line._replace(severity=judgement.severity)

    def _of_the_slot(self, line: LogLine) -> LogLine:
        """Return a line about the power of a slot: where there is no slot it is usual."""
        one = line.incident
        if one.device is None or not self._places.is_soldered(one.device):
            return line
        text = f"{one.text}, as is usual where the card is soldered"
        usual = one._replace(text=text, advice="", severity=Severity.NOTE)
        return line._replace(severity=Severity.NOTE, incident=usual)
