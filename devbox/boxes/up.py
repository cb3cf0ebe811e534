"""`up`: from what is desired to a plan, and from the plan to a box that is ready."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.byhand import by_hand
from devbox.boxes.compose import DesiredBox, document_hash, volume_names
from devbox.boxes.containers import own_of
from devbox.boxes.identity import BOX_SERVICE, BoxId, Label
from devbox.boxes.plan import Act, Found, Plan, make_plan
from devbox.boxes.spool import make_spool
from devbox.boxes.start import Starter
from devbox.boxes.store import STARTING, STOPPING, BoxStore, Record
from devbox.boxes.work import Agree, Ending, running_work
from devbox.compute.engine.types import Container, Engine
from devbox.config.spec import BoxSpec
from devbox.config.values import distribution
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report, as_log

if TYPE_CHECKING:
    from devbox.boxes.here import ThisMachine
    from devbox.boxes.images import Images
    from devbox.boxes.view import BoxView

Offer = Callable[[str], bool]


@dataclasses.dataclass(frozen=True)
class Workshop:
    """All that an `up` works with. ``home`` is devbox's own folder."""

    engine: Engine
    images: Images
    here: ThisMachine
    store: BoxStore
    starter: Starter
    home: Path


@dataclasses.dataclass(frozen=True)
class Up:
    """What an `up` did, and the box afterwards. ``notes`` are worth telling a person."""

    plan: Plan
    box: BoxView
    notes: tuple[str, ...] = ()


def plan_up(
    shop: Workshop, box: BoxId, spec: BoxSpec, *, rebuild: bool = False, locked: bool = False
) -> Plan:
    """What `up` would do. Raises UsageError where the name belongs to another project, with
    ``locked`` also Refused where the project's lock does not fit."""
    containers = shop.engine.containers(box.labels)
    record = shop.store.get(box)
    _check_project(box, spec, containers, record)
    desired = shop.here.desired(box, spec, containers, locked=locked)
    found = Found(
        containers=containers,
        missing=_missing(shop.images, desired, containers),
        finished=shop.starter.finished(containers, record),
        stopping=record is not None and record.phase == STOPPING,
    )
    plan = make_plan(desired, found, rebuild=rebuild)
    replaced = plan.replaces and shop.engine.container(plan.replaces.id)
    if not replaced:
        return plan
    work = running_work(shop.engine, replaced)
    lost = by_hand(shop.engine, replaced).without(*_named(desired))
    return dataclasses.replace(plan, work=work, lost=lost)


def untouched(shop: Workshop, plan: Plan, before: Record | None) -> bool:
    """Whether nobody has been at work on a box since a plan of it was made; ``before`` is what
    was remembered of it then."""
    return (
        shop.store.get(plan.id) == before
        and shop.engine.containers(plan.id.labels) == plan.found.containers
    )


def apply(shop: Workshop, plan: Plan, report: Report, offer: Offer, agree: Agree) -> None:
    """Do what a plan says, as the only one at work on the box.

    What exists stays as it is until the images are there, nothing is known to be in the way, and
    ``agree`` lets go of what runs in it at that moment; it is asked before a long build too.
    """
    box, engine = plan.id, shop.engine
    shop.here.check(plan.desired, plan.found.containers)
    for change in plan.changes:
        for line in change.lines:
            report(Progress("change", change.key, line))
    for line in plan.lost.lines:
        report(Progress("lose", "what was installed or changed by hand:", line))
    agree(plan.ending)
    given = shop.here.private.gather(plan.desired.spec.secrets, plan.desired.spec.project)
    if plan.build:
        for recipe in plan.desired.recipes:
            shop.images.ensure(
                recipe, report, offer=offer, no_cache=plan.rebuild, user=plan.desired.user
            )
    if (old := plan.replaces) and (now := engine.container(old.id)):
        # A build takes its time, and somebody may have begun something meanwhile.
        agree(Ending(box.name, "up", running_work(engine, now), plan.lost))
    known = shop.store.get(box)
    shop.store.put(_starting(plan, known))
    settle(engine, plan.found.containers, stopping=plan.found.stopping)
    _make_volumes(engine, plan)
    file = write_compose(box.folder(shop.home), plan.desired.document)
    make_spool(box, shop.home)
    report(Progress("start", box.name, plan.reason))
    try:
        engine.compose_up(box.project, file, report=as_log(report))
    except DevboxError:
        # A box that had no containers is not left half-made.
        if plan.act is Act.CREATE:
            engine.compose_down(box.project)
            shop.store.put(known) if known else shop.store.forget(box)
        raise
    shop.starter.finish(engine.containers(box.labels), given, report)


