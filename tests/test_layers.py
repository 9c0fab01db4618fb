"""Imports point down only, and heavy libraries have one importer each."""

import ast
from functools import cache
from pathlib import Path

import mlxtop

ROOT = Path(mlxtop.__file__).parent

_BELOW_CHANGES = {"watch", "health", "analysis", "sampler", "sources", "system", "model"}
_FEATURES = {"load", "link_type", "passport", "path"}
"""Packages of one feature each; none imports another."""
_FRONT = {
    *_FEATURES,
    "recording",
    "hosts",
    "report",
    *_BELOW_CHANGES,
    "ends",
    "doctor",
    "change",
    "present",
    "settings",
}

ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "system": {"model"},
    "settings": {"system", "model"},
    "lab": {"system", "model"},
    "sources": {"system", "model"},
    "sampler": {"sources", "system", "model"},
    "analysis": {"model"},
    "health": {"analysis", "system", "model"},
    "watch": {"health", "analysis", "system", "model"},
    "ends": {"analysis", "model"},
    "doctor": {"ends", *_BELOW_CHANGES},
    "change": _BELOW_CHANGES,
    **{feature: {"change", *_BELOW_CHANGES} for feature in _FEATURES},
    "recording": {"change", *_BELOW_CHANGES},
    "hosts": {"recording", *_BELOW_CHANGES},
    "report": {"recording", *_BELOW_CHANGES},
    "present": {
        *_FEATURES,
        "ends",
        "report",
        "doctor",
        "change",
        "watch",
        "health",
        "analysis",
        "model",
    },
    "outputs": {"present", "ends", "report", "watch", "health", "analysis", "model"},
    "commands": {"outputs", *_FRONT},
    "tui": _FRONT,
}

IMPORTERS = {
    "textual": "tui",
    "rich": "tui",
    "plotext": "present",
    "psutil": "system",
    "pyudev": "system",
    "pyroute2": "system",
    "prometheus_client": "outputs",
}


def package_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


@cache
def imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def test_imports_point_down_only() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        package = package_of(path)
        if package in ("cli", "__main__", "__init__"):
            continue
        for name in imports(path):
            top, _, rest = name.partition(".")
            target = rest.partition(".")[0]
            if top == "mlxtop" and target and target not in {package, *ALLOWED[package]}:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_heavy_libraries_have_one_importer_each() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        for name in imports(path):
            home = IMPORTERS.get(name.partition(".")[0])
            if home is not None and package_of(path) != home:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_plotext_is_imported_by_one_file_and_by_its_public_names() -> None:
    users = [path for path in ROOT.rglob("*.py") if "plotext" in imports(path)]
    assert [str(path.relative_to(ROOT)) for path in users] == ["present/plot.py"]
    nodes = ast.walk(ast.parse(users[0].read_text()))
    names = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    assert [name for name in names if name.startswith("_")] == []


def test_prometheus_client_is_imported_by_one_file() -> None:
    users = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if any(name.partition(".")[0] == "prometheus_client" for name in imports(path))
    ]
    assert users == ["outputs/openmetrics.py"]
