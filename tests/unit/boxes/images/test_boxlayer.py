"""What a box adds to its image: each name stays one word of one command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.images.boxlayer import (
    BOX_DOCKERFILE,
    box_files,
    installs,
    quoted,
    system_dockerfile,
)
from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError
from tests.unit.boxes.images.conftest import MakeSpec


def instructions(dockerfile: str) -> list[str]:
    """The instructions, read as Docker reads them: a backslash at the end continues a line."""
    joined = re.sub(r"\\[ \t]*\n", " ", dockerfile)
    return [line for line in joined.split("\n") if line.strip() and not line.startswith("#")]


def commands(dockerfile: str, of: str) -> list[list[str]]:
    """The words of every call of a function of the shared script."""
    words = [shlex.split(line) for line in instructions(dockerfile) if line.startswith("RUN")]
    return [line[line.index(of) + 1 :] for line in words if of in line]


def box(**values: object) -> BoxSpec:
    return BoxSpec("b", Path("/p"), "p", profile_image="python", **values)  # type: ignore[arg-type]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1), max_size=4))
def test_quoted_words_stay_as_many_and_the_same(words: list[str]) -> None:
    assert shlex.split(quoted(words)) == words


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_python_packages_are_arguments_and_never_shell(packages: list[str]) -> None:
    assert installs(box(pip=tuple(packages))) == (("pip_install", *packages),)


@pytest.mark.parametrize("name", ["gcc", "g++", "git=1:2.39.5-0+deb12u2", "gcc:arm64"])
def test_debian_names(name: str) -> None:
    text = system_dockerfile(box(apt=(name, "less")), own_image=False)
    assert commands(text, "apt_install") == [[name, "less"]]


def test_an_own_image_gets_an_environment_for_its_packages() -> None:
    text = system_dockerfile(box(apt=("python3",), pip=("rich",)), own_image=True)
    assert [line.split()[0] for line in instructions(text)] == [
        *("ARG", "FROM", "USER", "RUN", "RUN", "ENV")
    ]
    assert commands(text, "own_environment") == [[""]]
    text = system_dockerfile(box(python="3.12"), own_image=True)
    assert commands(text, "own_environment") == [["3.12"]]


def test_a_box_that_adds_nothing_only_gets_the_programs() -> None:
    for own_image in (True, False):
        assert not system_dockerfile(box(), own_image=own_image)
    assert not system_dockerfile(box(pip=("rich",), python="3.11"), own_image=False)
    assert not installs(box(apt=("gcc",)))
    verbs = [line.split()[0] for line in instructions(BOX_DOCKERFILE)]
    assert verbs == ["ARG", "FROM", "USER", "COPY", "COPY", "RUN"]


def test_only_requirement_files_and_their_includes_are_sent(spec: MakeSpec) -> None:
    project = spec().project
    (project / "sub").mkdir()
    (project / "requirements.txt").write_text("-r sub/more.txt\n-c constraints.txt\nrich\n")
    (project / "sub" / "more.txt").write_text("--requirement=last.txt\nnumpy\n")
    (project / "sub" / "last.txt").write_text("-rhttps://example.org/no.txt\n")
    (project / "constraints.txt").write_text("rich<14\n")
    (project / "secret.key").write_text("x")
    made = spec(requirements=(project / "requirements.txt",))
    assert sorted(box_files(made)) == [
        "constraints.txt",
        "requirements.txt",
        "sub/last.txt",
        "sub/more.txt",
    ]
    assert installs(made) == (("pip_install", "-r", "requirements.txt"),)


def test_lock_files_are_installed_by_themselves(spec: MakeSpec) -> None:
    project = spec().project
    for name in ("uv.lock", "pyproject.toml", "pylock.toml", "requirements.txt"):
        (project / name).write_text("")
    files = ("uv.lock", "pylock.toml", "requirements.txt")
    made = spec(requirements=tuple(project / name for name in files), pip=("rich",))
    assert sorted(box_files(made)) == [
        "pylock.toml",
        "pyproject.toml",
        "requirements.txt",
        "uv.lock",
    ]
    assert installs(made) == (
        ("install_uv_lock", "."),
        ("uv_install", "-r", "pylock.toml"),
        ("pip_install", "-r", "requirements.txt", "rich"),
    )


def test_what_only_uv_reads_is_installed_by_uv_in_one_resolution(spec: MakeSpec) -> None:
    project = spec().project
    for name in ("pyproject.toml", "requirements.txt"):
        (project / name).write_text("")
    files = (project / "requirements.txt", project / "pyproject.toml")
    made = spec(requirements=files, pip=("rich",))
    assert installs(made) == (
        ("uv_install", "-r", "requirements.txt", "-r", "pyproject.toml", "rich"),
    )


@pytest.mark.parametrize("line", ["-e .", "--editable=./lib", ".", "./lib", "../lib[x]", "/lib"])
def test_what_only_the_workspace_has_is_refused(spec: MakeSpec, line: str) -> None:
    project = spec().project
    (project / "requirements.txt").write_text(f"rich\n{line}\n")
    with pytest.raises(ConfigError, match=r"requirements\.txt:2: .*not there during a build"):
        box_files(spec(requirements=(project / "requirements.txt",)))


def test_an_include_by_a_detour_has_its_plain_place(spec: MakeSpec) -> None:
    project = spec().project
    (project / "sub").mkdir()
    (project / "requirements.txt").write_text("-r sub/../more.txt\n-r ../project/last.txt\n")
    (project / "more.txt").write_text("")
    (project / "last.txt").write_text("")
    made = spec(requirements=(project / "requirements.txt",))
    assert sorted(box_files(made)) == ["last.txt", "more.txt", "requirements.txt"]


def test_an_include_outside_the_project_is_refused(spec: MakeSpec, tmp_path: Path) -> None:
    project = spec().project
    (tmp_path / "other.txt").write_text("x\n")
    (project / "requirements.txt").write_text("-r ../other.txt\n")
    with pytest.raises(ConfigError, match="outside the project"):
        box_files(spec(requirements=(project / "requirements.txt",)))


def test_a_requirement_file_that_is_not_there(spec: MakeSpec) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        box_files(spec(requirements=(spec().project / "requirements.txt",)))
