"""The smallest Textual program that shows something and answers a key: the floor."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """A line of text that counts keys."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [("q", "quit"), ("down,up", "count")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("0 keys", id="line", markup=False)

    def on_mount(self) -> None:
        """No key yet."""
        self.keys = 0

    def action_count(self) -> None:
        """One more key."""
        self.keys += 1
        self.query_one("#line", Static).update(f"{self.keys} keys")


if __name__ == "__main__":
    Bare().run()
