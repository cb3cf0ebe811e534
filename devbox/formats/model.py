"""A registered model, loaded: its parameters, and its functions called as one unit."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, Refused
from devbox.formats import place, signature, values
from devbox.formats.compare import TOLERANCE, difference
from devbox.formats.loading import load
from devbox.formats.place import Bridge, Door, Source
from devbox.formats.recorded import Recorded
from devbox.journal.artifacts import checked_path
from devbox.journal.slots import FUNCTIONS, PARAMETERS

ROLES = ("build", "featurize", "predict")


class LoadedModel:
    """A version of a model.

    ``name`` and ``version`` (a number) say which; ``record`` is all that is known of it, as the
    registry has it. ``parameters`` is what its file holds: an estimator (skops, joblib, pickle),
    a dict of tensors or arrays (safetensors), a session of ONNX Runtime (onnx), a path (other),
    None without a file. ``signature`` tells what goes in and comes out.

    Called with an input, it featurizes and predicts as one: both sides are checked against the
    signature.
    """

    def __init__(
        self, record: Mapping[str, Any], parameters: Any, functions: Functions | None
    ) -> None:
        self.record = record
        self.name = str(record.get("model", ""))
        self.version = int(record.get("version") or 0)
        self.parameters = parameters
        slot = _slot(record, FUNCTIONS)
        said = slot.get("signature")
        self.signature: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
        self._functions = functions
        self._built = parameters
        if functions is not None and functions.build is not None:
            self._built = called("build", functions.build, parameters)

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name}@{self.version}>"

    def __call__(self, value: Any) -> Any:
        """Featurize and predict. Raises UsageError for an input that does not fit the signature,
        DevboxError where a recorded function fails."""
        signature.check(self.signature, value)
        output = self.predict(self.featurize(value))
        signature.check(self.signature, output, output=True)
        return output

    def featurize(self, value: Any) -> Any:
        """The features of an input: the input itself where no such function was recorded."""
        functions = self._needed()
        if functions.featurize is None:
            return value
        return called("featurize", functions.featurize, value)

    def predict(self, features: Any) -> Any:
        """The prediction for some features."""
        functions = self._needed()
        if functions.predict is None:
            raise DevboxError(f"{self.name}@{self.version} has no predict function recorded.")
        return called("predict", functions.predict, self._built, features)

    def _needed(self) -> Functions:
        if self._functions is not None:
            return self._functions
        ref = f"{self.name}@{self.version}"
        if not _slot(self.record, FUNCTIONS).get("predict"):
            raise DevboxError(
                f"{ref} was registered without functions.",
                hint="Use its `parameters`, or register it with featurize= and predict=.",
            )
        raise Refused(
            f"featurize and predict of {ref} are source that its run recorded: calling them runs"
            " that code.",
            hint=f'load_model("{ref}", trust_code=True), where you trust who registered it.',
        )


class Functions:
    """The recorded functions of a version, imported; None for those that it has not."""

    def __init__(self, source: Source, record: Mapping[str, Any]) -> None:
        slot = _slot(record, FUNCTIONS)
        self._folder = Path(tempfile.mkdtemp(prefix="devbox-model-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        recorded = Recorded(unpacked(source, record, self._folder), self._folder)
        found = {
            role: recorded.function(str(slot[role])) if slot.get(role) else None for role in ROLES
        }
        weakref.finalize(self, _forget, recorded.root)
        self.build, self.featurize, self.predict = (found[role] for role in ROLES)


def unpacked(source: Source, record: Mapping[str, Any], folder: Path) -> dict[str, bytes]:
    """The recorded sources, and the files beside them, by their paths; written to a folder."""
    said = _slot(record, FUNCTIONS).get("sources")
    if not isinstance(said, Mapping) or not said:
        raise DevboxError("The version has functions, and no sources of them.")
    sources = {}
    for path, kept in said.items():
        inside = checked_path(str(path))
        data = place.content(source, place.entry(record, FUNCTIONS, kept))
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sources[inside] = data
    return sources


def _forget(root: str) -> None:
    for name in [name for name in sys.modules if name == root or name.startswith(f"{root}.")]:
        sys.modules.pop(name, None)


def called(role: str, function: Any, *arguments: Any) -> Any:
    """Call one of a model's functions. Raises DevboxError for whatever it raises."""
    try:
        return function(*arguments)
    except DevboxError:
        raise
    except (Exception, SystemExit) as error:
        raise DevboxError(f"{role} failed: {type(error).__name__}: {error}") from error


def load_model(
    ref: str, *, trusted: Sequence[str] = (), allow_pickle: bool = False, trust_code: bool = False
) -> LoadedModel:
    """Load a version of a model: ``churn@champion``, ``churn@3``, ``churn`` for the newest.

    No code that comes with it runs unless you say so. ``trusted``: types that its skops file may
    hold beyond what skops trusts itself, and beyond those in your settings ([models] trusted).
    ``allow_pickle``: read joblib and pickle files, inside a box only. ``trust_code``: import the
    recorded featurize and predict, to call them.

    Raises UsageError where there is no such version, Refused for what is not trusted, DevboxError
    for files that are missing or damaged.
    """
    with opened() as source:
        return loaded(
            source, ref, trusted=trusted, allow_pickle=allow_pickle, trust_code=trust_code
        )


def loaded(
    source: Source,
    ref: str,
    *,
    trusted: Sequence[str] = (),
    allow_pickle: bool = False,
    trust_code: bool = False,
) -> LoadedModel:
    """:func:`load_model` from a given source."""
    record = source.version(ref)
    slot = _slot(record, PARAMETERS)
    files = place.entries(record, PARAMETERS)
    parameters = None
    if files:
        named = slot.get("file") or files[0].path
        entry = place.entry(record, PARAMETERS, named)
        parameters = load(
            place.verified(source, entry),
            str(slot.get("format") or "other"),
            name=f"{record.get('model')}@{record.get('version')}",
            trusted=(*trusted, *source.trusted()),
            allow_pickle=allow_pickle,
        )
    has_code = bool(_slot(record, FUNCTIONS).get("predict"))
    functions = Functions(source, record) if trust_code and has_code else None
    return LoadedModel(record, parameters, functions)


@contextmanager
def opened() -> Iterator[Source]:
    """Where models are to be had: through the bridge in a box, else from this machine's
    registry."""
    if os.environ.get("DEVBOX_BOX"):
        yield Bridge()
        return
    import devbox

    with devbox.connect() as door:
        yield Door(door)


def checked_example(source: Source, model: LoadedModel) -> str:
    """Call a model with its recorded example: "" where what comes out is what was recorded, else
    where it differs. Raises DevboxError where there is no example or a function fails."""
    example = _slot(model.record, FUNCTIONS).get("example")
    if not isinstance(example, Mapping):
        raise DevboxError(f"{model.name}@{model.version} has no example to be checked with.")

    def read(side: str) -> Any:
        entry = place.entry(model.record, FUNCTIONS, example.get(side))
        return values.loaded(place.content(source, entry))

    tolerance = example.get("tolerance", TOLERANCE)
    known = isinstance(tolerance, (int, float)) and 0 <= tolerance < 1e300
    return difference(read("output"), model(read("input")), tolerance if known else TOLERANCE)


def _slot(record: Mapping[str, Any], slot: str) -> Mapping[str, Any]:
    slots = record.get("slots")
    found = slots.get(slot) if isinstance(slots, Mapping) else None
    return found if isinstance(found, Mapping) else {}
