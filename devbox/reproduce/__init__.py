"""Making a model version again: its commit in a fresh folder, its box, its data, its command;
then what came out beside what was recorded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.errors import DevboxError, UsageError
from devbox.journal.ids import new_id
from devbox.progress import Progress, Report, silent
from devbox.reproduce.compare import TOLERANCE, counterpart, rows
from devbox.reproduce.records import Outcome, Plan, Predictions, Row
from devbox.reproduce.result import Call, notes, predictions
from devbox.state import Locked, lock

if TYPE_CHECKING:
    from devbox.boxes import Boxes
    from devbox.compute.engine.types import Engine
    from devbox.config import Project
    from devbox.models import Models
    from devbox.models.records import ModelVersion
    from devbox.reproduce.prepare import Prepared
    from devbox.runs import Runs
    from devbox.runs.records import RunRecord
    from devbox.storage import Blobs
    from devbox.storage.data import Data

__all__ = ["TOLERANCE", "Outcome", "Plan", "Predictions", "Reproduction", "Row"]

REPRODUCES = "reproduces"
"""The tag of runs and versions that came of making a version again; its value is the version."""
OWN = "reproduction"
"""The tag that tells one such run from all others."""
BOX = "reproduce-"
"""How the names of its boxes begin."""
HELD = ".held"


@dataclass(frozen=True)
class Tools:
    """What it works with. ``call`` calls a version with its example in an image; ``projects`` are
    the folders where the person's boxes have their projects, by the name of the box; ``imported``
    whether a version came from another machine."""

    home: Path
    engine: Callable[[], Engine]
    blobs: Blobs
    models: Models
    runs: Runs
    data: Callable[[], Data]
    boxes: Callable[[], Boxes]
    project: Callable[[Path], Project]
    projects: Callable[[], Mapping[str, Path]]
    imported: Callable[[ModelVersion], bool]
    call: Call


class Reproduction:
    """Makes versions again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def plan(self, ref: str, report: Report = silent) -> Plan:
        """How a version would be made again, and what is in the way. The commit is fetched to
        see, and nothing of it stays."""
        with self._prepared(ref, report) as prepared:
            return prepared.plan

    def reproduce(
        self,
        ref: str,
        *,
        tolerance: float = TOLERANCE,
        ignored: Sequence[str] = (),
        keep: bool = False,
        allow_pickle: bool = False,
        report: Report = silent,
        planned: Callable[[Plan], object] = lambda _: None,
    ) -> Outcome:
        """Make a version again and compare; ``planned`` is told the plan first, and raises Refused
        where nobody agrees to it.

        It runs in a box of its own, which goes at the end with the checkout, unless ``keep``.
        Metrics may differ by ``tolerance`` of their size; those that match ``ignored`` are not
        compared. Raises Refused with what is in the way where it can't be made again.
        """
        with self._prepared(ref, report, keep=keep) as prepared:
            prepared.require()
            planned(prepared.plan)
            name = BOX + prepared.name
            try:
                return self._run(prepared, name, tolerance, ignored, keep, allow_pickle, report)
            except BaseException:
                # What could not be finished is nothing to look at.
                prepared.keep = False
                raise
            finally:
                if not prepared.keep:
                    self._remove(name, report)

    @contextmanager
    def _prepared(self, ref: str, report: Report, *, keep: bool = False) -> Iterator[Prepared]:
        from devbox.reproduce.prepare import prepare

        place = self._tools.home / "reproduce"
        place.mkdir(parents=True, exist_ok=True)
        self._sweep(place, report)
        folder = place / new_id()[-8:]
        held = folder.with_suffix(HELD)
        prepared = None
        with lock(held):
            try:
                prepared = prepare(self._tools, ref, folder, report)
                prepared.keep = keep
                yield prepared
            finally:
                if prepared is None or not prepared.keep:
                    shutil.rmtree(folder, ignore_errors=True)
                held.unlink(missing_ok=True)

    def _sweep(self, place: Path, report: Report) -> None:
        """Remove what killed ones left: those whose lock nobody holds."""
        for held in place.glob(f"*{HELD}"):
            with suppress(Locked), lock(held, wait=False):
                self._remove(BOX + held.stem, report)
                shutil.rmtree(held.with_suffix(""), ignore_errors=True)
                held.unlink(missing_ok=True)

    def _run(
        self,
        prepared: Prepared,
        name: str,
        tolerance: float,
        ignored: Sequence[str],
        keep: bool,
        allow_pickle: bool,
        report: Report,
    ) -> Outcome:
        tools, plan = self._tools, prepared.plan
        prepared.fetch_data(report)
        spec = replace(prepared.spec, name=name, locked_as=prepared.spec.name, ports=())
        spec = replace(spec, services=tuple(replace(each, ports=()) for each in spec.services))
        done = tools.boxes().up(spec, report=report, locked=plan.locked)
        code = self._command(prepared, name, report)
        tools.runs.ingest.everything()
        tree = self._tree(prepared.name)
        before = prepared.version
        made_now = [version for run in tree for version in tools.models.of_run(run.id)]
        # One that was imported under another name registers under its own again.
        versions = [each for each in made_now if each.model == before.model] or made_now
        for version in versions:
            tools.models.tag(version.ref, {REPRODUCES: plan.ref})
        run = counterpart(prepared.run, tree, [version.run for version in versions])
        found = rows(before.metrics, run.metrics, tolerance, ignored)
        made = tools.models.get(versions[-1].ref) if versions and code == 0 else None
        image = done.box.image
        called = None
        if plan.example and code == 0:
            called = predictions(tools.call, before, made, image, allow_pickle=allow_pickle)
        same = code == 0 and all(row.ok for row in found) and (called is None or called.ok)
        return Outcome(
            plan=plan,
            reproduced=same and bool(found or called),
            run=run.id,
            code=code,
            version=versions[-1].ref if versions else "",
            tolerance=tolerance,
            rows=found,
            predictions=called,
            notes=tuple(notes(plan, run, found)),
            box=name if keep else "",
            kept=str(prepared.folder) if keep else "",
        )

    def _command(self, prepared: Prepared, name: str, report: Report) -> int:
        """Run the command as a tracked run in the box; its exit code."""
        from devbox.boxes.identity import LIBRARY, RUNNER

        box, person = self._tools.boxes().running(name, None)
        plan = prepared.plan
        tags = {REPRODUCES: plan.ref, OWN: prepared.name}
        words = ["run", *(f"--tag={key}={value}" for key, value in tags.items())]
        if prepared.run and prepared.run.experiment:
            words.append(f"--experiment={prepared.run.experiment}")
        report(Progress("run", name, " ".join(plan.command)))
        running = self._tools.engine().exec(
            box.container,
            [RUNNER, f"{LIBRARY}/devbox", *words, "--", *plan.command],
            user=str(person),
            cwd=plan.folder,
        )
        try:
            while (chunk := running.read()) is not None:
                for line in chunk[1].decode("utf-8", "replace").splitlines():
                    report(Progress("run", name, line, log=True))
            return running.exit_code()
        finally:
            running.close()

    def _tree(self, name: str) -> list[RunRecord]:
        """The new run and all below it, the uppermost first."""
        top = self._tools.runs.search(f"tags.{OWN} = '{name}'", limit=1)
        if not top:
            raise DevboxError(
                "The command ran, and of its run nothing came out of the box.",
                hint="Its box has no devbox in it: is it of an image with a C library of Debian's?",
            )
        found, todo = [], [top[0].id]
        while todo:
            run = todo.pop(0)
            found.append(self._tools.runs.get(run))
            todo += self._tools.runs.children(run)
        return found

    def _remove(self, name: str, report: Report) -> None:
        boxes = self._tools.boxes()
        try:
            boxes.rm(name, volumes=True, report=report, agree=lambda _: None)
        except UsageError:
            return  # it never came to be
        except DevboxError as error:
            report(Progress("rm", name, error.message))
