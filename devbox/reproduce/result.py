"""What is told of the result beside the metrics: predictions, and what a person should know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from devbox.errors import DevboxError
from devbox.journal.slots import FUNCTIONS, PARAMETERS
from devbox.models.content import SYSTEM
from devbox.reproduce.records import Plan, Predictions, Row

if TYPE_CHECKING:
    from devbox.boxes.modelcheck import Called
    from devbox.models.records import ModelVersion
    from devbox.runs.records import RunRecord

Call = Callable[["ModelVersion", str, bool], "Called"]
"""Calls a version with its example in an image; whether pickled weights may be loaded."""


def predictions(
    call: Call, before: ModelVersion, made: ModelVersion | None, image: str, *, allow_pickle: bool
) -> Predictions:
    """Call the recorded functions with the recorded example: with the new weights, where the
    command registered some, else with the recorded ones."""
    called, ref = before, before.ref
    if made is not None and made.files_of(PARAMETERS):
        ref = made.ref
        called = replace(
            before,
            slots={**before.slots, PARAMETERS: made.slots.get(PARAMETERS, {})},
            files=(*before.files_of(FUNCTIONS), *made.files_of(PARAMETERS)),
        )
    which = f"the weights of {ref}"
    try:
        # Weights that were made a moment ago here are no stranger's.
        done = call(called, image, allow_pickle or called is not before)
    except DevboxError as error:
        return Predictions(which, checked=False, ok=False, message=error.message)
    # What could not be loaded has predicted nothing, the same or another.
    checked = done.ok or done.stage != "load"
    return Predictions(which, checked=checked, ok=done.ok, message=done.message)


def notes(plan: Plan, run: RunRecord, found: Sequence[Row]) -> Iterator[str]:
    """What a person should know when they read the result."""
    recorded, now = plan.image, str(run.environment.get("image") or "")
    if recorded and now and recorded != now:
        yield f"the image was built anew: {recorded[:19]} recorded, {now[:19]} now"
    if run.status != "succeeded":
        yield f"the new run {run.status}: {run.error or 'see its logs'}"
    known = {row.key for row in found}
    more = [key for key in run.metrics if key not in known and not key.startswith(SYSTEM)]
    if more:
        yield f"measured now and not recorded: {', '.join(sorted(more)[:10])}"
