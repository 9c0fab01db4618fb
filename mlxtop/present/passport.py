"""A card's passport as lines and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlxtop.model.module import Identity
from mlxtop.passport.collect import Passport
from mlxtop.present.text import Line, Role, clean, line_width, wrap
from mlxtop.present.view import fact, prose


def masked(serial: str | None, show: bool) -> str | None:
    """Return a serial number, or only how it begins.

    >>> masked("MT1234X00001", False), masked("MT1234X00001", True)
    ('MT…', 'MT1234X00001')
    """
    return serial if show or not serial else f"{serial[:2]}…"


def lines(card: Passport, columns: int, serials: bool) -> Iterator[Line]:
    """Yield a card: who it is, its firmware, its tools, addresses, modules."""
    for line in _lines(card, serials):
        if line_width(line) <= columns:
            yield line
            continue
        head, (text, role) = line[:-1], line[-1]
        gap = text[: len(text) - len(text.lstrip())]
        indent = " " * line_width((*head, (gap, role)))
        first, *rest = wrap(text.strip(), columns - len(indent)) or [""]
        yield *head, (gap + first, role)
        yield from (((indent + more, role),) for more in rest)
    if card.crossflashed:
        yield from prose(f"Crossflashed: {clean(card.crossflashed)}.", columns, Role.WARNING)


def _lines(card: Passport, serials: bool) -> Iterator[Line]:
    why, vpd, flash = card.absent, card.vpd, card.flash
    yield (clean(card.adapter.family), Role.STRONG), (f"  {clean(card.device)}", Role.DIM)
    yield _fact("part number", card.part, why.get("vpd", ""))
    yield _fact("board", vpd and vpd.name, why.get("vpd", ""))
    if vpd and vpd.revision:
        yield _fact("revision", vpd.revision)
    note = "" if serials else "--no-mask shows it"
    yield _fact("serial number", masked(card.serial, serials), why.get("vpd", ""), note=note)
    yield _fact("PSID", card.psid, why.get("psid", ""))
    yield from _firmware(card)
    yield from _tools(card)
    if flash:
        yield _fact("GUIDs", " ".join(flash.guids), "blank in the image" if flash.blank else "")
        if flash.macs:
            yield _fact("MACs", " ".join(flash.macs))
    for name, text in (vpd.more if vpd else {}).items():
        yield _fact(f"VPD {name}", text)
    for port in card.ports:
        module = card.modules.get(port.name)
        reason = why.get(f"module {port.name}", "")
        yield _fact(port.name, _module(module, serials), reason)


def _fact(
    label: str, value: str | None, reason: str = "", role: Role = Role.TEXT, note: str = ""
) -> Line:
    return fact(f"  {clean(label)}", clean(value or ""), clean(reason), role, note if value else "")


def _firmware(card: Passport) -> Iterator[Line]:
    why, flash = card.absent, card.flash
    yield _fact("running", card.running, why.get("firmware", ""))
    role = Role.WARNING if card.pending else Role.TEXT
    note = "starts with a reset" if card.pending else ""
    yield _fact("stored", card.stored, why.get("firmware_stored", ""), role, note)
    for level in card.resets:
        yield _fact("reset", level)
    if card.others:
        yield _fact("same PSID", ", ".join(card.others))
    for text in card.newer:
        yield _fact("newer", text, role=Role.WARNING)
    if flash is None:
        yield _fact("flash", None, why.get("flash", ""))
        return
    yield _fact("released", flash.date, "not told")
    yield _fact("image", flash.image, "not told")
    yield _fact("expansion ROM", ", ".join(flash.roms), "none in the image")
    yield _fact("security", flash.security, "no attributes told")
    for name, text in flash.more.items():
        yield _fact(name.lower(), text)


def _tools(card: Passport) -> Iterator[Line]:
    tool = card.tool
    if tool is None:
        yield _fact("tool", None, card.absent.get("tool", ""))
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
        "vpd": dict(vpd.more) if vpd else {},
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
        "guids": list(told.get("guids", ())),
        "macs": list(told.get("macs", ())),
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
