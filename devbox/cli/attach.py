"""devbox exec, shell."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.faults import report_error
from devbox.cli.target import root_or_none
from devbox.errors import EXIT_OWN_FAILURE, DevboxError, UsageError

if TYPE_CHECKING:
    from devbox.api import Devbox
    from devbox.boxes import BoxView

LOGIN_SHELL = "if [ -x /bin/bash ]; then exec /bin/bash -l; else exec /bin/sh -l; fi"


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
    with Devbox() as door:
        root = root_or_none(door)
        box, owner = door.boxes.running(name, root)
        where = workdir or _inside(root, Path.cwd())
        return _attach(door, box, argv, user or str(owner), where, _variables(env), tty)


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
        root = root_or_none(door)
        box, owner = door.boxes.running(name or (argv[0] if argv else None), root)
        door.boxes.on_attach(box, owner, tell)
        command = ("/bin/sh", "-c", LOGIN_SHELL)
        return _attach(door, box, command, user or str(owner), _inside(root, Path.cwd()), {}, None)


def _attach(
    door: Devbox,
    box: BoxView,
    argv: tuple[str, ...],
    user: str,
    cwd: str,
    env: dict[str, str],
    tty: bool | None,
) -> int:
    from devbox.boxes.attach import Command, attach
    from devbox.boxes.identity import User

    uid, _, gid = user.partition(":")
    if not (uid.isdigit() and (gid or "0").isdigit()):
        raise UsageError(f"Not a user: {user}", hint="Give a number, or two as UID:GID.")
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if tty and not terminal:
        raise UsageError("There is no terminal here.", hint="Leave out --tty.")
    command = Command(box.container, argv, User(int(uid), int(gid or 0)), cwd, env)
    wanted = terminal if tty is None else tty
    return attach(door.engine, command, tty=wanted, connect=door.connect_engine)


def _inside(root: Path | None, here: Path) -> str:
    """Where this folder is in the box: below /workspace if the project holds it."""
    if root is None or not here.is_relative_to(root):
        return "/workspace"
    return str(PurePosixPath("/workspace", *here.relative_to(root).parts))


def _variables(pairs: tuple[str, ...]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"Not a variable: {pair}", hint="Write it as NAME=VALUE.")
        variables[name] = value
    return variables
