"""devbox model reproduce."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from devbox.cli.complete import complete_model
from devbox.cli.output import (
    confirm,
    json_option,
    print_json,
    print_table,
    say,
    telling,
    yes_option,
)
from devbox.errors import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from devbox.reproduce.records import Outcome, Plan


@click.command("reproduce")
@click.argument("ref", shell_complete=complete_model)
@click.option("-n", "--dry-run", is_flag=True, help="Show the plan, run nothing.")
@click.option("--tolerance", type=float, default=None, metavar="REL", help="By how much of its"
              " size a metric may differ.  [default: 1e-06]")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="METRIC", help="Don't compare it: time/*.")
@click.option("--keep", is_flag=True, help="Keep the checkout and the box it ran in.")
@click.option("--allow-pickle", is_flag=True, help="Load pickled weights to compare predictions.")
@click.option("-v", "--verbose", is_flag=True, help="Show all output.")
@yes_option
@json_option
def reproduce(
    ref: str,
    dry_run: bool,
    tolerance: float | None,
    ignore: tuple[str, ...],
    keep: bool,
    allow_pickle: bool,
    verbose: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Make a version again, and compare what comes out with what was recorded.

    Checks its commit out into a fresh folder, with the changes that were not committed, builds
    its box as it was locked, fetches its data, runs its command in a box of its own as a tracked
    run, and compares metrics and predictions. The exit code is 0 where all are the same.

    What the command registers is a new version with the tag `reproduces`. Asks before it runs
    code that is not of a repository here, or of a version that was imported; without a terminal
    that needs --yes.

    \b
    Example:
      devbox model reproduce churn@3 --dry-run
      devbox model reproduce churn@champion --tolerance 1e-4 --ignore "time/*"
    """
    from devbox.api import Devbox
    from devbox.cli.served import served
    from devbox.reproduce import TOLERANCE

    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise UsageError("A tolerance is a number from 0 on.", hint="--tolerance 1e-4")
    with Devbox() as door, telling(verbose=verbose, quiet=as_json) as report:
        if dry_run:
            plan = door.reproduction.plan(ref, report)
            print_json({**vars(plan), "possible": plan.possible}) if as_json else _show(plan)
            return EXIT_OK if plan.possible else EXIT_FAILED
        served(door)
        done = door.reproduction.reproduce(
            ref,
            tolerance=TOLERANCE if tolerance is None else tolerance,
            ignored=ignore,
            keep=keep,
            allow_pickle=allow_pickle,
            report=report,
            planned=lambda plan: _agree(plan, yes=yes, quiet=as_json),
        )
    print_json(done) if as_json else _result(done)
    return EXIT_OK if done.reproduced else EXIT_FAILED


def _agree(plan: Plan, *, yes: bool, quiet: bool) -> None:
    """Show the plan, and ask where its code is somebody else's."""
    if not quiet or plan.foreign:
        _show(plan, talk=True)
    if plan.foreign:
        what = "its commit, changes and devbox.toml decide what runs and what it may reach here"
        confirm("Run it?", yes=yes, refusal=f"{plan.ref} is not run: {plan.foreign}; {what}.")


def _show(plan: Plan, *, talk: bool = False) -> None:
    """The plan: as data where it is what was asked for, else as talk."""
    rows = [
        ("version", f"{plan.ref} ({plan.id})"),
        ("commit", f"{plan.commit[:12] or '-'} from {plan.source or '-'}"),
        ("changes", plan.diff or "none"),
        ("box", f"{plan.box or '-'}, {'as locked' if plan.locked else 'not locked'}"),
        *(("data", f"{step.ref} -> {step.target}") for step in plan.data),
        ("command", f"{shlex.join(plan.command) or '-'} in {plan.folder}"),
        ("compare", f"{plan.metrics} metrics" + (" and the example" if plan.example else "")),
        *(("note", doubt) for doubt in plan.doubts),
        *([("look first", plan.foreign)] if plan.foreign else []),
        *(("in the way", obstacle) for obstacle in plan.obstacles),
    ]
    for title, text in rows:
        click.echo(f"{title:>10}  {text}", err=talk)


def _result(done: Outcome) -> None:
    rows = [
        (
            row.key,
            f"{row.recorded:.9g}",
            "-" if row.now is None else f"{row.now:.9g}",
            "-" if row.difference is None else f"{row.difference:.2g}",
            {"exact": "exact", "within": "yes"}.get(row.state, "NO"),
        )
        for row in done.rows
    ]
    if rows:
        print_table(("metric", "recorded", "now", "difference", "within"), rows)
    if found := done.predictions:
        state = "the same" if found.ok else "NOT the same" if found.checked else "not compared"
        click.echo(f"predictions with {found.model}: {state}  {found.message}".rstrip())
    for note in done.notes:
        say(f"note: {note}")
    if done.code:
        say(f"The command ended with {done.code}; see `devbox runs logs {done.run[:12]}`.")
    made = f", and {done.version}" if done.version else ""
    verdict = "reproduced" if done.reproduced else "NOT reproduced"
    say(f"{done.plan.ref} is {verdict} (tolerance {done.tolerance:g}): run {done.run[:12]}{made}.")
    if done.kept:
        say(f"The checkout is {done.kept}; `devbox rm --volumes {done.box}` removes its box.")
