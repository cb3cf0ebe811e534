"""Sweeps of a command, and what a sweep's runs tell of how a model was made."""

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from devbox.errors import DevboxError, UsageError
from devbox.journal.active import ActiveRun, current
from devbox.journal.sweep import BEST, RETURNED, TAG, Sweep
from devbox.journal.track import follow
from devbox.runs.records import RunRecord
from devbox.runs.track import use_of_process

LARGEST = 1 << 20


def trial_of(
    argv: Sequence[str], *, sample_every: float = 10.0, out: int = 1
) -> Callable[..., None]:
    """What runs a command with ``{lr}`` replaced by the value of ``lr``, in the run of a trial."""

    def trial(**point: Any) -> None:
        run = current()
        assert isinstance(run, ActiveRun)
        words = filled(argv, point)
        code, error = follow(run, words, sample_every=sample_every, use=use_of_process, out=out)
        if code == 128 + signal.SIGINT:
            raise KeyboardInterrupt
        if code:
            raise DevboxError(error)

    trial.__name__ = Path(argv[0]).name
    return trial


def filled(argv: Sequence[str], point: Mapping[str, Any]) -> list[str]:
    """A command with ``{NAME}`` replaced by the value of each param. Pure."""
    words = list(argv)
    for name, value in point.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words = [word.replace(f"{{{name}}}", text) for word in words]
    return words


def check_used(argv: Sequence[str], names: Sequence[str]) -> None:
    """Raise UsageError where a param is used nowhere in a command."""
    for name in names:
        if not any(f"{{{name}}}" in word for word in argv):
            raise UsageError(
                f"The command uses {{{name}}} nowhere.",
                hint=f"devbox sweep ... -- COMMAND --{name} {{{name}}}",
            )


def space_of(params: Sequence[str], file: Path | None) -> dict[str, Any]:
    """The space that options (``lr=log:1e-4:1e-1``) and a TOML or YAML file give together."""
    found = _of_file(file) if file else {}
    for param in params:
        name, equals, text = param.partition("=")
        if not equals or not text:
            raise UsageError(f"Not a param: {param}", hint="--param lr=log:1e-4:1e-1")
        found[name] = text
    return found


def _of_file(file: Path) -> dict[str, Any]:
    import yaml

    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST).decode()
        content = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.") from error
    except (ValueError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"{file} can't be read: {first}.") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UsageError(f"{file} is no table of params.", hint='lr = "log:1e-4:1e-1"')
    return content


def sweep_of(run: RunRecord, parent: RunRecord | None = None) -> dict[str, Any]:
    """What a run tells of the search that it was part of, as the generation slot of a model
    version holds it: search, experiments, hyperparameters. ``run`` is that of a sweep, whose best
    params are told, or one of its trials with ``parent`` that of the sweep; {} for others. Pure.
    """
    whole = parent if parent is not None else run
    space = {
        key.removeprefix("space/"): _read(value)
        for key, value in whole.params.items()
        if key.startswith("space/")
    }
    if not space or TAG not in whole.tags:
        return {}
    chosen = run.params if parent is not None else _below(whole.params, BEST)
    return {
        "search": {
            "method": whole.tags[TAG],
            "space": space,
            "metric": whole.params.get("sweep/metric") or RETURNED,
            "direction": whole.params.get("sweep/direction", ""),
            "seed": _read(whole.params.get("sweep/seed", "0")),
            "run": whole.id,
        },
        "experiments": int(_read(whole.params.get("sweep/trials", "0")) or 0),
        "hyperparameters": {key: _read(value) for key, value in chosen.items()},
    }


def summary(found: Sweep) -> dict[str, Any]:
    """A sweep as JSON."""
    return {
        "id": found.id,
        "best": vars(found.best) if found.best else None,
        "search": dict(found.search),
        "trials": [vars(each) for each in found.trials],
    }


def _below(params: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in params.items() if k.startswith(prefix)}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
