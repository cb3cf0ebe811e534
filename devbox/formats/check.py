"""Loads a version from a folder, calls it with its recorded example and compares: what
`devbox model verify --run` does in a throw-away container.

``python -m devbox.formats.check FOLDER`` prints one line of JSON: ok, stage (load, call, compare,
done), message, hint, seconds. The exit code is 0 where it is ok, else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, Refused
from devbox.formats.loading import in_container
from devbox.formats.model import checked_example, loaded, unpacked
from devbox.formats.place import Folder


def check(
    folder: Path, *, trusted: Sequence[str] = (), allow_pickle: bool = False
) -> dict[str, Any]:
    """Check the version in a folder. Raises Refused outside of a container: it runs the code that
    was recorded with the model."""
    if not in_container():
        raise Refused(
            "A model is checked in a container only: that runs its recorded code.",
            hint="`devbox model verify MODEL@VERSION --run` does.",
        )
    start = time.monotonic()
    stage, message, hint = "load", "", ""
    try:
        source = Folder(folder, tuple(trusted))
        # Estimators of one's own are imported by their modules' names.
        here = tempfile.mkdtemp(prefix="devbox-check-")
        unpacked(source, source.version(""), Path(here))
        sys.path.append(here)
        model = loaded(source, "", allow_pickle=allow_pickle, trust_code=True)
        stage = "call"
        message = checked_example(source, model)
        stage = "compare" if message else "done"
    except DevboxError as error:
        message, hint = error.message, error.hint
    return {
        "ok": stage == "done",
        "stage": stage,
        "message": message,
        "hint": hint,
        "seconds": round(time.monotonic() - start, 3),
    }


def main(arguments: Sequence[str]) -> int:
    """Check a folder, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m devbox.formats.check", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trusted", action="append", default=[])
    parser.add_argument("--allow-pickle", action="store_true")
    given = parser.parse_args(arguments)
    # What the model's code prints is talk.
    answer = os.dup(1)
    os.dup2(2, 1)
    with redirect_stdout(sys.stderr):
        try:
            found = check(given.folder, trusted=given.trusted, allow_pickle=given.allow_pickle)
        except Refused as error:
            found = {"ok": False, "stage": "refused", "message": error.message, "hint": error.hint}
    os.write(answer, json.dumps(found).encode() + b"\n")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
