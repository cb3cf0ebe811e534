"""devbox events."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.output import json_option, plain, print_json, print_json_line, print_table

if TYPE_CHECKING:
    from devbox.state import Event

    _ParamType = click.ParamType[float]
else:
    _ParamType = click.ParamType  # Older versions of click cannot be subscripted.


class Moment(_ParamType):
    """A moment as a person says it: how long ago (1h30m, 2d) or a date and time (ISO 8601).

    A time without a zone is the person's own. Converts to seconds since the epoch.
    """

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from devbox.config.units import parse_duration

        if isinstance(value, float):
            return value
        try:
            return time.time() - parse_duration(value)
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a duration (1h30m) nor a time (2030-01-31T12:00).")


@click.command("events")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--subject", metavar="PATTERN", help="Only what happened to this: 'box/*'.")
@click.option("--kind", metavar="PATTERN", help="Only events of this kind: 'box.*'.")
@click.option("--since", type=Moment(), help="Only since then: 1h30m, 2d, 2030-01-31.")
@click.option("-n", "--last", type=click.IntRange(0), help="Only the last so many.")
@json_option
def events(
    follow: bool,
    subject: str | None,
    kind: str | None,
    since: float | None,
    last: int | None,
    as_json: bool,
) -> None:
    """Print the log of what happened.

    Who did what to what, and when (UTC), oldest first. With --json one document; with --follow
    as well, one line per event.

    \b
    Example:
      devbox events --since 1h
      devbox events -n 20 --subject 'box/*'
      devbox events --follow --json
    """
    from devbox.api import Devbox

    with Devbox() as door:
        log = door.state.events
        position = log.last_id()
        found = [
            event
            for event in log.ls(subject=subject, kind=kind, since=since, last=last)
            if event.id <= position
        ]
        if not follow:
            if as_json:
                print_json([_record(event) for event in found])
            else:
                titles = ("time", "actor", "subject", "kind", "data")
                print_table(titles, [_row(event) for event in found])
            return
        for event in found:
            _print_line(event, as_json=as_json)
        for event in log.follow(after=position, subject=subject, kind=kind):
            _print_line(event, as_json=as_json)


def _print_line(event: Event, *, as_json: bool) -> None:
    if as_json:
        print_json_line(_record(event))
    else:
        click.echo("  ".join(_row(event)).rstrip())


def _record(event: Event) -> dict[str, Any]:
    moment = datetime.fromtimestamp(event.time, UTC)
    return {**plain(event), "time": moment.isoformat(timespec="milliseconds")}


def _row(event: Event) -> tuple[str, ...]:
    moment = datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    data = " ".join(f"{key}={_shown(value)}" for key, value in event.data.items())
    return (moment, event.actor, event.subject, event.kind, data)


def _shown(value: object) -> str:
    """A value on one line, cut where it is long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
