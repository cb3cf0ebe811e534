"""Printing what checks found, for `devbox doctor` and `devbox state check`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from devbox.cli.output import plain, print_json
from devbox.errors import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    from devbox.state.check import Check

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}
PLAIN_MARKS = {"ok": "+", "warn": "!", "fail": "x"}


def report(found: Iterable[Check], *, as_json: bool) -> int:
    """Print checks, each as soon as it is done; returns 1 if one failed, else 0.

    Status is told by shape and word as well as by colour.
    """
    checks = []
    for check in found:
        checks.append(check)
        if not as_json:
            _print(check)
    if as_json:
        print_json([plain(check) for check in checks])
    else:
        _sum_up([check.status for check in checks])
    return EXIT_FAILED if any(check.status == "fail" for check in checks) else EXIT_OK


def _print(check: Check) -> None:
    mark, colour = MARKS[check.status]
    try:
        mark.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        mark = PLAIN_MARKS[check.status]
    click.echo(
        f"{click.style(f'{mark} {check.status:4}', fg=colour)}  {check.name:<14}  ", nl=False
    )
    click.echo(check.message)
    if check.fix:
        click.echo(f"{'':24}{click.style('fix:', fg='cyan')} {check.fix}")


def _sum_up(statuses: list[str]) -> None:
    counts = [
        f"{statuses.count(status)} {word}"
        for status, word in (("ok", "ok"), ("warn", "to look at"), ("fail", "failed"))
        if statuses.count(status)
    ]
    click.echo(", ".join(counts), err=True)
