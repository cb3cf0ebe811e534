"""devbox runs rm, experiment rm: the plan is shown, and carried out where a person agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devbox.cli.output import (
    confirm,
    counted,
    json_option,
    plain_line,
    print_json,
    say,
    yes_option,
)
from devbox.errors import UsageError

if TYPE_CHECKING:
    from devbox.runs import Runs
    from devbox.runs.removal import Removal

SHOWN = 20
LATER = (
    "There is no way back. The content of their artifacts goes with the next `devbox storage gc`."
)


@click.command("rm")
@click.argument("ids", nargs=-1, metavar="RUN...")
@click.option("-w", "--where", default="", help="Those that meet a condition: \"status = 'lost'\".")
@yes_option
@json_option
def remove_runs(ids: tuple[str, ...], where: str, yes: bool, as_json: bool) -> None:
    """Remove runs for good, with the runs below them.

    Shows what goes and asks. Refuses runs that go on, and those that model versions were made
    by. The content of their artifacts goes with the next `devbox storage gc`.

    \b
    Example:
      devbox runs rm 01a204a45bf3
      devbox runs rm --where "status = 'lost' and started < '30d'" --yes
    """
    from devbox.api import Devbox

    if not ids and not where:
        raise UsageError("Name runs, or give a condition.", hint="devbox runs rm RUN")
    with Devbox() as door:
        _remove(door.runs, door.runs.plan_removal(ids, where=where), yes=yes, as_json=as_json)


@click.command("rm")
@click.argument("name")
@yes_option
@json_option
def remove_experiment(name: str, yes: bool, as_json: bool) -> None:
    """Remove an experiment with all of its runs, for good.

    Shows what goes and asks. Refuses where a run goes on, or model versions were made by one.

    \b
    Example:
      devbox experiment rm first-tries
      devbox experiment rm first-tries --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        _remove(door.runs, door.runs.plan_removal(experiment=name), yes=yes, as_json=as_json)


def _remove(runs: Runs, removal: Removal, *, yes: bool, as_json: bool) -> None:
    gone: tuple[str, ...] = ()
    if removal.runs or removal.experiment:
        _show(removal)
        name = plain_line(removal.experiment)
        what = f"experiment {name}" if name else "these runs"
        confirm(f"Remove {what}?", yes=yes, refusal=f"Nothing was removed of {what}.")
        gone = runs.remove(removal)
    if as_json:
        print_json({"runs": gone, "experiment": removal.experiment})
        return
    say(f"Removed {len(gone)} run{'' if len(gone) == 1 else 's'}.")


def _show(removal: Removal) -> None:
    if removal.experiment:
        name = plain_line(removal.experiment)
        say(f"This removes the experiment {name} with {counted(len(removal.runs), 'run')}:")
    else:
        say("This removes:")
    for run in removal.runs[:SHOWN]:
        shown = plain_line(f"{run.name}  {run.experiment}")
        say(f"  {run.id[:12]}  {shown}  {run.status}")
    if len(removal.runs) > SHOWN:
        say(f"  and {len(removal.runs) - SHOWN} more")
    say(LATER)
