"""What the app does for every area: the verb bar, help, the palette, themes, copying."""

from __future__ import annotations

from typing import Any

from textual.content import Content

from tui.acting import Acting
from tui.actions import ACTIONS, BY_NAME
from tui.areas import AREAS, NAMES
from tui.jobsview import JobsView
from tui.widgets.dialog import Read
from tui.widgets.footer import key_name, offered
from tui.widgets.verbbar import VerbBar

SCOPES = {
    "app": "Everywhere", "list": "Lists", "text": "Texts and logs", "area": "Areas",
    "dialog": "Dialogs", "jobs": "Work under way",
} | {area.name: area.title for area in AREAS}  # fmt: skip


class Verbs(Acting):
    """Acts of the scope "app"."""

    def do_verb(self) -> None:
        here = [action.verb for action in ACTIONS if action.scope == self.app.current_mode]
        boxes = [box.name for box in self.ui.seen.boxes]
        words = [*NAMES, "quit", "jobs", "help", *here, *(f"theme {t}" for t in self._themes())]
        words += [f"{verb} {box}" for verb in here for box in boxes[:50]]
        self.app.screen.query_one(VerbBar).ask(words)

    async def on_verb_bar_given(self, message: VerbBar.Given) -> None:
        """Do what was typed behind the colon."""
        app, verb = self.ui, message.verb.lower()
        if verb in NAMES:
            app.action_go(verb)
            if message.rest:
                app.call_after_refresh(app.filter_area, message.rest)
            return
        if verb == "theme" and message.rest in app.available_themes:
            app.theme = message.rest
            return
        if verb == "filter" and app.area:
            app.area.set_filter(message.rest)
            return
        area = app.area
        for scope in (app.current_mode, "app", "area"):
            action = BY_NAME.get(f"{scope}.{'quit' if verb in {'q', 'exit'} else verb}")
            if action is None:
                continue
            if message.rest and not (area and area.go_to(message.rest)):
                app.notify(f"There is no {message.rest} here.", severity="warning", markup=False)
                return
            node: Any = app if scope == "app" else area
            await node.action_act(action.name)
            return
        app.notify(
            f"{verb} is nothing that can be done here. ? shows what can.",
            severity="warning",
            markup=False,
        )

    def do_help(self) -> None:
        lines: list[Content] = []
        here = {each.action.name: each for each in offered(self.app.screen)}
        scopes = dict.fromkeys([a.scope for a in ACTIONS])
        for scope in scopes:
            found = [a for a in ACTIONS if a.scope == scope and (a.name in here or scope == "text")]
            if not found:
                continue
            lines.append(Content.assemble((SCOPES.get(scope, scope), "bold $primary")))
            for action in found:
                each = here.get(action.name)
                keys = " ".join(map(key_name, self._keys(action.name, action.keys)))
                reason = f"  (not now: {each.reason})" if each and each.reason else ""
                lines.append(
                    Content.assemble(
                        (f"  {keys:<12} ", "bold"), action.help, (reason, "$text-muted")
                    )
                )
            lines.append(Content(""))
        numbers = "  ".join(f"{number} {area.title}" for number, area in enumerate(AREAS, 1))
        lines += [Content.assemble(("Areas", "bold $primary")), Content(f"  {numbers}")]
        self.app.push_screen(Read("Help", Content("\n").join(lines)))

    def _keys(self, name: str, keys: str) -> list[str]:
        """The keys of an act, with what the person's settings say."""
        given = self.ui.keys_given.get(name)
        return list(given) if given else keys.split(",")

    def do_palette(self) -> None:
        self.app.action_command_palette()

    def do_jobs(self) -> None:
        self.app.push_screen(JobsView())

    def do_copy(self) -> None:
        area = self.ui.area
        command = area.command if area else ""
        if not command:
            self.app.notify("There is no command line for this.")
            return
        self.app.copy_to_clipboard(command)
        self.app.notify(command, title="Copied", markup=False)

    def _themes(self) -> list[str]:
        return sorted(name for name in self.app.available_themes if name != "textual-ansi")

    def do_theme(self) -> None:
        themes = self._themes()
        at = themes.index(self.app.theme) if self.app.theme in themes else -1
        self.app.theme = themes[(at + 1) % len(themes)]
        self.app.notify(f'theme = "{self.app.theme}"', title="[tui] in your settings", markup=False)

    def do_refresh(self) -> None:
        self.ui.watcher.look()
        if self.ui.area:
            self.ui.area.refresh_all()
