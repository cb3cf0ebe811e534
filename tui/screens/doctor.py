"""What devbox needs of this machine, with a fix for each finding."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from devbox.doctor import checks
from devbox.state.check import Check
from tui.actions import Action, bindings
from tui.plans import Said
from tui.screens.area import ListArea
from tui.shown import plain
from tui.widgets.dialog import written
from tui.widgets.grid import Cell, Column

TONES = {"ok": "good", "warn": "warn", "fail": "bad"}
SHAPES = {"ok": "✓", "warn": "!", "fail": "✗"}
WORST = ("fail", "warn", "ok")


class DoctorScreen(ListArea[tuple[int, Check]]):
    """The checks, and how to repair what they find."""

    name_ = "doctor"
    empty = "Checking …"
    BINDINGS = bindings("doctor")

    def __init__(self) -> None:
        super().__init__()
        self._checks: list[tuple[int, Check]] = []

    def columns(self) -> tuple[Column[tuple[int, Check]], ...]:
        return (
            Column("status", _status, 8, order=lambda c: WORST.index(c[1].status)),
            Column("check", lambda c: c[1].name, 12, order=lambda c: c[1].name),
            Column("finding", lambda c: plain(c[1].message), 30, grows=True),
        )

    def key(self, item: tuple[int, Check]) -> str:
        return str(item[0])

    def text_of(self, item: tuple[int, Check]) -> str:
        return f"{item[1].status} {item[1].name} {item[1].message}"

    def items(self) -> list[tuple[int, Check]]:
        return self._checks

    def detail(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("", id="finding", markup=False)

    def refresh_all(self) -> None:
        super().refresh_all()
        self.do_again()

    def do_again(self) -> None:
        self.ui.fetch(lambda door: list(checks(door)), self._show)

    def _show(self, found: list[Check]) -> None:
        self._checks = list(enumerate(found))
        self.show_items()
        self.selected()
        self.show_command()

    def selected(self) -> None:
        static = self.query_one("#finding", Static)
        if self.grid.current is None:
            static.update("")
            return
        check = self.grid.current[1]
        lines: list[Said] = [
            (f"{SHAPES[check.status]} {check.name}: {check.status}", TONES[check.status]),
            ("", ""),
            (plain(check.message), ""),
        ]
        if check.fix:
            lines += [("", ""), ("How to fix it", "dim"), (plain(check.fix), "")]
        static.update(written(lines))

    @property
    def command(self) -> str:
        return "devbox doctor"

    def why_not(self, action: Action) -> str:
        if action.name == "doctor.fix" and not (self.grid.current and self.grid.current[1].fix):
            return "there is nothing to fix"
        return super().why_not(action)

    def do_fix(self) -> None:
        assert self.grid.current is not None
        fix = self.grid.current[1].fix
        self.app.copy_to_clipboard(fix)
        self.app.notify(fix, title="Copied", markup=False)


def _status(item: tuple[int, Check]) -> Cell:
    status = item[1].status
    return f"{SHAPES[status]} {status}", TONES[status]
