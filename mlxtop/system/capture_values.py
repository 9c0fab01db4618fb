"""A captured machine as values: its tree of files, and recorded answers and outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlxtop.system.door import Answer, Finished

MOST_ENTRIES = 1 << 14
"""Names in a directory, and entries of an answer, at most: more than any machine has ports."""


@dataclass(frozen=True, slots=True)
class Node:
    """An entry of a tree: exactly one of content, target and error, or none for a directory."""

    content: bytes | None = None
    target: str | None = None
    error: int | None = None


@dataclass(slots=True)
class Capture:
    """A parsed capture: what the text said, and what of it could not be understood."""

    nodes: dict[str, Node] = field(default_factory=dict)
    answers: dict[tuple[str, ...], Answer | OSError] = field(default_factory=dict)
    commands: dict[tuple[str, ...], Finished] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    """The first ones, each with its line."""
    odd_lines: int = 0
    """How many lines were not understood, or left out for their number."""
    torn: bool = False
    """The end is missing."""
    _children: dict[str, dict[str, None]] = field(default_factory=dict)
    names: int = 0
    """In all directories together."""

    def add(self, path: str, node: Node) -> None:
        """Put an entry into the tree, with the directories above it."""
        self.nodes[path] = node
        while path not in ("", "/"):
            parent, _, name = path.rpartition("/")
            names = self._children.setdefault(parent or "/", {})
            if name in names:
                break
            names[name] = None
            self.names += 1 + (len(path) >> 8)
            path = parent

    def node(self, path: str) -> Node | None:
        """The entry at `path`; directories are implied by what lies in them."""
        found = self.nodes.get(path)
        if found is None and (path in self._children or path == "/"):
            return Node()
        return found

    def children(self, path: str) -> Iterable[str]:
        """Names in the directory `path`."""
        return self._children.get(path, {})

    def has_room(self, path: str) -> bool:
        """Return whether `path` fits into the directories above it."""
        while path not in ("", "/"):
            parent, _, name = path.rpartition("/")
            names = self._children.get(parent or "/", {})
            if name in names:
                return True
            if len(names) >= MOST_ENTRIES:
                return False
            path = parent
        return True

    @property
    def defects(self) -> list[str]:
        """Return what people should know before they believe the capture."""
        defects = []
        if self.torn:
            defects.append("the file is cut off: its end is missing")
        if "incomplete" in self.properties:
            defects.append("not all that was read of the machine fitted into the file")
        if self.odd_lines:
            lines = "1 line was" if self.odd_lines == 1 else f"{self.odd_lines} lines were"
            defects.append(f"{lines} not understood; {self.complaints[0]}")
        return defects
