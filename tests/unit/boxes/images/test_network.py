"""Network settings: what a build is given, what a box is given, and where passwords never are."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.images.network import (
    BOX_WHEELS,
    SECRET_LIMIT,
    box_env,
    box_files,
    box_mounts,
    ca_bundle,
    for_build,
    pip_conf,
    uv_toml,
)
from devbox.config.spec import Network
from devbox.errors import DevboxError

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nTm90IG9uZQ==\n-----END CERTIFICATE-----"
PASSWORD = "s3cret"


@pytest.fixture
def network(tmp_path: Path) -> Network:
    (tmp_path / "ca.pem").write_text(f"# A company\n{CERTIFICATE}\n")
    (tmp_path / "wheels").mkdir()
    return Network(
        http_proxy="http://proxy.example:3128",
        https_proxy=f"http://me:{PASSWORD}@proxy.example:3128",
        no_proxy="localhost",
        ca=tmp_path / "ca.pem",
        index=f"https://me:{PASSWORD}@index.example/simple",
        extra_index=("http://plain.example/simple",),
        wheels=(tmp_path / "wheels", tmp_path / "gone"),
        python_mirror="https://python.example",
        python_downloads="https://python.example/list.json",
        apt_mirror="http://apt.example/debian/",
    )


def test_without_settings_nothing_is_given() -> None:
    build = for_build(Network())
    assert not build.secrets
    assert not build.proxies
    assert not box_files(Network())
    assert not box_env(Network())
    assert not box_mounts(Network())


def test_a_build_gets_secrets_proxies_and_wheels(network: Network, tmp_path: Path) -> None:
    build = for_build(network)
    assert sorted(build.secrets) == ["devbox-apt", "devbox-ca", "devbox-pip", "devbox-uv"]
    assert build.secrets["devbox-apt"] == b"http://apt.example/debian"
    assert build.proxies["https_proxy"].endswith("@proxy.example:3128")
    assert build.wheels == (tmp_path / "wheels",)
    assert build.notes == (f"{tmp_path / 'gone'} is not a folder of wheels: left out",)
    assert all(len(secret) <= SECRET_LIMIT for secret in build.secrets.values())


def test_a_folder_as_index_is_noted_and_left_out() -> None:
    build = for_build(Network(extra_index=("file:///srv/simple",)))
    assert not build.secrets
    assert "cannot be reached from a build" in build.notes[0]


def test_no_password_is_in_the_environment_of_a_box(network: Network) -> None:
    env = box_env(network)
    assert PASSWORD not in str(env)
    assert env["http_proxy"] == env["HTTP_PROXY"] == "http://proxy.example:3128"
    assert "https_proxy" not in env
    assert env["PIP_CONFIG_FILE"] == "/run/devbox/pip.conf"
    assert env["SSL_CERT_FILE"] == env["GIT_SSL_CAINFO"] == "/run/devbox/ca.pem"
    files = box_files(network)
    assert sorted(files) == ["ca.pem", "env", "pip.conf", "uv.toml"]
    assert f"export https_proxy=http://me:{PASSWORD}@proxy.example:3128\n" in files["env"].decode()
    assert b"http_proxy=http://proxy.example" not in files["env"]


def test_uv_is_told_where_builds_of_python_are(network: Network) -> None:
    for data in (for_build(network).secrets["devbox-uv"], box_files(network)["uv.toml"]):
        told = tomllib.loads(data.decode())
        assert told["python-install-mirror"] == "https://python.example"
        assert told["python-downloads-json-url"] == "https://python.example/list.json"


def test_every_variable_points_at_a_file_that_is_given(network: Network) -> None:
    for each in (network, Network(python_mirror="https://p.example"), Network(ca=network.ca)):
        given_files = {f"/run/devbox/{name}" for name in box_files(each)}
        pointed = {value for value in box_env(each).values() if value.startswith("/run/devbox/")}
        assert pointed <= given_files


def test_wheels_in_a_box_are_read_only_mounts_that_its_files_name(network: Network) -> None:
    mounts = box_mounts(network)
    assert [mount.target for mount in mounts] == [f"{BOX_WHEELS}/0"]
    assert mounts[0].read_only
    files = box_files(network, [mount.target for mount in mounts])
    assert f"{BOX_WHEELS}/0" in files["pip.conf"].decode()
    # A folder that is not mounted makes uv fail, so it is only named on request.
    assert BOX_WHEELS not in box_files(network)["uv.toml"].decode()


def test_a_private_authority_joins_the_public_ones(network: Network) -> None:
    bundle = ca_bundle(network).decode()
    public = Path(certifi.where()).read_text().count("BEGIN CERTIFICATE")
    assert bundle.startswith(CERTIFICATE)
    assert bundle.count("BEGIN CERTIFICATE") == public + 1


def test_a_whole_bundle_is_not_doubled(tmp_path: Path) -> None:
    both = tmp_path / "all.pem"
    both.write_text(Path(certifi.where()).read_text() + CERTIFICATE)
    bundle = ca_bundle(Network(ca=both)).decode()
    assert bundle.count("BEGIN CERTIFICATE") == both.read_text().count("BEGIN CERTIFICATE")


def test_certificate_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="cannot be read"):
        ca_bundle(Network(ca=tmp_path / "gone"))
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(DevboxError, match="holds no certificate"):
        ca_bundle(Network(ca=tmp_path / "key.pem"))


@given(st.lists(st.from_regex(r"https?://[!-~]{1,30}", fullmatch=True), min_size=1, max_size=3))
def test_addresses_survive_both_formats(urls: list[str]) -> None:
    network = Network(index=urls[0], extra_index=tuple(urls[1:]))
    parsed = configparser.RawConfigParser()
    parsed.read_string(pip_conf(network))
    assert parsed["global"]["index-url"] == urls[0]
    assert parsed["global"].get("extra-index-url", "").split() == urls[1:]
    indexes = tomllib.loads(uv_toml(network))["index"]
    assert indexes[-1] == {"url": urls[0], "default": True}
    assert [each["url"] for each in indexes[:-1]] == urls[1:]


def test_an_index_without_tls_is_trusted_by_name() -> None:
    assert "trusted-host = plain.example" in pip_conf(Network(index="http://plain.example:8080/s"))
    assert "trusted-host" not in pip_conf(Network(index="https://index.example/s"))
