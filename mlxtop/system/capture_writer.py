"""Writes the text format of captured machines; `mlxtop.system.captured` describes and reads it."""

from __future__ import annotations

import errno
import json
import shlex
from urllib.parse import quote

from mlxtop.system.capture_file import END, HEADER, LAST, Capture, Node
from mlxtop.system.door import Finished

_SAFE = "/:.,-_@+~=()[]{}*?;&"
_ROW = 80
"""Characters of hexadecimal bytes a line."""


def _quote(path: str) -> str:
    return quote(path, safe=_SAFE, errors="surrogateescape")


def _quote_words(key: tuple[str, ...]) -> str:
    """A question with its subject, which a stranger may have named with blanks and line ends."""
    return " ".join(_quote(word).replace("=", "%3D") for word in key)


def _error(number: int | None) -> str:
    return errno.errorcode.get(number or 0, "EIO")


def _plain(text: str) -> bool:
    """Whether every line of `text` can stand in the capture as it is."""
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
