"""Long work: in threads, with its output kept, and cancelled by whoever watches."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from devbox.api import Devbox
from devbox.errors import DevboxError
from devbox.progress import Progress
from tui.live.background import Background
from tui.live.lines import Lines

if TYPE_CHECKING:
    from devbox.boxes.work import Ending

Ask = Callable[["Ending | str"], "Future[bool]"]
"""Shows a question on the UI's own thread."""


class Cancelled(BaseException):
    """The person cancelled the work. No Exception: nothing on the way takes it for a failure."""


@dataclass
class Job:
    """One piece of long work. ``state`` is running, done, failed or cancelled; ``command`` the
    command line that does the same; ``subject`` what it works on ("box/churn")."""

    number: int
    title: str
    subject: str
    command: str
    lines: Lines = field(default_factory=Lines)
    state: str = "running"
    last: Progress | None = None
    error: DevboxError | None = None
    started: float = field(default_factory=time.time)
    ended: float = 0.0
    cancelling: bool = False
    result: Any = None

    @property
    def step(self) -> str:
        """What it is doing, in a few words."""
        if self.cancelling and self.state == "running":
            return "cancelling"
        if self.state != "running" or self.last is None:
            return self.state
        count = f" {self.last.current}/{self.last.total}" if self.last.total else ""
        return f"{self.last.stage}{count}"


class Hands:
    """What a job works with: tells progress, asks before something ends, ends when cancelled."""

    def __init__(self, job: Job, ask: Ask, agreed: tuple[Ending, ...], over: Any) -> None:
        self._job = job
        self._ask = ask
        self._over = over
        self._agreed = {key for ending in agreed for key in _keys(ending)}
        self._lost = {ending.box for ending in agreed if ending.lost.lines}

    def report(self, progress: Progress) -> None:
        """See :data:`devbox.progress.Report`. Raises Cancelled where that was asked for."""
        job = self._job
        if job.cancelling:
            raise Cancelled
        if not progress.log or job.last is None:
            job.last = progress
        mark = "  " if progress.log else f"{progress.stage}: "
        count = f" [{progress.current}/{progress.total}]" if progress.total else ""
        subject = "" if progress.log else f"{progress.subject}{count} "
        job.lines.add(f"{mark}{subject}{progress.text}".rstrip(), at=time.time())

    def agree(self, ending: Ending) -> None:
        """See :data:`devbox.boxes.work.Agree`: what was agreed to before is not asked
        again, and who says no cancels the work."""
        lost = bool(ending.lost.lines) and ending.box not in self._lost
        if _keys(ending) <= self._agreed and not lost:
            return
        if not self._answer(self._ask(ending)):
            raise Cancelled
        self._agreed |= _keys(ending)
        self._lost.add(ending.box)

    def offer(self, question: str) -> bool:
        """Whether to do something else in place of what failed."""
        return self._answer(self._ask(question))

    def _answer(self, answer: Future[bool]) -> bool:
        while True:
            try:
                return answer.result(0.2)
            except NotYet:
                if self._job.cancelling or self._over.is_set():
                    raise Cancelled from None


Work = Callable[[Devbox, Hands], Any]


class Jobs:
    """All work of this session, the newest last. ``changed`` is called on the UI's own thread
    when one begins or ends."""

    def __init__(
        self,
        background: Background,
        tell: Callable[[Callable[[], None]], None],
        ask: Ask,
        changed: Callable[[Job], None],
    ) -> None:
        self._background = background
        self._tell = tell
        self._ask = ask
        self._changed = changed
        self._numbers = itertools.count(1)
        self.all: list[Job] = []

    @property
    def running(self) -> list[Job]:
        """Those under way."""
        return [job for job in self.all if job.state == "running"]

    def of(self, subject: str) -> Job | None:
        """The work under way on something."""
        return next((job for job in self.running if job.subject == subject), None)

    def start(
        self, title: str, subject: str, command: str, work: Work, agreed: tuple[Ending, ...] = ()
    ) -> Job:
        """Begin."""
        job = Job(next(self._numbers), title, subject, command)
        self.all = [*self.all[-49:], job]
        hands = Hands(job, self._ask, agreed, self._background.over)

        def run() -> None:
            state = "failed"
            try:
                with self._background.door() as door:
                    job.result = work(door, hands)
                state = "done"
            except Cancelled:
                state = "cancelled"
            except DevboxError as error:
                job.error = error
            except Exception as error:  # noqa: BLE001 - shown as what it is: a bug
                text = traceback.format_exc().splitlines()
                job.error = DevboxError(
                    f"{type(error).__name__}: {error}", hint="This is a bug in devbox.", detail=text
                )
            if job.error:
                job.lines.add(job.error.message, at=time.time())
                for line in job.error.detail:
                    job.lines.add(f"  {line}", at=time.time())
            job.ended = time.time()
            job.state = state
            self._tell(lambda: self._changed(job))

        self._background.start(run, f"job {job.number}")
        self._changed(job)
        return job

    def cancel(self, job: Job) -> None:
        """Ask it to end at its next step; what it has started ends with it."""
        job.cancelling = True


def _keys(ending: Ending) -> set[tuple[str, str, int]]:
    return {(ending.box, work.kind, work.pid) for work in ending.work}
