"""Checking a model by calling it: in a throw-away container of an image, without network, and
never here, since that runs the code that was recorded with the model."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from devbox.boxes.images.sdk import sdk_files
from devbox.compute.engine.faults import NotFound
from devbox.compute.engine.reports import HeldRequest
from devbox.errors import DevboxError, Refused
from devbox.formats.loading import CHECKING
from devbox.journal.slots import DEPENDENCIES, FUNCTIONS, PARAMETERS

if TYPE_CHECKING:
    from devbox.compute.engine.types import Engine
    from devbox.models.records import ModelFile, ModelVersion

FOLDER = "devbox-check"
PROGRAM = "devbox.formats.check"
NOBODY = "65534:65534"
TIMEOUT = 600.0
"""Seconds that loading a model and one call may take."""
CHUNK = 1 << 20
PIECE = 512
"""What a tar archive is made of."""
LONGEST_ANSWER = 1 << 20
FIND_PYTHON = (
    "for python in /opt/venv/bin/python python3 python; do"
    ' command -v "$python" >/dev/null && exec "$python" "$@"; done; exit 127'
)
NO_PYTHON, GIVEN_UP = 127, 137

Open = Callable[["ModelFile"], IO[bytes]]


@dataclass(frozen=True)
class Called:
    """What calling a model with its example came to. ``stage`` is how far it got: load, call,
    compare, done. ``message`` says what is wrong where it is not ``ok``; ``image`` is what it ran
    in, ``seconds`` how long it took there."""

    ok: bool
    stage: str
    message: str
    hint: str
    image: str
    seconds: float


def call_example(
    engine: Engine,
    version: ModelVersion,
    open_file: Open,
    *,
    image: str = "",
    trusted: Sequence[str] = (),
    allow_pickle: bool = False,
    timeout: float = TIMEOUT,
) -> Called:
    """Load a version in a container, call it with its recorded example, and compare.

    The container is of ``image``, by default the one that the version was made in; it has no
    network, and the files are nobody's there to change. ``trusted`` and ``allow_pickle`` are as
    for :func:`devbox.load_model`. Raises DevboxError where the version has nothing to call, or
    its image is not on the engine.
    """
    slot = version.slots.get(FUNCTIONS, {})
    if not slot.get("predict") or not slot.get("example"):
        raise DevboxError(
            f"{version.ref} has no functions with an example to be called with.",
            hint="Register it with predict= and example=.",
        )
    found = image or image_of(version)
    if not found:
        raise DevboxError(
            f"{version.ref} does not say which image it was made in.",
            hint="Name one that has what the model needs: --image.",
        )
    flags = [f"--trusted={each}" for each in trusted] + ["--allow-pickle"] * allow_pickle
    request = HeldRequest(
        name=f"devbox-check-{uuid.uuid4().hex[:12]}",
        image=found,
        labels={"devbox.check": version.ref},
        network="none",
    )
    try:
        held = engine.hold(request)
    except NotFound:
        raise DevboxError(
            f"The image {found} of {version.ref} is not on the engine.",
            hint="Bring the project's box up, or name another: --image.",
        ) from None
    try:
        engine.put(held.id, "/", _archive(version, open_file))
        done = engine.call(
            held.id,
            ["sh", "-c", FIND_PYTHON, "sh", "-m", PROGRAM, f"/{FOLDER}/model", *flags],
            user=NOBODY,
            cwd="/tmp",  # noqa: S108 - in a container of its own
            env={
                CHECKING: "1",
                "PYTHONPATH": f"/{FOLDER}/sdk",
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": "/tmp",  # noqa: S108
            },
            timeout=timeout,
        )
    finally:
        held.close()
    if done.code == NO_PYTHON:
        raise DevboxError(f"{found} has no Python to load {version.ref} with.")
    if done.code == GIVEN_UP and not done.stdout:
        raise DevboxError(
            f"Loading and calling {version.ref} was ended: it takes more than {timeout:g} seconds,"
            " or more memory than there is."
        )
    tail = done.stderr.decode("utf-8", "replace").splitlines()[-15:]
    answer = _answer(done.stdout)
    if answer is None:
        raise DevboxError(f"{version.ref} can't be checked in {found}.", detail=tail)
    if answer.get("stage") == "refused":
        raise Refused(str(answer.get("message")), hint=str(answer.get("hint")))
    return Called(
        ok=answer.get("ok") is True and not done.code,
        stage=str(answer.get("stage"))[:20],
        message=str(answer.get("message"))[:5000],
        hint=str(answer.get("hint"))[:1000],
        image=found,
        seconds=float(answer.get("seconds") or 0.0),
    )


def image_of(version: ModelVersion) -> str:
    """The image in which a version was made, "" where that is not known."""
    said = version.slots.get(DEPENDENCIES, {}).get("image")
    return said if isinstance(said, str) else ""


def _answer(output: bytes) -> dict[str, Any] | None:
    lines = output[-LONGEST_ANSWER:].splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _archive(version: ModelVersion, open_file: Open) -> Iterator[bytes]:
    """The SDK, the version as a manifest, and its files by their digests, as a tar stream: what a
    container of a remote engine can be given as well."""
    needed = [file for file in version.files if file.slot in {FUNCTIONS, PARAMETERS}]
    manifest = {
        "model": version.model,
        "version": version.version,
        "slots": {slot: version.slots.get(slot, {}) for slot in (FUNCTIONS, PARAMETERS)},
        "files": [vars(file) for file in needed],
    }
    for path, content in sdk_files().items():
        # Its first folder is named after what it holds.
        yield from _entry(f"sdk/{path.partition('/')[2]}", len(content), io.BytesIO(content))
    content = json.dumps(manifest).encode()
    yield from _entry("model/manifest.json", len(content), io.BytesIO(content))
    for digest, file in {file.digest: file for file in needed if file.digest}.items():
        with open_file(file) as stream:
            yield from _entry(f"model/files/{digest}", file.size, stream)
    yield tarfile.NUL * (2 * PIECE)


def _entry(path: str, size: int, stream: IO[bytes]) -> Iterator[bytes]:
    entry = tarfile.TarInfo(f"{FOLDER}/{path}")
    entry.size, entry.mode = size, 0o444
    yield entry.tobuf(tarfile.PAX_FORMAT)
    left = size
    while left > 0 and (data := stream.read(min(CHUNK, left))):
        left -= len(data)
        yield data
    if left:
        raise DevboxError(f"{path} has less in it than it should have.")
    yield tarfile.NUL * (-size % PIECE)
