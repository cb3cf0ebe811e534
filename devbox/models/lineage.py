"""Lineage: commit, environment and data -> run -> version. One graph, and how it is drawn. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from devbox.journal.slots import DATA, DEPENDENCIES, GENERATION
from devbox.models.records import ModelVersion
from devbox.models.slots import inputs
from devbox.runs.records import RunRecord

VERSION, RUN, COMMIT, ENVIRONMENT, DATASET = "version", "run", "commit", "environment", "data"


@dataclass(frozen=True)
class Node:
    """One thing: ``id`` is its kind and what names it ("run:01a2..."), ``label`` is for a
    person."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True)
class Edge:
    """``source`` went into ``target``, as ``kind``: code, environment, input, parent, made."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Graph:
    """Everything that one thing (``root``) was made from."""

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass
class _Drawing:
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)

    def node(self, kind: str, name: str, label: str) -> str:
        made = Node(f"{kind}:{name}", kind, label)
        return self.nodes.setdefault(made.id, made).id

    def edge(self, source: str, target: str, kind: str) -> None:
        self.edges[Edge(source, target, kind)] = None


def lineage(version: ModelVersion, runs: Sequence[RunRecord]) -> Graph:
    """The graph behind a version; ``runs`` are its run and those above that, nearest first."""
    drawing = _Drawing()
    root = drawing.node(VERSION, version.ref, version.ref)
    below = root
    if version.run:
        label = _label(runs[0]) if runs else f"run {version.run[:12]}"
        below = drawing.node(RUN, version.run, label)
        drawing.edge(below, root, "made")
    _origins(drawing, below, version.slots)
    for run, above in pairwise(runs):
        parent = drawing.node(RUN, above.id, _label(above))
        drawing.edge(parent, f"{RUN}:{run.id}", "parent")
        _origins(drawing, parent, _slots_of(above))
    return Graph(root, tuple(drawing.nodes.values()), tuple(drawing.edges))


def _label(run: RunRecord) -> str:
    return f"run {run.id[:12]} {run.name}".rstrip() + f" ({run.status})"


def _slots_of(run: RunRecord) -> Mapping[str, Mapping[str, Any]]:
    return {
        GENERATION: run.code,
        DEPENDENCIES: run.environment,
        DATA: {
            "inputs": [
                {"name": each.name, "version": each.version, "digest": each.digest, "uri": each.uri}
                for each in run.inputs
            ]
        },
    }


def _origins(drawing: _Drawing, target: str, slots: Mapping[str, Mapping[str, Any]]) -> None:
    generation = slots.get(GENERATION, {})
    if commit := _text(generation, "commit"):
        branch = _text(generation, "branch")
        label = f"commit {commit[:12]}" + (f" on {branch}" if branch else "")
        changed = ", with uncommitted changes" if generation.get("dirty") is True else ""
        drawing.edge(drawing.node(COMMIT, commit, label + changed), target, "code")
    dependencies = slots.get(DEPENDENCIES, {})
    if name := environment_of(dependencies):
        python, packages = _text(dependencies, "python"), dependencies.get("packages")
        count = f", {len(packages)} packages" if isinstance(packages, dict) else ""
        label = f"environment {name[:19]}" + (f" (Python {python}{count})" if python else "")
        drawing.edge(drawing.node(ENVIRONMENT, name, label), target, "environment")
    for each in inputs(slots.get(DATA, {})):
        name, which = _text(each, "name"), _text(each, "version") or _text(each, "digest")
        if not name and not which:
            continue
        label = f"data {name}" + (f"@{which[:19]}" if which else "")
        role = _text(each, "role")
        node = drawing.node(DATASET, f"{name}@{which}", label + (f" ({role})" if role else ""))
        drawing.edge(node, target, "input")


def environment_of(dependencies: Mapping[str, Any]) -> str:
    """What names an environment: the digest of its image, else one of what is known of it."""
    if image := _text(dependencies, "image"):
        return image
    known = {key: dependencies.get(key) for key in ("python", "packages", "lock")}
    if not any(known.values()):
        return ""
    written = json.dumps(known, sort_keys=True, default=str).encode()
    return hashlib.sha256(written).hexdigest()


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def tree(graph: Graph) -> list[str]:
    """The graph as lines of a tree, the newest thing first; what was drawn before is not drawn
    again."""
    labels = {node.id: node.label for node in graph.nodes}
    sources: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        sources.setdefault(edge.target, []).append(edge)
    lines = [labels[graph.root]]
    seen = {graph.root}

    def draw(target: str, indent: str) -> None:
        edges = sources.get(target, [])
        for place, edge in enumerate(edges):
            last = place == len(edges) - 1
            again = edge.source in seen and bool(sources.get(edge.source))
            seen.add(edge.source)
            branch = "└─ " if last else "├─ "
            lines.append(f"{indent}{branch}{edge.kind}: {labels[edge.source]}")
            if not again:
                draw(edge.source, indent + ("   " if last else "│  "))

    draw(graph.root, "")
    return lines


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines: Iterable[str] = (
        "digraph lineage {",
        "  rankdir=LR; node [shape=box];",
        *(f"  {_quoted(node.id)} [label={_quoted(node.label)}];" for node in graph.nodes),
        *(
            f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(edge.kind)}];"
            for edge in graph.edges
        ),
        "}",
    )
    return "\n".join(lines)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else " " for each in escaped) + '"'
