"""The model card of a version: Markdown with the metadata that Hugging Face reads. Pure.

https://huggingface.co/docs/hub/model-cards names the metadata. What a run wrote stands in it as
text: nothing of it is taken for Markdown, HTML or YAML.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from devbox.journal.slots import (
    DATA,
    DEFINITION,
    DEPENDENCIES,
    FUNCTIONS,
    GENERATION,
    PARAMETERS,
    TAGS,
)
from devbox.models.records import Model, ModelVersion
from devbox.models.slots import MISSING, checklist, inputs, table

LIBRARIES = {"scikit-learn": "sklearn", "pytorch": "pytorch", "torch": "pytorch"}
"""What Hugging Face calls a framework, where it is not our word."""
MOST_ROWS = 200
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#!|~$&]")
_BEGIN = re.compile(r"^(\d*)([-+=.)])")


def card(version: ModelVersion, model: Model) -> str:
    """The whole card."""
    import yaml

    known = _lines(_metadata(version))
    metadata = yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=math.inf)
    return f"---\n{metadata}---\n\n" + "\n".join(_body(version, model)).strip() + "\n"


def _metadata(version: ModelVersion) -> dict[str, Any]:
    definition = version.slots.get(DEFINITION, {})
    tags, task = version.tags, version.tags.get("task", "")
    found: dict[str, Any] = {"model_name": version.model}
    for key in ("license", "language", "pipeline_tag"):
        if tags.get(key):
            found[key] = tags[key]
    framework = definition.get("framework")
    if isinstance(framework, str) and framework:
        found["library_name"] = LIBRARIES.get(framework.lower(), framework)
    found["tags"] = [*([task] if task else []), "devbox"]
    data = inputs(version.slots.get(DATA, {}))
    names = dict.fromkeys(str(each["name"]) for each in data if each.get("name"))
    if names:
        found["datasets"] = list(names)
    finite = {key: value for key, value in version.metrics.items() if math.isfinite(value)}
    if finite:
        found["metrics"] = list(finite)
        found["model-index"] = [_results(version, task, next(iter(names), ""), finite)]
    return found


def _lines(value: Any) -> Any:
    """The same with each text in one line: readers look for the end of the block by lines."""
    if isinstance(value, dict):
        return {_lines(key): _lines(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_lines(item) for item in value]
    return _one_line(value) if isinstance(value, str) else value


def _results(
    version: ModelVersion, task: str, data: str, metrics: Mapping[str, float]
) -> dict[str, Any]:
    dataset = data or "unknown"
    return {
        "name": version.model,
        "results": [
            {
                "task": {"type": task or "other"},
                "dataset": {"name": dataset, "type": dataset},
                "metrics": [
                    {"type": key, "name": key, "value": value} for key, value in metrics.items()
                ],
            }
        ],
    }


def _body(version: ModelVersion, model: Model) -> Iterator[str]:
    yield f"# {_text(version.model)}, version {version.version}"
    for text in (model.description, version.description):
        if text:
            yield from ("", _paragraphs(text))
    yield from ("", *_table(("", ""), _facts(version)))
    yield from _section("Metrics", ("metric", "value"), version.metrics.items())
    yield from _section("Data", ("role", "name", "version", "digest", "rows"), _data(version))
    generation = version.slots.get(GENERATION, {})
    split = table(generation, "split")
    yield from _section("Split", ("", ""), split.items())
    yield from _section("Hyperparameters", ("param", "value"), version.params.items())
    search = {**table(generation, "search"), "experiments": generation.get("experiments")}
    yield from _section("Search", ("", ""), ((k, v) for k, v in search.items() if v))
    yield from _section("Use", ("", ""), _use(version))
    yield from _section("Files", ("slot", "path", "bytes", "SHA-256"), _files(version))
    states = checklist(version.slots, version.files, version.tags)
    rows = [(each.slot, each.state, ", ".join(each.lacks)) for each in states]
    yield from _section("What is recorded", ("slot", "state", "lacks"), rows)
    if all(state == MISSING for _, state, _ in rows):
        yield "\nNothing is known of how this version was made."


def _facts(version: ModelVersion) -> Iterator[tuple[str, object]]:
    definition = version.slots.get(DEFINITION, {})
    generation = version.slots.get(GENERATION, {})
    dependencies = version.slots.get(DEPENDENCIES, {})
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(max(version.created, 0), 1e11)))
    known: dict[str, object] = {
        "made": f"{made} by {version.user}" if version.user else made,
        "aliases": ", ".join(version.aliases),
        "run": version.run,
        "framework": _joined(definition.get("framework"), generation.get("framework_version")),
        "class": definition.get("class"),
        "parameters": definition.get("parameters"),
        "loss": definition.get("loss"),
        "format": version.slots.get(PARAMETERS, {}).get("format"),
        "commit": _joined(
            generation.get("commit"), "(uncommitted changes)" if generation.get("dirty") else ""
        ),
        "Python": dependencies.get("python"),
        "image": dependencies.get("image"),
        **{key: value for key, value in version.tags.items() if version.slots.get(TAGS)},
    }
    yield from ((key, value) for key, value in known.items() if value)


def _data(version: ModelVersion) -> Iterator[tuple[object, ...]]:
    for each in inputs(version.slots.get(DATA, {})):
        yield tuple(each.get(key) for key in ("role", "name", "version", "digest", "rows"))


def _use(version: ModelVersion) -> Iterator[tuple[str, object]]:
    functions = version.slots.get(FUNCTIONS, {})
    signature = table(functions, "signature")
    for side in ("inputs", "outputs"):
        fields = signature.get(side)
        for item in fields if isinstance(fields, list) else ():
            if isinstance(item, dict):
                shape = item.get("shape")
                yield side[:-1], _joined(item.get("name"), item.get("type"), shape or "")
    for key in ("featurize", "predict"):
        if functions.get(key):
            yield key, functions[key]


def _files(version: ModelVersion) -> Iterator[tuple[object, ...]]:
    for file in version.files:
        yield file.slot, file.path, file.size, file.digest or "never came"


def _joined(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def _section(title: str, heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    some = [list(row) for row in rows]
    if some:
        yield from ("", f"## {title}", "", *_table(heads, some[:MOST_ROWS]))
    if len(some) > MOST_ROWS:
        yield f"\nand {len(some) - MOST_ROWS} more"


def _table(heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    for row in rows:
        yield f"| {' | '.join(_cell(each) for each in row)} |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else _text(str(value)[:1000])


def _text(text: str) -> str:
    """A text in one line, with nothing in it that Markdown or HTML would take for its own."""
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), _one_line(text))


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _paragraphs(text: str) -> str:
    """Lines of text, none of which begins a list, a heading or code."""
    return "\n".join(_BEGIN.sub(r"\1\\\2", _text(line).strip()) for line in text.splitlines())
