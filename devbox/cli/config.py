"""devbox config show, check, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from devbox.cli.complete import complete_box
from devbox.cli.output import json_option, print_json, print_table, say
from devbox.errors import EXIT_USAGE, UsageError

if TYPE_CHECKING:
    from devbox.config import Resolved


@click.group("config")
def config() -> None:
    """Show or check the resolved configuration.

    \b
    Example:
      devbox config show
      devbox config check
    """


@config.command("show")
@click.argument("name", required=False, shell_complete=complete_box)
@click.option("--compose", is_flag=True, help="Print the Compose file that `up` would write.")
@click.option("--origins", is_flag=True, help="Print every place that sets each key.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override one key.")
@json_option
def show(
    name: str | None, compose: bool, origins: bool, pairs: tuple[str, ...], as_json: bool
) -> None:
    """Print what the boxes of this project are, and where each value came from.

    \b
    Example:
      devbox config show
      devbox config show train --origins
      devbox config show --compose
    """
    from devbox.api import Devbox
    from devbox.config import parse_overrides

    if compose and (as_json or origins):
        raise UsageError("--compose prints YAML.", hint="Leave --json and --origins out.")
    with Devbox() as door:
        project = door.project(overrides=parse_overrides(pairs))
        boxes = [project.box(name)] if name else list(project.boxes.values())
        if compose:
            for index, box in enumerate(boxes):
                click.echo("---\n" if index else "", nl=False)
                click.echo(door.boxes.compose_yaml(box.spec).rstrip("\n"))
        elif as_json:
            print_json([_json(box) for box in boxes])
        elif origins:
            _print_origins(boxes)
        else:
            _print_lines(boxes, several=len(project.boxes) > 1)


def _json(box: Resolved) -> dict[str, Any]:
    places = {key: {"from": found[0], "all": found} for key, found in box.history.items()}
    return {"name": box.spec.name, "spec": box.spec, "origins": places}


def _print_origins(boxes: list[Resolved]) -> None:
    rows = []
    for box in boxes:
        for key, found in box.history.items():
            for place in found:
                where = f"{place.file}:{place.line}" if place.line else place.file
                rows.append((box.spec.name, key, place.layer, where))
    print_table(("box", "key", "from", "where"), rows)


def _print_lines(boxes: list[Resolved], *, several: bool) -> None:
    from devbox.config.written import written_lines

    for index, box in enumerate(boxes):
        header = f"[boxes.{box.spec.name}]" if several else "[box]"
        click.echo("\n" if index else "", nl=False)
        for line in written_lines(box, header):
            click.echo(line)


@config.command("check")
@json_option
def check(as_json: bool) -> int:
    """Check devbox.toml, its profiles and the user settings; exit code 2 if something is wrong.

    \b
    Example:
      devbox config check
      devbox config check --json
    """
    from devbox.config import find_project, load_settings, problems

    root = find_project(Path.cwd())
    found = problems(root, settings_of=load_settings)
    if as_json:
        print_json(found)
    else:
        for problem in found:
            click.echo(str(problem))
        say(f"{len(found)} problems" if len(found) > 1 else "1 problem" if found else "No problems")
    return EXIT_USAGE if found else 0


@config.command("schema")
@click.option("--table", is_flag=True, help="Print a table of all keys for people.")
@json_option
def schema(table: bool, as_json: bool) -> None:
    """Print the JSON Schema of devbox.toml, for editors.

    \b
    Example:
      devbox config schema > devbox.schema.json
      devbox config schema --table
    """
    from devbox.config.schema import json_schema, reference

    if not table:
        print_json(json_schema())
    elif as_json:
        print_json(reference())
    else:
        rows = [(row.key, row.type, row.default, row.meaning) for row in reference()]
        print_table(("key", "type", "default", "meaning"), rows)
