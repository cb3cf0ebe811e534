"""The headless command line: parse, one call into the door, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from devbox.cli.faults import report_bug, report_error
from devbox.cli.group import cli
from devbox.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, DevboxError


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
    except Exception as error:  # noqa: BLE001 - the last resort: a bug gets a log file
        report_bug(error)
        return EXIT_BUG
    return result if isinstance(result, int) else EXIT_OK


def main() -> None:
    """The ``devbox`` command."""
    code = run()
    with suppress(OSError):  # whoever read our output may have left
        sys.stdout.flush()
        sys.stderr.flush()
    # Everything is closed by now; taking the interpreter apart would cost another 10 ms.
    os._exit(code)
