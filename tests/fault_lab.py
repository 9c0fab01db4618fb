"""In the virtual lab: what mlxtop does while a real kernel's cards fail; facts as JSON lines.

With `held`: what it does when it is quit while the kernel holds a thread of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from tests.terminal import Terminal

FIRST, OTHER = "0000:07:00.0/1", "0000:09:00.0/1"
MLXTOP = [sys.executable, "-m", "mlxtop"]
TOOL = Path("/usr/local/sbin/mstlink")
ASKED = Path("/run/mstlink-was-asked")
ESCAPES = "\x1b]0;owned\x07\x1b[2J"
LIMIT = 45.0

Document = dict[str, Any]
Ports = dict[str, Document]


def cx(*words: str) -> None:
    subprocess.run(["cx", *words], check=True, stdout=subprocess.DEVNULL)


def tell(name: str, **facts: object) -> None:
    print(json.dumps({"name": name, **facts}), flush=True)


class Stream:
    """`mlxtop --json-stream`, read by a thread."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [*MLXTOP, "--json-stream", "-d", "0.5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.lines: Queue[tuple[float, bytes]] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line))

    def until(self, holds: Callable[[Document, Ports], bool]) -> Document:
        """The first fresh document that satisfies; counts what came meanwhile."""
        begin = last = time.monotonic()
        count, gap = 0, 0.0
        while True:
            came, line = self.lines.get(timeout=LIMIT)
            if came < begin:
                continue
            count, gap, last = count + 1, max(gap, came - last), came
            found: Document = json.loads(line)
            ports = {port["id"]: port for card in found["adapters"] for port in card["ports"]}
            if holds(found, ports):
                return {"count": count, "gap": gap, "document": found, "ports": ports}
            if came - begin > LIMIT:
                raise TimeoutError(found)

    def after(self, count: int) -> Document:
        """The document that comes `count` lines later."""
        left = [count]

        def counted(document: Document, ports: Ports) -> bool:
            left[0] -= 1
            return left[0] == 0

        return self.until(counted)


def sleeping(pid: int) -> bool:
    """Whether a thread of a process is beyond signals."""
    for state in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):  # it has just ended
            if state.read_text().rpartition(") ")[2][0] == "D":
                return True
    return False


def asic(document: Document) -> float | None:
    found: float | None = document["adapters"][0]["temperature"]["asic_c"]
    return found


def said(document: Document) -> list[str]:
    return [f"{p['subject']}: {p['text']}" for p in document["problems"]]


def alive(ports: Ports) -> bool:
    """Whether the other card still has rates."""
    return ports[OTHER]["kernel_rx_bps"] is not None


def sensors(stream: Stream) -> None:
    cx("0", "temp_err", "5")
    found = stream.until(lambda d, p: asic(d) is None and alive(p))
    tell("sensor fails", said=said(found["document"]), absent=found["ports"][FIRST]["absent"])
    cx("0", "temp_err", "0")
    stream.until(lambda d, p: asic(d) is not None)
    cx("0", "temp_hang", "10")
    found = stream.until(lambda d, p: "no answer" in str(said(d)) and alive(p))
    asleep = sleeping(stream.process.pid)
    steady = stream.after(6)
    tell("sensor hangs", asleep=asleep, said=said(found["document"]), gap=steady["gap"])
    cx("0", "temp_hang", "0")
    stream.until(lambda d, p: "no answer" not in str(said(d)) and asic(d) is not None)


def driver(stream: Stream) -> None:
    cx("0", "unbind")
    gone = stream.until(lambda d, p: p.get(FIRST, {}).get("netdev") is None and alive(p))
    cx("0", "bind")
    back = stream.until(lambda d, p: p.get(FIRST, {}).get("rx_bps") is not None)
    tell(
        "driver unbound and bound",
        gone=gone["ports"].get(FIRST, {}).get("absent"),
        netdev=back["ports"][FIRST]["netdev"],
        problems=said(gone["document"]),
    )


