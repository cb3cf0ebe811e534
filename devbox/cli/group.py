"""The top-level group: subcommands are imported when they are used, not before."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from devbox import __version__
from devbox.cli.commands import COMMANDS, SECTIONS
from devbox.cli.faults import reader_may_leave

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def terminal() -> bool:
    """Whether there is a terminal that a UI can be drawn on."""
    return os.isatty(0) and os.isatty(1) and os.environ.get("TERM", "dumb") not in {"", "dumb"}


class LazyGroup(click.Group):
    """A group over the command table."""

    # click makes a reader who left a failure; these two are all that it runs of ours.
    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        with reader_may_leave():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with reader_may_leave():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"devbox.cli.{entry.module}"), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"No such command '{args[0]}'.{meant}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # click's own would import every command's module for one Tab.
        from click.shell_completion import CompletionItem as Item

        names = [
            Item(name, help=entry.help)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])


@click.command(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="devbox %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Standardized, containerized ML development environments, from one devbox.toml.

    \b
    Example:
      devbox init --profile datascience
      devbox up
      devbox exec -- python train.py
    """
    if ctx.invoked_subcommand is None:
        if not terminal():
            click.echo(ctx.get_help())
            return 0
        from devbox.cli.tui import open_ui

        return open_ui()
    return 0
