"""What a sweep searches: for each param a choice of values, or a range. Pure.

    choice:2,4,8        one of these; numbers, true, false, null or texts
    int:1:10            a whole number from 1 to 10; int:0:100:25 in steps of 25
    float:0:1           a number; float:0:1:0.25 in steps
    log:1e-4:1e-1       a number whose logarithm is evenly spread
    logint:1:1000       a whole number like that

In code a list is a choice, and a ``range`` is a range of whole numbers.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union

from devbox.errors import UsageError
from devbox.journal.checks import checked_key

Value = Union[str, int, float, bool, None]  # noqa: UP007 - run by Python 3.9
MOST_STEPS = 1_000_000
_FORMS = "choice:2,4,8  int:1:10  float:0:1:0.25  log:1e-4:1e-1  logint:1:1000"


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]

    def draw(self, source: random.Random) -> Value:
        """A value at random, each as likely."""
        return source.choice(self.values)

    def grid(self) -> tuple[Value, ...]:
        """All of them."""
        return self.values

    def described(self) -> Any:
        """As JSON: the values."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones; evenly spread, or their
    logarithms; every ``step``, 0 for all."""

    low: float
    high: float
    whole: bool = False
    log: bool = False
    step: float = 0

    def draw(self, source: random.Random) -> Value:
        """A value at random."""
        if self.step:
            return self._at(source.randrange(self._steps()))
        if self.log:
            # A whole number has half a step of its own on both sides.
            margin = 0.5 if self.whole else 0.0
            edges = math.log(self.low - margin), math.log(self.high + margin)
            value = math.exp(source.uniform(*edges))
            return self._within(round(value) if self.whole else value)
        if self.whole:
            return source.randint(int(self.low), int(self.high))
        return self._within(source.uniform(self.low, self.high))

    def grid(self) -> tuple[Value, ...] | None:
        """All values, None where there is no end of them."""
        if not self.step and not (self.whole and not self.log):
            return None
        return tuple(self._at(number) for number in range(self._steps()))

    def described(self) -> Any:
        """As the text that is parsed."""
        kind = ("log" if self.log else "") + ("int" if self.whole else "")
        numbers = [self.low, self.high, *([self.step] if self.step else [])]
        return ":".join([kind or "float", *(_written(number) for number in numbers)])

    def _steps(self) -> int:
        step = self.step or 1
        # What is due to the rounding of the step does not cost the last value.
        return min(int((self.high - self.low) / step + 1e-9) + 1, MOST_STEPS)

    def _at(self, number: int) -> Value:
        value = self.low + number * (self.step or 1)
        return int(value) if self.whole else self._within(float(f"{value:.12g}"))

    def _within(self, value: float) -> Value:
        kept = min(max(value, self.low), self.high)
        return int(kept) if self.whole else float(kept)


Dimension = Union[Choice, Range]  # noqa: UP007 - run by Python 3.9


def parsed(space: Mapping[str, Any]) -> dict[str, Dimension]:
    """The space that was written down. Raises UsageError for what is none."""
    if not space:
        raise UsageError("A sweep needs a param to vary.", hint=f"Ranges are {_FORMS}")
    return {checked_key(name): _dimension(name, given) for name, given in space.items()}


def described(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """A space as JSON; what :func:`parsed` makes of it is the same space."""
    return {name: dimension.described() for name, dimension in space.items()}


def size(space: Mapping[str, Dimension]) -> int | None:
    """How many points a space has, None where there is no end of them."""
    counts = [dimension.grid() for dimension in space.values()]
    if any(values is None for values in counts):
        return None
    return math.prod(len(values) for values in counts if values is not None)


def grid(space: Mapping[str, Dimension]) -> Iterator[dict[str, Value]]:
    """Every point of a space, the last param changing first. Raises UsageError where a range has
    no end of values."""
    columns = []
    for name, dimension in space.items():
        values = dimension.grid()
        if values is None:
            raise UsageError(
                f"A grid over {name}, which is {dimension.described()}, has no end.",
                hint="Give a step (float:0:1:0.25) or values (choice:0.1,0.01), or search at"
                " random.",
            )
        columns.append(values)
    for point in itertools.product(*columns):
        yield dict(zip(space, point))  # noqa: B905 - strict is of Python 3.10


def at_random(space: Mapping[str, Dimension], seed: int, number: int) -> dict[str, Value]:
    """The point that the trial ``number`` of a random search with that seed has, always."""
    source = random.Random(f"{seed}/{number}")  # noqa: S311 - nothing is hidden by it
    return {name: dimension.draw(source) for name, dimension in space.items()}


def _dimension(name: str, given: Any) -> Dimension:
    try:
        if isinstance(given, str):
            return _of_text(given)
        if isinstance(given, range):
            return _checked(Range(given[0], given[-1], whole=True, step=abs(given.step)))
        if isinstance(given, (list, tuple)):
            return _choice(given)
    except (ValueError, IndexError, OverflowError) as error:
        raise UsageError(
            f"Param {name} can't vary over {reprlib.repr(given)}: {error}.",
            hint=f"Ranges are {_FORMS}",
        ) from None
    raise UsageError(
        f"Param {name} can't vary over a {type(given).__name__}.",
        hint=f"Give a list of values, or a text such as {_FORMS}",
    )


def _of_text(text: str) -> Dimension:
    kind, _, rest = text.partition(":")
    if kind == "choice":
        return _choice([_scalar(part.strip()) for part in rest.split(",")] if rest else [])
    if kind not in {"int", "float", "log", "logint"}:
        raise ValueError("it begins with none of choice, int, float, log, logint")
    parts = [float(part) for part in rest.split(":")]
    whole, log = kind.endswith("int"), kind.startswith("log")
    if len(parts) not in ({2} if log else {2, 3}):
        raise ValueError(f"{kind} has a lowest and a highest value")
    if whole and not all(part.is_integer() for part in parts):
        raise ValueError("these are no whole numbers")
    return _checked(Range(parts[0], parts[1], whole, log, parts[2] if len(parts) == 3 else 0))


def _checked(made: Range) -> Range:
    if not all(map(math.isfinite, (made.low, made.high, made.step))) or made.low > made.high:
        raise ValueError("the lowest value comes first, and both are finite")
    if made.step < 0 or (made.step and (made.high - made.low) / made.step > MOST_STEPS):
        raise ValueError(f"a step is positive, and there are at most {MOST_STEPS:,} of them")
    if made.log and (made.low < 1 if made.whole else made.low <= 0):
        raise ValueError("a logarithm needs positive values")
    return made


def _choice(values: Any) -> Choice:
    if not values:
        raise ValueError("there is nothing to choose from")
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    for value in plain:
        if value is not None and not isinstance(value, (str, int, float)):
            raise ValueError(f"a {type(value).__name__} is no text, number, true, false or null")
    return Choice(tuple(plain))


def _scalar(text: str) -> Value:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, (str, int, float)) else text


def _written(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(number)
