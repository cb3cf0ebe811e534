"""devbox runs ls, show, compare, plot, logs; rm is in :mod:`devbox.cli.removal`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.output import json_option, plain_line, print_json, print_table, size
from devbox.cli.removal import remove_runs
from devbox.errors import UsageError

if TYPE_CHECKING:
    from devbox.runs.compare import Comparison
    from devbox.runs.records import RunRecord

SHOWN_ID = 12


@click.group("runs")
def runs() -> None:
    """List, show, compare, plot and remove what ran.

    A run is named by its id or the beginning of it.

    \b
    Example:
      devbox runs ls --where "metrics.accuracy > 0.9"
      devbox runs ls --order-by "metrics.loss asc" -n 5
    """


runs.add_command(remove_runs)


@runs.command("ls")
@click.option("-w", "--where", default="", help='A condition: "params.lr < 0.1".')
@click.option("-o", "--order-by", default="", help='A field, and "desc": "metrics.auc desc".')
@click.option("-n", "--last", type=click.IntRange(1), default=20, help="At most so many.")
@click.option("-a", "--all", "every", is_flag=True, help="Children of other runs, too.")
@click.option("-q", "--quiet", is_flag=True, help="Print only ids.")
@json_option
def ls(where: str, order_by: str, last: int, every: bool, quiet: bool, as_json: bool) -> None:
    """List runs, newest first.

    A condition compares metrics.KEY (the last value), params.KEY, tags.KEY, name, experiment,
    status, user, host, box, started or ended with a number or a text in quotes; with and, or,
    not, like, in.

    \b
    Example:
      devbox runs ls
      devbox runs ls --where "experiment = 'churn' and started > '12h'"
      devbox runs ls --order-by "metrics.accuracy desc" --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        found = door.runs.search(where, order_by=order_by, limit=last, roots=not every)
    if as_json:
        print_json([summary(run) for run in found])
    elif quiet:
        for run in found:
            click.echo(run.id)
    else:
        titles = ("id", "name", "experiment", "status", "started", "took", "metrics")
        print_table(titles, [_row(run) for run in found])


@runs.command("show")
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> None:
    """Show one run in full: params, metrics, code, environment, artifacts, children.

    \b
    Example:
      devbox runs show 01a204a45bf3
      devbox runs show 01a204a45bf3 --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        record = door.runs.get(run)
        children = door.runs.children(record.id)
    if as_json:
        print_json({**summary(record), **_details(record), "children": children})
    else:
        _print(record, list(children))


@runs.command("compare")
@click.argument("ids", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--all", "every", is_flag=True, help="What is the same in all, too.")
@json_option
def compare(ids: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Show side by side in what runs differ: params, last metrics, tags, code.

    \b
    Example:
      devbox runs compare 01a204a45bf3 01a204a469aa
      devbox runs compare $(devbox runs ls -q -n 3)
    """
    from devbox.api import Devbox

    if len(ids) < 2:
        raise UsageError("Name at least two runs.", hint="devbox runs compare RUN RUN")
    with Devbox() as door:
        found = door.runs.compare(ids, every=every)
    if as_json:
        print_json(found)
    else:
        _print_comparison(found)


@runs.command("plot")
@click.argument("ids", nargs=-1, required=True, metavar="RUN...")
@click.option("-m", "--metric", multiple=True, help="What to plot.  [default: all but system/]")
@click.option("--time", "by_time", is_flag=True, help="Over seconds since the start, not steps.")
@json_option
def plot(ids: tuple[str, ...], metric: tuple[str, ...], by_time: bool, as_json: bool) -> None:
    """Plot metrics of one or several runs in the terminal.

    \b
    Example:
      devbox runs plot 01a204a45bf3
      devbox runs plot 01a204a45bf3 01a204a469aa --metric loss
    """
    from devbox.api import Devbox
    from devbox.cli.plot import draw

    with Devbox() as door:
        records = [door.runs.get(run) for run in ids]
        known = list(dict.fromkeys(key for record in records for key in record.metrics))
        chosen = metric or tuple(key for key in known if not key.startswith("system/"))
        lines = {
            key: [
                (record, door.runs.metric(record.id, key).downsampled(1000))
                for record in records
                if key in record.metrics or key not in known
            ]
            for key in chosen
        }
    if not lines:
        raise UsageError("There is no metric to plot.", hint="--metric system/cpu_cores")
    if as_json:
        print_json(
            [
                {"run": record.id, "metric": key, "points": list(series)}
                for key, some in lines.items()
                for record, series in some
            ]
        )
        return
    for key, some in lines.items():
        draw(key, [(_label(record), series) for record, series in some], by_time=by_time)


