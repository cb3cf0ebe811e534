"""Dialogs: a plan that is agreed to or not, a text to read, an error's whole story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from devbox.errors import DevboxError
from tui.acting import Acting
from tui.actions import Action, chosen
from tui.plans import Said
from tui.widgets.footer import Footer

Answer = TypeVar("Answer")
TONES = {"good": "$text-success", "warn": "$text-warning", "bad": "bold $text-error",
         "dim": "$text-muted", "": ""}  # fmt: skip


class Dialog(ModalScreen[Answer], Acting):
    """A box in the middle, with a footer of its keys."""

    title_text = ""

    def parts(self) -> ComposeResult:
        """What is in the box."""
        yield from ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self.title_text
            yield from self.parts()
        yield Footer()


def written(lines: Sequence[Said]) -> Content:
    """Lines of a plan, in their tones."""
    return Content("\n").join([Content.assemble((text, TONES[tone])) for text, tone in lines])


class Ask(Dialog[bool]):
    """Shows a plan and asks. ``toggle`` gives the plan and the command with and without data."""

    BINDINGS = chosen("dialog.yes", "dialog.no", "dialog.copy", "dialog.toggle")

    def __init__(
        self,
        title: str,
        lines: Sequence[Said],
        *,
        command: str = "",
        question: str = "Do it?",
        toggle: Callable[[bool], tuple[Sequence[Said], str]] | None = None,
    ) -> None:
        super().__init__()
        self.title_text = title
        self._lines = lines
        self._command = command
        self._question = question
        self._toggle = toggle
        self.toggled = False

    def parts(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(written(self._lines), id="plan", markup=False)
        yield Static("", id="same", markup=False)
        with Horizontal():
            yield Static(self._question, id="question", markup=False)
            yield Button("Yes (y)", variant="error", id="yes", compact=True)
            yield Button("No (n)", id="no", compact=True)

    def on_mount(self) -> None:
        self._show()
        self.query_one("#no").focus()

    def _show(self) -> None:
        self.query_one("#plan", Static).update(written(self._lines))
        same = f"$ {self._command}" if self._command else ""
        self.query_one("#same", Static).update(same)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def why_not(self, action: Action) -> str:
        if action.verb == "toggle" and self._toggle is None:
            return "there is no choice here"
        return ""

    def do_yes(self) -> None:
        self.dismiss(result=True)

    def do_no(self) -> None:
        self.dismiss(result=False)

    def do_copy(self) -> None:
        self.app.copy_to_clipboard(self._command)
        self.notify(self._command, title="Copied")

    def do_toggle(self) -> None:
        assert self._toggle is not None
        self.toggled = not self.toggled
        self._lines, self._command = self._toggle(self.toggled)
        self._show()


class Read(Dialog[None]):
    """A text to read, such as help."""

    BINDINGS = chosen("dialog.close", "dialog.copy")

    def __init__(self, title: str, text: Content, *, copied: str = "") -> None:
        super().__init__()
        self.title_text = title
        self._text = text
        self._copied = copied

    def parts(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._text, markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def why_not(self, action: Action) -> str:
        return "" if action.verb != "copy" or self._copied else "there is nothing to copy"

    def do_copy(self) -> None:
        self.app.copy_to_clipboard(self._copied)
        self.notify(self._copied, title="Copied", markup=False)

    def do_close(self) -> None:
        self.dismiss()


def error_story(error: DevboxError, title: str = "It failed") -> Read:
    """An error in full: what, how to fix it, and what was seen."""
    lines: list[Said] = [(error.message, "bad")]
    if error.hint:
        lines += [("", ""), (f"What helps: {error.hint}", "")]
    lines += [("", ""), *((line, "dim") for line in error.detail)]
    return Read(title, written(lines), copied="\n".join(text for text, _ in lines))
