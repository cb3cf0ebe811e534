"""A command as a run: whatever it is, its output, exit and use of the machine are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from devbox.errors import DevboxError
from devbox.journal.active import JOIN, ActiveRun, start_run
from devbox.journal.run import CANCELLED, FAILED, SUCCEEDED
from devbox.journal.sampler import Sampler

OUTPUT = "output.log"
CHUNK = 65536
NOT_FOUND, CANNOT_RUN = 127, 126


@dataclass(frozen=True)
class Tracked:
    """A command that has run: the id of its run, its exit code (128 + N where the signal N ended
    it, 127 where there is no such program, 126 where it can't be run), and what went wrong."""

    id: str
    code: int
    error: str


def track(
    argv: Sequence[str],
    *,
    name: str = "",
    experiment: str = "",
    tags: Mapping[str, str] | None = None,
    sample_every: float = 10.0,
) -> Tracked:
    """Run a command here as a run.

    The first run that its code starts is this very run, so that what it logs is found here. What
    it prints is shown and kept.
    """
    run = start_run(
        name or Path(argv[0]).name,
        experiment=experiment,
        tags=tags,
        command=argv,
        sample_every=None,
    )
    try:
        code = _run(run, argv, sample_every)
        error = f"exit code {code}" if code else ""
    except OSError as problem:
        code = NOT_FOUND if isinstance(problem, FileNotFoundError) else CANNOT_RUN
        error = f"{argv[0]} can't be run: {problem.strerror}"
    _keep_output(run)
    if code == 128 + signal.SIGINT:
        run.end(CANCELLED, "interrupted")
    else:
        run.end(FAILED if code else SUCCEEDED, error)
    return Tracked(run.id, code, error)


def _run(run: ActiveRun, argv: Sequence[str], sample_every: float) -> int:
    # Python holds back what it prints into a pipe, and a run is there to be watched.
    env = {"PYTHONUNBUFFERED": "1", **os.environ, JOIN: run.id}
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / OUTPUT).open("ab", buffering=0) as kept:
        process = subprocess.Popen(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        sampler = Sampler(sample_every, lambda: _use(process.pid))
        sampler.start(run)
        with _signals_to(process):
            pumps = [
                threading.Thread(target=_pump, args=(stream, target, kept), daemon=True)
                for stream, target in ((process.stdout, 1), (process.stderr, 2))
            ]
            for pump in pumps:
                pump.start()
            code = process.wait()
            for pump in pumps:
                pump.join()
        sampler.stop()
    return code if code >= 0 else 128 - code


def _pump(stream: IO[bytes] | None, target: int, kept: IO[bytes]) -> None:
    assert stream is not None
    shown = True
    with stream:
        while data := stream.read(CHUNK):
            with suppress(OSError):  # a full disk must not end the command
                kept.write(data)
            try:
                view = memoryview(data)
                while shown and view:
                    view = view[os.write(target, view) :]
            except OSError:
                shown = False  # nobody looks any more


@contextmanager
def _signals_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand on the signals that end things; Ctrl+C reaches the command by itself."""

    def hand_on(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT or not os.isatty(0):
            with suppress(ProcessLookupError):
                process.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, hand_on) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _use(pid: int) -> tuple[float, float | None]:
    """Seconds of CPU and bytes of memory of a process and all below it."""
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


def _keep_output(run: ActiveRun) -> None:
    file = run.folder / OUTPUT
    try:
        if file.is_file() and file.stat().st_size:
            run.log_artifact(file)
        file.unlink(missing_ok=True)
    except (DevboxError, OSError) as error:
        sys.stderr.write(f"devbox: the output was not kept: {error}\n")
