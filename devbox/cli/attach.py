"""devbox exec, shell."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.faults import report_error
from devbox.cli.output import say
from devbox.cli.served import served
from devbox.cli.target import root_or_none
from devbox.errors import EXIT_OWN_FAILURE, DevboxError, UsageError

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView
    from devbox.boxes.identity import User

# As in devbox.config.spec, which `exec` would only import for this.
WORKSPACE = "/workspace"
LOGIN_SHELL = ("/usr/local/lib/devbox/shell",)
KILLED, NOT_FOUND = 137, 127


class PassThrough(click.Command):
    """A command that ends with another program's exit code: its own failures are 125.

    What follows ``--`` is the program; before it stands the box's name. Without ``--`` all
    is the program.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            if "--" in args:
                at = args.index("--")
                rest = super().parse_args(ctx, args[:at])
                ctx.params["name"] = (ctx.params["argv"] or (None,))[0]
                if len(ctx.params["argv"]) > 1:
                    ctx.fail("Only the name of a box may stand before --.")
                ctx.params["argv"] = tuple(args[at + 1 :])
                return rest
            ctx.params["name"] = None
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(EXIT_OWN_FAILURE) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DevboxError as error:
            report_error(error)
            return EXIT_OWN_FAILURE


@click.command("exec", cls=PassThrough, context_settings={"allow_interspersed_args": False})
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
@click.option("-w", "--workdir", help="Folder in the box.  [default: where we are, in /workspace]")
@click.option("-u", "--user", help="User in the box, as UID or UID:GID.")
@click.option("-t/-T", "--tty/--no-tty", default=None, help="With a terminal, or without one.")
def exec(
    argv: tuple[str, ...],
    name: str | None,
    env: tuple[str, ...],
    workdir: str | None,
    user: str | None,
    tty: bool | None,
) -> int:
    """Run a command in the box.

    The command: devbox exec [OPTIONS] [NAME] -- COMMAND [ARGS]. Its exit code is ours; failures
    of devbox itself are 125. However this ends, the command's processes in the box end with it.

    \b
    Example:
      devbox exec -- python train.py --epochs 3
      devbox exec churn -- nvidia-smi
      git diff | devbox exec -- wc -l
    """
    from devbox.api import Devbox

    if not argv:
        raise UsageError("No command given.", hint="devbox exec [NAME] -- COMMAND")
    variables = _variables(env)
    started = time.time()
    with Devbox() as door:
        box, person = door.boxes.running(name, root_or_none(door))
        where = workdir or inside(Path(box.project))
        served(door)
        code = attached(door, box, argv, _user(user) or person, where, variables, tty)
        if code == KILLED and door.inside.out_of_memory(box, started):
            say("devbox: the box reached its memory limit; see `resources.memory`.")
        elif code == NOT_FOUND and name is None and len(argv) > 1 and _is_box(door, argv[0]):
            say(f"devbox: to run something in box {argv[0]}: devbox exec {argv[0]} -- COMMAND")
    return code


@click.command("shell", cls=PassThrough)
@click.argument("argv", nargs=-1, metavar="[NAME]")
@click.option("-u", "--user", help="User in the box, as UID or UID:GID.")
def shell(argv: tuple[str, ...], name: str | None, user: str | None) -> int:
    """Open a shell in the box.

    Runs the on_attach hooks, then a login shell in the folder that we are in.

    \b
    Example:
      devbox shell
      devbox shell churn
    """
    from devbox.api import Devbox
    from devbox.cli.output import tell

    if len(argv) > 1:
        raise UsageError("A shell takes the name of a box.", hint="devbox exec runs a command.")
    with Devbox() as door:
        chosen = name or (argv[0] if argv else None)
        box, person = door.boxes.running(chosen, root_or_none(door))
        door.boxes.on_attach(box, tell)
        where = inside(Path(box.project))
        served(door)
        return attached(door, box, LOGIN_SHELL, _user(user) or person, where, {}, None)


def attached(
    door: Devbox,
    box: BoxView,
    argv: tuple[str, ...],
    user: User,
    cwd: str,
    env: dict[str, str],
    tty: bool | None,
) -> int:
    """Run a command in a box with our streams attached; its exit code."""
    from devbox.boxes.attach import Command, attach

    terminal = os.isatty(0) and os.isatty(1)
    if tty and not terminal:
        raise UsageError("There is no terminal here.", hint="Leave out --tty.")
    with ExitStack() as held:
        try:
            agent = held.enter_context(door.agent_for(box.name))
        except DevboxError as error:
            say(f"devbox: without your ssh agent: {error.message}")
            agent = {}
        command = Command(box.container, argv, user, cwd, {**agent, **env})
        return attach(door.engine, command, tty=terminal if tty is None else tty)


def _user(text: str | None) -> User | None:
    from devbox.boxes.identity import User

    if text is None:
        return None
    uid, colon, gid = text.partition(":")
    numbers = (uid, gid) if colon else (uid,)
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise UsageError(f"Not a user: {text}", hint="Give a number, or two as UID:GID.")
    return User(int(uid), int(gid or 0))


def inside(project: Path) -> str:
    """Where this folder is in the box: below /workspace if the box's project holds it."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return WORKSPACE
    if not here.is_relative_to(project):
        return WORKSPACE
    return str(PurePosixPath(WORKSPACE, *here.relative_to(project).parts))


def _is_box(door: Devbox, name: str) -> bool:
    return any(box.name == name for box in door.boxes.ls())


def _variables(pairs: tuple[str, ...]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"Not a variable: {pair}", hint="Write it as NAME=VALUE.")
        variables[name] = value
    return variables
