"""The headless command line: parse, one call into the door, print."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

from devbox.cli.faults import report_bug, report_error
from devbox.cli.group import cli
from devbox.errors import (
    EXIT_BUG,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    DevboxError,
)

# What the disk or its permissions say no to is no fault of devbox.
SURROUNDINGS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EIO,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code (the table of :mod:`devbox.errors`)."""
    try:
        result = cli.main(argv, prog_name="devbox", standalone_mode=False)
    except DevboxError as error:
        report_error(error)
        return error.exit_code
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno not in SURROUNDINGS:
            report_bug(error)
            return EXIT_BUG
        where = f"{error.filename}: " if error.filename else ""
        hint = "`devbox doctor` looks at disks and permissions."
        report_error(DevboxError(f"{where}{error.strerror}.", hint=hint))
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets a log file
        report_bug(error)
        return EXIT_BUG
    return result if isinstance(result, int) else EXIT_OK


def main() -> None:
    """The ``devbox`` command."""
    _open_standard_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` keeps its meaning
            signal.signal(number, _leave)
    try:
        code = run()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else EXIT_BUG
    with suppress(OSError):  # whoever read our output may have left
        sys.stdout.flush()
        sys.stderr.flush()
    # Everything is closed by now; taking the interpreter apart would cost another 10 ms.
    os._exit(code)


def _leave(number: int, _: object) -> NoReturn:
    """End as after Ctrl+C: children are ended, temporary files removed on the way out."""
    raise SystemExit(128 + number)


def _open_standard_streams() -> None:
    """Give a closed standard stream (``<&-``, a daemon's) something to be: its number would
    otherwise go to the next file or connection that is opened."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
