"""Commands that change the machine: load tests, link types, and changes on probation."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from mlxtop.change.privilege import ActionContext
from mlxtop.model.identity import PortKind
from mlxtop.settings import MAX_INTERVAL
from mlxtop.sources.kernel.sysfs import names
from mlxtop.tui.places import Places

if TYPE_CHECKING:
    from mlxtop.tui.link_types import LinkTypes

AGAIN_S = 5.0
"""Seconds within which to quit twice, while a load runs."""


class MachineChanges(Places):
    """Begins what changes the machine; what it takes is loaded when it is first wanted."""

    link_types: LinkTypes | None = None
    """Changes of link types; made when the first is wanted."""
    _quit_asked = -inf

    @property
    def readonly(self) -> bool:
        return self.context is None or self.settings.readonly or not self.source.kind.may_change

    def action_load(self) -> None:
        from mlxtop.tui.screens.load import Loads

        if self.state.selected is None:
            self.no_port()
        elif self.context is not None and not self.readonly:
            self.loads = self.loads or Loads(self, self.context)
            self.feed.tap = self.loads.session.frame
            self.loads.open()

    def longest_interval(self) -> float:
        """Return how many seconds may lie between samples now."""
        return MAX_INTERVAL if self.loads is None else self.loads.longest_interval

    async def action_quit(self) -> None:
        """Quit; while a load runs, only when that was asked for twice."""
        now = monotonic()
        if self.loads is not None and self.loads.busy and now - self._quit_asked > AGAIN_S:
            self._quit_asked = now
            text = "a load test is running: once more ends it and quits"
            self.notify(text, severity="warning", timeout=AGAIN_S)
        else:
            await super().action_quit()

    def action_link_type(self) -> None:
        view = self.state.view(0)
        if view is None:
            self.no_port()
        if self.context is None or self.readonly or view is None:
            return
        port = view.now.now.port
        if port.adapter is None or port.kind is not PortKind.PHYSICAL:
            self.notify(f"{port.name} is no port of a card", severity="warning")
            return
        self._made_link_types(self.context).open(port)

    def _made_link_types(self, context: ActionContext) -> LinkTypes:
        """Return the changes of link types; what they take is loaded when they are first wanted."""
        from mlxtop.tui.link_types import LinkTypes

        self.link_types = self.link_types or LinkTypes(self, context)
        return self.link_types

    def action_keep(self) -> None:
        self._answer(keep=True)

    def action_take_back(self) -> None:
        self._answer(keep=False)

    def _answer(self, keep: bool) -> None:
        """Keep a change on probation or take it back, wherever we are."""
        if self.link_types is None or not self.link_types.items():
            self.notify("no change is on probation")
        else:
            self.link_types.answer(keep)

    def look_for_probation(self) -> None:
        """Show a change on probation that another program has begun, if there is one."""
        from mlxtop.change.revert import PREFIX, RUN

        if self.context is None or self.readonly:
            return
        if any(name.startswith(PREFIX) for name in names(self.context.system, RUN)):
            self._made_link_types(self.context).look_for_others()
