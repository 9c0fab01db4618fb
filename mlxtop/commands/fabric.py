"""`mlxtop fabric`: the InfiniBand fabric: subnet managers, slow links, errors, a drawing."""

from __future__ import annotations

import argparse

from mlxtop.outputs import console
from mlxtop.present.fabric import document, lines
from mlxtop.settings import Settings
from mlxtop.sources.tools.fabric_scan import read_fabric
from mlxtop.system.answers import reason
from mlxtop.system.door import System


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `mlxtop fabric`."""
    what = "ask every port, in a large fabric too (10 000 ports: minutes)"
    parser.add_argument("--all", action="store_true", help=what)


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Print the fabric; 0, and 1 where none answers."""
    try:
        with console.waiting("asking the fabric"):
            fabric = read_fabric(system, args.all)
    except OSError as error:
        console.warn(f"mlxtop: {reason(error, system.captured)}")
        return 1
    if args.json:
        console.say_json(document(fabric))
    else:
        columns = console.columns(200)
        console.show(*lines(fabric, columns))
    return 0
