"""Images and space: what takes it, and what could be had back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from devbox.boxes.images.space import ImageEntry, PrunePlan, Usage
from devbox.errors import DevboxError
from tui.actions import BY_NAME, Action, bindings
from tui.plans import Said, prune_lines
from tui.screens.area import ListArea
from tui.shown import ago, size
from tui.widgets.dialog import written
from tui.widgets.grid import Column

if TYPE_CHECKING:
    from devbox.api import Devbox
    from tui.live.jobs import Hands


@dataclass(frozen=True)
class Found:
    """Images, space, and which boxes were made from which image."""

    images: tuple[ImageEntry, ...]
    usage: Usage


class ImagesScreen(ListArea[ImageEntry]):
    """devbox's images, and all else that takes space."""

    name_ = "images"
    empty = "No image yet: the first `up` builds one."
    BINDINGS = bindings("images")

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._command = ""

    def columns(self) -> tuple[Column[ImageEntry], ...]:
        return (
            Column("image", _name, 24, grows=True, order=lambda i: i.ref),
            Column("kind", lambda i: i.kind, 9, rank=2, order=lambda i: i.kind),
            Column("size", lambda i: size(i.size), 7, right=True, order=lambda i: i.size),
            Column("adds", lambda i: size(i.adds), 7, right=True, order=lambda i: i.adds),
            Column("used", _used, 5, right=True, order=lambda i: i.containers),
            Column("age", lambda i: ago(i.created) if i.created else "", 7, right=True, rank=1,
                   order=lambda i: -i.created),
        )  # fmt: skip

    def key(self, item: ImageEntry) -> str:
        return item.ref

    def text_of(self, item: ImageEntry) -> str:
        return f"{item.ref} {item.kind} {item.parent}"

    def items(self) -> list[ImageEntry]:
        return list(self._found.images) if self._found else []

    def detail(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("", id="image", markup=False)
            yield Static("", id="space", markup=False)

    @property
    def grey(self) -> bool:
        return bool(self.ui.seen.away)

    def refresh_all(self) -> None:
        super().refresh_all()
        if not self.ui.seen.away:
            self.ui.fetch(
                lambda door: Found(door.images.ls(), door.images.usage()), self._show, self._failed
            )

    def take_in(self, what: str) -> None:
        super().take_in(what)
        if what in {"all", "boxes"} and self.is_mounted:
            self.show_items()

    def _show(self, found: Found) -> None:
        self._found = found
        self.show_items()
        lines: list[Said] = [("", ""), (f"{'space':<16} {'size':>8} {'to be had':>10}", "dim")]
        for part in found.usage.parts:
            back = size(part.reclaimable) if part.reclaimable else ""
            lines.append((f"{part.kind:<16} {size(part.size):>8} {back:>10}", ""))
        lines.append((f"{'in all':<16} {size(found.usage.size):>8}", ""))
        self.query_one("#space", Static).update(written(lines))
        self.selected()
        self.show_command()

    def _failed(self, error: DevboxError) -> None:
        if not self.ui.seen.away:
            self.ui.show_error(error)

    def selected(self) -> None:
        image = self.grid.current
        static = self.query_one("#image", Static)
        if image is None:
            static.update("")
            return
        users = [box.name for box in self.ui.seen.boxes if image.ref in {
            box.image, *(service.image for service in box.services)}]  # fmt: skip
        lines: list[Said] = [
            (_name(image), ""),
            (f"id      {image.id[:19]}", "dim"),
            (f"parent  {image.parent or '-'}", ""),
            (f"size    {size(image.size)}, of which {size(image.adds)} its own", ""),
            (f"used by {', '.join(users) or 'no box'}", "" if users else "dim"),
        ]
        static.update(written(lines))

    @property
    def command(self) -> str:
        return self._command or "devbox image ls"

    def why_not(self, action: Action) -> str:
        if action.scope == "images":
            if self.ui.seen.away:
                return "the engine is away"
            if self.ui.jobs.of("images"):
                return "it is under way"
        return super().why_not(action)

    def do_prune(self) -> None:
        self._prune("images.prune", everything=False)

    def do_prune_all(self) -> None:
        self._prune("images.prune_all", everything=True)

    def _prune(self, name: str, *, everything: bool) -> None:
        self._command = BY_NAME[name].command
        self.show_command()

        def look(door: Devbox) -> PrunePlan:
            keep = [] if everything else _of_project(door)
            tags = [] if everything else [box.image for box in door.last_known()]
            return door.images.plan_prune(keep, tags, build_cache=everything, everything=everything)

        def planned(plan: PrunePlan) -> None:
            if not plan.images and not plan.build_cache:
                self.app.notify("There is nothing to delete.")
                return
            self.ui.ask(
                "Prune: what it deletes",
                prune_lines(plan),
                lambda yes: go(plan) if yes else None,
                command=f"{self._command} --yes",
            )

        def go(plan: PrunePlan) -> None:
            def work(door: Devbox, hands: Hands) -> Any:
                return door.images.prune(plan, hands.report)

            self.ui.jobs.start("prune images", "images", f"{self._command} --yes", work)

        self.ui.fetch(look, planned)


def _of_project(door: Devbox) -> list[Any]:
    """What the project around us needs: it stays."""
    try:
        door.project_root()
    except DevboxError:
        return []
    boxes = door.project().boxes.values()
    return [recipe for box in boxes for recipe in door.images.recipes_of(box.spec)]


def _name(image: ImageEntry) -> str:
    return image.ref[:19] if image.ref.startswith("sha256:") else image.ref


def _used(image: ImageEntry) -> str:
    return str(image.containers or "")