@runs.command("logs")
@click.argument("run")
def logs(run: str) -> None:
    """Print the output of a run that `devbox run` started.

    \b
    Example:
      devbox runs logs 01a204a45bf3
    """
    from devbox.api import Devbox

    with Devbox() as door:
        sys.stdout.buffer.write(door.runs.output(run))


def summary(run: RunRecord) -> dict[str, Any]:
    """A run as JSON, without what is long."""
    fields = ("id", "parent", "experiment", "name", "status", "started", "ended", "user", "host")
    more = ("box", "error", "params", "metrics", "tags")
    return {field: getattr(run, field) for field in fields + more}


def _details(run: RunRecord) -> dict[str, Any]:
    fields = ("command", "folder", "code", "environment", "artifacts", "inputs", "damaged")
    return {field: getattr(run, field) for field in fields}


def _row(run: RunRecord) -> tuple[str, ...]:
    metrics = {key: value for key, value in run.metrics.items() if not key.startswith("system/")}
    shown = " ".join(f"{key}={value:.4g}" for key, value in list(metrics.items())[:3])
    return (
        run.id[:SHOWN_ID],
        run.name,
        run.experiment,
        run.status,
        _when(run.started),
        _took(run),
        shown + (" ..." if len(metrics) > 3 else ""),
    )


def _label(run: RunRecord) -> str:
    return plain_line(f"{run.name or 'run'} {run.id[:SHOWN_ID]}")


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _took(run: RunRecord) -> str:
    seconds = round((run.ended or time.time()) - run.started)
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    minutes, hours = seconds // 60, seconds // 3600
    return f"{minutes} min" if minutes < 120 else f"{hours} h {minutes % 60} min"


def _print(run: RunRecord, children: list[str]) -> None:
    commit = run.code.get("commit", "")
    dirty = ", uncommitted changes kept" if run.code.get("dirty") else ""
    rows: list[tuple[str, str]] = [
        ("run", f"{run.id}  {run.name}"),
        ("experiment", run.experiment),
        ("status", run.status + (f": {run.error}" if run.error else "")),
        ("started", f"{_when(run.started)}, took {_took(run)}"),
        ("by", f"{run.user} on {run.host}" + (f" in box {run.box}" if run.box else "")),
        ("command", " ".join(run.command)),
        ("folder", run.folder),
    ]
    if commit:
        rows.append(("commit", f"{commit[:12]} on {run.code.get('branch', '')}{dirty}"))
    if run.environment:
        packages = len(run.environment.get("packages", {}))
        rows.append(("python", f"{run.environment.get('python')}, {packages} packages"))
    if run.parent:
        rows.append(("parent", run.parent))
    rows += [("param", f"{key} = {value}") for key, value in run.params.items()]
    rows += [("metric", f"{key} = {value:.6g}") for key, value in run.metrics.items()]
    rows += [("tag", f"{key} = {value}") for key, value in run.tags.items()]
    rows += [("input", f"{read.name} {read.version or read.digest}") for read in run.inputs]
    rows += [("artifact", f"{each.path} ({size(each.size)})") for each in run.artifacts]
    rows += [("child", child) for child in children]
    if run.damaged:
        rows.append(("damaged", f"{run.damaged} records could not be read"))
    for title, text in rows:
        click.echo(f"{title:>10}  {plain_line(text)}".rstrip())


def _print_comparison(found: Comparison) -> None:
    titles = ("", *(f"{name or '-'} {run[:SHOWN_ID]}" for run, name in found.runs))
    rows = [
        (f"{row.kind}.{row.key}", *("-" if v is None else str(v) for v in row.values))
        for row in found.rows
    ]
    print_table(titles, rows, named=True)
