"""devbox model import mlflow."""

from __future__ import annotations

from pathlib import Path

import click

from devbox.cli.output import counted, json_option, print_json, say

SHOWN = 20


@click.command("mlflow")
@click.argument("uri")
@click.option(
    "--artifacts",
    "more",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder outside of the store's that its files may be taken from.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would come.")
@json_option
def import_mlflow(uri: str, more: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Take in the runs and models of an MLflow store.

    The store is an SQLite file (sqlite:///mlflow.db) or a folder (mlruns), of MLflow 2 or 3; it
    is only read. Experiments, runs with params, all points of metrics, tags, datasets and files
    come, and registered models with versions, aliases, tags and descriptions. What is here
    already stays as it is, so that it can be done again. A run that has not ended there is lost
    here.

    \b
    Example:
      devbox model import mlflow sqlite:///mlflow.db --dry-run
      devbox model import mlflow ./mlruns
    """
    from devbox.api import Devbox
    from devbox.models.mlflow import bring
    from devbox.runs.mlflow import open_store
    from devbox.runs.mlflow.places import places

    store = open_store(uri)
    with Devbox() as door:
        found = bring(store, places(store.root, more), door.runs, door.models, dry_run=dry_run)
    if as_json:
        print_json(found)
        return
    for problem in found.problems[:SHOWN]:
        say(f"Left out: {problem}")
    if len(found.problems) > SHOWN:
        say(f"Left out: {len(found.problems) - SHOWN} things more; --json lists them.")
    for version in found.versions[:SHOWN]:
        say(f"  {version}")
    come = "would come" if dry_run else "came"
    known = counted(found.known_versions, "version")
    here = f"{counted(found.known_runs, 'run')} and {known} were here already"
    runs, versions = len(found.runs), len(found.versions)
    say(f"{counted(runs, 'run')} and {counted(versions, 'model version')} {come}; {here}.")
