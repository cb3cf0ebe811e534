"""The run that code logs to without naming it: the innermost that was started here, else the one
that this process was started in."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from devbox.errors import UsageError
from devbox.journal import capture
from devbox.journal.checks import checked_key, checked_text
from devbox.journal.ids import is_id, new_id
from devbox.journal.places import RUN, spool
from devbox.journal.run import CANCELLED, FAILED, SUCCEEDED, Run
from devbox.journal.sampler import Sampler
from devbox.redact import redacted, remember_environment

if TYPE_CHECKING:
    from typing import Self

JOIN = "DEVBOX_RUN_JOIN"
"""Set by `devbox run`: the first run that the command starts is that very run."""

_open: list[ActiveRun] = []
_inherited: dict[str, Run] = {}


class ActiveRun(Run):
    """A run that was started here; as a context manager it ends with its block: succeeded, failed
    with the error that left the block, or cancelled by Ctrl+C."""

    def __init__(self, run_id: str, *, owned: bool, sampler: Sampler | None) -> None:
        super().__init__(run_id, spool())
        self._owned = owned
        self._over = False
        self._before = os.environ.get(RUN)
        self._process = os.getpid()
        self._sampler = sampler

    def begin(self) -> None:
        """Make it the run of this process and of the children that it starts from now on."""
        os.environ[RUN] = self.id
        _open.append(self)
        if self._sampler:
            self._sampler.start(self)

    def end(self, status: str = SUCCEEDED, error: str = "") -> None:
        """Say how the run ended. Ends the runs that were started within it and not ended, too."""
        if self._over or os.getpid() != self._process:
            return  # a child of a fork leaves the end to its parent
        self._over = True
        while _open and _open[-1] is not self and self in _open:
            _open[-1].end(status, error)
        if self in _open:
            _open.remove(self)
        if self._sampler:
            self._sampler.stop()
        if self._before is None:
            os.environ.pop(RUN, None)
        else:
            os.environ[RUN] = self._before
        if self._owned:
            self.note("end", status=status, error=checked_text("error", redacted(error[:10_000])))
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.end()
        elif isinstance(error, KeyboardInterrupt):
            self.end(CANCELLED, "interrupted")
        else:
            self.end(FAILED, f"{type(error).__name__}: {error}")


def start_run(
    name: str = "",
    *,
    experiment: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    nested: bool = True,
    sample_every: float | None = 10.0,
    command: Sequence[str] = (),
) -> ActiveRun:
    """Start a run. One that is started within another is its child.

    ``experiment`` is the named group that it belongs to ("default", a child: its parent's).
    ``nested = False`` makes it a root all the same. CPU, memory and GPU use are logged every
    ``sample_every`` seconds, None for never. ``command`` is what runs, this process by default.
    What was started without ``with`` ends with ``end()``, at the latest with the process.
    """
    remember_environment(os.environ)
    texts = {"name": redacted(checked_text("name", name))}
    if experiment:
        texts["experiment"] = checked_key(experiment)
    parent = _parent() if nested else ""
    joined = bool(parent) and os.environ.pop(JOIN, "") == parent
    sampler = Sampler(sample_every) if sample_every and not joined else None
    run = ActiveRun(parent if joined else new_id(), owned=not joined, sampler=sampler)
    if joined:
        run.note("name", **texts)
    else:
        run.note("start", parent=parent, **texts, **capture.process(command))
        run.note("code", **capture.code(run))
        run.note("environment", **capture.environment())
    run.begin()
    if params:
        run.log_params(params)
    if tags:
        run.set_tags(tags)
    return run


def active_run() -> Run | None:
    """The run that this code belongs to, if any."""
    if _open:
        return _open[-1]
    inherited = _parent()
    if not inherited:
        return None
    if inherited not in _inherited:
        remember_environment(os.environ)
        _inherited[inherited] = Run(inherited, spool())
    return _inherited[inherited]


def current() -> Run:
    """The run that this code belongs to. Raises UsageError where there is none."""
    run = active_run()
    if run is None:
        raise UsageError("No run is open here.", hint="Start one: `with devbox.start_run(): ...`.")
    return run


def _parent() -> str:
    if _open:
        return _open[-1].id
    inherited = os.environ.get(RUN, "")
    return inherited if is_id(inherited) else ""


@atexit.register
def _end_all() -> None:
    failed = getattr(sys, "last_value", None)
    for run in reversed(_open.copy()):
        with contextlib.suppress(Exception):
            if failed is None:
                run.end()
            else:
                run.end(FAILED, f"{type(failed).__name__}: {failed}")