def settle(engine: Engine, containers: Sequence[Container], *, stopping: bool) -> None:
    """Bring containers to where they can be started. Where a stop of theirs was interrupted, the
    engine may still be at it: wait for its end."""
    for container in containers:
        if stopping:
            engine.stop(container.id)
        elif container.state == "paused":
            engine.unpause(container.id)


def compose_yaml(doc: Mapping[str, Any]) -> str:
    """A Compose document as a file."""
    import yaml

    # Without allow_unicode: PyYAML leaves U+0085 as it is, which a reader takes for a line break.
    return yaml.safe_dump(dict(doc), sort_keys=False, width=100)


def write_compose(folder: Path, doc: Mapping[str, Any]) -> Path:
    """Write a box's Compose file, whole or not at all: as JSON, which is YAML and ten times
    faster to write. Only its owner may read it, since `env` may hold what is private."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        file = folder / "compose.json"
        draft = folder / "compose.json.new"
        draft.write_text(json.dumps(doc, indent=2))
        draft.replace(file)
    except OSError as error:
        raise DevboxError(
            f"{error.filename or folder} cannot be written: {error.strerror}.",
            hint="`devbox doctor` looks at the folder of devbox.",
        ) from error
    return file


def _named(desired: DesiredBox) -> tuple[list[str], list[str]]:
    """The Debian and Python packages that a box's definition names; also its requirements."""
    spec = desired.spec
    python = [distribution(line) for line in spec.pip]
    for recipe in desired.recipes[:1]:
        for text in (text for step in recipe.steps for text in step.files.values()):
            found = re.findall(rb"(?m)^\s*[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)", text)
            python += [name.decode() for name in found]
    return [line.partition("=")[0].partition(":")[0] for line in spec.apt], python


def _missing(
    images: Images, desired: DesiredBox, containers: Sequence[Container]
) -> tuple[str, ...]:
    image = desired.document["services"][BOX_SERVICE]["image"]
    if len(desired.recipes) == 1 and any(
        c.image == image and c.state == "running" for c in containers
    ):
        return ()  # what runs is there: saves a call where nothing changed
    return tuple(step.tag for recipe in desired.recipes for step in images.missing(recipe))


def _make_volumes(engine: Engine, plan: Plan) -> None:
    # Made here and external to Compose, which would not share the cache between projects.
    document = plan.desired.document
    cache = document["volumes"]["cache"]["name"]
    for name in volume_names(document):
        engine.create_volume(
            name, {Label.OWNER: plan.id.owner} if name == cache else plan.id.labels
        )


def _check_project(
    box: BoxId, spec: BoxSpec, containers: Sequence[Container], record: Record | None
) -> None:
    own = own_of(containers)
    project = own.labels.get(Label.PROJECT, "") if own else record.project if record else ""
    if project not in {str(spec.project), ""}:
        raise UsageError(
            f"The name {box.name} belongs to the box of {project}.",
            hint="Give this one another `name` in devbox.toml,"
            f" or remove that one: `devbox rm {box.name}`.",
        )


def _starting(plan: Plan, known: Record | None) -> Record:
    spec = plan.desired.spec
    return Record(
        id=plan.id,
        project=str(spec.project),
        profile=spec.profile,
        config=document_hash(plan.desired.document),
        image=plan.desired.document["services"][BOX_SERVICE]["image"],
        container=known.container if known else "",
        started=0.0,
        phase=STARTING,
    )
