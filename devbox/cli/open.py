"""devbox open."""

from __future__ import annotations

import click

from devbox.cli.consent import Consent
from devbox.cli.output import json_option, print_json, say, telling, yes_option
from devbox.cli.target import name_argument, root_or_none


@click.command("open")
@click.argument("app", type=click.Choice(["jupyter", "tensorboard"]))
@name_argument
@click.option("--port", type=click.IntRange(1, 65535), help="The port of this machine.")
@click.option("--folder", default="", help="What it shows, as a path in the workspace.")
@click.option("--no-browser", is_flag=True, help="Only print the URL.")
@click.option("--stop", is_flag=True, help="End it; asks where a notebook is at work.")
@yes_option
@json_option
def open(
    app: str,
    name: str | None,
    port: int | None,
    folder: str,
    no_browser: bool,
    stop: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Serve JupyterLab or TensorBoard from the box, and print its URL.

    It runs until the box stops, and is reached through this machine's loopback only, with the
    token that stands in the URL. JupyterLab shows the workspace, TensorBoard its folder runs.

    \b
    Example:
      devbox open jupyter
      devbox open tensorboard --folder logs --no-browser
      devbox open jupyter --stop
    """
    from devbox.api import Devbox

    with Devbox() as door, telling() as report:
        box = door.boxes.running(name, root_or_none(door))[0].name
        if stop:
            ran = door.inside.close(box, app, Consent(yes=yes))
            if as_json:
                print_json({"box": box, "app": app, "stopped": ran})
            else:
                say(f"{app} of box {box} {'has ended' if ran else 'did not run'}.")
            return
        opened = door.inside.open(box, app, host_port=port, folder=folder, report=report)
        if as_json:
            print_json(opened)
            return
        click.echo(opened.url)
        if not no_browser:
            from devbox.cli.browser import show

            show(opened.url, door.inside.page(box))
