"""Printing: data to stdout as JSON or a table, talk to stderr."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from devbox.progress import Progress, Report

ERASE_LINE = "\x1b[K"
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add ``--json``, passed as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def yes_option(command: Command) -> Command:
    """Add ``--yes``, passed as ``yes``."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def plain(value: Any) -> Any:
    """A record as JSON types: dataclasses become objects, paths strings, tuples lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if field.repr
        }
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no such numbers; spelled as in Protocol Buffers' JSON.
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def print_json_line(value: Any) -> None:
    """One line of a JSON stream on stdout, flushed."""
    click.echo(json.dumps(plain(value), ensure_ascii=False))
    sys.stdout.flush()


def print_table(
    titles: Sequence[str], rows: Iterable[Sequence[object]], *, named: bool = False
) -> None:
    """A plain table: a title row, columns padded to their widest cell. Cells are shown without
    what a terminal would obey: what boxes and runs wrote is among them. ``named``: the titles
    are names of things, and keep their letters."""
    lines = [[plain_line(title if named else title.upper()) for title in titles]]
    lines += [["" if cell is None else plain_line(str(cell)) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def plain_line(text: str, longest: int = 0) -> str:
    """A text in one line, without control characters; cut to ``longest`` characters."""
    if not text.isprintable():
        text = "".join(each if each.isprintable() else " " for each in text)
    line = text.strip()
    return line if not longest or len(line) <= longest else line[: longest - 3] + "..."


def counted(count: int, what: str) -> str:
    """A number of things: 1 file, 2 files."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def say(text: str) -> None:
    """Talk to the person: stderr."""
    click.echo(text, err=True)


def confirm(question: str, *, yes: bool, refusal: str) -> None:
    """Ask before something is lost; ``--yes`` answers, and without a terminal it is needed.

    Raises Refused with ``refusal`` where nobody agreed.
    """
    from devbox.errors import Refused

    if yes:
        return
    if not (os.isatty(0) and os.isatty(2)):
        raise Refused(refusal, hint="Add --yes to confirm.")
    if not click.confirm(question, err=True):
        raise Refused(refusal)


def offer(*, yes: bool) -> Callable[[str], bool]:
    """What asks a person whether to do something else instead; ``--yes`` takes every offer."""

    def ask(question: str) -> bool:
        if yes:
            say(f"{question} Yes.")
            return True
        if not (os.isatty(0) and os.isatty(2)):
            return False
        # In place of a passing line of output.
        return click.confirm(f"\r{ERASE_LINE}{question}", err=True)

    return ask


def tell(progress: Progress) -> None:
    """Show a step of long work on stderr; output of the work itself is dimmed."""
    if progress.log:
        click.secho(f"    {progress.text}", dim=True, err=True)
        return
    count = f" [{progress.current}/{progress.total}]" if progress.total else ""
    click.secho(f"{progress.stage:>8} ", fg="cyan", nl=False, err=True)
    click.echo(f"{progress.subject}{count} {progress.text}".rstrip(), err=True)


@contextmanager
def telling(*, verbose: bool = False, quiet: bool = False) -> Iterator[Report]:
    """Show long work on stderr: its steps, and in a terminal the newest line of its output in
    one line that is overwritten. ``verbose`` shows all output, ``quiet`` nothing.

    What hooks print always stays: it is the person's own.
    """
    terminal = sys.stderr.isatty()
    passing = False

    def clear() -> None:
        nonlocal passing
        if passing:
            click.echo(f"\r{ERASE_LINE}", nl=False, err=True)
        passing = False

    def report(progress: Progress) -> None:
        nonlocal passing
        if quiet:
            return
        if verbose or not progress.log or progress.stage == "hook":
            clear()
            tell(progress)
        elif terminal and progress.text.strip():
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 5
            line = "".join(c if c.isprintable() else " " for c in progress.text)[:width]
            click.secho(f"\r{ERASE_LINE}    {line}", dim=True, nl=False, err=True)
            passing = True

    try:
        yield report
    finally:
        clear()


def size(value: float) -> str:
    """Bytes for a person, in binary units: 1536 -> '1.5 KiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def duration(seconds: float) -> str:
    """A time for a person, to the minute where there are any: 12 m."""
    minutes = round(seconds) // 60
    if not minutes:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} m"] * bool(minutes))
