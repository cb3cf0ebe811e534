"""What things are searched by: the fields of a search, and what they are in SQL. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Keyed:
    """What is looked up by key, such as params: ``table`` holds it, a row for each key, ``owner``
    says whose it is. Texts are in ``value`` and the numbers that they stand for in ``number``,
    or, where ``numeric``, numbers alone in ``value``."""

    table: str
    owner: str
    value: str = "value"
    numeric: bool = False


@dataclass(frozen=True)
class Fields:
    """The fields of one kind of thing. Each is a column as SQL writes it: a text, a number, a time
    (seconds since the epoch), or a table of ``words``, any number of which a thing has."""

    noun: str
    row: str
    newest: str
    texts: Mapping[str, str]
    times: Mapping[str, str]
    keyed: Mapping[str, Keyed]
    numbers: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Keyed] = field(default_factory=dict)

    @property
    def sortable(self) -> Mapping[str, str]:
        """The fields with one value."""
        return {**self.texts, **self.numbers, **self.times}

    @property
    def hint(self) -> str:
        """All of them, for who wrote another."""
        keyed = ", ".join(f"{name}.KEY" for name in self.keyed)
        return f"Fields are {keyed}, {', '.join([*self.sortable, *self.words])}."


RUNS = Fields(
    noun="Runs",
    row="runs.n",
    newest="runs.started DESC, runs.id DESC",
    texts={
        "id": "runs.id",
        "name": "runs.name",
        "experiment": "experiments.name",
        "status": "runs.status",
        "user": "runs.person",
        "host": "runs.host",
        "box": "runs.box",
        "parent": "runs.parent",
    },
    times={"started": "runs.started", "ended": "runs.ended"},
    keyed={
        "metrics": Keyed("metrics", "run", "last", numeric=True),
        "params": Keyed("params", "run"),
        "tags": Keyed("tags", "run"),
    },
)
