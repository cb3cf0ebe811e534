"""What widgets, screens and the app share that offer acts of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.dom import DOMNode

from tui.actions import BY_NAME, Action

if TYPE_CHECKING:
    from tui.app import DevboxApp


class Acting(DOMNode):
    """Runs ``do_VERB`` for an act of the table, unless ``why_not`` says why it can't be done."""

    @property
    def ui(self) -> DevboxApp:
        """The app."""
        return cast("DevboxApp", self.app)

    def why_not(self, action: Action) -> str:
        """Why an act can't be done now, "" where it can."""
        del action
        return ""

    def refusal(self, action: Action) -> str:
        """The same, where the UI may only read too."""
        if action.changes and self.ui.read_only:
            return "this UI only reads (--read-only)"
        return self.why_not(action)

    async def action_act(self, name: str) -> None:
        """Do it, or say why not."""
        action = BY_NAME[name]
        if reason := self.refusal(action):
            self.app.notify(f"{reason[:1].upper()}{reason[1:]}.", title=f"No {action.label}")
            return
        done: Any = getattr(self, f"do_{action.verb}")()
        if done is not None:
            await done
