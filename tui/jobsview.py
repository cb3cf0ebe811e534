"""Work under way, and what was done before: its steps as they come, and how to cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from tui.actions import Action, chosen
from tui.live.jobs import Job
from tui.shown import span
from tui.widgets.dialog import Dialog
from tui.widgets.grid import Cell, Column, Grid
from tui.widgets.text import TextView

if TYPE_CHECKING:
    pass

TONE = {"running": "warn", "done": "good", "failed": "bad", "cancelled": "dim"}


class JobsView(Dialog[None]):
    """A list of jobs above the output of the one that is chosen."""

    BINDINGS = chosen("jobs.cancel", "dialog.close")
    title_text = "Work"

    def __init__(self) -> None:
        super().__init__(classes="wide")
        self._shown: Job | None = None

    def parts(self) -> ComposeResult:
        columns = (
            Column[Job]("work", lambda job: job.title, 24, grows=True),
            Column[Job]("state", _state, 20),
            Column[Job]("took", _took, 8, right=True),
        )
        yield Grid(columns, lambda job: str(job.number), id="jobs")
        yield TextView(name="work")

    def on_mount(self) -> None:
        self._refresh()
        self.set_interval(0.25, self._refresh)
        self.query_one(Grid).focus()

    def _refresh(self) -> None:
        grid: Grid[Job] = self.query_one(Grid)
        grid.show(list(reversed(self.ui.jobs.all)))
        self.on_grid_moved()

    def on_grid_moved(self) -> None:
        job = self.query_one(Grid).current
        if job is not self._shown and job is not None:
            self._shown = job
            self.query_one(TextView).show(job.lines, follow=True)

    def why_not(self, action: Action) -> str:
        if action.verb == "cancel" and (self._shown is None or self._shown.state != "running"):
            return "nothing runs here"
        return ""

    def do_cancel(self) -> None:
        assert self._shown is not None
        self.ui.jobs.cancel(self._shown)

    def do_close(self) -> None:
        self.dismiss()


def _state(job: Job) -> Cell:
    return job.step, TONE[job.state]


def _took(job: Job) -> str:
    import time

    return span((job.ended or time.time()) - job.started)
