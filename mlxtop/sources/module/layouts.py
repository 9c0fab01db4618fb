"""Which bytes of a module belong together: blocks to read, and the parts of an image or dump.

SFF-8472, SFF-8636 and CMIS differ in where they keep what; byte 0 says which one it is.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mlxtop.model.module import Module
from mlxtop.sources.module import cmis, sff8472, sff8636
from mlxtop.sources.module.memory import Memory
from mlxtop.sources.module.sff8024 import IDENTIFIERS, Layout, layout

I2C = 0x50
I2C_DIAGNOSTICS = 0x51
"""A2h of SFF-8472."""


class Block(NamedTuple):
    """Bytes of one half page, read in one request."""

    name: str
    page: int
    offset: int
    length: int
    address: int = I2C


class Plan(NamedTuple):
    """Blocks of a layout: everything once, then what changes, or the temperature alone."""

    full: tuple[Block, ...]
    live: tuple[Block, ...]
    temperature: Block
    has_more: Callable[[Memory], bool]
    """Whether the module has more than its first block and page 0."""
    decode: Callable[..., Module]
    """Makes a module of the memories of `full`, in that order."""

    def module(self, memories: Mapping[str, Memory]) -> Module:
        """Return what the memories say; missing ones are empty."""
        return self.decode(*(memories.get(block.name, Memory()) for block in self.full))


PLANS: dict[Layout, Plan] = {
    Layout.SFF8472: Plan(
        full=(Block("a0", 0, 0, 96), Block("a2", 0, 0, 120, I2C_DIAGNOSTICS)),
        live=(Block("a2", 0, 96, 24, I2C_DIAGNOSTICS),),
        temperature=Block("a2", 0, 96, 2, I2C_DIAGNOSTICS),
        has_more=sff8472.has_diagnostics,
        decode=sff8472.decode,
    ),
    Layout.SFF8636: Plan(
        full=(Block("lower", 0, 0, 128), Block("page0", 0, 128, 96), Block("page3", 3, 128, 72)),
        live=(Block("lower", 0, 2, 56),),
        temperature=Block("lower", 0, 22, 2),
        has_more=lambda lower: not sff8636.is_flat(lower),
        decode=sff8636.decode,
    ),
    Layout.CMIS: Plan(
        full=(
            Block("lower", 0, 0, 128),
            Block("page0", 0, 128, 94),
            Block("page1", 1, 128, 40),
            Block("page2", 2, 128, 72),
            Block("page11", 0x11, 128, 74),
        ),
        live=(Block("lower", 0, 2, 16), Block("page11", 0x11, 128, 74)),
        temperature=Block("lower", 0, 14, 2),
        has_more=lambda lower: not cmis.is_flat(lower),
        decode=cmis.decode,
    ),
}


class ModuleSilent(OSError):
    """The module answered with nothing, or with bytes that no module holds."""


def layout_of(code: int | None) -> Layout:
    """Return the layout of byte 0. Raises ModuleSilent where there is none."""
    if code is None:
        raise ModuleSilent(errno.EIO, "the module gave no bytes")
    if code in (0x00, 0xFF):
        text = f"the module's memory reads 0x{code:02x}: nothing useful answers"
        raise ModuleSilent(errno.EIO, text)
    kind = layout(code)
    if kind is None:
        name = IDENTIFIERS.get(code, "unknown")
        text = f"modules of type 0x{code:02x} ({name}) are not understood"
        raise ModuleSilent(errno.EOPNOTSUPP, text)
    return kind


class Piece(NamedTuple):
    """Bytes of one page of one I2C address, from a number of the standard on."""

    data: bytes
    offset: int = 0
    page: int = 0
    address: int = I2C


_IMAGES = {
    Layout.SFF8472: (("a0", 0, 256), ("a2", 256, 256)),
    Layout.SFF8636: (("lower", 0, 128), ("page0", 128, 128), ("page3", 512, 128)),
    Layout.CMIS: (
        *(("lower", 0, 128), ("page0", 128, 128), ("page1", 256, 128), ("page2", 384, 128)),
        ("page11", 640, 128),
    ),
}
"""Parts of an image as the ioctl gives it: SFP 256 or 512 bytes, QSFP 256 or 640."""


def split_eeprom(data: bytes) -> tuple[Layout, dict[str, Memory]]:
    """Return the parts of an image as the ioctl gives it. Raises ModuleSilent."""
    kind = layout_of(data[0] if data else None)
    starts = {block.name: block.offset for block in PLANS[kind].full}
    parts = {
        name: Memory(data[at : at + size], starts[name])
        for name, at, size in _IMAGES[kind]
        if len(data) > at
    }
    return kind, _without_garbage(kind, parts)


def split_pieces(pieces: Iterable[Piece]) -> tuple[Layout, dict[str, Memory]]:
    """Return the parts of pages that were dumped one by one. Raises ModuleSilent."""
    dumped = {(piece.address, piece.page, piece.offset): piece.data for piece in pieces}
    kind = layout_of((dumped.get((I2C, 0, 0)) or [None])[0])
    parts = {}
    for block in PLANS[kind].full:
        place = (block.address, block.page, block.offset)
        whole = dumped.get((block.address, block.page, 0), b"")
        data = dumped.get(place) or (whole[block.offset :] if block.page == 0 else b"")
        if data:
            parts[block.name] = Memory(data, block.offset)
    return kind, _without_garbage(kind, parts)


def _without_garbage(kind: Layout, parts: dict[str, Memory]) -> dict[str, Memory]:
    """Return parts without the pages that a module of flat memory does not have."""
    plan = PLANS[kind]
    first = parts.get(plan.full[0].name, Memory())
    basic = {block.name for block in plan.full if block.page == 0 and block.address == I2C}
    return parts if plan.has_more(first) else {k: v for k, v in parts.items() if k in basic}
