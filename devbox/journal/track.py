"""A command as a run: whatever it is, its output, exit and use of the machine are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from devbox.errors import DevboxError
from devbox.journal.active import JOIN, ActiveRun, start_run
from devbox.journal.places import owned_as
from devbox.journal.run import CANCELLED, FAILED, SUCCEEDED
from devbox.journal.sampler import Sampler
from devbox.redact import Masker

OUTPUT = "output.log"
CHUNK = 65536
NOT_FOUND, CANNOT_RUN = 127, 126
Use = Callable[[int], "tuple[float, float | None]"]


@dataclass(frozen=True)
class Tracked:
    """A command that has run: the id of its run, its exit code (128 + N where the signal N ended
    it, 127 where there is no such program, 126 where it can't be run), and what went wrong."""

    id: str
    code: int
    error: str


def proc_use(pid: int) -> tuple[float, float | None]:
    """Seconds of CPU and bytes of memory of a process and all below it, as /proc says."""
    parents: dict[int, list[int]] = {}
    use: dict[int, tuple[float, float]] = {}
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc"):  # noqa: PTH208 - only names
        if name.isdigit():
            # What ends meanwhile has no file any more.
            with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat") as file:  # noqa: PTH123
                # Behind the name, which may hold spaces itself: state, parent, ... (proc(5)).
                fields = file.read().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(name))
                seconds = (int(fields[11]) + int(fields[12])) / tick
                use[int(name)] = seconds, float(int(fields[21]) * page)
    seconds, memory, todo = 0.0, 0.0, [pid]
    while todo:
        one = todo.pop()
        more = use.pop(one, (0.0, 0.0))
        seconds, memory = seconds + more[0], memory + more[1]
        todo += parents.pop(one, [])
    return seconds, memory or None


def track(
    argv: Sequence[str],
    *,
    name: str = "",
    experiment: str = "",
    tags: Mapping[str, str] | None = None,
    sample_every: float = 10.0,
    use: Use = proc_use,
) -> Tracked:
    """Run a command here as a run. ``use`` tells the seconds of CPU and bytes of memory of a
    process and all below it.

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
    code, error = follow(run, argv, sample_every=sample_every, use=use)
    if code == 128 + signal.SIGINT:
        run.end(CANCELLED, "interrupted")
    else:
        run.end(FAILED if code else SUCCEEDED, error)
    return Tracked(run.id, code, error)


def follow(
    run: ActiveRun,
    argv: Sequence[str],
    *,
    sample_every: float = 10.0,
    use: Use = proc_use,
    out: int = 1,
) -> tuple[int, str]:
    """Run a command as what happens in a run, without ending the run; returns its exit code and
    what went wrong, as in :class:`Tracked`. ``out`` is where its stdout goes, a descriptor."""
    try:
        code = _run(run, argv, sample_every, use, out)
        error = f"exit code {code}" if code else ""
    except OSError as problem:
        code = NOT_FOUND if isinstance(problem, FileNotFoundError) else CANNOT_RUN
        error = f"{argv[0]} can't be run: {problem.strerror}"
    _keep_output(run)
    return code, error


def _run(run: ActiveRun, argv: Sequence[str], sample_every: float, use: Use, out: int) -> int:
    # Python holds back what it prints into a pipe, and a run is there to be watched.
    env = {"PYTHONUNBUFFERED": "1", **os.environ, JOIN: run.id}
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / OUTPUT).open("ab", buffering=0) as kept:
        owned_as(run.folder, kept.fileno())
        process = subprocess.Popen(
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        sampler = Sampler(sample_every, lambda: use(process.pid))
        sampler.start(run)
        with _signals_to(process):
            pumps = [
                threading.Thread(target=_pump, args=(stream, target, kept), daemon=True)
                for stream, target in ((process.stdout, out), (process.stderr, 2))
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
    # What a person sees is what the program prints; what is kept is read by others.
    masker = Masker()
    with stream:
        while data := stream.read(CHUNK):
            with suppress(OSError):  # a full disk must not end the command
                kept.write(masker.take(data))
            try:
                view = memoryview(data)
                while shown and view:
                    view = view[os.write(target, view) :]
            except OSError:
                shown = False  # nobody looks any more
    with suppress(OSError):
        kept.write(masker.rest())


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


def _keep_output(run: ActiveRun) -> None:
    file = run.folder / OUTPUT
    try:
        if file.is_file() and file.stat().st_size:
            run.log_artifact(file)
        file.unlink(missing_ok=True)
    except (DevboxError, OSError) as error:
        sys.stderr.write(f"devbox: the output was not kept: {error}\n")
