"""What a version says of how it was made, as far as it is needed to make it again. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from devbox.journal.capture import DIFF
from devbox.journal.slots import DATA, DEPENDENCIES, FUNCTIONS, GENERATION
from devbox.models.records import ModelFile, ModelVersion
from devbox.models.slots import inputs
from devbox.runs.records import RunRecord

WORKSPACE = PurePosixPath("/workspace")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PYTHON = re.compile(r"python([0-9](\.[0-9]+)?)?")


@dataclass(frozen=True)
class Input:
    """Data that was read. ``place`` is the folder that it was in, "" where that is not known."""

    name: str
    version: str
    digest: str
    uri: str


@dataclass(frozen=True)
class Recorded:
    """The facts, each "" or () where it is not known. ``root`` is the repository where it ran,
    ``folder`` the folder in it."""

    commit: str
    remote: str
    root: str
    folder: str
    dirty: bool
    diff: ModelFile | None
    command: tuple[str, ...]
    box: str
    image: str
    lock: str
    lock_file: ModelFile | None
    inputs: tuple[Input, ...]
    example: bool

    @property
    def in_box(self) -> bool:
        """Whether it ran in a box."""
        return bool(self.box)

    @property
    def below(self) -> PurePosixPath | None:
        """The folder it ran in, seen from the repository; None where it is none of its."""
        folder, root = PurePosixPath(self.folder or self.root), PurePosixPath(self.root)
        return folder.relative_to(root) if self.root and folder.is_relative_to(root) else None


def recorded(version: ModelVersion, run: RunRecord | None) -> Recorded:
    """The facts that a version and its run have."""
    made = version.slots.get(GENERATION, {})
    with_ = version.slots.get(DEPENDENCIES, {})
    commit = _text(made.get("commit"))
    files = {file.path: file for file in version.files if file.digest}
    lock_file = next((f for p, f in files.items() if PurePosixPath(p).name == "devbox.lock"), None)
    lock = _text(with_.get("lock") or (run.environment.get("lock") if run else ""))
    return Recorded(
        commit=commit if _COMMIT.fullmatch(commit) else "",
        remote=_text(made.get("remote")),
        root=_text(made.get("root") or (run.code.get("root") if run else "")),
        folder=_text(made.get("folder") or (run.folder if run else "")),
        dirty=made.get("dirty") is True,
        diff=files.get(_text(made.get("diff")) or DIFF),
        command=_words(made.get("command")) or (run.command if run else ()),
        box=_text(with_.get("box") or (run.environment.get("box") if run else "")),
        image=_text(with_.get("image") or (run.environment.get("image") if run else "")),
        lock=lock.removeprefix("sha256:") if lock not in files else files[lock].digest,
        lock_file=lock_file,
        inputs=tuple(
            Input(*(_text(each.get(key)) for key in ("name", "version", "digest", "uri")))
            for each in inputs(version.slots.get(DATA, {}))
        ),
        example=bool(
            version.slots.get(FUNCTIONS, {}).get("predict")
            and version.slots.get(FUNCTIONS, {}).get("example")
        ),
    )


def command_in_box(facts: Recorded, project: PurePosixPath) -> tuple[tuple[str, ...], str]:
    """The command as it runs in a box, and what was changed in it. ``project`` is the project's
    folder, seen from the repository: in the box it is /workspace."""
    if not facts.command or facts.in_box:
        return facts.command, ""
    first, *rest = facts.command
    changed = ""
    if "/" in first and _PYTHON.fullmatch(PurePosixPath(first).name):
        first, changed = "python", f"{first} is the box's python"
    home = PurePosixPath(facts.root, project)
    return tuple(_moved(word, home) for word in (first, *rest)), changed


def folder_in_box(facts: Recorded, project: PurePosixPath) -> str:
    """The folder of the box that the command runs in."""
    below = facts.below or PurePosixPath()
    inside = below.relative_to(project) if below.is_relative_to(project) else PurePosixPath()
    return str(WORKSPACE / inside)


def _moved(word: str, home: PurePosixPath) -> str:
    """A path below the project as it is in the box."""
    path = PurePosixPath(word)
    if path.is_absolute() and path.is_relative_to(home):
        return str(WORKSPACE / path.relative_to(home))
    return word


def _words(value: object) -> tuple[str, ...]:
    words: Sequence[object] = value if isinstance(value, (list, tuple)) else ()
    return tuple(word for word in words if isinstance(word, str))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value)
