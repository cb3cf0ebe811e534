from __future__ import annotations

from dataclasses import dataclass, field

import tomli
from hypothesis import given
from hypothesis import strategies as st

from devbox.config.locate import Place, locate

KEYS = st.from_regex("[a-z][a-z0-9_-]{0,5}", fullmatch=True) | st.sampled_from(
    ['"a b"', "'x.y'", '"q\\"]"', '"#"', "''", '"=["']
)
STRINGS = st.sampled_from(
    [
        '"x"',
        "'y'",
        '"a # b"',
        "'[\"'",
        '"\\" ]"',
        '""',
        "''",
        '"""a\n# "no" = [\n"""',
        "'''b\n\n'''",
        '""""q""""',
        "''''q'''",
        '"""x\\"""y"""',
    ]
)
SCALARS = st.sampled_from(["1", "-2.5", "true", "1979-05-27 07:32:00Z", "inf"]) | STRINGS
ARRAYS = st.lists(SCALARS, max_size=4)
GAPS = st.sampled_from(["", "\n", "# c [x]\n", "\n\n", '  # "\n'])


def key_of(text: str) -> str:
    return next(iter(tomli.loads(f"{text} = 1")))


@dataclass
class Writer:
    """TOML text, and for each place the line it starts on."""

    text: str = ""
    lines: dict[Place, int] = field(default_factory=dict)

    def here(self, place: Place) -> None:
        self.lines.setdefault(place, self.text.count("\n") + 1)

    def pair(self, table: Place, key: str, value: str | list[str], gap: str) -> None:
        self.text += gap
        place = (*table, key_of(key))
        self.here(place)
        self.text += f"{key} = "
        if isinstance(value, str):
            self.text += f"{value} # end\n"
            return
        self.text += "[" + gap
        for index, item in enumerate(value):
            self.here((*place, index))
            self.text += f"{item}, {gap}"
        self.text += "]\n"


BODY = st.dictionaries(KEYS, st.tuples(SCALARS | ARRAYS, GAPS), max_size=4)


@given(BODY, st.dictionaries(KEYS, BODY, max_size=3), st.lists(BODY, max_size=3))
def test_every_key_and_item_is_found_on_its_line(
    top: dict[str, tuple[str | list[str], str]],
    tables: dict[str, dict[str, tuple[str | list[str], str]]],
    many: list[dict[str, tuple[str | list[str], str]]],
) -> None:
    writer = Writer()
    for key, (value, gap) in top.items():
        writer.pair((), key, value, gap)
    for name, body in tables.items():
        place: Place = ("table", key_of(name))
        writer.here(place)
        writer.text += f"[ table . {name} ]\n"
        for key, (value, gap) in body.items():
            writer.pair(place, key, value, gap)
    for index, body in enumerate(many):
        place = ("many", index)
        writer.here(place)
        writer.text += "[[many]]\n"
        for key, (value, gap) in body.items():
            writer.pair(place, key, value, gap)
    found = locate(writer.text)
    if len({key_of(key) for key in (*top, "table", "many")}) == len(top) + 2:
        tomli.loads(writer.text)
        assert {place: found.get(place) for place in writer.lines} == writer.lines


def test_dotted_keys_inline_tables_and_nested_arrays() -> None:
    text = 'a.b = { c = 1, d = [2,\n3] }\na."x.y" = [[1],\n[2]]\n'
    text += "[[t]]\n[t.u]\nv = 1\n" * 2
    found = locate(text)
    assert found["a", "b", "c"] == 1
    assert found["a", "b", "d", 1] == 2
    assert found["a", "x.y", 1, 0] == 4
    assert found["t", 0, "u", "v"] == 7
    assert found["t", 1, "u", "v"] == 10


@given(st.text(alphabet="ab[]{}=.,\"'\\#\n 1", max_size=80))
def test_it_never_fails(text: str) -> None:
    locate(text)


def test_deep_nesting_is_survived() -> None:
    assert locate("a = " + "[" * 100_000)["a",] == 1
