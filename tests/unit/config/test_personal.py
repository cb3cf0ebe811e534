from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.config import load_settings
from devbox.config.kinds import At, Wrong
from devbox.config.personal import dotfiles
from devbox.config.source import Source
from devbox.config.spec import Dotfiles, SecretSource
from devbox.errors import ConfigError

ENVIRON = {"PIP_CONFIG_FILE": os.devnull, "DEVBOX_USER": "ada", "HOME": "/home/ada"}


def test_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        "git_credentials = true\nssh_agent = true\n"
        'dotfiles = { repository = "git@host.example:me/dots.git", ref = "v1", install = "a/b" }\n'
        "[secrets]\n"
        'A = { env = "there" }\n'
        'B = { file = "token" }\n'
        'C = { command = "pass show c | head -1" }\n'
        'D = { command = ["op", "read", "x y"] }\n'
    )
    settings = load_settings(ENVIRON, file)
    assert settings.secrets == {
        "A": SecretSource(env="there"),
        "B": SecretSource(file=tmp_path / "token"),
        "C": SecretSource(command=("sh", "-c", "pass show c | head -1")),
        "D": SecretSource(command=("op", "read", "x y")),
    }
    assert (settings.git_credentials, settings.ssh_agent) == (True, True)
    assert settings.dotfiles == Dotfiles("git@host.example:me/dots.git", "v1", "a/b")


def test_nothing_is_shared_unless_it_is_said(tmp_path: Path) -> None:
    settings = load_settings(ENVIRON, tmp_path / "none.toml")
    assert (settings.git_credentials, settings.ssh_agent) == (False, False)
    assert (settings.secrets, settings.dotfiles) == ({}, None)


def test_every_mistake_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'ssh_agent = "yes"\ndotfiles = { ref = "x" }\n[secrets]\n'
        'A = { env = "X", file = "y" }\nB = {}\nC = "plain"\nD = { command = [] }\n'
        'PATH = { env = "X" }\nLD_PRELOAD = { env = "X" }\nDEVBOX_HOME = { env = "X" }\n'
        'lower = { env = "X" }\nE = { fil = "x" }\nF = { env = "A-B" }\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(ENVIRON, file)
    keys = [problem.key.removeprefix("secrets.") for problem in caught.value.problems]
    assert keys == [
        *("ssh_agent", "dotfiles", "A", "B", "C", "D", "PATH", "LD_PRELOAD", "DEVBOX_HOME"),
        *("lower", "E.fil", "F.env"),
    ]


AT = At(Source("test", Path("/base")))


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("https://host/me/dots", "https://host/me/dots"),
        ("ssh://git@host:22/me/dots", "ssh://git@host:22/me/dots"),
        ("host:me/dots", "host:me/dots"),
        ("dots", "/base/dots"),
        ("../dots", "/dots"),
        ("/srv/dots.git", "/srv/dots.git"),
    ],
)
def test_repositories(text: str, repository: str) -> None:
    assert dotfiles.parse(text, AT) == Dotfiles(repository)


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c id",
        "http://host/plain",
        "git://host/plain",
        "ssh://-oProxyCommand=id/x",
        "-oProxyCommand=id:x",
        "--upload-pack=id",
        "host:-x",
        "https://me:password@host/x",
        "https://host/a b",
        "fd::17/x",
        "",
    ],
)
def test_repositories_that_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        dotfiles.parse(text, AT)


@given(st.text(max_size=40) | st.from_regex(r"[a-z-]*:{0,2}/{0,2}[-a-z@:/.]*", fullmatch=True))
def test_no_address_is_an_option_or_another_protocol(text: str) -> None:
    try:
        repository = dotfiles.parse(text, AT).repository
    except Wrong:
        return
    assert not repository.startswith("-")
    assert "::" not in repository
    scheme, separator, _ = repository.partition("://")
    assert not separator or repository.startswith("/") or scheme in {"https", "ssh", "file"}


@pytest.mark.parametrize(
    "table",
    [
        {"repository": "x", "ref": "--upload-pack=id"},
        {"repository": "x", "ref": "a..b"},
        {"repository": "x", "install": "../up"},
        {"repository": "x", "install": "/bin/sh"},
        {"repository": "x", "install": "-c"},
    ],
)
def test_refs_and_scripts_that_lead_elsewhere(table: dict[str, str]) -> None:
    source = Source("test", Path("/base"))
    dotfiles.parse(table, At(source))
    assert len(source.problems) == 1
