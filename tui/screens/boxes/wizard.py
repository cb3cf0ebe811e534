"""A new box: choose a profile, a folder and a name."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Checkbox, Input, Label, Static

from devbox.config import Profile, Profiles, start_project
from devbox.config.names import RULE, is_name, safe_name
from devbox.errors import DevboxError, UsageError
from tui.actions import chosen
from tui.shown import plain
from tui.widgets.dialog import Dialog
from tui.widgets.grid import Column, Grid

if TYPE_CHECKING:
    from devbox.api import Devbox
    from tui.live.jobs import Hands


@dataclass(frozen=True)
class Wanted:
    """A box to make."""

    profile: str
    folder: Path
    name: str
    starter: bool
    exists: bool

    @property
    def command(self) -> str:
        """The command line that does the same."""
        folder = shlex.quote(str(self.folder))
        up = f"cd {folder} && devbox up"
        if self.exists:
            return up
        words = ["devbox init", folder, "--profile", shlex.quote(self.profile)]
        words += ["--name", self.name] + (["--starter"] if self.starter else [])
        return f"{' '.join(words)} && {up}"


def make(door: Devbox, hands: Hands, *, wanted: Wanted) -> Any:
    """Make it, and bring it up."""
    if not wanted.exists:
        start_project(
            wanted.folder, profile=wanted.profile, name=wanted.name, starter=wanted.starter
        )
    project = door.project(wanted.folder)
    spec = project.box(wanted.name if wanted.name in project.boxes else None).spec
    return door.boxes.up(spec, report=hands.report, offer=hands.offer, agree=hands.agree)


class NewBox(Dialog["Wanted | None"]):
    """Profiles above, folder and name below."""

    BINDINGS = chosen("dialog.close")
    title_text = "New box"

    def __init__(self, profile: str) -> None:
        super().__init__(classes="wide")
        self._first = profile
        self._named = False

    def parts(self) -> ComposeResult:
        columns = (
            Column[Profile]("profile", lambda each: each.name, 16),
            Column[Profile]("what it is for", lambda each: plain(each.description), 20, grows=True),
        )
        yield Grid(columns, lambda each: each.name, id="profiles")
        with Horizontal(classes="field"):
            yield Label("folder ")
            yield Input(str(Path.cwd()), id="folder", compact=True)
        with Horizontal(classes="field"):
            yield Label("name   ")
            yield Input(safe_name(Path.cwd().name), id="name", compact=True)
        yield Checkbox("copy the profile's starter project", id="starter", compact=True)
        yield Static("", id="same", markup=False)
        with Horizontal():
            yield Button("Make it", variant="primary", id="make", compact=True)
            yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one(Grid).focus()
        self.ui.fetch(lambda _: list(Profiles().ls()), self._show)

    def _show(self, profiles: list[Profile]) -> None:
        grid: Grid[Profile] = self.query_one(Grid)
        grid.show(profiles)
        grid.go_to(self._first or "python")
        self._refresh()

    def on_grid_moved(self) -> None:
        self._refresh()

    def on_grid_entered(self) -> None:
        self.query_one("#folder").focus()

    def on_checkbox_changed(self) -> None:
        self._refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "folder" and not self._named:
            name = self.query_one("#name", Input)
            with name.prevent(Input.Changed):
                name.value = safe_name(self._folder.name)
        elif event.input.id == "name" and event.input.has_focus:
            self._named = True  # by the person: the folder says nothing any more
        self._refresh()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "folder":
            self.query_one("#name").focus()
        else:
            self._make()

    @property
    def _folder(self) -> Path:
        return Path(self.query_one("#folder", Input).value or ".").expanduser().absolute()

    def _wanted(self) -> Wanted | None:
        profile: Profile | None = self.query_one(Grid).current
        if profile is None:
            return None
        folder = self._folder
        name = self.query_one("#name", Input).value
        starter = self.query_one(Checkbox).value and profile.starter is not None
        return Wanted(profile.name, folder, name, starter, (folder / "devbox.toml").exists())

    def _refresh(self) -> None:
        wanted = self._wanted()
        profile: Profile | None = self.query_one(Grid).current
        self.query_one(Checkbox).disabled = profile is None or profile.starter is None
        if wanted is None:
            return
        note = "This folder has a devbox.toml: it says what the box is.\n" if wanted.exists else ""
        self.query_one("#same", Static).update(f"{note}$ {wanted.command}")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "make":
            self._make()
        else:
            self.dismiss(None)

    def _make(self) -> None:
        wanted = self._wanted()
        if wanted is None:
            return
        try:
            if not wanted.exists and not is_name(wanted.name):
                near = safe_name(wanted.name or wanted.folder.name)
                raise UsageError(f"A name for a box: {RULE}.", hint=f"Perhaps {near}?")
        except DevboxError as error:
            self.ui.show_error(error, "Not like this")
            return
        self.dismiss(wanted)

    def do_close(self) -> None:
        self.dismiss(None)
