"""How models are shown. What runs wrote of them is shown without what a terminal would obey."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from devbox.cli.output import plain_line, print_table, say, size

if TYPE_CHECKING:
    from devbox.boxes.modelcheck import Called
    from devbox.models.compare import Comparison
    from devbox.models.records import (
        Model,
        ModelVersion,
        Policy,
        Removal,
        Verification,
        VersionSummary,
    )
    from devbox.models.slots import SlotState

SHOWN_ID = 12
SHOWN_FILES = 20
WIDEST = 60
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
LONGEST_MESSAGE = 2000


def print_versions(found: Sequence[VersionSummary]) -> None:
    """A table of versions."""
    titles = ("version", "aliases", "slots", "made", "by", "run", "metrics", "tags")
    print_table(titles, [_row(version) for version in found])


def print_models(found: Sequence[Model]) -> None:
    """A table of models."""
    rows = [
        (
            model.name,
            model.latest or "-",
            model.versions,
            " ".join(f"{alias}={number}" for alias, number in model.aliases.items()),
            _when(model.created),
            plain_line(model.description, WIDEST),
        )
        for model in found
    ]
    print_table(("model", "latest", "versions", "aliases", "made", "description"), rows)


def print_version(version: ModelVersion, states: Sequence[SlotState], of: Model) -> None:
    """One version in full."""
    from devbox.models.facts import facts

    others = " ".join(f"{alias}={number}" for alias, number in of.aliases.items())
    rows = [
        ("version", version.ref + (", its run goes on" if version.open else "")),
        ("aliases", " ".join(version.aliases)),
        ("model", f"latest {of.latest}, {of.versions} in all" + (f", {others}" if others else "")),
        ("", plain_line(of.description)),
        ("described", plain_line(version.description)),
        ("made", _when(version.created) + (f" by {version.user}" if version.user else "")),
        ("run", version.run),
    ]
    for title, text in rows:
        if text:
            click.echo(f"{title:>10}  {plain_line(text)}")
    known = facts(version)
    click.echo()
    print_table(
        ("slot", "state", "what"),
        [
            (
                each.slot,
                each.state,
                plain_line("; ".join(filter(None, (known.get(each.slot, ""), _lacks(each))))),
            )
            for each in states
        ],
    )
    if version.files:
        click.echo()
        print_table(
            ("file", "slot", "size", "sha256"),
            [
                (file.path, file.slot, size(file.size), file.digest[:SHOWN_ID] or "never came")
                for file in version.files[:SHOWN_FILES]
            ],
        )
    if len(version.files) > SHOWN_FILES:
        click.echo(f"and {len(version.files) - SHOWN_FILES} more files")


def print_comparison(found: Comparison) -> None:
    """Versions side by side."""
    rows = [
        (
            plain_line(f"{row.kind}.{row.key}", WIDEST),
            *map(_value, row.values),
        )
        for row in found.rows
    ]
    print_table(("", *found.versions), rows, named=True)


def print_verification(found: Verification) -> None:
    """The files of a version with what was found."""
    if not found.files:
        say(f"{found.model}@{found.version} has no files.")
        return
    rows = [
        (file.path, file.slot, size(file.size), file.state, file.digest) for file in found.files
    ]
    print_table(("file", "slot", "size", "state", "sha256"), rows)


def print_call(called: Called) -> None:
    """What calling a version with its example came to."""
    if called.ok:
        say(f"It gives what was recorded ({called.image}, {called.seconds:.1f} s).")
        return
    what = "It gives something else" if called.stage == "compare" else f"It fails ({called.stage})"
    say(f"{what} in {called.image}: {plain_line(called.message, LONGEST_MESSAGE)}")
    if called.hint:
        say(f"  {plain_line(called.hint, LONGEST_MESSAGE)}")


def print_policies(found: Sequence[Policy]) -> None:
    """What aliases require."""
    rows = [(each.model, each.alias, ", ".join(each.required)) for each in found]
    print_table(("model", "alias", "required"), rows)


def say_removal(plan: Removal) -> None:
    """What would be removed."""
    what = "the model" if plan.whole else f"{plan.model}@{plan.versions[0]}"
    count = f" with {len(plan.versions)} versions" if plan.whole else ""
    say(f"This removes {what}{f' {plan.model}' if plan.whole else ''}{count}.")
    for alias, number in plan.aliases.items():
        say(f"  alias {alias} names version {number}")
    if plan.files:
        say(f"  {plan.files} files ({size(plan.size)}) stay in storage until it is cleaned up")


def _row(version: VersionSummary) -> tuple[str, ...]:
    metrics = [f"{key}={value:.4g}" for key, value in list(version.metrics.items())[:3]]
    tags = [f"{key}={value}" for key, value in list(version.tags.items())[:3]]
    return (
        version.ref,
        " ".join(version.aliases),
        f"{len(version.recorded)}/8" + ("+" if version.open else ""),
        _when(version.created),
        version.user,
        version.run[:SHOWN_ID],
        plain_line(" ".join(metrics), WIDEST),
        plain_line(" ".join(tags), WIDEST),
    )


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        value = ", ".join(f"{key}={item}" for key, item in value.items())
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    # Of a digest its beginning tells as much.
    text = _DIGEST.sub(lambda found: found[0][:SHOWN_ID], str(value))
    return plain_line(text, WIDEST)


def _lacks(state: SlotState) -> str:
    return f"lacks {', '.join(state.lacks)}" if state.lacks else ""


def _when(moment: float) -> str:
    # What a run wrote may be no time at all.
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
    except (OverflowError, ValueError, OSError):
        return "-"
