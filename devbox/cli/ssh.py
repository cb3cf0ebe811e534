"""devbox ssh, ssh-config."""

from __future__ import annotations

import os
import signal
import sys

import click

from devbox.cli.attach import PassThrough
from devbox.cli.complete import complete_box
from devbox.cli.output import confirm, json_option, print_json, say, yes_option
from devbox.cli.served import served
from devbox.cli.target import root_or_none


class BoxOrCommand(PassThrough):
    """The same, where what stands without ``--`` can only be the box's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if "--" in args else [*args, "--"])


@click.command("ssh", cls=BoxOrCommand)
@click.argument("argv", nargs=-1, metavar="[NAME]", shell_complete=complete_box)
def ssh(argv: tuple[str, ...], name: str | None) -> None:
    """Log in to the box with OpenSSH, or run a command there.

    Without a command it is a login shell. With one: devbox ssh [NAME] -- COMMAND; as ssh does,
    it hands the words to the shell of the box, and its exit code is ours. Failures of devbox
    itself are 125. The box publishes no port for this; `devbox ssh-config` lets editors, scp and
    rsync in the same way.

    \b
    Example:
      devbox ssh
      devbox ssh churn -- 'cd /workspace && git status'
    """
    from devbox.api import Devbox

    with Devbox() as door:
        access = door.inside.ssh(name, root_or_none(door))
        served(door)
        terminal = bool(argv) and os.isatty(0) and os.isatty(1)
        start = access.shared(*(["-t"] if terminal else []), agent=door.ssh_agent)
    sys.stdout.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and ssh would inherit that
    os.execvp(start[0], [*start, *argv])  # noqa: S606 - no shell is what is wanted


@click.command("ssh-config")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change, change nothing.")
@click.option("--print", "show", is_flag=True, help="Print the entries, change nothing.")
@click.option("--remove", is_flag=True, help="Take away what this command has written.")
@yes_option
@json_option
def ssh_config(dry_run: bool, show: bool, remove: bool, yes: bool, as_json: bool) -> None:
    """Let ssh, scp, rsync and editors reach boxes as NAME.devbox.

    Writes a file of devbox's own with an entry for each box, and one line that includes it at
    the top of ~/.ssh/config, after asking. `up` and `rm` keep the entries true from then on.

    \b
    Example:
      devbox ssh-config --dry-run
      devbox ssh-config
      ssh churn.devbox nvidia-smi
    """
    from devbox.api import Devbox

    with Devbox() as door:
        plan = door.inside.ssh_config(agent=door.settings.ssh_agent, remove=remove)
        if show:
            print_json(plan) if as_json else click.echo(plan.text or "", nl=False)
            return
        if not plan.empty and not dry_run:
            for line in plan.diff:
                say(line)
            confirm("Write this?", yes=yes, refusal="Nothing was changed.")
            door.inside.write_ssh_config(plan)
    if as_json:
        print_json(plan)
    elif dry_run:
        for line in plan.diff:
            click.echo(line)
    if plan.empty:
        say("Nothing to change.")
    elif not dry_run and not remove:
        say(f"ssh knows: {', '.join(plan.hosts) or 'no box yet'}.")
