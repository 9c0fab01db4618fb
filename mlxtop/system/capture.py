"""A captured machine as values, and its text format, which `capture_file` describes, written."""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from mlxtop.system.door import Answer, Finished

HEADER = "mlxtop capture 1"
LAST, END = "last", "@end"
"""The property that says what the last line is, and that line."""
MOST_ENTRIES = 1 << 14
"""Names in a directory, and entries of an answer, at most: more than any machine has ports."""


@dataclass(frozen=True, slots=True)
class Node:
    """An entry of a tree: exactly one of content, target and error, or none for a directory."""

    content: bytes | None = None
    target: str | None = None
    error: int | None = None


def _names_in(path: str) -> Iterator[tuple[str, str]]:
    """Yield every directory above a path, the nearest first, and the name in it."""
    while path not in ("", "/"):
        path, _, name = path.rpartition("/")
        yield path or "/", name


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
    """Lines that were not understood, or left out for their number."""
    torn: bool = False
    """The end is missing."""
    _children: dict[str, dict[str, None]] = field(default_factory=dict)
    names: int = 0
    """In all directories together."""

    def add(self, path: str, node: Node) -> None:
        """Put an entry into the tree, with the directories above it."""
        self.nodes[path] = node
        for directory, name in _names_in(path):
            names = self._children.setdefault(directory, {})
            if name in names:
                break
            names[name] = None
            self.names += 1 + (len(directory) + len(name) >> 8)

    def node(self, path: str) -> Node | None:
        """Return the entry at `path`; directories are implied by what lies in them."""
        node = self.nodes.get(path)
        if node is None and (path in self._children or path == "/"):
            return Node()
        return node

    def children(self, path: str) -> Iterable[str]:
        """Return names in the directory `path`."""
        return self._children.get(path, {})

    def has_room(self, path: str) -> bool:
        """Return whether `path` fits into the directories above it."""
        for directory, name in _names_in(path):
            names = self._children.get(directory, {})
            if name in names or len(names) >= MOST_ENTRIES:
                return name in names
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


_SAFE = "/:.,-_@+~=()[]{}*?;&"
_ROW = 80
"""Characters of hexadecimal bytes a line."""


def _quote(path: str) -> str:
    return quote(path, safe=_SAFE, errors="surrogateescape")


def _quote_words(key: tuple[str, ...]) -> str:
    """Return a question and its subject, whose untrusted name may have blanks and line ends."""
    return " ".join(_quote(word).replace("=", "%3D") for word in key)


def _error(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "EIO")


def _plain(text: str) -> bool:
    """Return whether every line of `text` can stand in the capture as it is."""
    return all(character.isprintable() or character in "\n\t" for character in text)


def _lines(text: str, mark: str = "|") -> list[str]:
    return [f"  {mark} {line}" for line in text.split("\n")[:-1]]


def dump_capture(capture: Capture) -> str:
    """Write the text format; `parse_capture` reads the same back."""
    out = [HEADER, f"@{LAST} {END}"]
    out += [f"@{key} {value}" for key, value in capture.properties.items() if value.isprintable()]
    for path, node in sorted(capture.nodes.items()):
        out += _dump_node(_quote(path), node)
    for key, answer in capture.answers.items():
        if isinstance(answer, OSError):
            out.append(f"? {_quote_words(key)} ! {_error(answer.errno)}")
        else:
            out.append(f"? {_quote_words(key)} = {json.dumps(answer)}")
    for argv, finished in capture.commands.items():
        out += _dump_command(argv, finished)
    for name, text in capture.blocks.items():
        if name.isprintable() and _plain(text):
            out += [f"@{name}:", *_lines(text)]
    return "\n".join([*out, END]) + "\n"


def _dump_command(argv: tuple[str, ...], finished: Finished) -> list[str]:
    command = shlex.join(argv)
    if not command.isprintable():
        return []
    head = f"$ {command}" + (f" => {finished.status}" if finished.status else "")
    outputs = (finished.stdout, finished.stderr)
    if all(_plain(text) and (not text or text.endswith("\n")) for text in outputs):
        return [head, *_lines(finished.stdout), *_lines(finished.stderr, "&")]
    output = {"stdout": finished.stdout, "stderr": finished.stderr}
    return [f"{head} json:", f"  | {json.dumps(output)}"]


def _dump_node(path: str, node: Node) -> list[str]:
    if node.target is not None:
        return [f"{path} -> {_quote(node.target)}"]
    if node.error is not None:
        return [f"{path} ! {_error(node.error)}"]
    if node.content is None:
        return [f"{path}/"]
    try:
        text = node.content.decode()
    except UnicodeDecodeError:
        data = node.content.hex(" ", 2)
        return [f"{path} hex:", *(f"  | {data[i : i + _ROW]}" for i in range(0, len(data), _ROW))]
    lines = text.split("\n")
    if _plain(text) and not lines[-1]:
        if len(lines) == 2 and not lines[0].startswith(('"', " ")):
            return [f"{path} = {lines[0]}"]
        if len(lines) > 2:
            return [f"{path}:", *_lines(text)]
    return [f"{path} = {json.dumps(text)}"]
