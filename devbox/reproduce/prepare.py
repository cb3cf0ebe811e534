"""The plan of making a version again, from its commit in a fresh folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from devbox.config.find import FILE
from devbox.errors import DevboxError, Refused
from devbox.models.content import SYSTEM
from devbox.progress import Progress, Report
from devbox.redact import MASK
from devbox.reproduce.checkout import apply, checkout, has_commit, left_out, top
from devbox.reproduce.data import plan_data
from devbox.reproduce.recorded import Recorded, command_in_box, folder_in_box, recorded
from devbox.reproduce.records import DataStep, Plan

if TYPE_CHECKING:
    from devbox.config.spec import BoxSpec
    from devbox.models.records import ModelVersion
    from devbox.reproduce import Tools
    from devbox.runs.records import RunRecord

LOCK = "devbox.lock"


@dataclass
class Prepared:
    """A checkout with all that is known of how to go on. ``folder`` is the checkout, ``name`` what
    tells it from all others."""

    tools: Tools
    version: ModelVersion
    run: RunRecord | None
    folder: Path
    facts: Recorded
    source: str = ""
    foreign: str = ""
    below: PurePosixPath = field(default_factory=PurePosixPath)
    found: BoxSpec | None = None
    locked: bool = False
    data: list[DataStep] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    keep: bool = False

    @property
    def name(self) -> str:
        """What tells this one from all others."""
        return self.folder.name

    @property
    def spec(self) -> BoxSpec:
        """The box of the checkout."""
        assert self.found
        return self.found

    @property
    def plan(self) -> Plan:
        """All of it, to be shown."""
        facts = self.facts
        command, changed = command_in_box(facts, self.below)
        return Plan(
            ref=self.version.ref,
            id=self.version.id,
            run=self.version.run,
            commit=facts.commit,
            source=self.source,
            diff=facts.diff.path if facts.diff else "",
            box=self.found.name if self.found else "",
            locked=self.locked,
            image=facts.image,
            data=tuple(self.data),
            command=command,
            folder=folder_in_box(facts, self.below),
            metrics=sum(not key.startswith(SYSTEM) for key in self.version.metrics),
            example=facts.example,
            doubts=(*self.doubts, *([changed] if changed else [])),
            obstacles=tuple(self.obstacles),
            foreign=self.foreign,
        )

    def require(self) -> None:
        """Raise Refused where something is in the way."""
        if self.obstacles:
            raise Refused(
                f"{self.version.ref} can't be made again: {'; '.join(self.obstacles)}.",
                hint="`devbox model reproduce --dry-run` shows what is known of it.",
            )

    def fetch_data(self, report: Report) -> None:
        """Put the data where the run had it."""
        for step in self.data:
            if not step.problem:
                report(Progress("data", step.ref, f"-> {step.target}"))
                place = self.folder / self.below / step.target
                self.tools.data().fetch(step.ref, place, report=report)


def prepare(tools: Tools, ref: str, folder: Path, report: Report) -> Prepared:
    """Check a version's commit out into ``folder``, which is made, and see what there is."""
    version = tools.models.get(ref)
    above = tools.models.ancestors(version.run)
    run = above[0] if above else None
    made = Prepared(tools, version, run, folder, recorded(version, run))
    if tools.imported(version):
        made.foreign = "it was imported from a file"
    if version.open:
        made.obstacles.append("its run goes on")
    made.obstacles += _lacking(made.facts)
    if made.facts.commit and _checked_out(made, report):
        _changes(made)
        _project(made)
        plan_data(made)
    return made


def _lacking(facts: Recorded) -> Iterator[str]:
    if not facts.commit:
        yield "no commit is recorded: it did not run in a git repository that has one"
    if not facts.command:
        yield "no command is recorded"
    if facts.dirty and facts.diff is None:
        yield "there were uncommitted changes, and they were not kept"
    if facts.root and facts.below is None:
        yield f"it ran in {facts.folder}, outside of its repository {facts.root}"


