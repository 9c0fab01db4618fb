"""The screens of the application, and the ways between them."""

from __future__ import annotations

from itertools import takewhile

from mlxtop.model.identity import PortId
from mlxtop.tui.live_app import LiveApp
from mlxtop.tui.screens.base import WatchScreen

HEAT_PAGE = "2"
"""Key of the page that explains alarms of link, module and heat."""
_PAGES_OF_PARTS = {"errors": "4", "pause": "7"}
"""Keys of the pages that explain alarms of other parts of a port."""


class Places(LiveApp):
    """Opens screens; what a screen takes is loaded when it is first wanted."""

    def _go_to(self, kind: type[WatchScreen]) -> None:
        """Open a screen, or go back to it where it is open; a dialog over it stays."""
        stack = self.screen_stack
        above = list(takewhile(lambda screen: not isinstance(screen, kind), reversed(stack)))
        if len(above) == len(stack):
            self.push_screen(kind())
        elif all(isinstance(screen, WatchScreen) for screen in above):
            for _ in above:
                self.pop_screen()

    def no_port(self) -> None:
        """Say why nothing happens where there is no port."""
        self.notify("no port here: A shows all network devices, D a simulated machine")

    def action_events(self) -> None:
        from mlxtop.tui.screens.events import Events

        self._go_to(Events)

    def action_paths(self) -> None:
        """Open the page of the ways to other hosts."""
        from mlxtop.tui.screens.path import PathPage

        if self.paths is not None:
            self.paths.begin(suggested=True)
        self._go_to(PathPage)

    def action_cause(self, key: str) -> None:
        """Open the page that explains an alarm; the list of events for a port that is gone."""
        alarm = next((one for one in self.state.watch.alarms.all() if one.key == key), None)
        if alarm is not None and alarm.subject.peer is not None:
            self.action_paths()
        elif alarm is not None:
            page = _PAGES_OF_PARTS.get(alarm.subject.part or "", HEAT_PAGE)
            self.open_port(alarm.subject.port, page)

    def open_port(self, port: PortId, page: str) -> None:
        """Open a page of a port; the list of events where the port is gone."""
        from mlxtop.tui.screens.pages import Detail

        frame = self.state.newest
        if frame is None or port not in frame.ports:
            self.action_events()
            return
        self.state.select(port)
        if isinstance(self.screen, Detail):
            self.screen.action_page(page)
        else:
            self.push_screen(Detail(page))

    def action_findings(self) -> None:
        from mlxtop.tui.screens.findings import Findings

        frame = self.state.frame
        if frame is None or frame.ports:
            self._go_to(Findings)
        else:
            self.no_port()

    def action_wall(self) -> None:
        """Open the wall; where it is open, go back."""
        from mlxtop.tui.screens.wall import Wall

        if isinstance(self.screen, Wall):
            self.pop_screen()
        else:
            self._go_to(Wall)

    def action_help(self) -> None:
        from mlxtop.tui.screens.help import Help

        self._go_to(Help)

    def action_retreat(self) -> None:
        screen = self.screen
        done = isinstance(screen, WatchScreen) and screen.retreat()
        if not done and len(self.screen_stack) > 1:
            self.pop_screen()
