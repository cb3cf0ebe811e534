"""Logging what scikit-learn fits, without a line of it in the code that fits.

    devbox.autolog()
    GridSearchCV(SVC(), {"C": [1, 10]}).fit(X, y)   # one run, with everything of it

Each outermost call of ``fit`` of what predicts is logged: its params, how well it does on what it
was fitted to, its class, the seconds that it took; the candidates of a search over params and the
folds of a cross-validation too. What it fits in turn, in other threads and processes as well, is
part of it. Where a run is open, the first fit is logged there and each later one as a child;
otherwise each is a run. The code sees the same results and errors as without.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from time import perf_counter
from types import ModuleType
from typing import Any

from devbox.errors import UsageError
from devbox.journal import estimators
from devbox.journal.active import active_run, start_run
from devbox.journal.run import Run

NAMES = ("fit", "fit_predict", "fit_transform")
TABLE = "autolog/cv_results.csv"
MODEL = "autolog/model.skops"


class _Autolog:
    """What is changed in scikit-learn, and how to change it back."""

    def __init__(self) -> None:
        self.log_model = False
        self.training_metrics = True
        self._undo: list[Callable[[], None]] = []
        self._guard = threading.RLock()
        self._outer: dict[int, frozenset[int]] = {}
        self._used: set[str] = set()

    def on(self) -> None:
        with self._guard:
            if self._undo:
                return
            base, validation = _sklearn()
            self._hook(base.BaseEstimator)
            for name in ("cross_validate", "_fit_and_score"):
                self._replace_function(validation, name)

    def off(self) -> None:
        with self._guard:
            while self._undo:
                self._undo.pop()()

    def _hook(self, base: Any) -> None:
        """Change all estimators that there are, and those that are defined from now on."""
        inherited = base.__init_subclass__.__func__
        own = base.__dict__.get("__init_subclass__")

        def define(cls: Any, /, **options: Any) -> None:
            inherited(cls, **options)
            self._change(cls)

        base.__init_subclass__ = classmethod(define)

        def undo() -> None:
            if own is None:
                del base.__init_subclass__
            else:
                base.__init_subclass__ = own

        self._undo.append(undo)
        for cls in _below(base):
            self._change(cls)

    def _change(self, cls: type) -> None:
        for name in NAMES:
            original = cls.__dict__.get(name)
            if callable(original) and not hasattr(original, "devbox_original"):
                setattr(cls, name, self._logging(original))
                self._undo.append(functools.partial(setattr, cls, name, original))

    def _replace_function(self, module: ModuleType, name: str) -> None:
        original = getattr(module, name, None)
        if original is None:
            return
        quiet = name.startswith("_")
        changed = self._quiet(original) if quiet else self._validating(original)
        for place in [module, *([] if quiet else [sys.modules["sklearn.model_selection"]])]:
            setattr(place, name, changed)
            self._undo.append(functools.partial(setattr, place, name, original))

    def _logging(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fit)
        def logged(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            if self._within() or not _predicts(estimator):
                return fit(estimator, *args, **kwargs)
            with self._outermost(), self._run(estimator) as run:
                _safely(lambda: _before(run, estimator))
                begin = perf_counter()
                result = fit(estimator, *args, **kwargs)
                seconds = perf_counter() - begin
                data = estimators.given(fit, estimator, args, kwargs)
                _safely(lambda: self._after(run, estimator, data, seconds))
                return result

        logged.devbox_original = fit  # type: ignore[attr-defined]
        return logged

    def _validating(self, validate: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(validate)
        def logged(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            if self._within():
                return validate(estimator, *args, **kwargs)
            with self._outermost(), self._run(estimator) as run:
                _safely(lambda: _before(run, estimator))
                found = validate(estimator, *args, **kwargs)
                _safely(lambda: _folds(run, found))
                return found

        return logged

    def _quiet(self, act: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(act)
        def quiet(*args: Any, **kwargs: Any) -> Any:
            with self._outermost():
                return act(*args, **kwargs)

        return quiet

    def _within(self) -> bool:
        """Whether this is a part of a fit: in its thread, or in one that began since."""
        here = threading.get_ident()
        with self._guard:
            return here in self._outer or any(here not in before for before in self._outer.values())

    @contextmanager
    def _outermost(self) -> Iterator[None]:
        here = threading.get_ident()
        with self._guard:
            nested = here in self._outer
            if not nested:
                self._outer[here] = frozenset(
                    each.ident for each in threading.enumerate() if each.ident is not None
                )
        try:
            yield
        finally:
            if not nested:
                with self._guard:
                    self._outer.pop(here, None)

    @contextmanager
    def _run(self, estimator: Any) -> Iterator[Run]:
        name = type(estimator).__name__
        run = active_run()
        if run is not None and run.id not in self._used:
            self._used.add(run.id)
            yield run
            return
        with start_run(name) as made:
            self._used.add(made.id)
            yield made

    def _after(self, run: Run, estimator: Any, data: dict[str, Any], seconds: float) -> None:
        run.log_metric("fit_seconds", seconds)
        best, scores, table = estimators.search_results(estimator)
        if table:
            run.log_params(best)
            run.log_metrics(scores)
            run.log_text(table, TABLE)
        if self.log_model:
            _safely(lambda: _keep_model(run, estimator))
        if self.training_metrics:
            with self._outermost():
                found = estimators.training_metrics(estimator, data)
            if found:
                run.log_metrics(found)


_autolog = _Autolog()


def autolog(
    *, disable: bool = False, log_model: bool = False, training_metrics: bool = True
) -> None:
    """Log every scikit-learn estimator that is fitted from now on; ``disable`` ends that.

    ``log_model`` keeps the fitted estimator as an artifact in the skops format.
    ``training_metrics = False`` leaves out how well it does on what it was fitted to, which takes
    a prediction of all of that. Call it before ``cross_validate`` is imported by name. Raises
    UsageError where scikit-learn, or for ``log_model`` skops, is not installed.
    """
    if disable:
        _autolog.off()
        return
    if log_model:
        _skops()
    _autolog.log_model = log_model
    _autolog.training_metrics = training_metrics
    _autolog.on()


def _sklearn() -> tuple[ModuleType, ModuleType]:
    return (
        _need("sklearn.base", "autolog needs scikit-learn", "pip install scikit-learn"),
        import_module("sklearn.model_selection._validation"),
    )


def _skops() -> Any:
    fix = "pip install skops, or leave out log_model."
    return _need("skops.io", "autolog keeps models with skops", fix)


def _need(module: str, why: str, fix: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError:
        raise UsageError(f"{why}, which is not installed here.", hint=fix) from None


def _below(base: type) -> Iterator[type]:
    seen: set[type] = set()
    rest = [base]
    while rest:
        cls = rest.pop()
        if cls not in seen:
            seen.add(cls)
            yield cls
            rest += cls.__subclasses__()


def _predicts(estimator: Any) -> bool:
    """Whether it is a model, and not a step that prepares data for one."""
    try:
        return hasattr(estimator, "predict") or hasattr(estimator, "fit_predict")
    except Exception:  # noqa: BLE001 - a property of somebody's class
        return False


def _before(run: Run, estimator: Any) -> None:
    run.set_tags(estimators.tags(estimator))
    run.log_params(estimators.params(estimator))


def _folds(run: Run, found: dict[str, Any]) -> None:
    """The scores of a cross-validation: each fold is a step, then mean and deviation."""
    numpy = import_module("numpy")
    for key, values in found.items():
        if key.startswith(("test_", "train_", "fit_time", "score_time")):
            for step, value in enumerate(values):
                run.log_metric(f"cv/{key}", float(value), step)
            run.log_metrics(
                {
                    f"cv/{key}_mean": float(numpy.mean(values)),
                    f"cv/{key}_std": float(numpy.std(values)),
                }
            )
    tests = {key: [float(value) for value in found[key]] for key in found if "test" in key}
    run.log_text(json.dumps(tests), "autolog/folds.json")


def _keep_model(run: Run, estimator: Any) -> None:
    from devbox.journal.artifacts import keep_bytes

    run.note("artifact", **keep_bytes(_skops().dumps(estimator), MODEL, run.folder))


def _safely(act: Callable[[], None]) -> None:
    """Do what must not disturb training; where it fails, the run says so."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever it is, training goes on
        with suppress(Exception):
            run = active_run()
            if run is not None:
                run.set_tag("autolog_problem", f"{type(error).__name__}: {error}"[:1000])
