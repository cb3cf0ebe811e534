"""Asking a program of this machine for something: it may neither hang nor flood us.

It runs without a terminal, so that it fails where it would ask a person. One that is ended is
ended with all that it started.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KEPT_ERRORS = 8192
CHUNK = 65536
LOOK_AGAIN = 0.2
QUIET_GIT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "GCM_INTERACTIVE": "never"}
"""Git's environment: nothing that it runs may ask a person, here or in a window."""


class TooSlow(Exception):
    """The program took longer than it may, and was ended."""


class TooMuch(Exception):
    """The program printed more than it may, and was ended."""


@dataclass(frozen=True)
class Answer:
    """How a program ended, what it printed, and the last 8 KiB of its errors."""

    code: int
    output: bytes
    errors: bytes

    @property
    def last_errors(self) -> list[str]:
        """The last lines of its errors, at most ten."""
        return self.errors.decode(errors="replace").splitlines()[-10:]


def ask(
    argv: Sequence[str],
    *,
    seconds: float,
    limit: int,
    send: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Answer:
    """Run a program to its end. ``send`` (some KiB at most) is its input, ``limit`` is in bytes.

    Raises TooSlow, TooMuch, or OSError where the program cannot be started.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        return _converse(process, send, limit, time.monotonic() + seconds)
    except BaseException:
        _end(process)
        raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()


def _converse(process: subprocess.Popen[bytes], send: bytes, limit: int, deadline: float) -> Answer:
    assert process.stdin
    assert process.stdout
    assert process.stderr
    with suppress(BrokenPipeError):  # it may not want to read
        process.stdin.write(send)
        process.stdin.close()
    got = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    out, errors = got
    with selectors.DefaultSelector() as waiting:
        for stream in got:
            waiting.register(stream, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(min(LOOK_AGAIN, max(deadline - time.monotonic(), 0)))
            for key, _ in ready:
                if not (data := os.read(key.fd, CHUNK)):
                    waiting.unregister(key.fd)
                got[key.fd] += data
            if len(got[out]) > limit:
                raise TooMuch
            got[errors] = got[errors][-KEPT_ERRORS:]
            # What it left behind may keep the streams open for ever.
            if not ready and process.poll() is not None:
                break
            if time.monotonic() > deadline:
                raise TooSlow
    try:
        code = process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise TooSlow from None
    return Answer(code, got[out], got[errors])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program with all that it started."""
    import psutil

    with suppress(psutil.Error):
        for one in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                one.kill()
    # Those that lost their parent are in its session, unless they left that too.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
