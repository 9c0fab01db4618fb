"""What `mlxtop metrics --listen` costs beyond sampling: frames taken in, the doctor, and scrapes.

Samples of a simulated machine are recorded first, so that its physics is in no figure.
"""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from statistics import fmean as mean
from threading import Event

from mlxtop.commands import exporter as exporting
from mlxtop.commands.exporter import EXAMINE_S, Exporter
from mlxtop.commands.metrics import EVERY_S
from mlxtop.lab import ManualClock, load_lab
from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import derive
from mlxtop.model.sample import SourceKind
from mlxtop.outputs.http_server import Server
from mlxtop.sampler.facts import ON_SCREEN
from mlxtop.sampler.live import LiveSource
from tests.bench.parts import write_part

HEADING = "## Metrics, beyond sampling"
SCRAPE_S = 15.0
"""Seconds between scrapes."""
ASKED = (
    b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\r\n"
)
"""As Prometheus asks."""


@dataclass(frozen=True, slots=True)
class Scraping:
    """CPU seconds of each part, and how much there is."""

    take: float
    examine: float
    scrape: float
    samples: int
    bytes: int
    """Of an answer, compressed."""

    @property
    def share(self) -> float:
        """Percent of a core, beyond sampling."""
        every = self.take / EVERY_S + self.examine / EXAMINE_S + self.scrape / SCRAPE_S
        return every * 100

    def line(self, name: str) -> str:
        """The figures in words."""
        parts = (
            f"a frame taken in {self.take * 1e3:.1f} ms each {EVERY_S:g} s",
            f"the doctor {self.examine * 1e3:.0f} ms each {EXAMINE_S:g} s",
            f"a scrape {self.scrape * 1e3:.1f} ms each {SCRAPE_S:g} s"
            f" ({self.samples} samples, {self.bytes / 1e3:.0f} kB compressed)",
        )
        return f"{name}: {', '.join(parts)}: {self.share:.2f} % of a core"


def measure(name: str, include: tuple[str, ...] = (), count: int = 60) -> Scraping:
    """The cost of a simulated machine's frames and scrapes."""
    system = load_lab(name, ManualClock())
    source = LiveSource(
        system, EVERY_S, include=include, incidents=True, wants=ON_SCREEN, ask_card=read_stored
    )
    with closing(source):
        samples = list(islice(source.samples(Event()), count))
    exporting.FRESH_S = 0.0  # each scrape is of a new frame here
    exporter, last = Exporter(SourceKind.DEMO, system.now), None
    server = Server(exporter.render, frozenset({"localhost"}))
    takes, looks, scrapes, answer = [], [], [], b""
    with closing(server):
        place = server.start("127.0.0.1", 0)
        for sample in samples:
            last = derive(sample, last)
            begin = time.process_time()
            exporter.take(last, examine=False)
            takes.append(time.process_time() - begin)
            begin = time.process_time()
            exporter.examine()
            looks.append(time.process_time() - begin)
            begin, own = time.process_time(), time.thread_time()
            answer = _scrape(place)
            scrapes.append(time.process_time() - begin - (time.thread_time() - own))
    told = sum(not line.startswith(b"#") for line in exporter.text().splitlines())
    return Scraping(mean(takes), mean(looks), mean(scrapes), told, len(answer))


def _scrape(place: tuple[str, int]) -> bytes:
    with socket.create_connection(place) as one:
        one.sendall(ASKED)
        return b"".join(iter(lambda: one.recv(1 << 16), b""))


Scrapings = dict[str, tuple[float, Scraping]]


def both() -> Scrapings:
    """Two ports, and the twelve of a DGX, with the percent that they may take."""
    return {
        "two ports": (0.3, measure("dgx", ("0000:30:*",))),
        "12 ports of a DGX": (1.0, measure("dgx")),
    }


def lines(scrapings: Scrapings) -> list[str]:
    """Return our part of RESULTS.md."""
    return [
        f"* {found.line(name)} (goal {limit:g} %)" for name, (limit, found) in scrapings.items()
    ]


if __name__ == "__main__":
    write_part(HEADING, lines(both()))