def tables(stream: Stream) -> None:
    cx("0", "nstrings", "60")
    cx("0", "nstrings_flip", "1")
    found = stream.until(lambda d, p: "keep changing" in str(said(d)))
    tell("tables change", rate=found["ports"][FIRST]["kernel_rx_bps"], said=said(found["document"]))
    cx("0", "nstrings_flip", "0")
    cx("0", "nstrings", "0")
    stream.until(lambda d, p: p[FIRST]["rx_bps"] is not None)


def renamed(stream: Stream) -> None:
    for old, new in (("enp7s0np0", "lan7"), ("lan7", "enp7s0np0")):
        for words in ([old, "down"], [old, "name", new], [new, "up"]):
            subprocess.run(["ip", "link", "set", *words], check=True)
        found = stream.until(
            lambda d, p, new=new: p[FIRST]["netdev"] == new and p[FIRST]["rx_bps"] is not None  # type: ignore[misc]
        )
        tell("renamed", netdev=found["ports"][FIRST]["netdev"])


def module(stream: Stream) -> None:
    def celsius(ports: Ports) -> float | None:
        found: float | None = ports[FIRST]["module"]["temperature_c"]
        return found

    stream.until(lambda d, p: celsius(p) is not None)
    cx("0", "cable", "none")
    out = stream.until(lambda d, p: p[FIRST]["state"] == "no module" and celsius(p) is None)
    cx("0", "cable", "sr4")
    back = stream.until(lambda d, p: p[FIRST]["state"] == "up" and celsius(p) is not None)
    tell("module out", detail=out["ports"][FIRST]["detail"], back=celsius(back["ports"]))


def streamed() -> None:
    """One stream through all of it."""
    stream = Stream()
    stream.until(lambda d, p: len(p) == 5 and p[FIRST]["rx_bps"] is not None)
    for step in (sensors, driver, tables, renamed, module):
        step(stream)
    stream.process.send_signal(signal.SIGTERM)
    assert stream.process.stderr is not None
    tell("ended", status=stream.process.wait(20), said=stream.process.stderr.read().decode())


def on_screen() -> None:
    """The screen: a tool that prints escapes, and quitting while a sensor hangs."""
    TOOL.write_text(f"#!/bin/sh\ntouch {ASKED}\nprintf '%s' '-E- {ESCAPES} bad' >&2\nexit 1\n")
    TOOL.chmod(0o755)
    cx("0", "temp_hang", "-600")
    environ = {"LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent"}
    with Terminal(MLXTOP, environ=environ, cwd=os.getcwd()) as terminal:
        shown = terminal.shows("enp7s0np0", 60)
        asked = terminal.pump(60, ASKED.exists)
        terminal.pump(3)
        begin = time.monotonic()
        terminal.send("q")
        status = terminal.wait(30)
        tell(
            "quit while a sensor hangs",
            shown=shown,
            asked=asked,
            status=status,
            seconds=time.monotonic() - begin,
            left=terminal.leftovers(),
            owned=b"\x1b]0;owned" in terminal.output(),
        )
    cx("0", "temp_hang", "0")


def beyond_signals() -> None:
    """Quitting while the kernel holds a thread: the terminal is free at once, the process later."""
    cx("0", "temp_hang", "25")
    environ = {"LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": "/nonexistent"}
    with Terminal(MLXTOP, environ=environ, cwd=os.getcwd()) as terminal:
        pid = terminal.process.pid
        shown = terminal.shows("enp7s0np0", 60)
        asleep = terminal.pump(60, lambda: sleeping(pid))
        begin = time.monotonic()
        terminal.send("q")
        free = terminal.pump(20, lambda: b"\x1b[?1049l" in terminal.output())
        seconds = time.monotonic() - begin
        held = sleeping(pid)
        cx("0", "temp_hang", "0")
        tell(
            "quit while the kernel holds a thread",
            shown=shown,
            asleep=asleep,
            free=free,
            seconds=seconds,
            held=held,
            status=terminal.wait(60),
            left=terminal.leftovers(),
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["held"]:
        beyond_signals()
    else:
        streamed()
        on_screen()
