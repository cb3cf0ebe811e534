"""The bar behind ``:``: go to an area or do an act by its name."""

from __future__ import annotations

from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input


class VerbBar(Input):
    """One line to type a verb into. ``Given`` carries it."""

    class Given(Message):
        """A verb and what follows it."""

        def __init__(self, verb: str, rest: str) -> None:
            super().__init__()
            self.verb = verb
            self.rest = rest

    def __init__(self) -> None:
        super().__init__(placeholder="boxes, stop churn, theme nord, quit", compact=True)
        self._back: object = None

    def on_mount(self) -> None:
        self.display = False

    def ask(self, words: list[str]) -> None:
        """Show the bar; ``words`` are what it can complete."""
        self.suggester = SuggestFromList(words, case_sensitive=False)
        self.value = ""
        self.display = True
        self.focus()

    def leave(self) -> None:
        """Hide the bar."""
        self.display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.leave()
        verb, _, rest = event.value.strip().lstrip(":").partition(" ")
        if verb:
            self.post_message(self.Given(verb, rest.strip()))

    def on_blur(self) -> None:
        self.leave()
