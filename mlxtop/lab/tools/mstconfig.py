"""mstconfig and mlxconfig: the configuration in a card's flash.

Layouts of mlxconfig/mlxcfg_ui.cpp of https://github.com/Mellanox/mstflint: the narrow one up to
4.22, the wide one after it; errors are printed on standard output.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlxtop.lab.flash import number_of, word
from mlxtop.lab.ports import CardState
from mlxtop.lab.tools.shell import Machine, Running

OK, ABORTED, FAILED = 0, 2, 3
WIDE, NO_CONNECTX3, JSON = (4, 23), (4, 26), (4, 31)
"""First releases with wide columns, without ConnectX-3, with JSON."""


@dataclass(slots=True)
class _Call:
    """Arguments of a call."""

    device: str = ""
    verb: str = ""
    yes: bool = False
    verbose: bool = False
    json: str = ""
    names: list[str] = field(default_factory=list)
    new: dict[str, str] = field(default_factory=dict)
    error: str = ""


def _parse(argv: Sequence[str]) -> _Call:
    call = _Call()
    rest = list(argv[1:])
    while rest:
        word_ = rest.pop(0)
        if word_ in ("-d", "--dev") and rest:
            call.device = rest.pop(0)
        elif word_ in ("-j", "--json_format") and rest:
            call.json = rest.pop(0)
        elif word_ in ("-y", "--yes"):
            call.yes = True
        elif word_ in ("-e", "--enable_verbosity"):
            call.verbose = True
        elif word_.startswith("-"):
            call.error = f"invalid option: {word_}"
        elif not call.verb:
            call.verb = {"q": "query", "s": "set", "r": "reset"}.get(word_, word_)
        elif "=" in word_ and call.verb == "set":
            name, _, value = word_.partition("=")
            call.new[name] = value
            call.names.append(name)
        else:
            call.names.append(word_)
    return call


def mstconfig(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`mstconfig -d DEVICE [-e] [-y] [-j FILE] query|set|reset [NAME[=VALUE]…]`."""
    name = argv[0]
    if "-v" in argv or "--version" in argv:
        yield f"{name}, mstflint {machine.world.spec.tools[name]}, Git SHA Hash: N/A"
        return OK
    call = _parse(argv)
    yield machine.world.tool_seconds
    failure = _refusal(machine, call, name)
    if failure:
        yield from failure
        return FAILED
    card = machine.card(call.device)
    assert card is not None
    wide = machine.version(name) >= WIDE
    yield from _opening(card, call.device, wide)
    for parameter in call.names:
        if parameter not in card.nv.values:
            yield _header(call, card, wide)
            yield f"-E- The Device doesn't support {parameter} parameter"
            return FAILED
    for parameter, text in call.new.items():
        if number_of(parameter, text) is None:
            yield f"-E- Unknown value {text} for parameter {parameter}"
            return FAILED
    yield from _table(call, card, wide)
    if call.json:
        machine.keep(call.json, _json(call, card))
    if call.verb == "query":
        return OK
    return (yield from _apply(call, card, stdin))


def _refusal(machine: Machine, call: _Call, name: str) -> list[str]:
    """Return why the call is not answered, as the tool prints it."""
    trouble = machine.world.spec.extra.get("trouble", {}).get("mstconfig", "")
    if call.error:
        return [f"-E- {call.error}"]
    if call.verb not in ("query", "set", "reset"):
        return ["-E- No command found."]
    card = machine.card(call.device)
    if not machine.root or card is None or trouble:
        return [*([trouble] if trouble else []), "-E- Failed to open the device"]
    known = machine.version(name) < NO_CONNECTX3 and card.spec.configurable
    if card.spec.family.mlx4 and not known:
        return ["-E- Unsupported device"]
    if call.json and machine.version(name) < JSON:
        return ["-E- invalid option: -j"]
    return []


def _opening(card: CardState, device: str, wide: bool) -> Iterable[str]:
    width = 20 if wide else 16
    yield from ("", "Device #1:", "----------", "")
    yield f"{'Device type:':{width}}{card.spec.family.tool_name:16}"
    if not card.spec.family.mlx4:
        yield f"{'Name:':{width}}{card.spec.part:16}"
        yield f"{'Description:':{width}}{card.spec.description:16}"
    yield f"{'Device:':{width}}{device:16}"
    yield ""


def _columns(call: _Call, card: CardState) -> list[str]:
    verbose = call.verbose and not card.spec.family.mlx4
    columns = ["Default", "Current", "Next Boot"] if verbose else ["Next Boot"]
    return [*columns, "New"] if call.verb == "set" else columns


def _header(call: _Call, card: CardState, wide: bool) -> str:
    columns = _columns(call, card)
    place, step = (52, 20) if wide else (45, 16)
    return f"{'Configurations:':{place}}" + "".join(f"{column:{step}}" for column in columns)


def _table(call: _Call, card: CardState, wide: bool) -> Iterable[str]:
    yield _header(call, card, wide)
    names = call.names or list(card.nv.values)
    columns = _columns(call, card)
    name_width, width = (44, 20) if wide else (36, 16)
    marked = False
    for name in names:
        value = card.nv.values[name]
        numbers = {"Default": value.default, "Current": value.current, "Next Boot": value.next}
        cells = [word(name, numbers[column]) for column in columns if column in numbers]
        if call.verb == "set":
            cells.append(word(name, number_of(name, call.new[name]) or 0))
        differs = "Current" in columns and len({value.default, value.current, value.next}) > 1
        marked = marked or differs
        mark = "*" if differs else " "
        yield f"{mark}       {'' if wide else ' '}{name:{name_width}}" + "".join(
            f"{cell:{width}}" for cell in cells
        )
    if marked:
        yield "The '*' shows parameters with next value different from default/current value."
    if call.verbose and card.spec.family.mlx4:
        yield "-W- Device Firmware does not support reading default and current configurations"


def _json(call: _Call, card: CardState) -> str:
    rows = {}
    for name in call.names or list(card.nv.values):
        value = card.nv.values[name]
        rows[name] = {
            "current_value": word(name, value.current),
            "default_value": word(name, value.default),
            "modified": value.next != value.current,
            "next_value": word(name, value.next),
            "read_only": False,
        }
    return json.dumps(
        {
            "Device #1": {
                "description": card.spec.description,
                "device": call.device,
                "device_type": card.spec.family.tool_name,
                "name": card.spec.part,
                "tlv_configuration": rows,
            }
        },
        indent=4,
    )


def _apply(call: _Call, card: CardState, stdin: str) -> Running:
    question = "Apply new Configuration?" if call.verb == "set" else "Reset configuration?"
    answer = "y" if call.yes else stdin.strip().lower()
    yield ""
    yield f" {question} (y/n) [n] : {answer}"
    if answer not in ("y", "yes"):
        yield "-E- Aborted by user."
        return ABORTED
    yield 0.6
    for name, text in call.new.items():
        card.nv.values[name].next = number_of(name, text) or 0
    if call.verb == "reset":
        for value in card.nv.values.values():
            value.next = value.default
    yield "Applying... Done!"
    yield "-I- Please reboot machine to load new configurations."
    return OK
