"""Which point of its space a sweep tries next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

from devbox.errors import UsageError
from devbox.journal.space import Choice, Dimension, Range, Value, at_random, grid, size

GRID, RANDOM, OPTUNA = "grid", "random", "optuna"
METHODS = (GRID, RANDOM, OPTUNA)
MAX, MIN = "max", "min"
DEFAULT_TRIALS = 20


class Suggester:
    """Points of a space, by the number of the trial; it is told what came of them."""

    def __init__(self, space: Mapping[str, Dimension], seed: int) -> None:
        self._space = space
        self._seed = seed

    def point(self, number: int) -> dict[str, Value]:
        """What the trial ``number`` tries."""
        return at_random(self._space, self._seed, number)

    def tell(self, number: int, point: Mapping[str, Value], value: float | None) -> None:
        """What came of a trial; None where it failed."""


class _Grid(Suggester):
    def point(self, number: int) -> dict[str, Value]:
        return next(islice(grid(self._space), number, None))


class _Optuna(Suggester):
    """Optuna's own choice for one metric (a tree-structured Parzen estimator)."""

    def __init__(self, space: Mapping[str, Dimension], seed: int, direction: str) -> None:
        super().__init__(space, seed)
        self._optuna: Any = _imported()
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._study = self._optuna.create_study(
            sampler=self._optuna.samplers.TPESampler(seed=seed),
            direction="maximize" if direction == MAX else "minimize",
        )
        self._over = {name: self._distribution(of) for name, of in space.items()}
        self._asked: dict[int, Any] = {}

    def point(self, number: int) -> dict[str, Value]:
        self._asked[number] = trial = self._study.ask(self._over)
        # What a choice is among is told by place: values of all kinds may be chosen from.
        return {name: self._value(name, trial.params[name]) for name in self._space}

    def tell(self, number: int, point: Mapping[str, Value], value: float | None) -> None:
        state = self._optuna.trial.TrialState
        good = value is not None and value == value  # noqa: PLR0124 - NaN is no result
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._study.tell(asked, value if good else None, None if good else state.FAIL)
        elif good:  # of an earlier start of the sweep
            params = {name: self._place(name, point[name]) for name in self._space}
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    params=params, distributions=self._over, value=value
                )
            )

    def _distribution(self, dimension: Dimension) -> Any:
        kinds = self._optuna.distributions
        if isinstance(dimension, Choice):
            return kinds.CategoricalDistribution(range(len(dimension.values)))
        if dimension.whole:
            return kinds.IntDistribution(
                int(dimension.low),
                int(dimension.high),
                log=dimension.log,
                step=int(dimension.step or 1),
            )
        return kinds.FloatDistribution(
            dimension.low, dimension.high, log=dimension.log, step=dimension.step or None
        )

    def _value(self, name: str, place: Any) -> Value:
        dimension = self._space[name]
        if isinstance(dimension, Range):
            return int(place) if dimension.whole else float(place)
        return dimension.values[int(place)]

    def _place(self, name: str, value: Value) -> Any:
        dimension = self._space[name]
        return value if isinstance(dimension, Range) else dimension.values.index(value)


def suggester(
    method: str, space: Mapping[str, Dimension], *, seed: int, direction: str
) -> Suggester:
    """What suggests by a method. Raises UsageError where there is none of that name, or Optuna is
    not installed."""
    if direction not in {MAX, MIN}:
        raise UsageError(f"A sweep goes to the max or the min, not to {direction!r}.")
    if method == GRID:
        next(grid(space))
        return _Grid(space, seed)
    if method == RANDOM:
        return Suggester(space, seed)
    if method == OPTUNA:
        return _Optuna(space, seed, direction)
    raise UsageError(f"No method {method!r}.", hint=f"There are {', '.join(METHODS)}.")


def trials(method: str, space: Mapping[str, Dimension], asked: int | None) -> int:
    """How many trials a sweep has: as many as were asked for, by default all points of a grid.

    Raises UsageError for none at all.
    """
    if asked is not None and asked < 1:
        raise UsageError(f"A sweep has at least one trial, not {asked}.")
    if method == GRID:
        points = size(space) or 1
        return points if asked is None else min(asked, points)
    return asked or DEFAULT_TRIALS


def best(found: Sequence[tuple[int, float]], direction: str) -> int | None:
    """The number of the trial with the best value, the earlier of equals; NaN is never best."""
    numbers = [(number, value) for number, value in found if value == value]  # noqa: PLR0124
    if not numbers:
        return None
    sign = 1 if direction == MIN else -1
    return min(numbers, key=lambda each: (sign * each[1], each[0]))[0]


def _imported() -> Any:
    try:
        return import_module("optuna")
    except ImportError:
        raise UsageError(
            "The method optuna needs Optuna, which is not installed here.",
            hint="pip install optuna, or search with method random.",
        ) from None
