"""A card's passport as lines and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mlxtop.model.module import Identity
from mlxtop.passport.card import Passport
from mlxtop.present.text import Line, Role, Section, clean, line_width, wrap
from mlxtop.present.view import fact, prose

UUID = "V3"


def masked(serial: str | None, show: bool) -> str | None:
    """Return a serial number, or only how it begins.

    >>> masked("MT1234X00001", False), masked("MT1234X00001", True)
    ('MT…', 'MT1234X00001')
    """
    return serial if show or not serial else f"{serial[:2]}…"


def lines(card: Passport, columns: int, serials: bool) -> Iterator[Line]:
    """Yield a card: who it is, its firmware, its tools, addresses, modules."""
    yield from _wrapped(_lines(card, serials), columns)
    if card.crossflashed:
        yield from prose(f"Crossflashed: {clean(card.crossflashed)}.", columns, Role.WARNING)


def flash_section(card: Passport, columns: int) -> Section:
    """Return what label and flash tell beside what every Sample has, for a page."""
    rows = [*_wrapped(map(_to_the_left, _flash_lines(card)), columns)]
    if card.crossflashed:
        rows += prose(f"Crossflashed: {clean(card.crossflashed)}.", columns, Role.WARNING)
    return Section("Label and flash (mlxtop passport)", tuple(rows))


def _to_the_left(line: Line) -> Line:
    """Return a line without the gap before its label; its value stands where it does elsewhere."""
    (label, role), *rest = line
    return (f"{label[2:]}  ", role), *rest


def _flash_lines(card: Passport) -> Iterator[Line]:
    why, vpd = card.absent, card.vpd
    if vpd is not None:
        yield _fact("board", vpd.name, "not on the label")
        yield _fact("revision", vpd.revision, "not on the label")
        yield _fact("serial number", masked(card.serial, False), "not on the label")
    elif why.get("vpd") != why.get("flash") or card.flash is not None:
        yield _fact("label", None, why.get("vpd", ""))
    yield from _keywords(card, serials=False)
    yield from _beside(card)
    yield from _image(card)
    if card.tool or card.last_tool:
        yield from _tools(card)
    yield from _addresses(card)


def _keywords(card: Passport, serials: bool) -> Iterator[Line]:
    """Yield what else the label has; V3 is a UUID and names the card."""
    for name, text in (card.vpd.more if card.vpd else {}).items():
        yield _fact(f"VPD {name}", masked(text, serials) if name == UUID else text)


def _beside(card: Passport) -> Iterator[Line]:
    """Yield what others with the same PSID run, and what is newer."""
    for place, text in enumerate(card.others):
        yield _fact("" if place else "same PSID", text)
    for text in card.newer:
        yield _fact("newer", text, role=Role.WARNING)


def _wrapped(lines: Iterable[Line], columns: int) -> Iterator[Line]:
    """Yield lines, what is too long below where it begins."""
    for line in lines:
        if line_width(line) <= columns:
            yield line
            continue
        head, (text, role) = line[:-1], line[-1]
        gap = text[: len(text) - len(text.lstrip())]
        indent = " " * line_width((*head, (gap, role)))
        first, *rest = wrap(text.strip(), columns - len(indent)) or [""]
        yield *head, (gap + first, role)
        yield from (((indent + more, role),) for more in rest)


def _lines(card: Passport, serials: bool) -> Iterator[Line]:
    why, vpd = card.absent, card.vpd
    where = f"{card.host} {card.device}".strip()
    yield (clean(card.adapter.family), Role.STRONG), (f"  {clean(where)}", Role.DIM)
    yield _fact("part number", card.part, why.get("vpd", ""))
    yield _fact("board", vpd and vpd.name, why.get("vpd", ""))
    if vpd and vpd.revision:
        yield _fact("revision", vpd.revision)
    note = "" if serials else "--no-mask shows it"
    yield _fact("serial number", masked(card.serial, serials), why.get("vpd", ""), note=note)
    yield _fact("PSID", card.psid, why.get("psid", ""))
    yield from _firmware(card)
    yield from _tools(card)
    yield from _addresses(card)
    yield from _keywords(card, serials)
    for port in card.ports:
        module = card.modules.get(port.name)
        reason = why.get(f"module {port.name}", "")
        yield _fact(port.name, _module(module, serials), reason)


def _fact(
    label: str, value: str | None, reason: str = "", role: Role = Role.TEXT, note: str = ""
) -> Line:
    return fact(f"  {clean(label)}", clean(value or ""), clean(reason), role, note if value else "")


def _firmware(card: Passport) -> Iterator[Line]:
    why = card.absent
    yield _fact("running", card.running, why.get("firmware", ""))
    role = Role.WARNING if card.pending else Role.TEXT
    note = "starts with a reset" if card.pending else ""
    yield _fact("stored", card.stored, why.get("firmware_stored", ""), role, note)
    for level in card.resets:
        yield _fact("reset", level)
    yield from _beside(card)
    yield from _image(card)


def _image(card: Passport) -> Iterator[Line]:
    flash = card.flash
    if flash is None:
        yield _fact("flash", None, card.absent.get("flash", ""))
        return
    yield _fact("released", flash.date, "not told")
    yield _fact("image", flash.image, "not told")
    yield _fact("expansion ROM", ", ".join(flash.roms), "none in the image")
    yield _fact("security", flash.security, "no attributes told")
    for name, text in flash.more.items():
        yield _fact(name.lower(), text)


def _addresses(card: Passport) -> Iterator[Line]:
    blank = card.flash is not None and card.flash.blank
    if card.guids or blank:
        yield _fact("GUIDs", " ".join(card.guids), "blank in the image")
    if card.macs:
        yield _fact("MACs", " ".join(map(_mac, card.macs)))


def _mac(text: str) -> str:
    """Return an address as `ip link` shows it.

    >>> _mac("248a07a1b2c0"), _mac("N/A")
    ('24:8a:07:a1:b2:c0', 'N/A')
    """
    is_plain = len(text) == 12 and text.isalnum()
    return ":".join(text[n : n + 2] for n in range(0, 12, 2)) if is_plain else text


def _tools(card: Passport) -> Iterator[Line]:
    tool = card.tool
    if tool is None:
        if "tool" in card.absent:
            yield _fact("tool", None, card.absent["tool"])
    else:
        unknown = tool.knows_card is False
        role = Role.WARNING if unknown else Role.TEXT
        note = "too new for this card" if unknown else ""
        yield _fact("tool", f"{tool.name} {tool.version or ''}".strip(), "", role, note)
    if card.last_tool:
        yield _fact("last tool", card.last_tool)


def _module(module: Identity | None, serials: bool) -> str:
    """Return a module in a few words."""
    if module is None:
        return ""
    parts = [module.identifier, module.vendor, module.part, ", ".join(module.types[:1])]
    parts += [f"firmware {module.firmware}"] if module.firmware else []
    parts += [f"serial {masked(module.serial, serials)}"] if module.serial else []
    return " ".join(part for part in parts if part)


def document(card: Passport, serials: bool) -> dict[str, Any]:
    """Return a card for JSON; serial numbers are whole only where that is asked for."""
    flash, vpd, tool = card.flash, card.vpd, card.tool
    told = flash._asdict() if flash else {}
    return {
        "card": card.adapter.key,
        "device": card.device,
        "family": card.adapter.family,
        "part": card.part,
        "board": vpd and vpd.name,
        "revision": vpd and vpd.revision,
        "serial": masked(card.serial, serials),
        "vpd": {
            name: masked(text, serials) if name == UUID else text
            for name, text in (vpd.more if vpd else {}).items()
        },
        "psid": card.psid,
        "crossflashed": card.crossflashed,
        "firmware": {
            "running": card.running,
            "stored": card.stored,
            "pending": card.pending,
            "resets": list(card.resets),
            "newer": list(card.newer),
            "others": list(card.others),
            **{name: told.get(name) for name in ("date", "image", "product", "security")},
            "roms": list(told.get("roms", ())),
            "more": dict(told.get("more", {})),
        },
        "guids": list(card.guids),
        "macs": list(card.macs),
        "tool": tool._asdict() if tool else None,
        "last_tool": {"text": card.last_tool, "source": card.source} if card.last_tool else None,
        "ports": [_port(port.name, card.modules.get(port.name), serials) for port in card.ports],
        "absent": dict(card.absent),
    }


def _port(name: str, module: Identity | None, serials: bool) -> dict[str, Any]:
    fields = ("identifier", "vendor", "part", "revision", "date", "firmware")
    told = {field: getattr(module, field) for field in fields} if module else None
    if told is not None and module is not None:
        told |= {"serial": masked(module.serial, serials), "types": list(module.types)}
    return {"port": name, "module": told}
