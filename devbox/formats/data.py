"""What a model was made from: each input named by its version or its content, never copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from devbox.errors import UsageError
from devbox.formats import signature, values
from devbox.formats.library import PANDAS_FRAME, POLARS_FRAME, is_a, is_array, is_tensor
from devbox.journal.slots import plain

FIELDS = ("name", "version", "digest", "uri")


def described(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The inputs of the data slot, by role: each given as a dict (name, version, digest, uri,
    schema, rows), as a dataset version ("name@3"), or as the data itself."""
    if not isinstance(data, Mapping):
        raise UsageError(
            f"data is a table by role, not {type(data).__name__}.",
            hint='Such as data={"train": "sales@3", "test": frame}.',
        )
    return [{"role": str(role), **_one(str(role), each)} for role, each in data.items()]


def _one(role: str, given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        name, at, version = given.rpartition("@")
        return {"name": name, "version": version} if at and name else {"name": given}
    if isinstance(given, Mapping) and given and set(FIELDS) & set(given):
        content = given.get("content")
        rest = {str(key): plain(each) for key, each in given.items() if key != "content"}
        return {**(_content(role, content) if content is not None else {}), **rest}
    return _content(role, given)


def _content(role: str, content: Any) -> dict[str, Any]:
    """Rows, schema and digest of data itself."""
    fields = signature.inferred(content, None)["inputs"]
    schema = {field["name"] or "value": field["type"] for field in fields}
    if is_array(content) or is_tensor(content):
        schema["shape"] = str(list(content.shape))
    try:
        rows = len(content)
    except TypeError:
        raise UsageError(
            f"data[{role!r}] is a {type(content).__name__}, which is no data.",
            hint="Give a frame, an array, a dataset version, or a dict with a name or digest.",
        ) from None
    return {"rows": rows, "schema": schema, "digest": f"sha256:{digest(content)}"}


def digest(content: Any) -> str:
    """The SHA-256 of data: of its columns with their names, types and values, in order; the same
    wherever it is computed, of frames whatever library holds them."""
    total = hashlib.sha256()
    if is_tensor(content):
        content = content.detach().cpu().numpy()
    if is_a(content, *PANDAS_FRAME, *POLARS_FRAME):
        for name in content.columns:
            _add(total, str(name), content[name].to_numpy())
    elif is_array(content):
        _add(total, "", content)
    else:
        total.update(values.dumped(content))
    return total.hexdigest()


def _add(total: Any, name: str, array: Any) -> None:
    if array.dtype.kind in "mM":
        array = array.astype(f"{array.dtype.kind}8[us]")
    if array.dtype.kind in "biufcmM":
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        body = memoryview(array.astype(array.dtype.newbyteorder("<")).tobytes())
    else:
        kind = "text"
        cells = [None if _gone(each) else str(each) for each in array.tolist()]
        body = memoryview(json.dumps(cells, ensure_ascii=False).encode("utf-8", "replace"))
    head = json.dumps([name, kind, list(array.shape)])
    total.update(f"{len(head)}:{head}{len(body)}:".encode())
    total.update(body)


def _gone(cell: Any) -> bool:
    """Whether a cell is empty: libraries have None, NaN and things of their own for that."""
    return cell is None or type(cell).__name__ in {"NAType", "NaTType"} or bool(cell != cell)  # noqa: PLR0124
