"""`mlxtop agent` of a simulated machine, for `tests.bench.hosts`."""

from __future__ import annotations

import sys

from mlxtop.hosts import agent
from mlxtop.lab import load_lab

if __name__ == "__main__":
    from tests.bench.hosts import MACHINE

    sys.exit(agent.main(sys.argv[2:], system=load_lab(MACHINE)))
