"""What a person names, as blobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from devbox.errors import DevboxError, UsageError

Finder = Callable[[str], Collection[str]]


def blobs_of(ref: str, finders: Mapping[str, Finder]) -> tuple[str, ...]:
    """The blobs that ``ref`` names, by the finders of the kinds of thing; ``KIND:NAME`` asks one
    of them. Raises UsageError where none or several know it."""
    kind, colon, name = ref.partition(":")
    if colon and kind in finders:
        return tuple(finders[kind](name))
    found: dict[str, Collection[str]] = {}
    for each, finder in finders.items():
        try:
            found[each] = finder(ref)
        except DevboxError:
            continue  # no name of that kind, or nothing is called so
    if len(found) > 1:
        one, other = sorted(found)[:2]
        raise UsageError(
            f"{ref[:100]} is {_WORDS.get(one, one)} and {_WORDS.get(other, other)}.",
            hint=f"Write {one}:{ref[:100]} or {other}:{ref[:100]}.",
        )
    if not found:
        raise UsageError(
            f"There is no dataset, model or run {ref[:100]}.",
            hint="`devbox data ls`, `devbox model ls` and `devbox runs ls` list them.",
        )
    return tuple(next(iter(found.values())))


_WORDS = {"data": "a dataset", "model": "a model", "run": "a run"}
