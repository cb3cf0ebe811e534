"""The model registry: models, their immutable versions, aliases, and all that is known of each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from devbox.errors import DevboxError, UsageError
from devbox.journal.checks import checked_key, checked_text
from devbox.journal.ids import is_id, new_id
from devbox.journal.slots import checked_model_name, checked_slot, checked_slots
from devbox.models.refs import Ref, checked_alias, no_model, parse

if TYPE_CHECKING:
    from devbox.models.compare import Comparison
    from devbox.models.given import Files
    from devbox.models.lineage import Graph
    from devbox.models.records import (
        Model,
        ModelVersion,
        Moved,
        Policy,
        Removal,
        Verification,
        VersionSummary,
    )
    from devbox.models.store import ModelStore
    from devbox.runs import Runs
    from devbox.runs.records import RunRecord
    from devbox.state import State
    from devbox.storage import Blobs

__all__ = ["Models"]

FARTHEST = 100
"""The most generations of runs that lineage goes back."""


class Models:
    """The models of one state file. Each question first takes in what runs have registered since.

    A version is named churn@3, by an alias churn@champion, or as the newest churn@latest, churn.
    """

    def __init__(
        self, *, state: Callable[[], State], blobs: Blobs, runs: Callable[[], Runs]
    ) -> None:
        self._state = state
        self._blobs = blobs
        self._runs = runs

    def register(
        self,
        name: str,
        *,
        run: str = "",
        slots: Mapping[str, Mapping[str, Any]] | None = None,
        files: Files | None = None,
        artifacts: Mapping[str, Sequence[str]] | None = None,
        tags: Mapping[str, Any] | None = None,
        description: str = "",
        id: str = "",  # noqa: A002 - what it is called in the record
        created: float | None = None,
        user: str = "",
    ) -> ModelVersion:
        """Make the next version of a model, and the model where there is none.

        ``run`` is the id of the run that it comes from (or the run): what is known of that fills
        the slots, below what is given in ``slots``. While the run goes on the version is open,
        and grows with it. ``files`` are, for each slot, paths with the file (or folder) or the
        digest of what is stored already, ``artifacts`` paths of what the run kept. What comes
        from elsewhere brings its ``id``, time and user: an id that is here already is that
        version, left as it is.
        """
        from devbox.models.content import Given
        from devbox.models.given import artifacts_of, stored
        from devbox.models.store.registering import New

        content = checked_slots(slots or {})
        found = self._runs().get(getattr(run, "id", run)) if run else None
        if found:
            self._settle([found.id])
        if id and not is_id(id):
            raise UsageError(f"{id[:40]!r} is no id of a version.", hint="It has 32 hex digits.")
        if created is not None and not math.isfinite(created):
            raise UsageError(f"A version is made at some time, not at {created}.")
        new = New(
            name=checked_model_name(name),
            id=id or new_id(),
            created=time.time() if created is None else float(created),
            user=user or self._state().actor,
            run=found.id if found else "",
            description=checked_text("description", description),
            tags=_texts(tags or {}),
            given=Given(content, ()),
        )
        # No clean-up of storage may come between the storing of files and what refers to them.
        with self._blobs.lease() if files else nullcontext():
            kept = (*stored(files or {}, self._blobs), *artifacts_of(found, artifacts or {}))
            whole = replace(new, given=Given(content, kept))
            made = self._store.add(whole) or self._store.by_id(new.id)
        if made is None:
            raise DevboxError(f"The new version of {name} was removed at once.")
        return made

    def get(self, ref: str) -> ModelVersion:
        """One version in full. Raises UsageError where there is none."""
        asked = parse(ref)
        self._fresh()
        return self._get(asked)

    def ls(
        self, where: str = "", *, order_by: str = "", limit: int | None = 100, name: str = ""
    ) -> tuple[VersionSummary, ...]:
        """Versions that meet a condition, newest first unless ordered otherwise; of the one model
        ``name``, if given. See :mod:`devbox.runs.search` for the language and
        :mod:`devbox.models.fields` for what can be asked."""
        from devbox.models.fields import VERSIONS
        from devbox.runs.search import query

        asked = query(where, order_by, fields=VERSIONS)
        self._fresh()
        return self._store.search(asked, limit, name)

    def versions(self, name: str) -> tuple[VersionSummary, ...]:
        """All versions of a model, newest first."""
        self.model(name)
        return self.ls(order_by="version desc", limit=None, name=name)

    def models(self) -> tuple[Model, ...]:
        """Every model, by name."""
        self._fresh()
        return self._store.models()

    def model(self, name: str) -> Model:
        """One model. Raises UsageError where there is none."""
        asked = checked_model_name(name)
        self._fresh()
        found = self._store.models(asked)
        if not found:
            raise no_model(asked)
        return found[0]

    def names(self) -> Sequence[str]:
        """All references there are, without taking anything in: for completion."""
        return self._store.names()

    def registered(self, id: str) -> ModelVersion | None:  # noqa: A002 - as in the record
        """The version with an id, None where it has not come (yet)."""
        self._fresh()
        return self._store.by_id(id)

    def of_run(self, run: str) -> tuple[VersionSummary, ...]:
        """The versions that came from a run, by its full id; oldest first."""
        self._fresh()
        return self._store.of_run(run)

    def set_alias(self, ref: str, alias: str) -> Moved:
        """Let an alias name a version, whatever it named before.

        Raises UsageError where there is no such version, Refused where a policy requires slots
        that it lacks.
        """
        asked = parse(ref)
        word = checked_alias(alias)
        self._fresh()
        return self._store.set_alias(asked, word)

    def remove_alias(self, name: str, alias: str) -> int:
        """Take an alias away; returns the version that it named."""
        return self._store.remove_alias(checked_model_name(name), checked_alias(alias))

    def tag(self, ref: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a version (churn@3), or of the model (churn) and so of all its versions."""
        texts = _texts(tags)
        asked = parse(ref)
        self._fresh()
        self._store.tag(asked, texts)

    def untag(self, ref: str, keys: Sequence[str]) -> None:
        """Take tags away."""
        asked = parse(ref)
        self._fresh()
        self._store.untag(asked, keys)

    def describe(self, ref: str, text: str) -> None:
        """Set the description of a version (churn@3) or a model (churn)."""
        asked = parse(ref)
        self._fresh()
        self._store.describe(asked, checked_text("description", text))

    def policies(self) -> tuple[Policy, ...]:
        """Which slots aliases require."""
        return self._store.policies()

    def set_policy(self, name: str, alias: str, required: Sequence[str]) -> Policy:
        """Require slots of every version that is given an alias from now on; of all models where
        ``name`` is ``*``. None: require nothing any more."""
        from devbox.models.records import Policy

        model = name if name == "*" else checked_model_name(name)
        slots = tuple(dict.fromkeys(map(checked_slot, required)))
        policy = Policy(model, checked_alias(alias), slots)
        self._store.set_policy(policy)
        return policy

    def compare(self, refs: Sequence[str], *, every: bool = False) -> Comparison:
        """In what versions differ: params, metrics, tags, slots, files; ``every``: all of that."""
        from devbox.models.compare import comparison

        return comparison([self.get(ref) for ref in refs], every=every)

    def lineage(self, ref: str) -> Graph:
        """What a version was made from, and by which runs."""
        from devbox.models.lineage import lineage

        version = self.get(ref)
        return lineage(version, self.ancestors(version.run))

    def card(self, ref: str) -> str:
        """The model card of a version: Markdown, with the metadata that Hugging Face reads."""
        from devbox.models.card import card

        version = self.get(ref)
        return card(version, self.model(version.model))

    def verify(self, ref: str) -> Verification:
        """Read every file of a version again."""
        from devbox.models.files import verification

        return verification(self.get(ref), self._blobs)

    def open_file(self, version: ModelVersion, path: str, slot: str = "") -> BinaryIO:
        """A file of a version, read and found to be what was registered. Raises DevboxError where
        it is missing or damaged."""
        from devbox.models.files import open_checked

        return open_checked(version, path, slot, self._blobs)

    def plan_rm(self, ref: str) -> Removal:
        """What :meth:`rm` would remove: a version (churn@3), or a model with all (churn)."""
        asked = parse(ref)
        self._fresh()
        return self._store.plan_removal(asked)

    def check_rm(self, plan: Removal, *, force: bool = False) -> None:
        """Raise Refused where an alias names what is to be removed, unless ``force``."""
        from devbox.models.store.removal import check

        check(plan, force=force)

    def rm(self, ref: str, *, force: bool = False) -> Removal:
        """Remove a version or a model. Files stay until storage is cleaned up.

        Raises Refused where an alias names a version, unless ``force``.
        """
        asked = parse(ref)
        self._fresh()
        return self._store.remove(asked, force=force)

    def digests(self) -> frozenset[str]:
        """All content that models need, so that it stays."""
        self._fresh()
        return self._store.digests()

    def ancestors(self, run: str) -> Sequence[RunRecord]:
        """A run and those above it, as far as they are known."""
        from devbox.runs.store import RunStore

        store = RunStore(self._state())
        found: list[RunRecord] = []
        while run and len(found) < FARTHEST and all(run != each.id for each in found):
            record = store.get(run)
            if record is None:
                break
            found.append(record)
            run = record.parent
        return found

    @cached_property
    def _store(self) -> ModelStore:
        from devbox.models.store import ModelStore

        return ModelStore(self._state())

    def _fresh(self) -> None:
        self._runs().ingest.everything()
        if waiting := self._store.waiting():
            self._settle(waiting)
            self._store.take_in()

    def _settle(self, runs: Sequence[str]) -> None:
        """Take in what runs wrote last: one that is over by now was perhaps read before its end."""
        for run in runs:
            self._runs().ingest.run(run)

    def _get(self, ref: Ref) -> ModelVersion:
        found = self._store.get(ref)
        if found is None:
            raise self._store.unknown(ref)
        return found


def _texts(tags: Mapping[str, Any]) -> dict[str, str]:
    return {checked_key(key): checked_text(key, value) for key, value in tags.items()}
