"""What devbox.toml may hold: a JSON Schema for editors, a reference table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devbox.config.keys import BOX, HOOKS, RESOURCES, STORAGE
from devbox.config.names import NAME
from devbox.config.parts import SERVICE_KEYS
from devbox.config.tables import Key, table_schema
from devbox.config.written import toml


def json_schema() -> dict[str, Any]:
    """The JSON Schema of devbox.toml."""
    box = table_schema(BOX)
    named = table_schema({name: key for name, key in BOX.items() if name != "name"})
    boxes = {
        "type": "object",
        "description": "Several boxes, by name.",
        "patternProperties": {f"^{NAME}$": named},
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "devbox.toml",
        "type": "object",
        "properties": {
            "box": box | {"description": "The box of the project."},
            "boxes": boxes,
            "storage": table_schema(STORAGE) | {"description": "Where the project keeps its data."},
        },
        "oneOf": [{"required": ["box"]}, {"required": ["boxes"]}],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Row:
    """One key of [box]: its dotted name, what it takes, its default ("" for none), meaning."""

    key: str
    type: str
    default: str
    meaning: str


def reference() -> tuple[Row, ...]:
    """Every key of [box], in order."""
    return tuple(_rows(BOX, ""))


_INNER: Mapping[str, Mapping[str, Key]] = {
    "resources": RESOURCES,
    "hooks": HOOKS,
    "services": SERVICE_KEYS,
}


def _rows(keys: Mapping[str, Key], prefix: str) -> Iterator[Row]:
    for name, key in keys.items():
        inner = _INNER.get(name) if not prefix else None
        if inner is not None:
            yield from _rows(inner, f"{name}.NAME." if name == "services" else f"{name}.")
            continue
        default = "" if key.default in (None, [], {}) else toml(key.default)
        yield Row(prefix + name, _type(key.kind.schema), default, key.doc)


_WORDS = {"string": "text", "object": "table", "array": "list", "boolean": "true or false"}


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return " or ".join(map(toml, schema.get("enum") or [schema.get("const")]))
    types = schema.get("type", "")
    names = types if isinstance(types, list) else [types]
    return " or ".join(_WORDS.get(str(name), str(name)) for name in names)
