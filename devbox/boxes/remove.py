"""What removing a box takes away: shown first, then done."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.byhand import NOTHING, ByHand, by_hand
from devbox.boxes.containers import own_of
from devbox.boxes.identity import BoxId, Label
from devbox.boxes.work import Ending, Work, running_work
from devbox.compute.engine.types import Container, Engine
from devbox.progress import Progress, Report, as_log


@dataclass(frozen=True)
class Removal:
    """The plan of an `rm`: ``project`` is the box's folder, "" where nobody remembers it,
    ``running`` and ``containers`` by name, ``volumes`` that would be
    deleted, ``kept`` volumes that stay, and devbox's own folder of the box. ``work`` is what runs
    in it and would end, ``lost`` what was installed in it by hand."""

    name: str
    owner: str
    project: str
    running: tuple[str, ...]
    containers: tuple[str, ...]
    volumes: tuple[str, ...]
    kept: tuple[str, ...]
    folder: Path
    work: tuple[Work, ...] = ()
    lost: ByHand = NOTHING

    @property
    def id(self) -> BoxId:
        """The box that is removed."""
        return BoxId(self.owner, self.name)

    @property
    def ending(self) -> Ending:
        """What it ends in the box."""
        return Ending(self.name, "rm", self.work, self.lost)


def removal(
    engine: Engine,
    box: BoxId,
    containers: Sequence[Container],
    project: str,
    folder: Path,
    *,
    volumes: bool,
) -> Removal:
    """Look what there is to remove. ``project`` is the one that is remembered: a box that is down
    has no containers to say so."""
    names = tuple(sorted(volume.name for volume in engine.volumes(box.labels)))
    own = own_of(containers)
    own = engine.container(own.id) if own else None
    return Removal(
        name=box.name,
        owner=box.owner,
        project=next((c.labels.get(Label.PROJECT, "") for c in containers), project),
        running=tuple(sorted(c.name for c in containers if c.state == "running")),
        containers=tuple(sorted(c.name for c in containers)),
        volumes=names if volumes else (),
        kept=() if volumes else names,
        folder=folder,
        work=running_work(engine, own) if own else (),
        lost=by_hand(engine, own) if own else NOTHING,
    )


def remove(
    engine: Engine, what: Removal, report: Report, take_in: Callable[[], object] = lambda: None
) -> None:
    """Do it: containers and networks first, since they use the volumes. ``take_in`` is called when
    nothing of the box runs any more, and its folder is still there."""
    if what.containers:
        report(Progress("rm", what.name, "removing its containers"))
    # Also without containers: its network may be left of a `down` that was interrupted.
    engine.compose_down(what.id.project, report=as_log(report))
    for name in what.volumes:
        report(Progress("rm", what.name, f"deleting volume {name}"))
        engine.remove_volume(name)
    take_in()
    shutil.rmtree(what.folder, ignore_errors=True)
