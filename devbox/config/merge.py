"""Layers of checked values, strongest first, become one; and it stays known what came from where.

- Plain values: the strongest layer that has one wins.
- Tables (env, data, services, resources, hooks) merge key by key; a service is one value.
- Lists (pip, apt, ports, ...) are extended: weaker layers first, and what a stronger layer says
  about the same thing (package, port, target) replaces what a weaker one said.
- profile, image and build exclude each other: the strongest layer that has one decides, and
  with a profile the nearest of its chain that has an image or a build.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devbox.config.keys import BOX, ONE_OF
from devbox.config.kinds import At, Wrong
from devbox.config.locate import Place
from devbox.config.source import Origin, Source
from devbox.config.tables import Key, read_table


@dataclass(frozen=True)
class Layer:
    """The checked values of one source, by place: ``("env", "HOME")``, ``("pip",)``."""

    source: Source
    values: Mapping[Place, Any]


@dataclass(frozen=True)
class Merged:
    """A value and the layers that had one for it, strongest first."""

    value: Any
    sources: tuple[Source, ...]


def check(table: object, source: Source, *, without: Sequence[str] = ()) -> Layer:
    """The values of one [box] table. What is wrong is noted in ``source.problems``."""
    at = At(source)
    keys = {name: key for name, key in BOX.items() if name not in without}
    values: dict[Place, Any] = {}
    try:
        parsed = read_table(keys, table, at)
    except Wrong as wrong:
        at.problem(wrong.message, wrong.hint)
        return Layer(source, values)
    for name, value in parsed.items():
        if BOX[name].merge == "keyed":
            values.update({(name, part): each for part, each in value.items()})
        else:
            values[(name,)] = value
    _exclusive(table, at)
    return Layer(source, values)


def _exclusive(table: object, at: At) -> None:
    present = [name for name in ONE_OF if isinstance(table, dict) and name in table]
    for extra in present[1:]:
        (at / extra).problem(f"excludes '{present[0]}': a box is made from one of them")


def merge(layers: Sequence[Layer]) -> dict[Place, Merged]:
    """One value for each place; ``layers`` are strongest first."""
    merged: dict[Place, Merged] = {}
    for place in dict.fromkeys(place for layer in layers for place in layer.values):
        name = str(place[0])
        having = [layer for layer in layers if place in layer.values]
        value = having[0].values[place]
        if BOX[name].merge == "extend":
            value = extended(BOX[name], [layer.values[place] for layer in having])
        merged[place] = Merged(value, tuple(layer.source for layer in having))
    return merged


def exclusive(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, of which only the strongest that has a profile, image or build keeps it."""
    decided = False
    result = []
    for layer in layers:
        having = [(name,) for name in ONE_OF if (name,) in layer.values]
        kept = {place: value for place, value in layer.values.items() if place not in having}
        result.append(Layer(layer.source, kept) if having and decided else layer)
        decided = decided or bool(having)
    return result


def extended(key: Key, lists: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """The items of several lists, strongest first, as one: weaker items lead."""
    result: list[Any] = []
    for each in lists:
        taken = {key.same(item) for item in result}
        fresh = [item for item in dict.fromkeys(each) if key.same(item) not in taken]
        result = fresh + result
    return tuple(result)


def origins(places: Mapping[Place, Merged]) -> dict[str, tuple[Origin, ...]]:
    """For each dotted key the places that set it, strongest first."""
    return {
        ".".join(map(str, place)): tuple(source.origin(place) for source in merged.sources)
        for place, merged in places.items()
    }
