"""Firmware images in a folder: which cards they are for, and which version they hold."""

from __future__ import annotations

from mlxtop.model.flash import Flash
from mlxtop.model.identity import natural
from mlxtop.sources.tools.card_tool import installed
from mlxtop.sources.tools.flint import TOOLS, read_query
from mlxtop.system.answers import reason
from mlxtop.system.door import System

MOST = 200
"""Files asked for at most."""
_ENDS = (".bin", ".mlx")


def read_folder(system: System, folder: str | None) -> tuple[list[tuple[str, Flash]], list[str]]:
    """Return the images of a folder, none without one, and what was left out, in words."""
    if folder is None:
        return [], []
    try:
        return read_images(system, folder)
    except OSError as error:
        return [], [f"{folder}: {reason(error, system.captured)}"]


def read_images(system: System, folder: str) -> tuple[list[tuple[str, Flash]], list[str]]:
    """Return the images of a folder by name, and what was left out, in words. Raises OSError."""
    names = sorted((n for n in system.list(folder) if n.lower().endswith(_ENDS)), key=natural)
    tool = installed(system, TOOLS)
    if tool is None:
        return [], ["images are not read: neither mstflint nor flint is installed"]
    images, left = [], []
    if len(names) > MOST:
        left.append(f"{len(names) - MOST} more images of {folder} are not read")
    for name in names[:MOST]:
        try:
            images.append((name, read_query(system, tool, ("-i", f"{folder}/{name}"))))
        except OSError as error:
            left.append(f"{name}: {error.strerror or error}")
    return images, left
