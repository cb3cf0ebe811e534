from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devbox.errors import DevboxError
from devbox.storage.manifest import (
    FOLDER,
    Entry,
    checked_path,
    decoded,
    difference,
    encoded,
    manifest,
    shown,
    split_ref,
)

DIGEST = "ab" * 32
NAMES = (
    st.binary(min_size=1, max_size=12)
    .map(os.fsdecode)
    .filter(lambda name: "/" not in name and "\0" not in name and name not in {".", ".."})
)


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), unique=True), st.randoms())
def test_any_files_roundtrip_whatever_their_order(paths: list[str], draw: object) -> None:
    entries = [Entry(path, DIGEST, 3, bool(number % 2)) for number, path in enumerate(paths)]
    folders = {path.rpartition("/")[0] for path in paths}
    folders |= {folder.rpartition("/")[0] for folder in folders}
    assume(not folders & set(paths))
    made = manifest(FOLDER, entries)
    draw.shuffle(entries)  # type: ignore[attr-defined]
    assert encoded(manifest(FOLDER, entries)) == encoded(made)
    assert decoded(encoded(made)) == made
    assert {entry.path for entry in made.entries} == set(paths)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", "a/.", "a\0b", "x" * 256, "\ud800"],
)
def test_paths_that_lead_out(path: str) -> None:
    with pytest.raises(DevboxError, match="cannot be part of a dataset"):
        checked_path(path)
    data = {"devbox": "dataset", "format": 1, "kind": "folder", "files": [[path, DIGEST, 1]]}
    with pytest.raises(DevboxError, match="cannot be part of a dataset"):
        decoded(json.dumps(data).encode())


@given(st.text(max_size=40))
def test_a_path_never_leaves_its_folder(path: str) -> None:
    try:
        checked_path(path)
    except DevboxError:
        return
    root = Path("/data/root")
    assert Path(os.path.normpath(root / path)).is_relative_to(root)
    assert os.path.normpath(root / path) != str(root)


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")])
def test_files_that_cannot_lie_beside_each_other(paths: tuple[str, str]) -> None:
    with pytest.raises(DevboxError, match=r"twice|a file and a folder"):
        manifest(FOLDER, [Entry(path, DIGEST, 1) for path in paths])


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["devbox", "format", "kind", "files", "uri"]), inner, max_size=5
                )
            ),
        ).map(lambda data: json.dumps(data).encode()),
    )
)
def test_what_is_no_manifest_is_named_so(data: bytes) -> None:
    with pytest.raises(DevboxError):
        decoded(data)


@pytest.mark.parametrize(
    "files",
    [
        [["a", "x", 1]],
        [["a", DIGEST, -1]],
        [["a", DIGEST, True]],
        [["a", DIGEST, 1.5]],
        [["a", DIGEST]],
        [["a", DIGEST, 1, 2]],
        [["a", DIGEST, 1, 0, 0]],
        [[1, DIGEST, 1]],
        "abc",
        None,
    ],
)
def test_entries_that_are_none(files: object) -> None:
    data = {"devbox": "dataset", "format": 1, "kind": "folder", "files": files}
    with pytest.raises(DevboxError, match="is none"):
        decoded(json.dumps(data).encode())


def test_a_later_format_says_so() -> None:
    data = {"devbox": "dataset", "format": 2, "kind": "folder", "files": []}
    with pytest.raises(DevboxError, match="later devbox"):
        decoded(json.dumps(data).encode())


def test_differences() -> None:
    old = manifest(FOLDER, [Entry("a", DIGEST, 1), Entry("b", DIGEST, 1), Entry("c", DIGEST, 1)])
    new = manifest(FOLDER, [Entry("a", DIGEST, 1), Entry("b", "cd" * 32, 1), Entry("d", DIGEST, 1)])
    found = difference(old, new)
    assert (found.added, found.removed, found.changed) == (("d",), ("c",), ("b",))
    assert found.same == 1


@pytest.mark.parametrize(
    ("ref", "expected"),
    [("a", ("a", None)), ("a@latest", ("a", None)), ("a@3", ("a", 3)), ("a@", ("a", None))],
)
def test_references(ref: str, expected: tuple[str, int | None]) -> None:
    assert split_ref(ref) == expected


@pytest.mark.parametrize("ref", ["", "@3", "a/b", "a@0", "a@-1", "a@x", "a@٣", "a@1@2", "-a"])
def test_what_is_no_reference(ref: str) -> None:
    with pytest.raises(DevboxError):
        split_ref(ref)


@given(st.binary(min_size=1, max_size=20))
def test_names_are_shown_without_control_characters(name: bytes) -> None:
    text = os.fsdecode(name)
    assume(text)
    assert shown(text).isprintable()