def _checked_out(made: Prepared, report: Report) -> bool:
    """Get the commit from the first place that has it."""
    facts, problems = made.facts, []
    for source in _sources(made):
        report(Progress("checkout", made.version.ref, f"{facts.commit[:12]} from {source}"))
        try:
            checkout(source, facts.commit, made.folder, facts.remote)
        except DevboxError as error:
            problems.append(error.message)
            shutil.rmtree(made.folder, ignore_errors=True)
            continue
        made.source = source
        if source == facts.remote and not made.foreign:
            made.foreign = f"its code comes from {source}"
        made.doubts += left_out(made.folder)
        return True
    what = "; ".join(problems).rstrip(".") or "no remote is recorded"
    made.obstacles.append(f"the commit {facts.commit[:12]} is in no repository here, and {what}")
    return False


def _sources(made: Prepared) -> Iterator[str]:
    """Repositories that have the commit here, then the remote."""
    facts = made.facts
    places = [] if facts.in_box else [Path(facts.root or "/")]
    known = made.tools.projects()
    places += [known[facts.box]] if facts.box in known else []
    seen = set()
    for place in [*places, Path.cwd()]:
        repository = top(place) if place.is_dir() else None
        if repository and repository not in seen and has_commit(repository, facts.commit):
            seen.add(repository)
            yield str(repository)
    if facts.remote:
        yield facts.remote


def _changes(made: Prepared) -> None:
    """Write the uncommitted changes into the checkout."""
    file = made.facts.diff
    if file is None:
        return
    try:
        with made.tools.models.open_file(made.version, file.path, file.slot) as stream:
            diff = stream.read()
    except DevboxError as error:
        made.obstacles.append(f"the uncommitted changes are gone: {error.message.rstrip('.')}")
        return
    try:
        apply(made.folder, diff)
    except DevboxError as error:
        masked = MASK.encode() in diff
        why = "secrets in them were masked" if masked else error.message.rstrip(".")
        made.obstacles.append(f"the uncommitted changes can't be made again: {why}")
        return
    made.doubts.append("there were uncommitted changes; files that git did not know are not kept")
    if MASK.encode() in diff:
        made.doubts.append(f"what looked like secrets in them is {MASK}")


def _project(made: Prepared) -> None:
    """Find the box: the nearest devbox.toml at or above the folder of the run."""
    below = made.facts.below or PurePosixPath()
    for place in (below, *below.parents):
        if (made.folder / place / FILE).is_file():
            made.below = place
            break
    else:
        where = "" if made.facts.in_box else "; it ran on the machine itself, in no box"
        made.obstacles.append(f"the commit has no {FILE}{where}")
        return
    root = made.folder / made.below
    try:
        _lock(made, root)
        boxes = made.tools.project(root).boxes
        name = made.facts.box if made.facts.box in boxes else None
        if name is None and len(boxes) > 1:
            made.obstacles.append(f"the project has several boxes, and none is {made.facts.box!r}")
            return
        made.found = boxes[name].spec if name else next(iter(boxes.values())).spec
        if not made.facts.in_box:
            made.doubts.append("it ran on the machine itself; it is made again in the box")
        if made.locked:
            kept = made.tools.boxes().kept(made.found)
            if kept.why:
                made.obstacles.append(kept.checked)
    except DevboxError as error:
        made.obstacles.append("; ".join((error.message, *error.detail)).rstrip("."))


def _lock(made: Prepared, root: Path) -> None:
    """Have the recorded lock in the checkout, where it is to be found."""
    facts, file = made.facts, root / LOCK
    if not facts.lock:
        made.doubts.append(
            f"no {LOCK} is recorded: packages may have other versions by now"
            if not file.is_file()
            else f"no {LOCK} is recorded; that of the commit is kept to where it fits"
        )
        return
    for content in _locks(made, file):
        if hashlib.sha256(content).hexdigest() == facts.lock:
            if file.is_symlink():
                file.unlink()
            file.write_bytes(content)
            made.locked = True
            return
    made.doubts.append(f"the recorded {LOCK} ({facts.lock[:12]}) is nowhere; built without it")


def _locks(made: Prepared, file: Path) -> Iterator[bytes]:
    """The lock of the commit, that of the version's files, that of the project here."""
    if file.is_file() and not file.is_symlink():
        yield file.read_bytes()
    if kept := made.facts.lock_file:
        with made.tools.models.open_file(made.version, kept.path, kept.slot) as stream:
            yield stream.read()
    here = made.tools.projects().get(made.facts.box)
    if here and (here / LOCK).is_file():
        yield (here / LOCK).read_bytes()
