"""The command palette: every act that can be done here, and every area."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.areas import AREAS
from tui.widgets.footer import key_name, offered

if TYPE_CHECKING:
    from tui.app import DevboxApp


class ActionProvider(Provider):
    """Reads the same table as the keys do."""

    async def startup(self) -> None:
        self._entries = list(self._all())

    def _all(self) -> list[tuple[str, str, Callable[[], Any]]]:
        app = cast("DevboxApp", self.app)
        found: list[tuple[str, str, Callable[[], Any]]] = []
        for each in offered(self.screen):
            reason = each.reason
            text = f"{each.action.help}  ({key_name(each.key)})"
            help_text = f"Not now: {reason}" if reason else each.action.command
            found.append((text, help_text, partial(each.node.action_act, each.action.name)))
        for area in AREAS:
            found.append((f"Go to {area.title}", "", partial(app.action_go, area.name)))
        return found

    async def discover(self) -> AsyncIterator[DiscoveryHit]:
        for text, help_text, call in self._entries:
            yield DiscoveryHit(text, call, help=help_text or None)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for text, help_text, call in self._entries:
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), call, help=help_text or None)
