"""Versions side by side. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devbox.journal.slots import SLOTS, TAGS
from devbox.models.records import ModelVersion
from devbox.runs.compare import Row, differing

SHOWN_APART = {"hyperparameters", "metrics", "run"}
_FOLDER = re.compile(r"models/[^/]+/[0-9a-f]{8}/[a-z]+/")
"""Where `devbox.register_model` keeps the files of one version, which no two have in common."""


@dataclass(frozen=True)
class Comparison:
    """Versions by their references, and for each row a value of each version, in the same
    order."""

    versions: tuple[str, ...]
    rows: tuple[Row, ...]


def comparison(versions: Sequence[ModelVersion], *, every: bool = False) -> Comparison:
    """In what versions differ; with ``every`` also what is the same in all."""
    tables: dict[str, list[Mapping[str, Any]]] = {
        "param": [version.params for version in versions],
        "metric": [version.metrics for version in versions],
        "tag": [version.tags for version in versions],
    }
    for slot in SLOTS:
        if slot != TAGS:
            tables[slot] = _flat([version.slots.get(slot, {}) for version in versions])
    tables["file"] = [_files(version) for version in versions]
    rows = differing(tables, every=every)
    return Comparison(tuple(version.ref for version in versions), tuple(rows))


def _flat(contents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What slots hold, without what has rows of its own; a table that all have is taken apart."""
    found: list[dict[str, Any]] = [{} for _ in contents]
    for key in dict.fromkeys(key for content in contents for key in content):
        if key in SHOWN_APART:
            continue
        values = [content.get(key) for content in contents]
        apart = all(isinstance(value, dict) for value in values)
        for row, value in zip(found, values, strict=True):
            if apart and isinstance(value, dict):
                some = {k: _shared(v) for k, v in value.items() if k not in SHOWN_APART}
                row |= {f"{key}.{inner}": item for inner, item in some.items()}
            elif value is not None:
                row[key] = _shared(value)
    return list(found)


def _files(version: ModelVersion) -> dict[str, str]:
    return {f"{file.slot}/{_shared(file.path)}": file.digest for file in version.files}


def _shared(value: Any) -> Any:
    """A path without what is of its version alone; all else as it is."""
    if isinstance(value, dict):
        return {key: _shared(item) for key, item in value.items()}
    return _FOLDER.sub("", value) if isinstance(value, str) else value
