"""Profiles: browse what can be named, read it, check it."""

from __future__ import annotations

import shlex

from textual.app import ComposeResult
from textual.widgets import TabbedContent, TabPane

from devbox.config import Profile, Profiles
from tui.actions import BY_NAME, Action, bindings
from tui.screens.area import ListArea
from tui.shown import plain
from tui.widgets.grid import Column
from tui.widgets.text import TextView


class ProfilesScreen(ListArea[Profile]):
    """Every profile that can be named here."""

    name_ = "profiles"
    empty = "No profiles are to be found."
    BINDINGS = bindings("profiles")

    def __init__(self) -> None:
        super().__init__()
        self._profiles: list[Profile] = []

    def columns(self) -> tuple[Column[Profile], ...]:
        return (
            Column("name", lambda p: p.name, 16, order=lambda p: p.name),
            Column("from", lambda p: f"{p.origin} {p.commit[:7]}", 10, order=lambda p: p.origin),
            Column("extends", lambda p: p.extends, 10, rank=2, order=lambda p: p.extends),
            Column("description", lambda p: plain(p.description), 20, grows=True, rank=1),
        )

    def key(self, item: Profile) -> str:
        return item.name

    def text_of(self, item: Profile) -> str:
        return f"{item.name} {item.origin} {item.extends} {item.description}"

    def items(self) -> list[Profile]:
        return self._profiles

    def detail(self) -> ComposeResult:
        with TabbedContent(initial="definition"):
            with TabPane("Definition", id="definition"):
                yield TextView(id="definition-text", name="profile")
            with TabPane("Check", id="check"):
                yield TextView(id="check-text", name="check")

    def refresh_all(self) -> None:
        super().refresh_all()
        self.ui.fetch(lambda _: list(Profiles().ls()), self._show)

    def _show(self, profiles: list[Profile]) -> None:
        self._profiles = profiles
        self.show_items()
        self.selected()
        self.show_command()

    def selected(self) -> None:
        profile = self.grid.current
        view = self.query_one("#definition-text", TextView)
        if profile is None:
            view.show_text("")
            return
        name = profile.name

        def look() -> str:
            chain = Profiles().chain(name)
            return "\n\n".join(
                f"# {each.file}\n{each.file.read_text(encoding='utf-8-sig').strip()}"
                for each in chain
            )

        def show(text: str) -> None:
            if self.grid.current_key == name:
                view.show_text(text)

        self.query_one("#check-text", TextView).show_text("l checks this profile.")
        self.ui.fetch(lambda _: look(), show, lambda error: show(error.message))

    @property
    def command(self) -> str:
        name = self.grid.current_key
        return f"devbox profile show {shlex.quote(name)}" if name else "devbox profile ls"

    def why_not(self, action: Action) -> str:
        if action.scope == "profiles" and self.grid.current is None:
            return "there is no profile"
        return super().why_not(action)

    def do_lint(self) -> None:
        name = self.grid.current_key
        view = self.query_one("#check-text", TextView)
        self.show_tab("check")

        def show(found: list[str]) -> None:
            command = BY_NAME["profiles.lint"].command.format(name=shlex.quote(name))
            view.show_text("\n".join([f"$ {command}", *found]) + ("" if found else "\nNo problems"))

        self.ui.fetch(lambda _: [str(each) for each in Profiles().lint(name)], show)

    def do_use(self) -> None:
        from tui.screens.boxes import BoxesScreen

        name = self.grid.current_key
        self.ui.action_go("boxes")

        def ask() -> None:
            if isinstance(self.ui.area, BoxesScreen):
                self.ui.area.new_box(name)

        self.app.call_after_refresh(ask)
