"""Packages written into a devbox.toml that somebody keeps by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from devbox.config.edit import add_packages, check_writable, replace_text
from devbox.config.starter import start_project
from devbox.config.values import distribution
from devbox.errors import DevboxError


def add(text: str, *packages: str, place: tuple[str, ...] = ("box",)) -> str:
    return add_packages(text, place, "pip", packages, distribution)


def test_comments_order_and_layout_stay() -> None:
    text = (
        "# ours\n[box] # a box\n"
        'pip = [\n    # models\n    "numpy>=2", # newest\n    "Pandas",\n]\n\n[box.env]\nA = "1"\n'
    )
    assert add(text, "numpy==2.1", "lightgbm") == text.replace("numpy>=2", "numpy==2.1").replace(
        '"Pandas",\n', '"Pandas",\n    "lightgbm",\n'
    )


def test_nothing_is_listed_twice() -> None:
    text = '[box]\npip = ["numpy>=2", "PyYAML"]\n'
    assert add(text, "numpy", "pyyaml") == text
    assert add(text, "pyyaml==6", "Numpy<3") == '[box]\npip = ["Numpy<3", "pyyaml==6"]\n'


def test_a_new_list_follows_the_last_value(tmp_path: Path) -> None:
    start_project(tmp_path, profile="base")
    text = (tmp_path / "devbox.toml").read_text()
    assert "\n# [box.env]\n" in text
    profile = 'profile = "base"\n'
    assert add(text, "six") == text.replace(profile, f'{profile}pip = ["six"]\n')


COMMENTS = st.lists(st.sampled_from(["\n", "# [box.env]\n", '  # A = "1"\n', "# é\n"]), max_size=4)
VALUES = st.lists(
    st.sampled_from(
        ['name = "b" # n', "apt = [\n  # a\n  'x',\n]", 'env.A = "1"', 'python = """\n#\n"""']
    ),
    unique=True,
    max_size=4,
)
BEHIND = st.sampled_from(["", "[box.resources]\ncpus = 2\n", "[[other]]\na = 1\n", "[other]\n"])


@given(COMMENTS, VALUES, COMMENTS, BEHIND, st.sampled_from(["[box]", "[box] # c"]), st.booleans())
def test_all_else_stays_byte_for_byte(
    before: list[str], values: list[str], after: list[str], behind: str, header: str, windows: bool
) -> None:
    above = "".join([*before, f"{header}\n", *(f"{value}\n" for value in values)])
    below = "".join([*after, behind])
    end = "\n"
    if windows:
        above, below, end = (text.replace("\n", "\r\n") for text in (above, below, end))
    assert add(above + below, "six") == f'{above}pip = ["six"]{end}{below}'


def test_a_last_line_without_an_end() -> None:
    assert add("[box]", "six") == '[box]\npip = ["six"]'
    assert add('[box]\n  name = "b" # n', "six") == '[box]\n  name = "b" # n\n  pip = ["six"]'


LAYOUTS = {
    "missing": ('[box]\nname = "b"\n[box.env]\nA = "1"\n', ("box",)),
    "only sub-tables": ('[box.env]\nA = "1"\n', ("box",)),
    "empty": ("[box]\npip = []\n", ("box",)),
    "no end of line": ("[box]", ("box",)),
    "inline": ('box = {name = "b", pip = ["x"]}\n', ("box",)),
    "inline, missing": ('box = {name = "b"}\n', ("box",)),
    "dotted": ('box.name = "b"\nbox.env.A = "1"\n', ("box",)),
    "one of several": ('[boxes.a]\n[boxes.b]\npip = ["y"]\n', ("boxes", "b")),
    "tables apart": ('[boxes.a]\n[boxes.b]\n[boxes.a.env]\nA = "1"\n', ("boxes", "a")),
    "Windows": ('[box]\r\npip = [\r\n  "x",\r\n]\r\n', ("box",)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(layout: str) -> None:
    text, place = LAYOUTS[layout]
    made = add(text, "six", place=place)
    before, after = tomli.loads(text), tomli.loads(made)
    table = after
    for part in place:
        table = table[part]
    assert table["pip"].pop() == "six"
    if not table["pip"] and "pip =" not in text:
        del table["pip"]
    assert after == before


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)


@given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True, min_size=1), st.booleans())
def test_the_list_is_the_union_in_order(old: list[str], new: list[str], lines: bool) -> None:
    glue = ",\n  " if lines else ", "
    text = f"[box]\npip = [{glue.join(map(repr, old))}] # c\nname = 'b'\n"
    made = add(text, *new)
    assert tomli.loads(made)["box"]["pip"] == list(dict.fromkeys([*old, *new]))
    assert made.endswith(" # c\nname = 'b'\n")
    assert add(made, *new) == made


def test_a_link_stays_and_the_mode_too(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    real = folder / "real.toml"
    real.write_text("old")
    real.chmod(0o640)
    link = folder / "devbox.toml"
    link.symlink_to(real)
    check_writable(link)
    replace_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["devbox.toml", "real.toml"]


def test_a_read_only_file_is_respected(tmp_path: Path) -> None:
    file = tmp_path / "devbox.toml"
    file.write_text("old")
    file.chmod(0o444)
    with pytest.raises(DevboxError, match="read-only"):
        check_writable(file)
    with pytest.raises(DevboxError):
        check_writable(tmp_path / "none.toml")


def test_a_failed_write_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    file = folder / "devbox.toml"
    file.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DevboxError, match="No space left"):
        replace_text(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in folder.iterdir()] == ["devbox.toml"]
