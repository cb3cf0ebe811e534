from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox import redact
from devbox.boxes import secrets
from devbox.boxes.private import Private, meaning
from devbox.boxes.secrets import LONGEST, SecretSources
from devbox.config.spec import Network, SecretSource, Settings
from devbox.errors import UsageError


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)


def read(
    source: SecretSource | None = None,
    environ: Mapping[str, str] | None = None,
    notes: list[str] | None = None,
) -> str:
    sources = {"TOKEN": source} if source else {}
    made = SecretSources(sources, Path("/me/config.toml"), environ or {})
    return made.values(["TOKEN"], (notes if notes is not None else []).append)["TOKEN"]


def command(script: str) -> SecretSource:
    return SecretSource(command=("sh", "-c", script))


def refusal(source: SecretSource, environ: Mapping[str, str] | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read(source, environ)
    assert "TOKEN" in caught.value.message
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "token"
    made.touch(0o600)
    return made


def test_the_environment_is_asked_last() -> None:
    assert read(environ={"TOKEN": "here"}) == "here"
    assert read(SecretSource(env="OTHER"), {"TOKEN": "here", "OTHER": "there"}) == "there"
    assert "OTHER is not set" in refusal(SecretSource(env="OTHER"), {"TOKEN": "here"}).message


def test_what_has_no_source_is_told_with_what_to_write() -> None:
    made = SecretSources({"A": SecretSource(env="X")}, Path("/me/config.toml"), {"B": "b"})
    made.check(["A", "B"])
    with pytest.raises(UsageError, match="secrets C and D have no value") as caught:
        made.check(["A", "C", "B", "D"])
    assert "/me/config.toml" in caught.value.hint
    assert '[secrets] C = { env = "VARIABLE" }' in caught.value.hint


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"plain\n", "plain"),
        (b"dos\r\n", "dos"),
        (b"two\nlines\n\n", "two\nlines\n"),
        (b" 'quoted' \"$x\" `y` \\\n", " 'quoted' \"$x\" `y` \\"),
        ("ümlaut".encode(), "ümlaut"),
        (b"x" * LONGEST, "x" * LONGEST),
    ],
)
def test_values_survive(file: Path, content: bytes, value: str) -> None:
    file.write_bytes(content)
    assert read(SecretSource(file=file)) == value
    assert read(SecretSource(command=("cat", str(file)))) == value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"planted\0value", "NUL bytes"),
        (b"planted\xff", "not UTF-8"),
        (b"planted" * 10000, "longer than 64 KiB"),
    ],
)
def test_values_that_cannot_be(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    assert why in (error := refusal(SecretSource(file=file))).message
    assert "planted" not in repr((error.message, error.hint, error.detail))


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("none", "no such file"),
        ("", "is a directory"),
        ("pipe", "no regular file"),
    ):
        assert why in refusal(SecretSource(file=tmp_path / name)).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(file: Path) -> None:
    file.chmod(0)
    assert "permission denied" in refusal(SecretSource(file=file)).message


def test_a_file_for_everybody_is_warned_of(file: Path) -> None:
    file.write_text("x")
    notes: list[str] = []
    file.chmod(0o640)
    assert read(SecretSource(file=file), notes=notes) == "x"
    assert notes == [f"The file of secret TOKEN can be used by others: chmod 600 {file}"]


def test_a_command_that_fails_shows_its_errors_without_the_value() -> None:
    error = refusal(command("echo part-of-it; echo 'no part-of-it' >&2; exit 7"))
    assert "its command failed (exit code 7)" in error.message
    assert error.detail == ("no ***",)
    assert "signal 9" in refusal(command("kill -9 $$")).message
    assert "cannot be run" in refusal(SecretSource(command=("/no/such",))).message


def test_a_command_that_floods_or_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "printed more than 64 KiB" in refusal(command("head -c 1000000 /dev/zero")).message
    monkeypatch.setattr(secrets, "PATIENCE", 0.3)
    assert "did not end within 0.3 seconds" in refusal(command("sleep 60")).message


def test_a_value_is_masked_from_then_on(file: Path) -> None:
    file.write_text("planted-value\n")
    read(SecretSource(file=file))
    assert redact.masked("it is planted-value") == "it is ***"


@given(st.text().filter(lambda text: "\0" not in text))
def test_any_value_arrives_whole_or_is_refused(text: str) -> None:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    try:
        value = secrets._checked("TOKEN", raw)
    except UsageError:
        assert not text.strip("\r\n")
    else:
        assert text in {value, value + "\n", value + "\r", value + "\r\n"}


def test_nothing_secret_is_compared_by_a_digest(tmp_path: Path) -> None:
    plain = Private(Settings("me", network=Network(index="https://host/simple")))
    assert plain.known([])
    assert plain.known([]) != Private(Settings("me")).known([])
    assert plain.known(["TOKEN"]) == ""
    with_password = Settings("me", network=Network(index="https://u:p@host/simple"))
    assert Private(with_password).known([]) == ""
    assert Private(Settings("me", git_credentials=True)).known([]) == ""


def test_what_a_box_is_given(tmp_path: Path, file: Path) -> None:
    file.write_text("it's\na value\n")
    network = Network(http_proxy="http://u:p@proxy:1")
    settings = Settings("me", network=network, secrets={"TOKEN": SecretSource(file=file)})
    given = Private(settings).gather(["TOKEN"], tmp_path)
    env = given.files["env"].decode()
    assert env.endswith("export DEVBOX_SECRETS=TOKEN\nexport TOKEN='it'\"'\"'s\na value'\n")
    assert "http_proxy=" in env
    assert "it's" not in repr(given)
    assert given.known == ""


def test_what_changed_in_words() -> None:
    changed = ["env", "pip.conf", "uv.toml", "git-credential-2"]
    assert meaning(changed) == "secrets, package indexes, git credentials"
