"""devbox run."""

from __future__ import annotations

import click

from devbox.cli.attach import PassThrough
from devbox.cli.output import say
from devbox.errors import UsageError


@click.command("run", cls=PassThrough, context_settings={"allow_interspersed_args": False})
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", "title", default="", help="Name of the run.  [default: the program's]")
@click.option("-e", "--experiment", default="", help="The group of runs that it belongs to.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Set a tag.")
def run(
    argv: tuple[str, ...], name: str | None, title: str, experiment: str, tags: tuple[str, ...]
) -> int:
    """Run a command as a tracked run.

    The command: devbox run [OPTIONS] -- COMMAND [ARGS]. Its output, exit code, commit, packages
    and use of the machine are kept; what its code logs with devbox belongs to this run. Its exit
    code is ours; failures of devbox itself are 125.

    \b
    Example:
      devbox run -- python3 -c 'print("trained")'
      devbox run --experiment churn --tag task=fraud -- python3 -c 'print("trained")'
    """
    from devbox.runs.track import track

    del name
    if not argv:
        raise UsageError("No command given.", hint="devbox run -- COMMAND")
    pairs = dict(_pair(tag) for tag in tags)
    done = track(argv, name=title, experiment=experiment, tags=pairs)
    failed = f" failed: {done.error}" if done.error else ""
    say(f"Run {done.id[:12]}{failed}; see `devbox runs show {done.id[:12]}`")
    return done.code


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"Not a tag: {text}", hint="Write it as KEY=VALUE.")
    return key, value
