"""Registering a model from the code that made it: its files become artifacts of the run, and one
note in the run's journal says the rest. It needs no connection to anything."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.formats import data as data_of
from devbox.formats import saving
from devbox.formats.compare import TOLERANCE
from devbox.formats.filling import (
    Kept,
    experiment_slot,
    functions_slot,
    generation_slot,
    model_slots,
)
from devbox.formats.loading import load, untrusted
from devbox.formats.look import RUNS_CODE
from devbox.formats.model import opened
from devbox.formats.recorded import importing
from devbox.formats.sources import Function
from devbox.journal.active import active_run, start_run
from devbox.journal.checks import checked_key, checked_text
from devbox.journal.ids import new_id
from devbox.journal.run import Run
from devbox.journal.slots import (
    DATA,
    DEFINITION,
    EXPERIMENT,
    FUNCTIONS,
    GENERATION,
    TAGS,
    checked_model_name,
    checked_slots,
)
from devbox.redact import redacted, redacted_value

WRITTEN = frozenset({DEFINITION, DATA, GENERATION, TAGS})
"""Slots with what people write, in which secrets are masked; the others hold what was computed."""
LONGEST_NOTE = 900_000
"""Bytes of the note, below the longest line that a reader takes."""


@dataclass(frozen=True)
class Registered:
    """What was registered: the model's name, and the id of the new version."""

    name: str
    id: str

    @property
    def version(self) -> int | None:
        """The version's number; None where the registry can't be reached from here (it gets one
        when the outside has taken the run in)."""
        try:
            with opened() as source:
                return source.registered(self.id)
        except DevboxError:
            return None


def register_model(
    name: str,
    model: Any = None,
    *,
    featurize: Function | None = None,
    predict: Function | None = None,
    build: Function | None = None,
    code: Sequence[str | Path] = (),
    example: Sequence[Any] | None = None,
    tolerance: float = TOLERANCE,
    data: Mapping[str, Any] | None = None,
    split: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    loss: str = "",
    confusion_matrix: tuple[Sequence[Any], Any] | None = None,
    plots: Sequence[str] = (),
    tags: Mapping[str, Any] | None = None,
    description: str = "",
    format: str = saving.AUTO,  # noqa: A002 - the field's word
    trusted: Sequence[str] = (),
    allow_pickle: bool = False,
) -> Registered:
    """Register a new version of a model with the run that this code belongs to (one is started
    where there is none).

    ``model``: an estimator of scikit-learn (kept as skops), a module of PyTorch or a dict of
    arrays or tensors (safetensors), a model of ONNX, or the path of a file. ``format`` chooses
    another; joblib and pickle need ``allow_pickle=True``, and are loaded in boxes only. Of a skops
    file that is given by its path, ``trusted`` names the types to trust, to call it with the
    example.

    ``featurize(input)`` and ``predict(parameters, features)`` are called as one unit, with what
    :func:`devbox.load_model` gives as the model's parameters, or with what ``build(parameters)``
    makes of these once. They are functions at the top of a file, or "module:function"; the files
    with what these import of the same project are recorded, and ``code`` names more. ``example``
    is (input,) or (input, output): the functions are called with it now, and whenever the version
    is verified; numbers may differ by ``tolerance``. It tells the signature, too.

    ``data``: what it was made from, by role: a dataset version ("sales@3"), a dict of name,
    version, digest, uri, schema and rows, or the frame itself (of which rows, schema and digest
    are kept). ``split``, ``search`` and ``hyperparameters`` say how it was made; hyperparameters
    of an estimator are its own by default. ``confusion_matrix`` is (labels, matrix), ``plots`` are
    paths of artifacts of the run.

    Raises UsageError for what can't be recorded, Refused for a format that runs code without
    consent, DevboxError where a function fails on the example.
    """
    checked_model_name(name)
    if importing():
        raise UsageError(
            "The recorded source of a model registers a model as soon as it is imported.",
            hint='Put that under `if __name__ == "__main__":`.',
        )
    texts = {checked_key(key): checked_text(key, each) for key, each in (tags or {}).items()}
    roles = {"build": build, "featurize": featurize, "predict": predict}
    functions = {role: each for role, each in roles.items() if each is not None}
    work = Path(tempfile.mkdtemp(prefix="devbox-register-"))
    try:
        version_id = new_id()
        kept = Kept(work, f"models/{name}/{version_id[-8:]}")
        slots, loaded = _model(kept, model, format, loss, trusted, allow_pickle=allow_pickle)
        framework = str(slots.get(DEFINITION, {}).get("framework", ""))
        slots |= {
            FUNCTIONS: functions_slot(kept, functions, code, example, tolerance, loaded),
            DATA: {"inputs": data_of.described(data)} if data else {},
            GENERATION: generation_slot(model, split, search, hyperparameters, framework),
            EXPERIMENT: experiment_slot(confusion_matrix, plots),
            TAGS: texts,
        }
        note = {
            "id": version_id,
            "name": name,
            "description": redacted(checked_text("description", description)),
            "tags": _redacted(texts),
            "slots": {
                slot: _redacted(each) if slot in WRITTEN else each
                for slot, each in checked_slots(slots).items()
                if each
            },
            "files": {slot: sorted(files) for slot, files in kept.files.items()},
        }
        _write(note, kept)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Registered(name, version_id)


def _model(
    kept: Kept, model: Any, kind: str, loss: str, trusted: Sequence[str], *, allow_pickle: bool
) -> tuple[dict[str, dict[str, Any]], Callable[[], Any]]:
    """The slots of a model, and what gives it as it will be loaded."""
    if model is None:
        return {}, lambda: None
    chosen = saving.chosen(model, kind, allow_pickle=allow_pickle)
    slots, file = model_slots(kept, model, chosen, loss)
    foreign = isinstance(model, (str, Path))

    def loaded() -> Any:
        if chosen in RUNS_CODE and not foreign:
            return model
        # What was made here of an object that is here needs nobody's trust.
        types = trusted if foreign else (*trusted, *untrusted(file, chosen))
        return load(file, chosen, name=file.name, trusted=types, allow_pickle=allow_pickle)

    return slots, loaded


def _redacted(value: Any, name: str = "") -> Any:
    """JSON without what looks like a secret in its texts."""
    if isinstance(value, str):
        return redacted_value(name, value)
    if isinstance(value, dict):
        return {redacted(key): _redacted(each, key) for key, each in value.items()}
    return [_redacted(each, name) for each in value] if isinstance(value, list) else value


def _write(note: Mapping[str, Any], kept: Kept) -> None:
    size = len(dumps(note, ensure_ascii=False).encode("utf-8", "replace"))
    if size > LONGEST_NOTE:
        raise UsageError(
            f"What is to be registered of {note['name']} is {size} bytes of text, too much for"
            " one note.",
            hint="Log long texts and lists as artifacts of the run.",
        )
    run = active_run()
    if run is None:
        with start_run(f"register {note['name']}", sample_every=None) as own:
            _keep(own, note, kept)
    else:
        _keep(run, note, kept)


def _keep(run: Run, note: Mapping[str, Any], kept: Kept) -> None:
    # The files first: the note names them.
    for files in kept.files.values():
        for path, file in files.items():
            run.log_artifact(file, path)
    run.note("model", **note)
