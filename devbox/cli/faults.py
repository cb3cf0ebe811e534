"""How failures are shown: an expected one as a line and a hint, a bug with a log file."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

import click

from devbox import __version__
from devbox.errors import DevboxError
from devbox.home import home


def report_error(error: DevboxError) -> None:
    """Print an expected error to stderr: what is wrong, details, what to do."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.message, err=True)
    for line in error.detail:
        click.echo(f"  {line}", err=True)
    if error.hint:
        click.secho("hint: ", fg="cyan", nl=False, err=True)
        click.echo(error.hint, err=True)


def report_bug(error: BaseException) -> None:
    """Write the traceback to a log file and say where it is.

    The log holds no argument values: they may be secrets.
    """
    lines = [f"devbox {__version__}", f"python {sys.version}", "", *traceback.format_exception(error)]
    name = f"bug-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.log"
    try:
        folder = home() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / name
        log.write_text("\n".join(lines))
    except OSError:
        log = Path(tempfile.mkdtemp(prefix="devbox-")) / name
        log.write_text("\n".join(lines))
    click.secho("bug: ", fg="red", bold=True, nl=False, err=True)
    click.echo(f"{type(error).__name__}: {error}", err=True)
    click.echo(f"This is a fault of devbox. Please attach {log} to a report.", err=True)
