"""The generated Dockerfile: nothing that a project names can become an instruction or a command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.images.boxlayer import box_dockerfile, box_files
from devbox.config.spec import BoxSpec
from devbox.errors import ConfigError
from tests.unit.boxes.images.conftest import MakeSpec

PIECES = ["x", "\n", "\r", "\\", "'", '"', "`id`", "$(id)", "${BASE}", "<<EOF", "&&", ";", "#"]
PIECES += ["RUN ", "FROM ", "--mount=type=bind", " ", "\t", "\0", "\u2028", "-r", "*", "é"]
HOSTILE = st.one_of(
    st.text(min_size=1, max_size=40),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join),
)


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


@given(st.lists(HOSTILE, min_size=1, max_size=3))
def test_a_package_stays_one_word_of_one_command(packages: list[str]) -> None:
    try:
        text = box_dockerfile(box(pip=tuple(packages)), own_image=False)
    except ConfigError:
        return
    verbs = [line.split()[0] for line in instructions(text)]
    assert verbs == ["ARG", "FROM", "USER", "RUN", "COPY"]
    assert commands(text, "pip_install") == [[package.strip() for package in packages]]


@given(HOSTILE)
def test_a_debian_package_is_a_name_or_refused(package: str) -> None:
    try:
        text = box_dockerfile(box(apt=(package,)), own_image=False)
    except ConfigError:
        return
    assert commands(text, "apt_install") == [[package]]
    assert not set(package) & set(" \t\n'\"$`;&|<>(){}\\#!?")


@given(HOSTILE)
def test_a_python_version_is_one_or_refused(version: str) -> None:
    try:
        text = box_dockerfile(box(python=version), own_image=True)
    except ConfigError:
        return
    assert commands(text, "own_environment") == [[version]]


@pytest.mark.parametrize(
    "name", ["gcc", "libsndfile1", "g++", "git=1:2.39.5-0+deb12u2", "gcc:arm64"]
)
def test_debian_names(name: str) -> None:
    assert commands(box_dockerfile(box(apt=(name,)), own_image=False), "apt_install") == [[name]]


@pytest.mark.parametrize("name", ["", "-o", "../x", "A", "git; id", "--allow-unauthenticated"])
def test_no_debian_names(name: str) -> None:
    with pytest.raises(ConfigError, match="not the name of a Debian package"):
        box_dockerfile(box(apt=(name,)), own_image=False)


def test_an_option_is_no_package() -> None:
    with pytest.raises(ConfigError, match="not the name of a Python package"):
        box_dockerfile(box(pip=("--index-url=https://evil.example",)), own_image=False)


def test_a_box_that_adds_nothing_only_gets_the_programs(spec: MakeSpec) -> None:
    text = box_dockerfile(spec(), own_image=False)
    assert [line.split()[0] for line in instructions(text)] == ["ARG", "FROM", "USER", "COPY"]
    assert "# syntax" not in text


def test_programs_come_last_so_that_packages_stay_cached(spec: MakeSpec) -> None:
    text = box_dockerfile(spec(apt=("gcc",), pip=("rich",)), own_image=False)
    assert instructions(text)[-1].startswith("COPY --from=devbox-box")


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
    text = box_dockerfile(made, own_image=False)
    assert commands(text, "pip_install") == [["-r", "requirements.txt"]]


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
    text = box_dockerfile(made, own_image=False)
    assert commands(text, "install_uv_lock") == [["."]]
    assert commands(text, "pip_install") == [
        ["-r", "pylock.toml"],
        ["-r", "requirements.txt", "rich"],
    ]


@pytest.mark.parametrize("line", ["-e .", "--editable=./lib", ".", "./lib", "../lib[x]", "/lib"])
def test_what_only_the_workspace_has_is_refused(spec: MakeSpec, line: str) -> None:
    project = spec().project
    (project / "requirements.txt").write_text(f"rich\n{line}\n")
    with pytest.raises(ConfigError, match=r"requirements\.txt:2: .*not there during a build"):
        box_files(spec(requirements=(project / "requirements.txt",)))


def test_an_include_outside_the_project_is_refused(spec: MakeSpec, tmp_path: Path) -> None:
    project = spec().project
    (tmp_path / "other.txt").write_text("x\n")
    (project / "requirements.txt").write_text("-r ../other.txt\n")
    with pytest.raises(ConfigError, match="outside the project"):
        box_files(spec(requirements=(project / "requirements.txt",)))


def test_a_requirement_file_that_is_not_there(spec: MakeSpec) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        box_files(spec(requirements=(spec().project / "requirements.txt",)))
