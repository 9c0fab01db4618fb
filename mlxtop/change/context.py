"""What the screen needs to have something done: the machine, and the log of what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlxtop.system.door import System

if TYPE_CHECKING:
    from mlxtop.change.log import ActionLog


class ActionContext(NamedTuple):
    """Made only where changes are allowed: not with --readonly, not for captured machines.

    Screens pass it on to actions; they do not use the machine themselves.
    """

    system: System

    @property
    def log(self) -> ActionLog | None:
        """The action log of the person; simulated machines have none."""
        from mlxtop.change.log import own_log

        return None if self.system.demo else own_log()
