"""Where the data that a run read is to be, for its command to read it again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from devbox.errors import DevboxError
from devbox.reproduce.recorded import Input
from devbox.reproduce.records import DataStep

if TYPE_CHECKING:
    from devbox.reproduce.prepare import Prepared


def plan_data(made: Prepared) -> None:
    """What was read, and where it goes: the folder of the run, as `devbox data get` does it."""
    for each in made.facts.inputs:
        if step := _step(made, each):
            made.data.append(step)
            if step.problem:
                made.doubts.append(f"data {step.ref}: {step.problem}")


def _step(made: Prepared, told: Input) -> DataStep | None:
    if not told.name or not told.version:
        where = told.uri or (f"{told.digest[:19]}, {told.name}".rstrip(", ") or "something unnamed")
        made.doubts.append(f"data {where} is no dataset version: the command reads what is there")
        return None
    inside = _place(made, told)
    ref, target = f"{told.name}@{told.version}", str(inside / told.name)
    digest = told.digest.removeprefix("sha256:")
    try:
        data = made.tools.data()
        found = [v for v in data.versions(told.name) if digest in {v.manifest, ""}]
        chosen = next((v for v in found if str(v.version) == told.version), None)
        chosen = chosen or (found[0] if digest and found else None)
        if chosen is None:
            return DataStep(ref, digest, target, "another content is known by that name")
        place = made.folder / made.below / target
        if chosen.kind == "file":
            target = str(inside)
            (entry,) = data.manifest(chosen.ref).entries
            place = made.folder / made.below / inside / entry.path
        if not place.parent.resolve().is_relative_to(made.folder.resolve()):
            return DataStep(chosen.ref, digest, target, "it would be outside of the checkout")
        if place.exists():
            return DataStep(chosen.ref, digest, target, "the commit has something in its place")
        return DataStep(chosen.ref, chosen.manifest, target)
    except DevboxError as error:
        return DataStep(ref, digest, target, error.message.rstrip("."))


def _place(made: Prepared, told: Input) -> PurePosixPath:
    """The folder that data was in, seen from the project: the one that its uri names, where that
    is a path of the project, else that of the run."""
    facts = made.facts
    below = facts.below or PurePosixPath()
    path = PurePosixPath(told.uri.removeprefix("file://"))
    if facts.root and path.is_relative_to(facts.root) and ".." not in path.parts:
        below = path.relative_to(facts.root).parent
    return below.relative_to(made.below) if below.is_relative_to(made.below) else PurePosixPath()
