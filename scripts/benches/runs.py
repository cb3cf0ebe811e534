"""Tracking: what logging, taking in, searching and reading cost, beside MLflow where there is one.

--mlflow PYTHON times the same acts in a Python that has MLflow (`pip install mlflow-skinny
sqlalchemy alembic`), on a SQLite store of its own, in the same run.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from timing import Figure, best, report

from devbox.journal.ids import new_id
from devbox.journal.places import spool_of
from devbox.journal.run import Run
from devbox.runs import Runs
from devbox.state import State
from devbox.storage import Blobs

POINTS = 200_000
RUNS = 10_000

PEER = """
import json, sys, tempfile, time
from mlflow import MlflowClient
client = MlflowClient("sqlite:///" + tempfile.mkdtemp() + "/mlflow.db")
run = client.create_run(client.create_experiment("bench")).info.run_id
client.log_metric(run, "warm", 0.0)
count = 500
begin = time.perf_counter()
for step in range(count):
    client.log_metric(run, "loss", 1.0 / (step + 1), step=step)
print(json.dumps({"log": count / (time.perf_counter() - begin)}))
"""


def main() -> None:
    """Print the table, or JSON."""
    report(__doc__, [(PEER, figures)])


def figures(home: Path, peer: dict[str, float]) -> Iterator[Figure]:
    """Each measured once, on a state of its own."""
    yield _import()
    with State(home, actor="bench") as state:
        runs = Runs(home, state=lambda: state, blobs=Blobs(home / "blobs"))
        run = Run(new_id(), spool_of(home))
        values = [math.sin(step / 100) for step in range(POINTS)]
        begin = time.perf_counter()
        for step, value in enumerate(values):
            run.log_metric("train/loss", value, step)
        rate = POINTS / (time.perf_counter() - begin)
        aim = ">= 100,000 calls/s"
        yield Figure("`log_metric`", rate, "calls/s", aim, rate >= 100_000, peer.get("log"))
        run.close()
        begin = time.perf_counter()
        runs.ingest.everything()
        rate = POINTS / (time.perf_counter() - begin)
        yield Figure("taking in", rate, "points/s", ">= 300,000 points/s", rate >= 300_000)
        series = runs.metric(run.id, "train/loss")
        seconds = best(lambda: runs.metric(run.id, "train/loss")) * 1e5 / len(series)
        yield Figure("reading 100,000 points", seconds * 1e3, "ms", "<= 50 ms", seconds <= 0.05)
        seconds = best(lambda: series.downsampled(1000)) * 1e5 / len(series)
        yield Figure("of them a plot's 1,000", seconds * 1e3, "ms", "<= 10 ms", seconds <= 0.01)
        _fill(state)
        where = "metrics.m3 > 0.9 and metrics.m4 < 0.5"
        seconds = best(lambda: runs.search(where, order_by="metrics.m5 desc"))
        name = f"filtered, ordered search of {RUNS:,} runs with 20 metrics"
        yield Figure(name, seconds * 1e3, "ms", "<= 20 ms", seconds <= 0.02)
        seconds = best(runs.search)
        yield Figure("the newest 100 of them", seconds * 1e3, "ms", "<= 5 ms", seconds <= 0.005)


def _import() -> Figure:
    def python(code: str) -> float:
        return best(lambda: subprocess.run([sys.executable, "-c", code], check=True))

    seconds = python("import devbox") - python("pass")
    aim = "<= 50 ms"
    return Figure("`import devbox` over bare Python", seconds * 1e3, "ms", aim, seconds <= 0.05)


def _fill(state: State) -> None:
    """Runs as an ingest leaves them."""
    draw = random.Random(7)
    with state.transaction() as connection:
        experiment = connection.execute("SELECT n FROM experiments").fetchone()[0]
        for number in range(RUNS):
            run = connection.execute(
                "INSERT INTO runs (id, parent, experiment, name, status, started, ended, person,"
                " host, box, error, facts) VALUES (?, '', ?, 'r', 'succeeded', ?, ?, 'me', 'h',"
                " '', '', '{}')",
                (f"{number:032x}", experiment, 1e9 + number, 1e9 + number + 1),
            ).lastrowid
            connection.executemany(
                "INSERT INTO metrics (run, key, points, last, step, time, low, high)"
                " VALUES (?, ?, 1, ?, 0, 0, 0, 1)",
                [(run, f"m{key}", draw.random()) for key in range(20)],
            )


if __name__ == "__main__":
    main()
