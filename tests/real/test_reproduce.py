"""A version is made again from its commit, in a box of its own, and compared; or moved elsewhere
and made again there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devbox.compute.engine.docker import DockerEngine
from tests.real.box import Person
from tests.unit.reproduce.test_checkout import git, head

TRAIN = """
import devbox


def predict(model, rows):
    return [model[0] * x for x in rows]


if __name__ == "__main__":
    with devbox.start_run("fit", params={"rate": 0.1}, sample_every=None) as run:
        weight = 0.0
        for line in open("data/numbers.csv"):
            x = float(line)
            weight += 0.1 * (2 - weight) * x * x
            run.log_metric("loss", (2 - weight) ** 2)
        run.log_metric("odd", float("nan"))
        run.log_input("numbers", version="1", uri="/workspace/data/numbers.csv")
        devbox.register_model(
            "churn", model=[weight], predict=predict, example=([1.0, 2.0],), format="pickle",
            allow_pickle=True, split={"method": "none"}, tags={"owner": "ada", "task": "t"},
        )
"""


@pytest.fixture
def person(base_image: str, tmp_path: Path) -> Person:
    """Somebody with a project in a repository, whose box has a Python, and data."""
    del base_image
    project = tmp_path / "project"
    project.mkdir()
    made = Person(project, os.environ["DEVBOX_USER"])
    made.toml('[box]\nname = "b"\nprofile = "base"\napt = ["python3"]\n')
    (project / "train.py").write_text(TRAIN)
    (project / ".gitignore").write_text("data/\n__pycache__/\n")
    git(project, "init", "-q", "-b", "main", ".")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    (tmp_path / "numbers.csv").write_text("0.1\n0.5\n0.9\n")
    made.run("data", "add", "numbers", str(tmp_path / "numbers.csv"))
    (project / "data").mkdir()
    (project / "data" / "numbers.csv").write_text("0.1\n0.5\n0.9\n")
    made.run("up")
    return made


def mine(engine: DockerEngine, owner: str) -> list[str]:
    """The ids of the containers that somebody has."""
    return sorted(each.id for each in engine.containers({"devbox.owner": owner}))


def test_a_version_is_made_again(person: Person, engine: DockerEngine, home: Path) -> None:
    # Not committed, and in what is made again all the same.
    (person.project / "train.py").write_text(TRAIN.replace("0.1 *", "0.2 *"))
    person.run("run", "--box", "--", "python3", "train.py")
    git(person.project, "checkout", "-q", "train.py")
    # Neither is the person's own folder of any use to it.
    (person.project / "data" / "numbers.csv").write_text("9\n")
    person.sh("echo mine > /home/dev/mine")
    before = mine(engine, person.owner)

    plan = person.json("model", "reproduce", "churn@1", "--dry-run")
    assert plan["possible"]
    assert (plan["commit"], plan["diff"]) == (head(person.project), "code/uncommitted.diff")
    assert [(step["ref"], step["target"]) for step in plan["data"]] == [("numbers@1", "data")]

    done = person.json("model", "reproduce", "churn@1")
    assert done["reproduced"]
    assert {row["key"]: row["state"] for row in done["rows"]} == {"loss": "exact", "odd": "exact"}
    assert (done["predictions"]["checked"], done["predictions"]["ok"]) == (True, True)
    assert done["version"] == "churn@2"
    made = person.json("model", "show", "churn@2")
    assert made["tags"]["reproduces"] == "churn@1"
    run = person.json("runs", "show", done["run"])
    assert run["tags"]["reproduces"] == "churn@1"
    assert run["code"]["dirty"] is True

    assert mine(engine, person.owner) == before
    assert person.sh("cat /home/dev/mine") == "mine"
    assert git(person.project, "status", "--porcelain") == ""
    assert list((home / "reproduce").iterdir()) == []
    assert [box["name"] for box in person.json("ps")] == ["b"]


def test_another_metric_and_a_failing_command(person: Person) -> None:
    person.run("run", "--box", "--", "python3", "train.py")
    run = person.json("model", "show", "churn@1")["run"]
    _register(run, "off", metrics={"loss": 0.1, "odd": 1.0, "never": 2.0})
    done = person.json("model", "reproduce", "off", code=1)
    assert not done["reproduced"]
    states = {row["key"]: row["state"] for row in done["rows"]}
    assert states == {"loss": "off", "odd": "off", "never": "missing"}
    assert (
        "NOT reproduced"
        in person.run("model", "reproduce", "off", "--tolerance", "0.5", code=1).stderr
    )

    _register(run, "broken", command=["sh", "-c", "echo it broke >&2; exit 7"])
    done = person.json("model", "reproduce", "broken", "--keep", code=1)
    assert (done["code"], done["reproduced"], done["version"]) == (7, False, "")
    assert "it broke" in person.run("runs", "logs", done["run"]).stdout
    kept = {box["name"]: box["project"] for box in person.json("ps")}
    assert kept[done["box"]] == done["kept"]
    person.run("rm", "--volumes", "--yes", done["box"])


def test_a_version_moves_to_another_machine(person: Person, tmp_path: Path) -> None:
    person.run("run", "--box", "--", "python3", "train.py")
    file = tmp_path / "churn.tar.gz"
    person.run("model", "export", "churn@1", str(file), "--with-data")
    person.run("down")
    there = {"DEVBOX_HOME": str(tmp_path / "there")}
    person.run("model", "import", str(file), "--as", "churn-there", env=there)
    refused = person.run("model", "reproduce", "churn-there@1", env=there, code=4)
    assert "imported from a file" in refused.stderr
    done = person.run("model", "reproduce", "churn-there@1", "--yes", env=there)
    assert "exact" in done.stdout
    assert "is reproduced" in done.stderr
    person.run("daemon", "stop", env=there)


def _register(run: str, name: str, **what: object) -> None:
    """A version of a run of which something else is told."""
    from devbox.api import Devbox

    slots: dict[str, dict[str, object]] = {}
    if "metrics" in what:
        slots["experiment"] = {"metrics": what["metrics"]}
    if "command" in what:
        slots["generation"] = {"command": what["command"]}
    with Devbox() as door:
        door.models.register(name, run=run, slots=slots)
