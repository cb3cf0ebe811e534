"""The language in which runs and models are searched, and its translation to SQL. Pure.

    metrics.auc > 0.9 and tags.task = 'fraud' and not status = 'failed'

A condition compares a field with a text in quotes or a number, by ``=  !=  <  <=  >  >=``,
``like``, ``ilike`` (with ``%`` and ``_``) or ``in (...)``. Fields are those of
:mod:`devbox.runs.fields` or of another kind of thing; for runs ``metrics.KEY`` (the last value),
``params.KEY``, ``tags.KEY`` (backquotes around a key that is no plain word), ``id``, ``name``,
``experiment``, ``status``, ``user``, ``host``, ``box``, ``parent``, ``started`` and ``ended``
('2026-11-22', or '12h': that long ago). What lacks a thing that is compared meets no condition on
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time as now

from devbox.errors import UsageError
from devbox.runs.fields import RUNS, Fields, Keyed

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))"
    r"|(?P<op><=|>=|!=|<>|==|=|<|>|\(|\)|,)"
    r"|(?P<word>[A-Za-z_][\w/-]*(?:\.(?:`[^`]+`|[\w/@.-]*[\w/@-]))?))"
)
_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">"}
_COMPARISONS |= {">=": ">=", "like": "LIKE", "ilike": "LIKE", "in": "IN"}
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(m|h|d|w)")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST = 10_000
DEEPEST = 50

Value = str | float


@dataclass(frozen=True)
class Query:
    """A search as SQL: what to join, the condition and the order, with the values of all ``?``
    in their order."""

    joins: str
    where: str
    order: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


def query(
    where: str = "", order_by: str = "", *, roots: bool = False, fields: Fields = RUNS
) -> Query:
    """Translate a search. ``order_by`` is a field and "desc" or "asc", newest first by default;
    ``roots`` finds only runs that are nobody's child.

    Raises UsageError that shows the place of what is not understood.
    """
    condition, values = _Parser(where, fields).parsed() if where.strip() else ("1", [])
    if roots:
        condition = f"runs.parent = '' AND ({condition})"
    joins, order, first = _order(order_by, fields)
    return Query(joins, condition, order, (*first, *values))


def quoted(text: str) -> str:
    """A text as the language writes it."""
    return "'" + text.replace("'", "''") + "'"


def _order(order_by: str, fields: Fields) -> tuple[str, str, list[Value]]:
    if not order_by.strip():
        return "", fields.newest, []
    field, _, direction = order_by.strip().rpartition(" ")
    if direction.lower() not in {"asc", "desc"} or not field:
        field, direction = order_by.strip(), "asc"
    field = field.strip()
    table, dot, key = field.partition(".")
    tail = f"{direction.upper()} NULLS LAST, {fields.newest}"
    if dot and (keyed := fields.keyed.get(table)):
        join = (
            f"LEFT JOIN {keyed.table} AS sorted"
            f" ON sorted.{keyed.owner} = {fields.row} AND sorted.key = ?"
        )
        if keyed.numeric:
            return join, f"sorted.{keyed.value} {tail}", [key.strip("`")]
        # What is a number is sorted as one, before all texts.
        up = f"{direction.upper()} NULLS LAST"
        return join, f"sorted.number {up}, sorted.{keyed.value} {tail}", [key.strip("`")]
    if field not in fields.sortable:
        raise UsageError(f"{fields.noun} have no {field!r} to be sorted by.", hint=fields.hint)
    return "", f"{fields.sortable[field]} {tail}", []


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, text: str, fields: Fields) -> None:
        if len(text) > LONGEST:
            raise UsageError(f"A search has at most {LONGEST} characters.")
        self._text = text
        self._fields = fields
        self._tokens = self._split(text)
        self._at = 0
        self._depth = 0
        self._values: list[Value] = []

    def parsed(self) -> tuple[str, list[Value]]:
        condition = self._either()
        if self._at < len(self._tokens):
            raise self._wrong("'and' or 'or' was expected")
        return condition, self._values

    def _split(self, text: str) -> list[_Token]:
        tokens, place = [], 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                raise _problem(text, place, "this is not understood")
            tokens.append(
                _Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))
            )
            place = match.end()
        return tokens

    def _either(self) -> str:
        return self._chain("or", lambda: self._chain("and", self._single))

    def _chain(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._is(word):
            self._at += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else f"({f' {word.upper()} '.join(parts)})"

    def _single(self) -> str:
        if self._is("not"):
            self._at += 1
            return self._inside(lambda: f"NOT {self._single()}")
        if self._is("("):
            self._at += 1
            condition = self._inside(self._either)
            if not self._is(")"):
                raise self._wrong("')' was expected")
            self._at += 1
            return condition
        return self._comparison()

    def _inside(self, part: Callable[[], str]) -> str:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong("there are too many brackets")
        try:
            return part()
        finally:
            self._depth -= 1

    def _comparison(self) -> str:
        field = self._next("word", "a field was expected")
        operator = self._peek()
        if operator is None or operator.text.lower() not in _COMPARISONS:
            raise self._wrong("a comparison such as = or > was expected")
        self._at += 1
        sign = _COMPARISONS[operator.text.lower()]
        values = self._list() if sign == "IN" else [self._value()]
        table, dot, key = field.text.partition(".")
        if dot and (keyed := self._fields.keyed.get(table)):
            return self._keyed(keyed, key.strip("`"), sign, values)
        if column := self._fields.times.get(field.text):
            moments = [_moment(self._text, field, value) for value in values]
            return self._compare(column, sign, moments)
        if column := self._fields.numbers.get(field.text):
            if not _all_numbers(values):
                raise self._wrong(f"{field.text} is compared with numbers")
            return self._compare(column, sign, values)
        texts = [str(value) for value in values]
        if words := self._fields.words.get(field.text):
            return self._among(words, self._compare(words.value, sign, texts))
        if column := self._fields.texts.get(field.text):
            return self._compare(column, sign, texts)
        raise _problem(self._text, field.place, "there is no such field", self._fields.hint)

    def _keyed(self, keyed: Keyed, key: str, sign: str, values: Sequence[Value]) -> str:
        self._values.append(key)
        column = keyed.value
        if keyed.numeric and not _all_numbers(values):
            raise self._wrong("a metric is compared with numbers")
        if not keyed.numeric and _all_numbers(values):
            column = "number"
        return self._among(keyed, f"key = ? AND {self._compare(column, sign, values)}")

    def _among(self, table: Keyed, condition: str) -> str:
        found = f"SELECT {table.owner} FROM {table.table} WHERE {condition}"  # noqa: S608
        return f"{self._fields.row} IN ({found})"

    def _compare(self, column: str, sign: str, values: Sequence[Value]) -> str:
        self._values += values
        if sign == "IN":
            return f"{column} IN ({', '.join('?' * len(values))})"
        return f"{column} {sign} ?"

    def _list(self) -> list[Value]:
        if not self._is("("):
            raise self._wrong("'(' was expected")
        values: list[Value] = []
        while not values or self._is(","):
            self._at += 1
            values.append(self._value())
        if not self._is(")"):
            raise self._wrong("',' or ')' was expected")
        self._at += 1
        return values

    def _value(self) -> Value:
        token = self._peek()
        if token is None or token.kind not in {"text", "number"}:
            raise self._wrong("a number or a text in quotes was expected")
        self._at += 1
        if token.kind == "number":
            return float(token.text)
        quote = token.text[0]
        return token.text[1:-1].replace(quote * 2, quote)

    def _next(self, kind: str, otherwise: str) -> _Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._wrong(otherwise)
        self._at += 1
        return token

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is(self, text: str) -> bool:
        token = self._peek()
        return token is not None and token.kind != "text" and token.text.lower() == text

    def _wrong(self, what: str) -> UsageError:
        token = self._peek()
        return _problem(self._text, token.place if token else len(self._text), what)


def _all_numbers(values: Sequence[Value]) -> bool:
    return all(isinstance(value, float) for value in values)


def _moment(text: str, field: _Token, value: Value) -> float:
    if isinstance(value, float):
        return value
    if ago := _AGO.fullmatch(value.strip()):
        return now() - float(ago[1]) * _SECONDS[ago[2]]
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        hint = "Write a date such as '2026-11-22 14:30', or how long ago: '12h'."
        raise _problem(text, field.place, f"{value!r} is no time", hint) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _problem(text: str, place: int, what: str, hint: str = "") -> UsageError:
    pointer = " " * place + "^"
    return UsageError(f"The search can't be read: {what}.", hint=hint, detail=(text, pointer))
