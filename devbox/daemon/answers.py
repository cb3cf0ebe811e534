"""What code in a box is answered: looking up, and nothing that changes or starts anything."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from devbox.daemon.allowed import checked
from devbox.errors import DevboxError, UsageError
from devbox.journal.ids import is_id

if TYPE_CHECKING:
    from devbox.api import Devbox

PATIENCE = 60.0
"""Seconds for a command."""
LONGEST_OUTPUT = 8 << 20
LONGEST_REFERENCE = 400
CHUNK = 1 << 18
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Answer:
    """A value, as JSON, and the bytes that follow it."""

    value: Any
    body: Iterable[bytes] = ()


class Answers:
    """Answers questions of boxes, one at a time but for commands and files."""

    def __init__(self, door: Devbox) -> None:
        self._door = door
        self._one = threading.Lock()
        self._named: frozenset[str] = frozenset()
        self._ops: Mapping[str, Callable[[str, Mapping[str, Any]], Answer]] = {
            "model": self._model,
            "ingest": self._ingest,
            "registered": self._registered,
            "cli": self._cli,
            "blob": self._blob,
        }

    def answer(self, box: str, question: bytes) -> Answer:
        """Answer a question of a box. Raises DevboxError for one that has no answer."""
        try:
            asked = json.loads(question)
        except (ValueError, RecursionError):
            raise UsageError("The question is no JSON.") from None
        op = asked.get("op") if isinstance(asked, dict) else None
        act = self._ops.get(op) if isinstance(op, str) else None
        if act is None:
            raise UsageError("Nothing of that kind is answered to a box.")
        return act(box, asked)

    def take_in(self) -> int:
        """Take in what runs have written; how many had something new."""
        with self._one:
            return self._door.runs.ingest.everything()

    def alive(self) -> bool:
        """Whether some run goes on."""
        with self._one:
            return self._door.runs.ingest.alive()

    def _model(self, box: str, asked: Mapping[str, Any]) -> Answer:
        del box
        with self._one:
            found = asdict(self._door.models.get(_text(asked, "ref")))
            return Answer({**found, "trusted": self._door.settings.trusted})

    def _ingest(self, box: str, asked: Mapping[str, Any]) -> Answer:
        with self._one:
            self._door.runs.ingest.run(_id(asked, "run"), box)
        return Answer({})

    def _registered(self, box: str, asked: Mapping[str, Any]) -> Answer:
        del box
        with self._one:
            found = self._door.models.registered(_id(asked, "id"))
        return Answer({"version": found.version if found else None})

    def _blob(self, box: str, asked: Mapping[str, Any]) -> Answer:
        del box
        digest = _text(asked, "digest")
        if not _DIGEST.fullmatch(digest):
            raise UsageError("That is no digest.")
        with self._one:
            if digest not in self._named:
                self._named = frozenset(self._door.models.digests()) | self._of_data()
            if digest not in self._named:
                raise UsageError(f"No model or dataset version has the file {digest[:12]}.")
            size = self._door.blobs.size(digest)
        return Answer(size, self._stream(digest))

    def _of_data(self) -> frozenset[str]:
        return frozenset(self._door.data.kept())

    def _stream(self, digest: str) -> Iterator[bytes]:
        with self._door.blobs.open(digest) as file:
            while data := file.read(CHUNK):
                yield data

    def _cli(self, box: str, asked: Mapping[str, Any]) -> Answer:
        del box
        words = checked(asked.get("argv"))
        columns = asked.get("columns")
        width = columns if isinstance(columns, int) and 20 <= columns <= 1000 else 100
        env = {**os.environ, "DEVBOX_HOME": str(self._door.home), "COLUMNS": str(width)}
        env |= {"NO_COLOR": "1", "TERM": "dumb"}
        code, out, err = _ran([sys.executable, "-m", "devbox", *words], env)
        return Answer({"code": code, "stdout": out, "stderr": err})


def _ran(argv: list[str], env: Mapping[str, str]) -> tuple[int, str, str]:
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env=env,
        start_new_session=True,
    )
    found: dict[str, bytes] = {}

    def read(name: str, stream: Any) -> None:
        found[name] = stream.read(LONGEST_OUTPUT)
        if stream.read(1):
            _end(process)  # nobody reads on, and it would wait for that

    threads = [
        threading.Thread(target=read, args=pair, daemon=True)
        for pair in (("out", process.stdout), ("err", process.stderr))
    ]
    with process:
        for thread in threads:
            thread.start()
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _end(process)
            raise DevboxError(f"It took more than {PATIENCE:g} seconds.") from None
        finally:
            for thread in threads:
                thread.join()
    out, err = (found.get(name, b"").decode("utf-8", "replace") for name in ("out", "err"))
    return code, out, err


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(asked: Mapping[str, Any], field: str) -> str:
    value = asked.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_REFERENCE:
        raise UsageError(f"The question lacks {field}.")
    return value


def _id(asked: Mapping[str, Any], field: str) -> str:
    value = _text(asked, field)
    if not is_id(value):
        raise UsageError(f"{field} is no id.")
    return value
