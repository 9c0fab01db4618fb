"""Whatever a machine answers, there is a sample, a frame, a table, a document and a page."""

from __future__ import annotations

import json
from threading import Event

from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.json_text import encode
from mlxtop.outputs.document import document
from mlxtop.outputs.headless import table
from mlxtop.present.overview import overview
from mlxtop.present.pages import PAGES
from mlxtop.present.text import plain
from mlxtop.present.view import View
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames
from tests.hostile import TEXTS, Hostile


def printable(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@given(st.sampled_from(sorted(TEXTS)), st.integers(0, 1 << 32))
def test_a_machine_that_lies_and_fails_is_still_shown(name: str, seed: int) -> None:
    machine = Hostile(TEXTS[name], seed)
    source, stop = LiveSource(machine, everything=True, patience=5.0), Event()
    shown = frames(source, stop)
    for _ in range(3):
        frame = next(shown)
        assert printable(table(frame, source.kind))
        assert printable("\n".join(map(plain, overview(frame, 120, True))))
        json.loads(encode(document(frame, demo=False)).encode())
        json.dumps(document(frame, demo=False, since_boot=True), allow_nan=False)
        for port in frame.ports:
            for page in PAGES:
                for section in page.sections(View(frame, port)):
                    assert printable("\n".join(map(plain, section.lines)))
    stop.set()
    source.close()
