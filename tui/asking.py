"""Asking the person: dialogs from the UI's own thread, and from threads that wait for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from tui.plans import Said, ending_lines
from tui.widgets.dialog import Ask

if TYPE_CHECKING:
    from devbox.boxes.work import Ending

Answered = Callable[[bool | None], Any]


class Asking:
    """What an app has that asks."""

    if TYPE_CHECKING:
        push_screen: Any
        tell: Any

    def ask(
        self,
        title: str,
        lines: Sequence[Said],
        answered: Answered,
        *,
        command: str = "",
        question: str = "Do it?",
    ) -> None:
        """Show a plan and hand the answer on."""
        self.push_screen(Ask(title, lines, command=command, question=question), answered)

    def ask_in_thread(self, about: Ending | str) -> Future[bool]:
        """Ask for a thread, which waits for the future."""
        answer: Future[bool] = Future()

        def show() -> None:
            def answered(yes: bool | None) -> None:
                answer.set_result(bool(yes))

            if isinstance(about, str):
                self.ask("A question", [(about, "")], answered)
            else:
                title = f"{about.act} {about.box}: something runs in it"
                self.ask(title, ending_lines(about), answered, question="End it?")

        self.tell(show)
        return answer
