"""Files of a simulated machine: fixed ones beside those that are worked out at each reading."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

from mlxtop.system.capture import Capture, Node

Live = Callable[[], str]
"""Makes the content of a file, newline included; raises OSError."""


class LabTree:
    """A tree of files for `CapturedSystem`, with contents that change."""

    def __init__(self, base: Capture) -> None:
        self._fixed = Capture()
        for path, node in base.nodes.items():
            self._fixed.add(path, node)
        self.live: dict[str, Live] = {}
        self.writers: dict[str, Callable[[bytes], None]] = {}

    def node(self, path: str) -> Node | None:
        """The entry at `path`; a changing file looks empty until it is read."""
        return self._fixed.node(path)

    def children(self, path: str) -> Iterable[str]:
        """Names in the directory `path`."""
        return self._fixed.children(path)

    def add(self, path: str, node: Node) -> None:
        """Any entry."""
        self._fixed.add(path, node)

    def file(self, path: str, text: object) -> None:
        """A file of one line."""
        self._fixed.add(path, Node(content=f"{text}\n".encode()))

    def files(self, directory: str, contents: dict[str, object]) -> None:
        """Files of one line each."""
        for name, text in contents.items():
            self.file(f"{directory}/{name}", text)

    def raw(self, path: str, content: bytes) -> None:
        """A file with exactly this content."""
        self._fixed.add(path, Node(content=content))

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._fixed.add(path, Node(target=target))

    def directory(self, path: str) -> None:
        """A directory that may stay empty."""
        self._fixed.add(path, Node())

    def fails(self, path: str, number: int = errno.EINVAL) -> None:
        """A file whose reading fails."""
        self._fixed.add(path, Node(error=number))

    def changing(self, path: str, content: Live) -> None:
        """A file that is worked out at each reading."""
        self._fixed.add(path, Node(content=b""))
        self.live[path] = content
