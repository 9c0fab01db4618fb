"""What sminfo, saquery, smpquery and ibqueryerrors print.

https://github.com/linux-rdma/rdma-core, infiniband-diags: sminfo.c, saquery.c, smpquery.c,
ibqueryerrors.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlxtop.model.fabric import ManagerState, PortErrors, SubnetManager
from mlxtop.model.number import whole
from mlxtop.sources.tools.iblinkinfo import LONGEST_LINE, MOST_LINES, guid_of, plain

NO_ERRORS = ("PortXmitWait", "PortRcvSwitchRelayErrors")
"""Counters of waiting for credits, and of multicast that a switch drops as it should."""
MOST_MANAGERS = 64
_SMINFO = re.compile(
    r"sminfo: sm lid (\d+) sm guid 0x([0-9a-f]+), activity count \d+ priority (\d+) state (\d)"
)
_RECORD = re.compile(r"\s*([A-Za-z_0-9]+)\.{2,}(.*)")
_STATES = dict(enumerate(ManagerState))
_HEADING = re.compile(r'Errors for (?:0x[0-9a-f]+ )?"(.*)"')
_ERRORS = re.compile(r"\s*GUID 0x([0-9a-f]{1,16}) port (\d{1,3}):(.*)")
_COUNT = re.compile(r"\[(\w{1,60}) == (\d{1,20})\b")
_MOST = 2**64 - 1


def parse_sminfo(text: str) -> SubnetManager | None:
    """Return the subnet manager that answered; None where none did.

    >>> line = "sminfo: sm lid 1 sm guid 0x100001, activity count 159 priority 5 state 3"
    >>> parse_sminfo(line + " SMINFO_MASTER").state
    <ManagerState.MASTER: 'master'>
    """
    match = _SMINFO.search(text)
    state = _STATES.get(int(match[4])) if match else None
    if match is None or state is None:
        return None
    lid = whole(match[1], 65535) or None
    return SubnetManager(guid_of(match[2]), state, whole(match[3], 15), lid)


def parse_managers(text: str) -> Iterator[SubnetManager]:
    """Yield the subnet managers of `saquery SMIR`: those that the master knows, itself too."""
    for record in text.split("SMInfoRecord dump:")[1 : MOST_MANAGERS + 1]:
        rows = map(_RECORD.match, record.splitlines())
        told = {match[1]: match[2] for match in rows if match}
        number = whole(told.get("SMState", "").strip(), 3)
        if number is not None and (guid := guid_of(told.get("GUID", "").strip())):
            lid = whole(told.get("LID", "").strip(), 65535) or None
            priority = whole(told.get("Priority", "").strip(), 15)
            yield SubnetManager(guid, _STATES[number], priority, lid)


def parse_smpquery(text: str) -> Mapping[str, str]:
    """Return the fields of an answer of smpquery by their names.

    >>> parse_smpquery("# Node info\\nNumPorts:......8\\nMkey:...<not displayed>")
    {'NumPorts': '8', 'Mkey': '<not displayed>'}
    """
    pairs = (line[:LONGEST_LINE].partition(":") for line in text.splitlines()[:500])
    return {
        name.strip(): plain(value.lstrip("."))
        for name, colon, value in pairs
        if colon and value.startswith(".") and not name.startswith("#")
    }


def parse_ibqueryerrors(text: str) -> Iterator[PortErrors]:
    """Yield the ports with errors; what is no error is left out.

    >>> text = 'Errors for 0x2 "leaf1"\\n   GUID 0x2 port 1: [SymbolErrorCounter == 77] [X == 0]'
    >>> next(parse_ibqueryerrors(text)).counts
    {'SymbolErrorCounter': 77}
    """
    name = ""
    for line in text.splitlines()[:MOST_LINES]:
        if heading := _HEADING.match(line[:LONGEST_LINE]):
            name = plain(heading[1])
        elif match := _ERRORS.match(line[: 3 * LONGEST_LINE]):
            counts = {
                counter: number
                for counter, digits in _COUNT.findall(match[3])
                if counter not in NO_ERRORS and (number := whole(digits, _MOST))
            }
            if counts:
                yield PortErrors(guid_of(match[1]), int(match[2]), name, counts)
