"""devbox run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from devbox.cli.attach import PassThrough, attached, inside
from devbox.cli.complete import complete_box
from devbox.cli.output import say
from devbox.cli.served import served
from devbox.cli.target import root_or_none
from devbox.errors import DevboxError, UsageError
from devbox.redact import SECRETS


@click.command("run", cls=PassThrough, context_settings={"allow_interspersed_args": False})
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", "title", default="", help="Name of the run.  [default: the program's]")
@click.option("-e", "--experiment", default="", help="The group of runs that it belongs to.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Set a tag.")
@click.option(
    "--box",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[NAME]",
    shell_complete=complete_box,
    help="Run it in this box; without a name in the project's.",
)
def run(
    argv: tuple[str, ...],
    name: str | None,
    title: str,
    experiment: str,
    tags: tuple[str, ...],
    box: str | None,
) -> int:
    """Run a command as a tracked run.

    The command: devbox run [OPTIONS] -- COMMAND [ARGS]. Its output, exit code, commit, packages
    and use of the machine are kept; what its code logs with devbox belongs to this run. With
    --box it runs in a box. Its exit code is ours; failures of devbox itself are 125.

    \b
    Example:
      devbox run -- python3 -c 'print("trained")'
      devbox run --experiment churn --tag task=fraud -- python3 -c 'print("trained")'
      devbox run --box churn -- python train.py
    """
    from devbox.runs.track import track

    if name is not None:
        raise UsageError(f"What is {name} for?", hint=f"devbox run --box {name} -- COMMAND")
    if not argv:
        raise UsageError("No command given.", hint="devbox run -- COMMAND")
    pairs = dict(_pair(tag) for tag in tags)
    if box is not None:
        options = [f"--name={title}", f"--experiment={experiment}", *(f"--tag={t}" for t in tags)]
        return _in_box(box or None, [*options, "--", *argv])
    know_secrets()
    done = track(argv, name=title, experiment=experiment, tags=pairs)
    failed = f" failed: {done.error}" if done.error else ""
    say(f"Run {done.id[:12]}{failed}; see `devbox runs show {done.id[:12]}`")
    return done.code


def know_secrets() -> None:
    """Have the run and its code mask what the secrets' variables hold, whatever they are called:
    those of the settings, and those that devbox.toml names."""
    from devbox.api import Devbox

    names = set(os.environ.get(SECRETS, "").split(","))
    # Nothing of a run waits for a file that is broken.
    with Devbox() as door, suppress(DevboxError):
        sources = door.settings.secrets
        names |= {source.env for source in sources.values()}
        for box in door.project().boxes.values():
            names |= {name for name in box.spec.secrets if name not in sources}
    os.environ[SECRETS] = ",".join(sorted(filter(None, names)))


def _in_box(name: str | None, words: list[str]) -> int:
    """The same command, typed in a box."""
    from devbox.api import Devbox
    from devbox.boxes.identity import LIBRARY

    with Devbox() as door:
        box, person = door.boxes.running(name, root_or_none(door))
        served(door)
        argv = (f"{LIBRARY}/devbox", "run", *words)
        # Its output is kept as it comes, in two streams: a terminal would make it one.
        return attached(door, box, argv, person, inside(Path(box.project)), {}, tty=False)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"Not a tag: {text}", hint="Write it as KEY=VALUE.")
    return key, value
