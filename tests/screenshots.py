"""Make `screenshots/` anew, SVG and PNG: `python -m tests.screenshots [NAME…]`.

The PNG is drawn by rsvg-convert, which does not know textLength: every character is placed by
itself first. The film is an animated WebP, which every browser plays: it needs Pillow too.
"""

from __future__ import annotations

import asyncio
import html
import importlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len

from mlxtop.sampler.facts import ON_SCREEN
from tests.tour import walk

FOLDER = Path(__file__).parent.parent / "screenshots"
FONT = "DejaVu Sans Mono"
_FACE = re.compile(r"@font-face\s*{[^}]*}", re.DOTALL)
_TEXT = re.compile(
    r'<text class="([^"]+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)" '
    r'clip-path="([^"]+)">(.*?)</text>',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: the machine, the second of its life, the keys pressed until then.

    A key is pressed a second; `=text` is typed.
    """

    name: str
    machine: str
    seconds: float
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (120, 36)
    after: float = 0.0
    """Seconds from the last key to the picture."""


MEASURE = ("I", "=10.40.0.1", "tab", "tab", "tab", "right", "right", "right")
HOLD = ("I", "=10.0.0.2", "tab", "tab", "tab", "right", "right")
"""What is pressed to choose a kind of test in the load dialog."""
TO_FRY = ("I", "=10.0.0.3", "tab", "tab", "=300")
"""What is pressed for a load of five minutes through the cable from pacu to fry."""

SCENES = (
    Picture("01-overview", "fry", 236),
    Picture("02-why-46-gigabits", "pacu", 20, ("d", "enter")),
    Picture("03-heat", "fry", 62),
    Picture("04-forecast", "fry", 46, ("enter", "2")),
    Picture("05-load", "fry", 8, ("I", "=10.0.0.2", "f5"), after=7),
    Picture("06-link-type", "cx3-hp", 20, ("L", "enter")),
    Picture("07-errors", "faulty", 75, ("enter", "4")),
    Picture("08-infiniband", "odroid", 100, ("enter", "5")),
    Picture("09-scale", "dgx", 40, (), (200, 60)),
    Picture("10-small", "cx3-hp", 60, (), (80, 24)),
    Picture("12-measure", "tiny", 12, (*MEASURE, "f5"), (120, 50), after=420),
    Picture("13-hold", "fry", 12, (*HOLD, "f5"), after=160),
    Picture("14-path", "ceph", 82, ("P",)),
    Picture("17-three-hosts", "ceph+ceph2+ceph3", 100, ("P",)),
    Picture("15-both-ends", "pacu+fry", 24, (*TO_FRY, "f5", "escape", "8"), (120, 34), after=11),
    Picture("18-fabric", "hdr", 12, ("enter", "9"), after=15),
    Picture("19-health", "aging", 30, ("enter", "2", "pagedown", *["j"] * 11), (120, 40), after=4),
    Picture("16-far-guard", "pacu+fry", 24, (*TO_FRY, "f5"), (120, 40), after=40),
)


class Shot(NamedTuple):
    """Keys, then pictures a second of the machine's life apart; each is shown for so long."""

    keys: tuple[str, ...]
    pictures: int = 1
    shown_ms: int = 350


FILM = "11-heat-guard"
FILM_MACHINE, FILM_STARTS_S, FILM_SIZE = "fry", 138.0, (120, 32)
"""Its own load has just ended and the module cools down."""
SHOTS = (
    Shot((), 4),
    Shot(("I",), 1, 700),
    Shot(("=10.0.0.2",), 1, 700),
    Shot(("tab", "tab", "=60"), 1, 900),
    Shot(("f5",), 6),
    Shot(("escape",), 20),
    Shot((), 1, 900),
    Shot(("I",), 1, 4000),
)
"""A load is started by hand and stopped by the heat guard; the outcome says so."""


def plain_svg(svg: str) -> str:
    """Without fonts from elsewhere: what a browser has will do."""
    return _FACE.sub("", svg).replace("Fira Code", FONT)


def placed(svg: str) -> str:
    """Every character in its own element, at its own place."""

    def characters(match: re.Match[str]) -> str:
        style, x, y, length, clip, body = match.groups()
        text = html.unescape(body)
        cells = cell_len(text) or 1
        out, column = [], 0
        for character in text:
            if character not in " \xa0":
                place = float(x) + column * float(length) / cells
                out.append(
                    f'<text class="{style}" x="{place:.2f}" y="{y}" clip-path="{clip}">'
                    f"{html.escape(character)}</text>"
                )
            column += cell_len(character)
        return "".join(out)

    return _TEXT.sub(characters, svg)


async def take(scene: Picture) -> str:
    """The picture of a scene as SVG."""
    wants = ON_SCREEN if "+" in scene.machine else frozenset()
    async with walk(scene.machine, scene.size, wants=wants) as walking:
        await walking.forward(scene.seconds - len(scene.keys))
        for key in scene.keys:
            await walking.press(*(key[1:] if key.startswith("=") else (key,)))
            await walking.forward(1.0)
        await walking.forward(scene.after)
        return walking.app.export_screenshot(title=f"mlxtop --demo {scene.machine}")


async def film() -> list[tuple[str, int]]:
    """The pictures of the film as SVG, each with its milliseconds."""
    pictures = []
    async with walk(FILM_MACHINE, FILM_SIZE) as walking:
        await walking.forward(FILM_STARTS_S)
        for shot in SHOTS:
            for key in shot.keys:
                await walking.press(*(key[1:] if key.startswith("=") else (key,)))
            for _ in range(shot.pictures):
                await walking.forward(1.0)
                title = f"mlxtop --demo {FILM_MACHINE}"
                pictures.append((walking.app.export_screenshot(title=title), shot.shown_ms))
    return pictures


def drawn(svg: str) -> bytes:
    """The PNG of a picture."""
    picture = placed(plain_svg(svg)).encode()
    return subprocess.run(["rsvg-convert"], input=picture, check=True, capture_output=True).stdout


def save_film(pictures: list[tuple[str, int]]) -> Path:
    """An animated WebP, without loss; of each picture only what is new is in it."""
    image = importlib.import_module("PIL.Image")  # of the extra `pictures`, for this alone
    first, *others = (image.open(io.BytesIO(drawn(svg))).convert("RGB") for svg, _ in pictures)
    path = FOLDER / f"{FILM}.webp"
    first.save(
        path,
        save_all=True,
        append_images=others,
        duration=[shown_ms for _, shown_ms in pictures],
        loop=0,
        lossless=True,
        method=6,
        minimize_size=True,
    )
    return path


def save(name: str, svg: str) -> None:
    """SVG and PNG."""
    FOLDER.mkdir(exist_ok=True)
    svg = plain_svg(svg)
    (FOLDER / f"{name}.svg").write_text(svg)
    (FOLDER / f"{name}.png").write_bytes(drawn(svg))


def main(names: list[str]) -> None:
    """Make the pictures that are named, all without a name."""
    os.environ |= {"TZ": "UTC", "COLORTERM": "truecolor", "TERM": "xterm-256color"}
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="mlxtop-pictures-") as home:  # loads keep their runs
        os.environ |= {"XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        for scene in SCENES:
            if not names or scene.name in names:
                save(scene.name, asyncio.run(take(scene)))
                print(FOLDER / f"{scene.name}.png")
        if not names or FILM in names:
            print(save_film(asyncio.run(film())))


if __name__ == "__main__":
    main(sys.argv[1:])
