"""What a card stores for its next start, as a fact of every sample: see `sampler.facts`."""

from __future__ import annotations

from contextlib import suppress

from mlxtop.change.privilege import Access
from mlxtop.link_type.card import Refused, claimed, read_values
from mlxtop.link_type.survey import survey
from mlxtop.model.linktype import Pending, StoredConfig
from mlxtop.sampler.discover import Inventory
from mlxtop.sources.tools.mstconfig import TOOLS
from mlxtop.system.door import System


def read_stored(system: System, inventory: Inventory) -> StoredConfig:
    """Ask the one card of an inventory as root; parameters that it does not tell are left out.

    sudo is left alone: it would tell the administrator of every question.
    """
    cards = survey(system, inventory, Access.ROOT)
    if not cards:
        return StoredConfig()
    (card,) = cards
    pending = {
        port.id: Pending(port.current or port.now or port.next_boot, port.next_boot)
        for port in card.ports
        if port.pending and port.next_boot is not None
    }
    speed: dict[str, str] = {}
    tool = card.tool or next((tool for tool in TOOLS if system.which(tool)), None)
    if card.unanswered is None and tool is not None and not card.mlx4:
        with suppress(OSError, Refused), claimed(system, card, Access.ROOT) as root:
            speed = read_values(root, tool, card.device)
    return StoredConfig(pending, speed, card.unanswered)
