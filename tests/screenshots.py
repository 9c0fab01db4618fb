"""Make `screenshots/` anew, SVG and PNG: `python -m tests.screenshots [NAME…]`.

The PNG is drawn by rsvg-convert, which does not know textLength: every character is placed by
itself first.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len

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
class LinkTypeSurvey:
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

SCENES = (
    LinkTypeSurvey("01-overview", "pacu", 175),
    LinkTypeSurvey("02-why-46-gigabits", "pacu", 20, ("d", "enter")),
    LinkTypeSurvey("03-heat", "fry", 62),
    LinkTypeSurvey("04-forecast", "fry", 46, ("enter", "2")),
    LinkTypeSurvey("05-load", "fry", 8, ("I", "=10.0.0.2", "f5"), after=7),
    LinkTypeSurvey("06-link-type", "cx3-hp", 20, ("L", "enter")),
    LinkTypeSurvey("07-errors", "faulty", 75, ("enter", "4")),
    LinkTypeSurvey("08-infiniband", "odroid", 100, ("enter", "5")),
    LinkTypeSurvey("09-scale", "dgx", 40, (), (200, 60)),
    LinkTypeSurvey("11-measure", "tiny", 12, (*MEASURE, "f5"), (120, 50), after=420),
    LinkTypeSurvey("12-hold", "fry", 12, (*HOLD, "f5"), after=160),
    LinkTypeSurvey("10-small", "cx3-hp", 60, (), (80, 24)),
)


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


async def take(scene: LinkTypeSurvey) -> str:
    """The picture of a scene as SVG."""
    async with walk(scene.machine, scene.size) as walking:
        await walking.forward(scene.seconds - len(scene.keys))
        for key in scene.keys:
            await walking.press(*(key[1:] if key.startswith("=") else (key,)))
            await walking.forward(1.0)
        await walking.forward(scene.after)
        return walking.app.export_screenshot(title=f"mlxtop --demo {scene.machine}")


def save(name: str, svg: str) -> None:
    """SVG and PNG."""
    FOLDER.mkdir(exist_ok=True)
    svg = plain_svg(svg)
    (FOLDER / f"{name}.svg").write_text(svg)
    subprocess.run(
        ["rsvg-convert", "-o", str(FOLDER / f"{name}.png")],
        input=placed(svg).encode(),
        check=True,
    )


def main(names: list[str]) -> None:
    """Make the pictures that are named, all without a name."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    for scene in SCENES:
        if not names or scene.name in names:
            save(scene.name, asyncio.run(take(scene)))
            print(FOLDER / f"{scene.name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
