"""devbox sweep."""

from __future__ import annotations

from pathlib import Path

import click

from devbox.cli.output import json_option, print_json, say
from devbox.cli.track import know_secrets
from devbox.errors import UsageError


@click.command("sweep", context_settings={"allow_interspersed_args": False})
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND {PARAM}...")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=RANGE", help="What to vary.")
@click.option(
    "--space",
    type=click.Path(path_type=Path),
    help="A TOML or YAML file with what to vary.",
)
@click.option("-m", "--metric", default="", help="What the command logs, to compare trials by.")
@click.option("-n", "--trials", type=click.IntRange(1), help="How many.  [default: 20; a grid all]")
@click.option("--method", default="", help="random, grid or optuna.  [default: random]")
@click.option("--min", "smallest", is_flag=True, help="The lowest value is the best.")
@click.option("--seed", type=int, help="The same seed tries the same.  [default: 0]")
@click.option("--name", default="", help="Name of the sweep's run.  [default: the program's]")
@click.option("-e", "--experiment", default="", help="The group of runs that it belongs to.")
@click.option("--max-failures", type=click.IntRange(1), default=10, help="Give up after so many.")
@click.option("--resume", default="", metavar="ID", help="Go on with a sweep.")
@json_option
def sweep(
    argv: tuple[str, ...],
    params: tuple[str, ...],
    space: Path | None,
    metric: str,
    trials: int | None,
    method: str,
    smallest: bool,
    seed: int | None,
    name: str,
    experiment: str,
    max_failures: int,
    resume: str,
    as_json: bool,
) -> int:
    """Run a command many times with different params.

    The runs are children of one run. A range is choice:2,4,8 or int:1:10 or float:0:1 or
    log:1e-4:1e-1 or logint:1:1000; a third number of int or float is a step. {NAME} in the
    command becomes the value. A trial that fails is kept, and the next one tried. A sweep that
    was interrupted goes on with --resume, from the folder and with the command of before.

    \b
    Example:
      devbox sweep -p lr=log:1e-4:1e-1 -p depth=choice:2,4,8 -m accuracy -n 30 -- \\
        python train.py --lr {lr} --depth {depth}
      devbox sweep --resume 01a204a45bf3 -m accuracy -- python train.py --lr {lr} --depth {depth}
    """
    from devbox.journal.sweep import sweep as run_sweep
    from devbox.runs.sweeps import check_used, space_of, summary, trial_of

    if not argv:
        raise UsageError("No command given.", hint="devbox sweep -p lr=log:1e-4:1e-1 -- COMMAND")
    given = space_of(params, space)
    if not metric and not resume:
        raise UsageError("Name what to compare trials by.", hint="--metric accuracy")
    check_used(argv, list(given))
    know_secrets()
    found = run_sweep(
        trial_of(argv, out=2 if as_json else 1),
        None if resume else given,
        n=trials,
        method=method,
        metric="" if resume else metric,
        direction="min" if smallest else "",
        seed=seed,
        name=name,
        experiment=experiment,
        max_failures=max_failures,
        resume=resume,
        sample_every=None,
    )
    if as_json:
        print_json(summary(found))
    elif found.best:
        chosen = " ".join(f"{key}={value}" for key, value in found.best.params.items())
        say(f"Best of {len(found.trials)}: {chosen}, {metric or 'metric'} {found.best.value:.6g}")
        say(f"Sweep {found.id[:12]}; see `devbox runs show {found.id[:12]}`")
    return 0
