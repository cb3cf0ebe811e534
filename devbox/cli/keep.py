"""devbox keep."""

from __future__ import annotations

import click

from devbox.cli.complete import complete_box
from devbox.cli.output import duration as in_words
from devbox.cli.output import json_option, print_json, say
from devbox.cli.target import root_or_none
from devbox.errors import UsageError


@click.command("keep")
@click.argument("name", required=False, shell_complete=complete_box)
@click.argument("duration", required=False)
@click.option("--off", is_flag=True, help="Let it stop again as stop_after says.")
@json_option
def keep(name: str | None, duration: str | None, off: bool, as_json: bool) -> None:
    """Keep a box from stopping because it is idle.

    For so long from now: 30m, 4h, 1d; 0 or --off ends that. It is for boxes with `stop_after`.

    \b
    Example:
      devbox keep 4h
      devbox keep churn 1h30m
      devbox keep churn --off
    """
    from devbox.api import Devbox
    from devbox.config.units import parse_duration

    if name and not duration and not off:
        name, duration = None, name
    if bool(duration) == off:
        raise UsageError("How long?", hint="Such as `devbox keep 4h`, or `devbox keep --off`.")
    try:
        seconds = parse_duration(duration or "0")
    except ValueError as error:
        raise UsageError(f"'{duration}': {error}.", hint="Write 30m, 4h or 1d.") from error
    with Devbox() as door:
        box = door.boxes.keep(name, None if name else root_or_none(door), seconds)
    if as_json:
        print_json(box)
    elif seconds:
        say(f"Box {box.name} stays for {in_words(seconds)} at least.")
    else:
        say(f"Box {box.name} stops again when it is idle.")
