"""devbox completion."""

from __future__ import annotations

import click

VARIABLE = "_DEVBOX_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the shell completion script.

    It completes commands, options, and the names of boxes and profiles.

    \b
    Example:
      source <(devbox completion bash)
      devbox completion zsh > "${fpath[1]}/_devbox"
      devbox completion fish > ~/.config/fish/completions/devbox.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "devbox", VARIABLE).source())
