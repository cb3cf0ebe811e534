"""What is essential of each slot, in a few words for a person. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from devbox.journal.slots import (
    DATA,
    DEFINITION,
    DEPENDENCIES,
    EXPERIMENT,
    FUNCTIONS,
    GENERATION,
    PARAMETERS,
    SLOTS,
    TAGS,
)
from devbox.models.records import ModelVersion
from devbox.models.slots import inputs, metrics, table

FEW = 6
Content = Mapping[str, Any]


def facts(version: ModelVersion) -> dict[str, str]:
    """For each slot of which something is known, what that is in one line."""
    found = {}
    for slot in SLOTS:
        words = [word for word in _FACTS[slot](version.slots.get(slot, {})) if word]
        files = [file for file in version.files_of(slot) if file.digest]
        if files and slot != PARAMETERS:
            words.append(_count(len(files), "file"))
        elif files:
            words += [_few([file.path for file in files])]
        if words:
            found[slot] = ", ".join(words)
    return found


def _definition(content: Content) -> Iterator[str]:
    yield " ".join(_texts(content, "framework", "class"))
    layers, parameters = content.get("layers"), content.get("parameters")
    yield _count(len(layers), "layer") if isinstance(layers, list) and layers else ""
    yield f"{parameters:,} parameters" if isinstance(parameters, int) else ""
    yield from (f"loss {loss}" for loss in _texts(content, "loss"))


def _parameters(content: Content) -> Iterator[str]:
    yield from _texts(content, "format")


def _functions(content: Content) -> Iterator[str]:
    yield " then ".join(_texts(content, "featurize", "predict"))
    example = table(content, "example")
    if example.get("input"):
        yield "example with output" if example.get("output") else "example"
    yield "signature" if table(content, "signature") else ""


def _dependencies(content: Content) -> Iterator[str]:
    yield from (f"Python {python}" for python in _texts(content, "python"))
    packages = content.get("packages")
    yield _count(len(packages), "package") if isinstance(packages, dict) else ""
    yield from (f"image {image[:19]}" for image in _texts(content, "image"))
    yield from (f"lock {lock[:19]}" for lock in _texts(content, "lock"))
    yield from (f"box {box}" for box in _texts(content, "box"))


def _data(content: Content) -> Iterator[str]:
    for each in inputs(content)[:FEW]:
        which = next(_texts(each, "version", "digest"), "")[:19]
        role = next(_texts(each, "role"), "")
        rows = each.get("rows")
        name = next(_texts(each, "name"), "") + (f"@{which}" if which else "")
        yield (f"{role} " if role else "") + name + (f" ({rows:,} rows)" if _whole(rows) else "")
    yield _more(len(inputs(content)))


def _generation(content: Content) -> Iterator[str]:
    for commit in _texts(content, "commit"):
        branch = "".join(f" on {name}" for name in _texts(content, "branch"))
        changed = " with uncommitted changes" if content.get("dirty") is True else ""
        yield f"commit {commit[:12]}{branch}{changed}"
    command = content.get("command")
    words = command if isinstance(command, list) else [command or ""]
    yield " ".join(map(str, words))[:80]
    for method in _texts(table(content, "split"), "method"):
        yield f"split {method}"
    hyperparameters = table(content, "hyperparameters")
    yield _few([f"{key}={value}" for key, value in hyperparameters.items()])
    experiments = content.get("experiments")
    yield _count(experiments, "experiment") if _whole(experiments) else ""


def _experiment(content: Content) -> Iterator[str]:
    yield _few([f"{key}={value:.6g}" for key, value in metrics(content).items()])
    plots = content.get("plots")
    yield _count(len(plots), "plot") if isinstance(plots, list) and plots else ""
    yield "confusion matrix" if content.get("confusion_matrix") else ""


def _tags(content: Content) -> Iterator[str]:
    yield _few([f"{key}={value}" for key, value in content.items()])


def _texts(content: Content, *names: str) -> Iterator[str]:
    for name in names:
        value = content.get(name)
        if value and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            yield str(value)


def _few(words: list[str]) -> str:
    shown = [word[:80] for word in words[:FEW]]
    return ", ".join([*shown, *filter(None, [_more(len(words))])])


def _more(count: int) -> str:
    return f"and {count - FEW} more" if count > FEW else ""


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _count(count: object, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


_FACTS: Mapping[str, Callable[[Content], Iterator[str]]] = {
    DEFINITION: _definition,
    PARAMETERS: _parameters,
    FUNCTIONS: _functions,
    DEPENDENCIES: _dependencies,
    DATA: _data,
    GENERATION: _generation,
    EXPERIMENT: _experiment,
    TAGS: _tags,
}
