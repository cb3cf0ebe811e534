"""The checklist: what each of the eight slots holds, and what it lacks to be recorded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
    is_number,
)
from devbox.models.records import ModelFile

RECORDED, PARTIAL, MISSING = "recorded", "partial", "missing"
Content = Mapping[str, Any]


@dataclass(frozen=True)
class SlotState:
    """One line of the checklist: ``state`` is recorded, partial or missing; ``lacks`` says what
    is not known."""

    slot: str
    state: str
    lacks: tuple[str, ...]


def checklist(
    slots: Mapping[str, Content], files: Sequence[ModelFile], tags: Mapping[str, str]
) -> tuple[SlotState, ...]:
    """The state of all eight slots, in their order. A file that never came is lacking."""
    found = []
    for slot in SLOTS:
        content = dict(tags) if slot == TAGS else slots.get(slot, {})
        some = [file for file in files if file.slot == slot]
        lacks = _lacking(slot, content, some)
        known = any(file.digest for file in some) or any(map(_filled, content.values()))
        state = (PARTIAL if known else MISSING) if lacks else RECORDED
        found.append(SlotState(slot, state, lacks))
    return tuple(found)


def recorded(slots: Mapping[str, Content], files: Sequence[ModelFile]) -> tuple[str, ...]:
    """The slots that are complete, but for the tags: those change."""
    touched = dict.fromkeys((*slots, *(file.slot for file in files)))
    return tuple(
        slot
        for slot in touched
        if slot != TAGS
        and not _lacking(slot, slots.get(slot, {}), [each for each in files if each.slot == slot])
    )


def _lacking(slot: str, content: Content, files: Sequence[ModelFile]) -> tuple[str, ...]:
    gone = [f"file {file.path}" for file in files if not file.digest]
    return (*_LACKS[slot](content, len(files) - len(gone)), *gone)


def with_tags(complete: Iterable[str], tags: Mapping[str, str]) -> tuple[str, ...]:
    """The slots that are complete, tags among them if they are."""
    found = {*complete}
    if not _LACKS[TAGS](tags, 0):
        found.add(TAGS)
    return tuple(slot for slot in SLOTS if slot in found)


def table(content: Content, key: str) -> Content:
    """What stands under a key, if it is a table; else nothing."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def inputs(content: Content) -> list[Content]:
    """The inputs of a data slot."""
    some = content.get("inputs")
    return [each for each in some if isinstance(each, dict)] if isinstance(some, list) else []


def metrics(content: Content) -> dict[str, float]:
    """The metrics of an experiment slot: what in it is a number."""
    found = {}
    for key, value in table(content, "metrics").items():
        if is_number(value):
            with suppress(OverflowError):  # a whole number of hundreds of digits is no metric
                found[key] = float(value)
    return found


def _filled(value: object) -> bool:
    return value not in ("", None, [], {}, False)


def _fields(*names: str) -> Callable[[Content, int], list[str]]:
    return lambda content, _: [name for name in names if not _filled(content.get(name))]


def _parameters(_: Content, files: int) -> list[str]:
    return [] if files else ["a file"]


def _functions(content: Content, _: int) -> list[str]:
    lacks = [] if _filled(content.get("predict")) else ["predict"]
    return lacks if _filled(table(content, "example").get("input")) else [*lacks, "example"]


def _dependencies(content: Content, _: int) -> list[str]:
    lacks = [] if _filled(content.get("packages")) else ["packages"]
    known = _filled(content.get("image")) or _filled(content.get("lock"))
    return lacks if known else [*lacks, "image or lock"]


def _data(content: Content, _: int) -> list[str]:
    known = any(
        _filled(each.get("version")) or _filled(each.get("digest")) for each in inputs(content)
    )
    return [] if known else ["an input with version or digest"]


def _generation(content: Content, _: int) -> list[str]:
    known = _filled(content.get("commit")) or _filled(content.get("command"))
    lacks = [] if known else ["commit or command"]
    return lacks + _fields("split", "hyperparameters")(content, 0)


def _experiment(content: Content, _: int) -> list[str]:
    return [] if metrics(content) else ["a metric"]


_LACKS: Mapping[str, Callable[[Content, int], list[str]]] = {
    DEFINITION: _fields("framework", "class"),
    PARAMETERS: _parameters,
    FUNCTIONS: _functions,
    DEPENDENCIES: _dependencies,
    DATA: _data,
    GENERATION: _generation,
    EXPERIMENT: _experiment,
    TAGS: _fields("owner", "task"),
}
