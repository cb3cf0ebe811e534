"""The model registry and tracking: what registering, finding and logging cost, beside MLflow.

--mlflow PYTHON times the same acts in a Python that has MLflow (`pip install mlflow-skinny
sqlalchemy alembic`), on a SQLite store of its own, in the same run.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import runs
from timing import Figure, best, report

from devbox.api import Devbox
from devbox.journal.ids import new_id
from devbox.state import State

PAIRS = 2_000
VERSIONS = 10_000

PEER = """
import json, tempfile, time
from mlflow import MlflowClient
client = MlflowClient("sqlite:///" + tempfile.mkdtemp() + "/mlflow.db")
def pair(name):
    client.create_registered_model(name, tags={"owner": "ada"})
    client.create_model_version(name, "file:///tmp/model", tags={"task": "fraud"})
pair("warm")
count = 50
begin = time.perf_counter()
for number in range(count):
    pair(f"m{number}")
print(json.dumps({"pairs": count / (time.perf_counter() - begin)}))
"""


def main() -> None:
    """Print the table, or JSON."""
    report(__doc__, [(runs.PEER, runs.figures), (PEER, figures)])


def figures(home: Path, peer: dict[str, float]) -> Iterator[Figure]:
    """Each measured once, on a state of its own."""
    with Devbox(home) as door:
        door.models.register("warm")
        begin = time.perf_counter()
        for number in range(PAIRS):
            door.models.register(
                f"m{number}",
                slots={"definition": {"framework": "scikit-learn", "class": "LinearRegression"}},
                tags={"owner": "ada", "task": "fraud"},
            )
        rate = PAIRS / (time.perf_counter() - begin)
        aim = ">= 2,000 pairs/s"
        yield Figure("a model and a version", rate, "pairs/s", aim, rate >= 2000, peer.get("pairs"))
        _fill(door.state)
        seconds = best(door.models.ls)
        name = f"the newest 100 of {VERSIONS:,} versions with 20 metrics"
        yield Figure(name, seconds * 1e3, "ms", "<= 5 ms", seconds <= 0.005)
        where = "metrics.m3 > 0.9 and metrics.m4 < 0.5 and tags.task = 'fraud'"
        seconds = best(lambda: door.models.ls(where, order_by="metrics.m5 desc"))
        name = "filtered, ordered search of them"
        yield Figure(name, seconds * 1e3, "ms", "<= 20 ms", seconds <= 0.02)
        seconds = best(lambda: door.models.get("filled@champion"))
        yield Figure("one by its alias, in full", seconds * 1e3, "ms", "<= 5 ms", seconds <= 0.005)


def _fill(state: State) -> None:
    """Versions as registering leaves them."""
    draw = random.Random(7)
    with state.transaction() as connection:
        model = connection.execute(
            "INSERT INTO models (name, created, description, last) VALUES (?, 0, '', ?)",
            ("filled", VERSIONS),
        ).lastrowid
        for number in range(VERSIONS):
            version = connection.execute(
                "INSERT INTO versions (model, number, id, created, person, run, description, seen,"
                " recorded, slots) VALUES (?, ?, ?, ?, 'me', '', '', '', 'experiment', '{}')",
                (model, number + 1, new_id(), 2e9 + number),
            ).lastrowid
            connection.execute(
                "INSERT INTO version_tags (version, key, value) VALUES (?, 'task', ?)",
                (version, "fraud" if number % 2 else "churn"),
            )
            connection.executemany(
                "INSERT INTO version_metrics (version, key, last) VALUES (?, ?, ?)",
                [(version, f"m{key}", draw.random()) for key in range(20)],
            )
        connection.execute("INSERT INTO aliases VALUES (?, 'champion', ?)", (model, version))


if __name__ == "__main__":
    main()
