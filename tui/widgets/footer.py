"""The two lines at the bottom: what is going on and the command line; the keys that work now."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.style import Style
from textual.widgets import Static

from tui.acting import Acting
from tui.actions import BY_NAME, Action

NAMED = {
    "question_mark": "?", "slash": "/", "colon": ":", "exclamation_mark": "!", "space": "space",
    "asterisk": "*", "greater_than_sign": ">", "less_than_sign": "<", "left_square_bracket": "[",
    "right_square_bracket": "]", "enter": "⏎", "escape": "esc", "semicolon": ";",
    "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def key_name(key: str) -> str:
    """How a key is called for a person."""
    *modifiers, last = key.split("+")
    last = NAMED.get(last, last)
    return "^" + last if modifiers == ["ctrl"] else "+".join([*modifiers, last])


class Offered:
    """An act that can be asked for now: its key, who does it, and why it can't be done."""

    def __init__(self, action: Action, key: str, node: Acting) -> None:
        self.action = action
        self.key = key
        self.node = node

    @property
    def reason(self) -> str:
        """Why it can't be done now, "" where it can."""
        return self.node.refusal(self.action)


class Footer(Vertical):
    """Keys and, above them, the state of things and the command line of the act."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        self._keys: Content | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="status"):
            yield Static("", id="state", markup=False)
            yield Static("", id="command", markup=False)
        yield Static("", id="keys", markup=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.show_keys())
        self.call_after_refresh(self.show_keys)

    def on_resize(self) -> None:
        self.show_keys()

    def show_state(self, text: str, tone: str = "") -> None:
        """What is going on."""
        self.query_one("#state", Static).update(Content.assemble((text, tone)))

    def show_command(self, command: str) -> None:
        """The command line that does the same."""
        text = Content.assemble((f"$ {command} ", "bold"), ("y copies", "$text-muted"))
        self.query_one("#command", Static).update(text if command else "")

    def show_keys(self) -> None:
        """Show the keys that work now, grey where they don't: once, whatever asks for it."""
        if not self._asked:
            self._asked = True
            self.call_later(self._draw_keys)

    def _draw_keys(self) -> None:
        self._asked = False
        if not self.is_attached or self.screen is not self.app.screen:
            return
        acts = [each for each in offered(self.screen) if not each.action.quiet]
        last = [each for each in acts if each.action.scope == "app"]
        acts = [each for each in acts if each.action.scope != "app"] + last
        parts: list[Content] = []
        room = self.size.width - 1
        tail = [_shown(each) for each in last if each.action.verb in {"verb", "help", "quit"}]
        kept = sum(each.cell_length + 1 for each in tail)
        for each in acts:
            if each.action.verb in {"verb", "help", "quit"} and each in last:
                continue
            shown = _shown(each)
            if kept + shown.cell_length + 1 > room:
                continue
            kept += shown.cell_length + 1
            parts.append(shown)
        keys = Content(" ").join([*parts, *tail])
        if self._keys is None or not keys.is_same(self._keys):
            self._keys = keys
            self.query_one("#keys", Static).update(keys)


def offered(screen: Screen[Any]) -> list[Offered]:
    """Every act that has a key on a screen now, in the order of the table."""
    found: dict[str, Offered] = {}
    for key, active in screen.active_bindings.items():
        action = BY_NAME.get(active.binding.id or "")
        if action and action.name not in found and isinstance(active.node, Acting):
            found[action.name] = Offered(action, key, active.node)
    return [found[name] for name in BY_NAME if name in found]


def _shown(each: Offered) -> Content:
    off = bool(each.reason)
    key, label = key_name(each.key), each.action.label
    text = Content.assemble(
        (key, "$text-muted" if off else "bold $primary"),
        (f" {label} ", "$text-disabled" if off else ""),
    )
    return text.stylize(Style.from_meta({"@click": f"app.offer('{each.action.name}')"}))
