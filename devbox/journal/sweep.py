"""Trying points of a space, each as a run of its own below one run for all of them.

def train(lr, depth):
    ...
    return accuracy

found = devbox.sweep(train, {"lr": "log:1e-4:1e-1", "depth": [2, 4, 8]}, n=30)
found.best.params, found.best.value, found.search
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.journal import space as spaces
from devbox.journal.active import ActiveRun, start_run
from devbox.journal.checks import checked_value
from devbox.journal.last import last_value
from devbox.journal.run import CANCELLED, FAILED, SUCCEEDED
from devbox.journal.suggest import MAX, RANDOM, Suggester, best, suggester, trials
from devbox.journal.sweepfile import SweepFile, Trial, load

PLAN = "sweep.json"
TAG = "sweep"
"""On the run of a sweep its method, on that of a trial its number."""
BEST = "best/"
"""Before the names of the params of the best trial, on the run of the sweep."""
RETURNED = "value"
"""The metric of a trial that returns a number without a name."""


@dataclass(frozen=True)
class Sweep:
    """A sweep that is over: the id of its run, its trials, the best of them (None where none has
    a value), and what a model that is made of it says of its making: ``search``."""

    id: str
    trials: tuple[Trial, ...]
    best: Trial | None
    search: Mapping[str, Any]


def sweep(
    fn: Callable[..., Any],
    space: Mapping[str, Any] | None = None,
    *,
    n: int | None = None,
    method: str = "",
    metric: str = "",
    direction: str = "",
    seed: int | None = None,
    name: str = "",
    experiment: str = "",
    max_failures: int = 10,
    resume: str = "",
    sample_every: float | None = 10.0,
) -> Sweep:
    """Call ``fn`` with points of ``space`` as keyword arguments, each in a run of its own.

    ``space`` gives for each param a list of values or a range, see :mod:`devbox.journal.space`.
    ``method`` is random (the default), grid or optuna; ``n`` how many trials: 20, of a grid all.
    The best one has the highest value, with ``direction="min"`` the lowest, of what ``fn``
    returns: a number, or a mapping with the ``metric``; or else of the last value that it has
    logged of the metric. A trial that fails is kept and the next one tried, until
    ``max_failures`` have failed: then DevboxError is raised. ``resume`` goes on with a sweep by
    its id, with all that it was started with; trials that succeeded are not repeated.
    """
    given = {"n": n, "method": method, "metric": metric, "direction": direction, "seed": seed}
    if resume:
        file = load(resume)
        file.plan.update({key: value for key, value in given.items() if key == "n" and value})
        changed = [key for key, value in given.items() if key != "n" and value]
        if space is not None or changed:
            raise UsageError("A sweep is resumed with the space and method that it began with.")
    else:
        if space is None:
            raise UsageError("A sweep needs a space.", hint='devbox.sweep(fn, {"lr": [0.1, 1]})')
        plan: dict[str, Any] = {**given, "method": method or RANDOM, "direction": direction or MAX}
        plan["seed"] = 0 if seed is None else seed
        plan["space"] = spaces.described(spaces.parsed(space))
        plan["name"] = name or getattr(fn, "__name__", "sweep")
        plan["experiment"] = experiment
        file = SweepFile("", plan)
    return _Sweeper(fn, file, max_failures, sample_every).run()


class _Sweeper:
    def __init__(
        self,
        fn: Callable[..., Any],
        file: SweepFile,
        max_failures: int,
        sample_every: float | None,
    ) -> None:
        self._fn = fn
        self._file = file
        self._plan = file.plan
        self._max_failures = max_failures
        self._sample_every = sample_every
        self._space = spaces.parsed(file.plan["space"])
        self._count = trials(self._plan["method"], self._space, self._plan["n"])

    def run(self) -> Sweep:
        direction = self._plan["direction"]
        chooser = suggester(
            self._plan["method"], self._space, seed=self._plan["seed"], direction=direction
        )
        with self._parent() as parent:
            done = {each.number for each in self._file.trials if each.status == SUCCEEDED}
            for each in self._file.trials:
                chooser.tell(each.number, each.params, each.value)
            failed = 0
            try:
                for number in range(self._count):
                    if number not in done:
                        failed += self._try(number, chooser).status == FAILED
                        if failed >= self._max_failures:
                            raise self._too_many(failed)
            finally:
                found = self._over(parent)
            if found.best is None:
                raise DevboxError(
                    "No trial has given a value.",
                    hint=f"`devbox runs ls --all --where \"parent = '{parent.id}'\"` lists them.",
                )
        return found

    def _parent(self) -> ActiveRun:
        if self._file.id:
            run = ActiveRun(self._file.id, owned=True, sampler=None)
            run.note("resume")
            run.begin()
            return run
        run = start_run(self._plan["name"], experiment=self._plan["experiment"], sample_every=None)
        self._file.id = run.id
        self._file.make()
        run.set_tag(TAG, self._plan["method"])
        facts = {key: self._plan[key] for key in ("metric", "direction", "seed")}
        run.log_params({f"sweep/{key}": value for key, value in facts.items()})
        run.log_params({f"space/{key}": value for key, value in self._plan["space"].items()})
        return run

    def _try(self, number: int, chooser: Suggester) -> Trial:
        point = chooser.point(number)
        run = start_run(
            f"{self._plan['name']}-{number}",
            params=point,
            tags={TAG: number},
            sample_every=self._sample_every,
        )
        value: float | None = None
        status, error = FAILED, ""
        try:
            with run:
                value = self._value(run, self._fn(**point))
                status = SUCCEEDED
        except KeyboardInterrupt:
            status = CANCELLED
            raise
        except Exception as problem:  # noqa: BLE001 - a trial that fails is one that is known
            error = f"{type(problem).__name__}: {problem}"[:1000]
        finally:
            trial = Trial(number, run.id, point, value, status, error)
            self._file.add(trial)
            chooser.tell(number, point, value)
        return trial

    def _value(self, run: ActiveRun, returned: Any) -> float:
        """What a trial is compared by; what it returns is logged as well."""
        metric = self._plan["metric"]
        if isinstance(returned, Mapping):
            run.log_metrics(returned)
            if metric in returned:
                return checked_value(metric, returned[metric])
        elif returned is not None:
            run.log_metric(metric or RETURNED, returned)
            return checked_value(metric or RETURNED, returned)
        value = last_value(run.folder, metric) if metric else None
        if value is None:
            raise UsageError(
                f"The trial has no metric {metric}." if metric else "The trial returned no number.",
                hint="Return the number to compare trials by, or log it and name it as metric.",
            )
        return value

    def _over(self, parent: ActiveRun) -> Sweep:
        """Write down what has come out."""
        found = result(self._file)
        content = {**self._plan, "trials": [vars(each) for each in found.trials]}
        if found.best:
            parent.log_params({f"{BEST}{key}": v for key, v in found.best.params.items()})
            parent.set_tag("best_run", found.best.run)
            parent.log_metric(self._plan["metric"] or RETURNED, found.best.value)
            content["best"] = found.best.run
        parent.log_param("sweep/trials", len(found.trials))
        parent.log_text(json.dumps(_finite(content), indent=2), PLAN)
        return found

    def _too_many(self, failed: int) -> DevboxError:
        return DevboxError(
            f"{failed} trials have failed, the last one by {self._file.trials[-1].error}",
            hint=f"Mend it, and go on with resume={self._file.id[:12]!r}.",
        )


def result(file: SweepFile) -> Sweep:
    """What has come out so far; of a trial that was tried again, the last time counts."""
    newest = {each.number: each for each in file.trials}
    tried = tuple(newest[number] for number in sorted(newest))
    values = [(each.number, each.value) for each in tried if each.value is not None]
    number = best(values, file.plan["direction"])
    chosen = None if number is None else newest[number]
    search = {
        "method": file.plan["method"],
        "space": file.plan["space"],
        "metric": file.plan["metric"] or RETURNED,
        "direction": file.plan["direction"],
        "seed": file.plan["seed"],
        "experiments": len(tried),
        "run": file.id,
    }
    return Sweep(file.id, tried, chosen, search)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


__all__ = ["Sweep", "Trial", "sweep"]
