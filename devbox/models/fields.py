"""What model versions are searched by. Pure."""

from __future__ import annotations

from devbox.runs.fields import Fields, Keyed

VERSIONS = Fields(
    noun="Model versions",
    row="versions.n",
    newest="versions.created DESC, versions.n DESC",
    texts={
        "name": "models.name",
        "user": "versions.person",
        "run": "versions.run",
        "description": "versions.description",
    },
    numbers={"version": "versions.number"},
    times={"created": "versions.created"},
    keyed={
        "metrics": Keyed("version_metrics", "version", "last", numeric=True),
        "params": Keyed("version_params", "version"),
        "tags": Keyed("all_version_tags", "version"),
    },
    words={"alias": Keyed("aliases", "version", "alias")},
)
"""``metrics`` and ``params`` are those of its run, or what was registered in their place."""
