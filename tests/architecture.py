"""Draw the layers from the imports of the code: `python -m tests.architecture` makes the picture.

A box is a package with the first line of what it says about itself; an arrow points to a package
that it imports, unless it gets there by another arrow too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from textwrap import wrap

from tests.test_layers import ROOT, imports, package_of

PICTURE = ROOT.parent / "screenshots" / "architecture.svg"
BOX, HEIGHT, GAP, ROW = 208, 70, 16, 112
"""Width and height of a box, and what is between two and between two rows; in pixels."""
_STYLE = (
    "text{font:11px sans-serif;fill:#57606a}.name{font:bold 14px monospace;fill:#1f2328}"
    "rect{fill:#f6f8fa;stroke:#8c959f}path{fill:none;stroke:#8c959f;marker-end:url(#to)}"
    ".ground{fill:#fff;stroke:none}"
)


def packages() -> dict[str, set[str]]:
    """Every package with those that it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        package = package_of(path)
        if not (ROOT / package).is_dir():
            continue
        names = (name.split(".") for name in imports(path) if name.startswith("mlxtop."))
        found.setdefault(package, set()).update(parts[1] for parts in names)
    return {name: below & found.keys() - {name} for name, below in found.items()}


def ranks(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """How many packages lie one upon the other below each."""

    @cache
    def rank(name: str) -> int:
        return 1 + max(map(rank, graph[name]), default=-1)

    return {name: rank(name) for name in graph}


def direct(graph: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Every import that is not reached by way of another package too."""

    @cache
    def reached(name: str) -> frozenset[str]:
        return frozenset(graph[name]).union(*map(reached, graph[name]))

    for name, below in sorted(graph.items()):
        for other in sorted(below):
            if not any(other in reached(between) for between in below - {other}):
                yield name, other


def about(package: str) -> str:
    """The first sentence of what a package says about itself."""
    path = ROOT / package / "__init__.py"
    path = path if path.exists() else ROOT / f"{package}.py"
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return text.partition(".")[0].partition("\n\n")[0].replace("\n", " ")


def drawn() -> str:
    """The picture as SVG."""
    graph = packages()
    rank = ranks(graph)
    rows: dict[int, list[str]] = {}
    for name in graph:
        rows.setdefault(rank[name], []).append(name)
    top, most = max(rows), max(map(len, rows.values()))
    width = most * (BOX + GAP) + GAP
    place = {
        name: (width / 2 + (at - (len(row) - 1) / 2) * (BOX + GAP), (top - level) * ROW + GAP)
        for level, row in rows.items()
        for at, name in enumerate(row)
    }
    height = (top + 1) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><style>{_STYLE}'
        '</style><defs><marker id="to" orient="auto" markerWidth="7" markerHeight="7" refX="6"'
        ' refY="3.5"><polygon points="0 0.5,7 3.5,0 6.5" fill="#8c959f"/></marker></defs>'
        '<rect class="ground" width="100%" height="100%"/>'
    ]
    for above, below in direct(graph):
        parts.append(_arrow(place[above], place[below]))
    for name, (x, y) in place.items():
        parts.append(
            f'<rect x="{x - BOX / 2:.0f}" y="{y:.0f}" width="{BOX}" height="{HEIGHT}" rx="6"/>'
        )
        parts.append(_text(x, y + 17, name, "name"))
        lines = enumerate(wrap(about(name), 34)[:3])
        parts += (_text(x, y + 34 + 15 * line, text) for line, text in lines)
    return "\n".join([*parts, "</svg>", ""])


def _arrow(begin: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = begin, end
    y += HEIGHT
    bend = (to_y - y) / 2
    curve = f"{x:.0f} {y + bend:.0f} {to_x:.0f} {to_y - bend:.0f} {to_x:.0f} {to_y:.0f}"
    return f'<path d="M{x:.0f} {y:.0f}C{curve}"/>'


def _text(x: float, y: float, text: str, style: str = "about") -> str:
    where = f'class="{style}" x="{x:.0f}" y="{y:.0f}" text-anchor="middle"'
    return f"<text {where}>{escape(text)}</text>"


if __name__ == "__main__":
    PICTURE.write_text(drawn())
    print(PICTURE)
