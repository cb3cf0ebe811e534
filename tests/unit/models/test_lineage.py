"""What a version was made from."""

from __future__ import annotations

from devbox.journal.active import start_run
from devbox.journal.ids import new_id
from devbox.models import Models
from devbox.models.lineage import dot, tree
from tests.unit.models import whole


def test_a_version_of_a_run_within_a_run(models: Models) -> None:
    with start_run("sweep", sample_every=None) as parent:
        parent.log_input("raw", version="1")
        with start_run('trial "1"', sample_every=None) as run:
            run.log_input("customers", version="3")
            run.note("model", id=new_id(), name="churn", slots={"generation": {"commit": 40 * "c"}})
    graph = models.lineage("churn")
    kinds = {node.id: node.kind for node in graph.nodes}
    edges = {(edge.source, edge.target, edge.kind) for edge in graph.edges}
    child, above = f"run:{run.id}", f"run:{parent.id}"
    assert graph.root == "version:churn@1"
    assert {
        (child, "version:churn@1", "made"),
        (above, child, "parent"),
        ("commit:" + 40 * "c", child, "code"),
        ("data:customers@3", child, "input"),
        ("data:raw@1", above, "input"),
    } <= edges
    (environment,) = [name for name, kind in kinds.items() if kind == "environment"]
    # Both ran in the same one.
    assert {(environment, child, "environment"), (environment, above, "environment")} <= edges
    lines = tree(graph)
    assert lines[0] == "churn@1"
    assert any(line.endswith("input: data raw@1") for line in lines)
    assert 'trial \\"1\\"' in dot(graph)


def test_a_version_without_a_run(models: Models) -> None:
    models.register("churn", slots=whole.SLOTS)
    assert tree(models.lineage("churn")) == [
        "churn@1",
        "├─ code: commit cccccccccccc on main",
        "├─ environment: environment sha256:aaaaaaaaaaaa (Python 3.11.7, 1 packages)",
        "└─ input: data customers@3 (train)",
    ]


def test_versions_side_by_side(models: Models) -> None:
    models.register("churn", slots=whole.SLOTS, tags=whole.TAGS)
    models.register("churn", slots={**whole.SLOTS, "experiment": {"metrics": {"auc": 0.97}}})
    found = models.compare(["churn@1", "churn@2"])
    assert found.versions == ("churn@1", "churn@2")
    rows = {(row.kind, row.key): row.values for row in found.rows}
    assert rows == {
        ("metric", "auc"): (0.93, 0.97),
        ("tag", "owner"): ("ada", None),
        ("tag", "task"): ("fraud", None),
        ("experiment", "confusion_matrix"): ({"labels": [], "matrix": []}, None),
    }
    every = models.compare(["churn@1", "churn@2"], every=True)
    same = {(row.kind, row.key): row.values for row in every.rows}
    assert same["dependencies", "packages.numpy"] == ("2.1", "2.1")
    assert same["param", "C"] == ("0.5", "0.5")
