"""Servers of load tests at the far end of an ssh, asked for from here; see `serve`."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

from mlxtop.hosts.addresses import ANSWER_S
from mlxtop.hosts.remote import RemoteSource
from mlxtop.hosts.serve import REFUSED, ServeOrder
from mlxtop.model.load import Tool


class RemoteServer:
    """Servers at the far end of an ssh, bound to the address of the link; they end with it."""

    def __init__(
        self, source: RemoteSource, address: str, rdma: tuple[str, int] | None = None
    ) -> None:
        """`rdma`: the RDMA device with that address, and its port."""
        self._source, self._address = source, address
        self._rdma: tuple[str | None, int] = rdma or (None, 1)
        self._orders = 0

    def start(
        self, tool: Tool, ports: Sequence[int], words: tuple[str, ...], *, once: bool
    ) -> str | None:
        """Start a server at each port; return why one does not listen.

        `words`: options that both ends share. `once`: each serves one test.
        """
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._source.answered = answers.put
        waiting = set[int]()
        for port in ports:
            self._orders += 1
            waiting.add(self._orders)
            order = ServeOrder(
                *(tool, self._address, port, once, words), *(*self._rdma, self._orders)
            )
            self._source.orders.append(order.text())
        while waiting:
            try:
                answer = answers.get(timeout=ANSWER_S)
            except Empty:
                return f"no server at {self._address} has answered for {ANSWER_S:.0f} s"
            number = answer.get("server")
            if answer.get("ended") and number in (REFUSED, *waiting):
                text = str(answer.get("text", ""))[:200]
                return f"the server at {self._address} ended: {text or 'without a word'}"
            if answer.get("listening"):
                waiting.discard(number if isinstance(number, int) else REFUSED)
        self._source.answered = lambda _: None
        return None

    def stop(self) -> None:
        """End the servers."""
        self._source.orders.append("unserve")
