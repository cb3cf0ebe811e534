"""devbox model register, alias, tag, describe, policy, rm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from devbox.cli.complete import complete_model
from devbox.cli.model.printing import print_policies, say_removal
from devbox.cli.output import confirm, json_option, print_json, say, yes_option
from devbox.errors import DevboxError, UsageError

LARGEST = 64 << 20


@click.command("register")
@click.argument("name")
@click.option("-r", "--run", default="", help="The run that it comes from.")
@click.option(
    "-f", "--file", "files", multiple=True, metavar="SLOT=PATH", help="A file or folder from here."
)
@click.option(
    "-a", "--artifact", "artifacts", multiple=True, metavar="SLOT=PATH", help="One of the run's."
)
@click.option("--slots", type=click.File("rb"), help="What slots hold: a JSON file, - for stdin.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag.")
@click.option("-d", "--description", default="", help="What it is.")
@json_option
def register(
    name: str,
    run: str,
    files: Sequence[str],
    artifacts: Sequence[str],
    slots: Any,
    tags: Sequence[str],
    description: str,
    as_json: bool,
) -> None:
    """Make the next version of a model.

    What is known of the run fills the slots; --slots is a JSON object of slots that goes before
    that. Slots are definition, parameters, functions, dependencies, data, generation, experiment
    and tags.

    \b
    Example:
      devbox model register churn --run 01a204a45bf3 --artifact parameters=model.skops
      devbox model register churn --file parameters=model.onnx --tag owner=ada --tag task=fraud
    """
    from devbox.api import Devbox

    given: dict[str, dict[str, Path | str]] = {}
    for slot, path in _pairs(files, "--file"):
        given.setdefault(slot, {})[Path(path).name] = Path(path)
    kept: dict[str, list[str]] = {}
    for slot, path in _pairs(artifacts, "--artifact"):
        kept.setdefault(slot, []).append(path)
    with Devbox() as door:
        made = door.models.register(
            name,
            run=run,
            slots=_read(slots),
            files=given,
            artifacts=kept,
            tags=dict(_pairs(tags, "--tag")),
            description=description,
        )
    if as_json:
        print_json({"model": made.model, "version": made.version, "id": made.id, "ref": made.ref})
    else:
        click.echo(made.ref)


@click.command("alias")
@click.argument("ref", shell_complete=complete_model)
@click.argument("alias")
@click.option("--remove", is_flag=True, help="Take the alias of the model away.")
@json_option
def alias(ref: str, alias: str, remove: bool, as_json: bool) -> None:
    """Let an alias such as champion name a version, whatever it named before.

    \b
    Example:
      devbox model alias churn@3 champion
      devbox model alias churn challenger --remove
    """
    from devbox.api import Devbox

    with Devbox() as door:
        if remove:
            before = door.models.remove_alias(ref, alias)
            if as_json:
                print_json({"model": ref, "alias": alias, "version": None, "before": before})
            else:
                say(f"{ref}@{alias} is gone; it was version {before}.")
            return
        moved = door.models.set_alias(ref, alias)
    if as_json:
        print_json(moved)
        return
    was = f", before version {moved.before}" if moved.before is not None else ""
    say(f"{moved.model}@{moved.alias} is version {moved.version}{was}.")


@click.command("tag")
@click.argument("ref", shell_complete=complete_model)
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--remove", "gone", multiple=True, metavar="KEY", help="Take a tag away.")
@json_option
def tag(ref: str, tags: Sequence[str], gone: Sequence[str], as_json: bool) -> None:
    """Tag a version (churn@3), or a model (churn) and with it all of its versions.

    \b
    Example:
      devbox model tag churn@3 owner=ada task=fraud
      devbox model tag churn --remove task
    """
    from devbox.api import Devbox

    if not tags and not gone:
        raise UsageError("No tag is given.", hint=f"devbox model tag {ref} KEY=VALUE")
    with Devbox() as door:
        if tags:
            door.models.tag(ref, dict(_pairs(tags, "A tag")))
        if gone:
            door.models.untag(ref, gone)
        found = door.models.get(ref) if "@" in ref else door.models.model(ref)
    if as_json:
        print_json({"ref": ref, "tags": found.tags})
    else:
        say(f"{ref}: " + (", ".join(f"{k}={v}" for k, v in found.tags.items()) or "no tags"))


@click.command("describe")
@click.argument("ref", shell_complete=complete_model)
@click.argument("text")
@json_option
def describe(ref: str, text: str, as_json: bool) -> None:
    """Say what a version (churn@3) or a model (churn) is.

    \b
    Example:
      devbox model describe churn "Who will leave within 30 days"
      devbox model describe churn@3 "Trained without the trial customers"
    """
    from devbox.api import Devbox

    with Devbox() as door:
        door.models.describe(ref, text)
    if as_json:
        print_json({"ref": ref, "description": text})
    else:
        say(f"{ref} is described.")


@click.command("policy")
@click.argument("name", default="", shell_complete=complete_model)
@click.option("--alias", default="", help="The alias that requires something.")
@click.option("--require", default=None, metavar="SLOTS", help="Slots with commas; '' for none.")
@json_option
def policy(name: str, alias: str, require: str | None, as_json: bool) -> None:
    """Require slots to be recorded before an alias names a version; of all models for NAME '*'.

    Without arguments it lists what is required.

    \b
    Example:
      devbox model policy
      devbox model policy churn --alias champion --require definition,parameters,data
      devbox model policy '*' --alias champion --require ''
    """
    from devbox.api import Devbox

    if bool(name) != bool(alias) or bool(alias) != (require is not None):
        raise UsageError(
            "A policy needs a model, --alias and --require.",
            hint="devbox model policy churn --alias champion --require definition,data",
        )
    with Devbox() as door:
        if require is not None:
            slots = [slot.strip() for slot in require.split(",") if slot.strip()]
            door.models.set_policy(name, alias, slots)
        found = door.models.policies()
    if as_json:
        print_json(found)
    else:
        print_policies(found)


@click.command("rm")
@click.argument("ref", shell_complete=complete_model)
@click.option("--force", is_flag=True, help="Although an alias names it.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@yes_option
@json_option
def rm(ref: str, force: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove a version (churn@3), or a model with all of its versions (churn).

    \b
    Example:
      devbox model rm churn@2
      devbox model rm churn --force --yes
    """
    from devbox.api import Devbox

    with Devbox() as door:
        plan = door.models.plan_rm(ref)
        if not dry_run:
            door.models.check_rm(plan, force=force)
            say_removal(plan)
            confirm("Remove it?", yes=yes, refusal=f"{ref} was not removed.")
            plan = door.models.rm(ref, force=force)
    if as_json:
        print_json(plan)
    elif dry_run:
        say_removal(plan)
    else:
        say(f"{ref} is removed.")


def _pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{option} is KEY=VALUE, not {text[:60]!r}.")
        found.append((key, value))
    return found


def _read(file: Any) -> dict[str, Any]:
    if file is None:
        return {}
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise DevboxError(f"{file.name} is larger than {LARGEST >> 20} MiB.")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{file.name} is no JSON.") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file.name} holds no JSON object.")
    return found
