"""How failures are shown: an expected one as a line and a hint, a bug with a log file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from devbox import __version__
from devbox.errors import EXIT_OK, DevboxError
from devbox.home import home
from devbox.redact import masked


def report_error(error: DevboxError) -> None:
    """Print an expected error to stderr: what is wrong, details, what to do."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.message, err=True)
    for line in error.detail:
        click.echo(f"  {line}", err=True)
    if error.hint:
        click.secho("hint: ", fg="cyan", nl=False, err=True)
        click.echo(error.hint, err=True)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Where the reader of our output has left (`devbox ps | head -1`), end with success.

    A pipe that broke elsewhere, to an engine say, is a bug: click would end without a word.
    """
    try:
        yield
    except BrokenPipeError as error:
        if not _reader_left():
            raise RuntimeError(f"a pipe or connection broke: {error}") from error
        # The interpreter flushes once more at exit: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(EXIT_OK) from None


def _reader_left() -> bool:
    """Whether nobody reads what stdout is connected to."""
    import select

    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def report_bug(error: BaseException) -> None:
    """Write the traceback to a log file and say where it is.

    The log holds no argument values: they may be secrets. Known secrets are masked.
    """
    import tempfile
    import time
    import traceback

    lines = [
        f"devbox {__version__}",
        f"python {sys.version}",
        "",
        masked("".join(traceback.format_exception(error))),
    ]
    name = f"bug-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.log"
    try:
        folder = home() / "logs"
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        log = folder / name
        _write(log, lines)
    except Exception:  # noqa: BLE001 - whatever is wrong there, the bug itself is told
        log = Path(tempfile.mkdtemp(prefix="devbox-")) / name
        _write(log, lines)
    click.secho("bug: ", fg="red", bold=True, nl=False, err=True)
    click.echo(masked(f"{type(error).__name__}: {error}"), err=True)
    click.echo(f"This is a fault of devbox. Please attach {log} to a report.", err=True)


def _write(log: Path, lines: list[str]) -> None:
    """Nobody else may read it, wherever it lies: paths and names stand in it."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
        os.fchmod(descriptor, 0o600)
        file.write("\n".join(lines))
