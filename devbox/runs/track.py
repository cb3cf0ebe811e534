"""A command as a run, on this machine, whatever its system."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from devbox.journal.track import OUTPUT, Tracked, proc_use
from devbox.journal.track import track as track_in_journal

__all__ = ["OUTPUT", "Tracked", "track", "use_of_process"]


def track(
    argv: Sequence[str],
    *,
    name: str = "",
    experiment: str = "",
    tags: Mapping[str, str] | None = None,
    sample_every: float = 10.0,
) -> Tracked:
    """See :func:`devbox.journal.track.track`."""
    return track_in_journal(
        argv,
        name=name,
        experiment=experiment,
        tags=tags,
        sample_every=sample_every,
        use=use_of_process,
    )


def use_of_process(pid: int) -> tuple[float, float | None]:
    """Seconds of CPU and bytes of memory of a process and all below it."""
    return proc_use(pid) if sys.platform == "linux" else _use(pid)


def _use(pid: int) -> tuple[float, float | None]:
    import psutil

    seconds, memory = 0.0, 0.0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with suppress(psutil.Error):
                times: Any = process.cpu_times()
                seconds += times.user + times.system
                memory += process.memory_info().rss
    return seconds, memory or None
