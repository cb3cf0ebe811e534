"""What reproducing a version is: the plan, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

EXACT, WITHIN, OFF, GONE = "exact", "within", "off", "missing"


@dataclass(frozen=True)
class DataStep:
    """A dataset version to be put where the run had it: ``target`` is relative to the project's
    folder. ``problem`` says why it can't be."""

    ref: str
    digest: str
    target: str
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """How a version is made again. ``source`` is where the commit comes from; ``command`` runs in
    ``folder`` of the box, which is built from the ``box`` of the checkout's devbox.toml, as its
    lock says where ``locked``.

    ``doubts`` are what may make the result another one, ``obstacles`` what makes it impossible.
    ``foreign`` says why its code is to be looked at first, "" where it is the person's own.
    """

    ref: str
    id: str
    run: str
    commit: str
    source: str
    diff: str
    box: str
    locked: bool
    image: str
    data: tuple[DataStep, ...]
    command: tuple[str, ...]
    folder: str
    metrics: int
    example: bool
    doubts: tuple[str, ...]
    obstacles: tuple[str, ...]
    foreign: str

    @property
    def possible(self) -> bool:
        """Whether nothing is in the way."""
        return not self.obstacles


@dataclass(frozen=True)
class Row:
    """One metric: recorded, and now (None: not measured this time). ``difference`` is relative to
    the larger of both, None where there is none to tell. ``state`` is exact, within (the
    tolerance), off or missing."""

    key: str
    recorded: float
    now: float | None
    difference: float | None
    state: str

    @property
    def ok(self) -> bool:
        """Whether it was reproduced."""
        return self.state in {EXACT, WITHIN}


@dataclass(frozen=True)
class Predictions:
    """Calling the model with the recorded example: ``model`` says with whose weights. Where it
    was not ``checked``, ``message`` says why."""

    model: str
    checked: bool
    ok: bool
    message: str


@dataclass(frozen=True)
class Outcome:
    """What came of it: the new ``run`` and its exit ``code``, the ``version`` that it registered
    ("" for none), the metrics, the predictions (None without an example). ``kept`` is the
    checkout where it was kept, with the box of that name."""

    plan: Plan
    reproduced: bool
    run: str
    code: int
    version: str
    tolerance: float
    rows: tuple[Row, ...]
    predictions: Predictions | None
    notes: tuple[str, ...]
    box: str
    kept: str
