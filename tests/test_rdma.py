"""States of RDMA ports, from the two files that tell them."""

from __future__ import annotations

import pytest

from mlxtop.model.sample import LinkState
from mlxtop.sources.kernel.rdma import infiniband_state, parse_state


@pytest.mark.parametrize(
    ("state", "phys_state", "meaning"),
    [
        ("4: ACTIVE", "5: LinkUp", LinkState.UP),
        ("5: ACTIVE_DEFER", "5: LinkUp", LinkState.UP),
        ("3: ARMED", "5: LinkUp", LinkState.ARMED),
        ("2: INIT", "5: LinkUp", LinkState.INIT),
        ("1: DOWN", "2: Polling", LinkState.POLLING),
        ("1: DOWN", "3: Disabled", LinkState.DISABLED),
        ("1: DOWN", "5: LinkUp", LinkState.DOWN),
    ],
)
def test_two_states_of_an_infiniband_port_are_one(
    state: str, phys_state: str, meaning: LinkState
) -> None:
    assert infiniband_state(parse_state(state)[0], parse_state(phys_state)[0]) is meaning
