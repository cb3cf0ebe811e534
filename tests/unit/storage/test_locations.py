from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.errors import DevboxError, Unreachable, UsageError
from devbox.redact import masked
from devbox.storage.awskeys import Credentials, credentials, region
from devbox.storage.locations import Address, address, location
from devbox.storage.multipart import MOST_PARTS, part_size
from devbox.storage.sigv4 import signed


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///mnt/team%20x", Address("disk", path="/mnt/team x")),
        ("ssh://host/srv/a", Address("ssh", "host", path="/srv/a")),
        ("ssh://me@host:2222/srv/a/", Address("ssh", "host", "me", 2222, "/srv/a")),
        ("s3://bucket", Address("s3", "bucket")),
        ("s3://bucket/a/b/", Address("s3", "bucket", path="a/b")),
    ],
)
def test_urls(url: str, expected: Address) -> None:
    assert address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/x",
        "http://host/x",
        "file://host/x",
        "ssh://host",
        "ssh://host/",
        "ssh://-oProxyCommand=id/x",
        "ssh://-l@host/x",
        "ssh://host:99999/x",
        "s3://",
        "s3://a b/c",
        "s3://bucket/a?versionId=1",
        "s3://bucket/../other",
        "ssh://host/a/../../etc",
        "ssh://host/a%0ab",
    ],
)
def test_what_is_no_location(url: str) -> None:
    with pytest.raises(UsageError, match="no storage location"):
        address(url)


@given(st.text(max_size=60))
def test_any_text_is_a_location_or_a_clear_no(text: str) -> None:
    try:
        found = address(text)
    except UsageError:
        return
    assert ".." not in found.path.split("/")
    assert not found.host.startswith("-")


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(UsageError, match="password") as error:
        location("team", "ssh://me:geheim@host/x")
    assert "geheim" not in str(error.value)


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert address(location("team", "a b#?%").url).path == str(tmp_path / "a b#?%")


@pytest.mark.parametrize("name", ["", "Team", "a/b", "-x", "x" * 41, "a b", "ä"])
def test_names(name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        location(name, "/x")


def test_options_are_for_object_stores() -> None:
    with pytest.raises(UsageError, match="--endpoint is for object stores"):
        location("team", "/x", {"endpoint": "http://x"})
    with pytest.raises(UsageError, match="not the address of an object store"):
        location("team", "s3://bucket", {"endpoint": "ftp://x"})
    made = location("team", "s3://bucket", {"endpoint": "https://x/", "region": ""})
    assert made.options == {"endpoint": "https://x"}


def test_signatures_are_those_of_the_documentation() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, the examples
    # "GET Object" and "List Objects".
    known = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    host = "https://examplebucket.s3.amazonaws.com"
    moment = 1369353600.0
    found = signed(
        "GET", f"{host}/test.txt", {"Range": "bytes=0-9"}, empty, known, "us-east-1", now=moment
    )
    assert found["authorization"].endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
    query = f"{host}/?max-keys=2&prefix=J"
    found = signed("GET", query, {}, empty, known, "us-east-1", now=moment)
    assert found["authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


@given(st.integers(1, 5 << 40))
def test_parts_are_never_too_many(size: int) -> None:
    assert -(-size // part_size(size)) <= MOST_PARTS


class TestCredentials:
    def environ(self, home: Path, **more: str) -> dict[str, str]:
        return {"HOME": str(home), **more}

    def test_there_are_none(self, tmp_path: Path) -> None:
        assert credentials(self.environ(tmp_path)) is None
        assert region(self.environ(tmp_path)) == ""

    def test_the_environment_is_stronger_than_files(self, tmp_path: Path) -> None:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text(
            "[default]\naws_access_key_id = a\naws_secret_access_key = secret-of-file\n"
            "[work]\naws_access_key_id = w\naws_secret_access_key = secret-of-work\n"
        )
        (tmp_path / ".aws" / "config").write_text("[profile work]\nregion = eu-1\n")
        environ = self.environ(tmp_path)
        assert credentials(environ) == Credentials("a", "secret-of-file")
        assert masked("is secret-of-file") == "is ***"
        environ["AWS_PROFILE"] = "work"
        assert credentials(environ) == Credentials("w", "secret-of-work")
        assert region(environ) == "eu-1"
        environ |= {"AWS_ACCESS_KEY_ID": "e", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r"}
        assert credentials(environ) == Credentials("e", "s")
        assert region(environ) == "r"

    def test_a_command_prints_them(self, tmp_path: Path) -> None:
        said = {"Version": 1, "AccessKeyId": "k", "SecretAccessKey": "printed-secret"}
        (tmp_path / "said.json").write_text(json.dumps(said))
        command = f"cat {tmp_path}/said.json"
        assert credentials({}, command) == Credentials("k", "printed-secret")
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text(f"[default]\ncredential_process = {command}\n")
        assert credentials(self.environ(tmp_path)) == Credentials("k", "printed-secret")

    @pytest.mark.parametrize(
        "command",
        ["false", "echo secret-text", "echo '{}'", "/no/such/program", "echo 1", "'", "echo []"],
    )
    def test_a_command_that_does_not(self, command: str) -> None:
        with pytest.raises(Unreachable, match="gives no credentials") as error:
            credentials({}, command)
        assert "SecretAccessKey" in error.value.hint

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "config").write_text("no section\n")
        with pytest.raises(DevboxError, match="cannot be read"):
            credentials(self.environ(tmp_path))


def test_a_slow_command_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devbox.storage.awskeys.SECONDS", 0.2)
    with pytest.raises(Unreachable, match="cannot be run"):
        credentials({}, f"{sys.executable} -c 'import time; time.sleep(60)'")
