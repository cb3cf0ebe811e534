"""Storing: what a large file costs, beside hashing and copying it, in turn, in one run."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from devbox.storage import Blobs

NOISE = 0.1
STORE_LIMIT = 1.3
"""Storing a new file: at most so many times what hashing and copying it cost."""


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file")
    parser.add_argument("--folder", type=Path, help="where the files are made")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="devbox-bench-", dir=options.folder) as folder:
        found = measured(Path(folder), options.size << 20, options.runs)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    plain = found["hash"] + found["copy"]
    print("| what | seconds | beside | ratio | aim |")
    print("| --- | --- | --- | --- | --- |")
    for name, beside, key, limit in (
        ("storing a new file", plain, "store", STORE_LIMIT),
        ("storing it again", found["hash"], "again", 1.0),
    ):
        ratio = found[key] / beside
        mark = "" if ratio <= limit + NOISE else " (missed)"
        print(f"| {name} | {found[key]:.2f} | {beside:.2f} | {ratio:.2f} | <= {limit:g}{mark} |")


def measured(folder: Path, size: int, runs: int) -> dict[str, float]:
    """Medians in seconds: hashing a file, copying it (until it is on the disk), storing it,
    storing it again. In turn, so that a noisy machine is noisy to all."""
    source, copy, blobs = folder / "source", folder / "copy", Blobs(folder / "blobs")
    with source.open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    times: dict[str, list[float]] = {"hash": [], "copy": [], "store": [], "again": []}
    for _ in range(runs):
        times["hash"].append(timed(lambda: hash_file(source)))
        times["copy"].append(timed(lambda: copy_file(source, copy)))
        copy.unlink()
        times["store"].append(timed(lambda: blobs.put(source)))
        times["again"].append(timed(lambda: blobs.put(source)))
        blobs.gc([], grace=-60)
    return {name: statistics.median(each) for name, each in times.items()}


def timed(act: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def hash_file(path: Path) -> str:
    """SHA-256, as Python's own function does it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, until it is on the disk."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    main()
