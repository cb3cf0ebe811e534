from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.teams.address import is_ref, split_address, team_name
from devbox.errors import UsageError

HERE = Path("/src/here")


@pytest.mark.parametrize(
    ("text", "url", "ref"),
    [
        ("https://git.example.com/ml/p.git", "https://git.example.com/ml/p.git", ""),
        ("https://git.example.com/ml/p.git@v1.2", "https://git.example.com/ml/p.git", "v1.2"),
        ("https://me@git.example.com/p@main", "https://me@git.example.com/p", "main"),
        ("git@git.example.com:ml/p.git", "git@git.example.com:ml/p.git", ""),
        ("git@git.example.com:ml/p@feature/x", "git@git.example.com:ml/p", "feature/x"),
        ("ssh://git@git.example.com:22/p", "ssh://git@git.example.com:22/p", ""),
        ("ssh://git@git.example.com/p@0123abc", "ssh://git@git.example.com/p", "0123abc"),
        ("file:///srv/p@v1", "file:///srv/p", "v1"),
        ("/srv/p.git@v1", "/srv/p.git", "v1"),
        ("../p", "/src/p", ""),
        ("p", "/src/here/p", ""),
    ],
)
def test_an_address_and_its_ref(text: str, url: str, ref: str) -> None:
    assert split_address(text, HERE) == (url, ref)


def test_a_folder_with_an_at_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "a@b"
    folder.mkdir()
    assert split_address(str(folder), HERE) == (str(folder), "")
    assert split_address(f"{folder}@v1", HERE) == (str(folder), "v1")
    assert split_address("./a@b", tmp_path) == (str(folder), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-x",
        "--upload-pack=id",
        "ext::sh -c id",
        "fd::17/foo",
        "http://git.example.com/p",
        "ftp://git.example.com/p",
        "HTTPS::x",
        "ssh://-oProxyCommand=id/p",
        "https://git.example.com",
        "https://git.example.com/p@--output=x",
        "https://git.example.com/p@",
        "https://git.example.com/p@a..b",
        "/srv/p\n",
        "/srv/\x1b[31mp",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        split_address(text, HERE)


@pytest.mark.parametrize(
    "user", ["me:hunter2", "x-token:abc", "ghp_" + "a" * 36, "tok3n", "tok3n:"]
)
def test_no_password_in_an_address_and_none_in_the_message(user: str) -> None:
    with pytest.raises(UsageError, match="password") as caught:
        split_address(f"https://{user}@git.example.com/p", HERE)
    assert user not in str(caught.value)


@given(st.text(max_size=80))
def test_whatever_passes_is_no_option_and_one_of_the_protocols(text: str) -> None:
    try:
        url, ref = split_address(text, HERE)
    except UsageError:
        return
    assert not url.startswith("-")
    assert "::" not in url.partition("/")[0]
    assert not ref or is_ref(ref)
    assert url.isprintable()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://git.example.com/ml/Profiles.git", "profiles"),
        ("git@git.example.com:ml_profiles.git", "ml-profiles"),
        ("/srv/acme/", "acme"),
        ("/srv/acme/.git", "acme"),
        ("file:///", "team"),
    ],
)
def test_the_name_of_a_team(url: str, name: str) -> None:
    assert team_name(url) == name
