from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devbox.config import load_settings
from devbox.config.environment import from_environment, from_pip
from devbox.config.names import is_name, owner
from devbox.errors import ConfigError

NO_PIP = {"PIP_CONFIG_FILE": os.devnull, "DEVBOX_USER": "ada"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").touch()
    (tmp_path / "wheels").mkdir()
    file = tmp_path / "config.toml"
    file.write_text(
        'base_image = "mirror.example/debian:12"\n'
        "[network]\n"
        'http_proxy = "http://proxy.example:3128"\n'
        'ca = "ca.pem"\n'
        'index = "https://file.example/simple"\n'
        'wheels = "wheels"\n'
        'registry_mirrors = ["mirror.example:5000"]\n'
        "[box]\n"
        'stop_after = "2h"\n'
    )
    return file


def test_nothing_said_is_fine(tmp_path: Path) -> None:
    settings = load_settings(NO_PIP, tmp_path / "missing.toml")
    assert settings.owner == "ada"
    assert settings.file is None
    assert settings.base_image == "debian:bookworm-slim"


def test_the_file(file: Path, tmp_path: Path) -> None:
    settings = load_settings(NO_PIP, file)
    assert settings.base_image == "mirror.example/debian:12"
    assert settings.defaults == {"stop_after": "2h"}
    assert settings.network.ca == tmp_path / "ca.pem"
    assert settings.network.wheels == (tmp_path / "wheels",)
    assert settings.network.registry_mirrors == ("mirror.example:5000",)
    assert settings.file == file


def test_the_environment_is_stronger_and_pip_is_weaker(file: Path, tmp_path: Path) -> None:
    pip = tmp_path / "pip.conf"
    pip.write_text(
        "[global]\nindex-url = https://pip.example/simple\n"
        "extra-index-url =\n    https://pip.example/a\n    https://pip.example/b\n"
    )
    environ = {"PIP_CONFIG_FILE": str(pip), "HTTP_PROXY": "http://env.example", "HOME": "/none"}
    network = load_settings(environ, file).network
    assert network.http_proxy == "http://env.example"
    assert network.index == "https://file.example/simple"
    assert network.extra_index == ("https://pip.example/a", "https://pip.example/b")
    environ["UV_DEFAULT_INDEX"] = "ours=https://uv.example/simple"
    assert load_settings(environ, file).network.index == "https://uv.example/simple"


def test_lists_of_the_environment_come_before_those_of_the_file(tmp_path: Path) -> None:
    for name in ("env", "file", "pip", "both"):
        (tmp_path / name).mkdir()
    file = tmp_path / "config.toml"
    file.write_text(
        '[network]\nwheels = ["both", "file"]\nextra_index = "https://file.example/simple"\n'
        'registry_mirrors = ["mirror.example"]\n'
    )
    pip = tmp_path / "pip.conf"
    pip.write_text(f"[global]\nfind-links = {tmp_path}/pip\n")
    environ = {
        "PIP_CONFIG_FILE": str(pip),
        "HOME": "/none",
        "PIP_FIND_LINKS": f"{tmp_path}/env {tmp_path}/both",
        "UV_INDEX": "https://env.example/simple",
    }
    network = load_settings(environ, file).network
    assert [folder.name for folder in network.wheels] == ["env", "both", "file", "pip"]
    assert network.extra_index == ("https://env.example/simple", "https://file.example/simple")
    assert network.registry_mirrors == ("mirror.example",)


def test_all_problems_of_the_file_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        'base_imag = "x"\n[network]\nca = "no.pem"\nindex = "ftp://x"\nwheels = [1]\n'
        'registry_mirrors = "a b"\n[box]\nname = "x"\npip = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(NO_PIP, file)
    assert [problem.key for problem in caught.value.problems] == [
        "base_imag",
        "network.ca",
        "network.index",
        "network.wheels[0]",
        "network.registry_mirrors",
        "box.name",
        "box.pip",
    ]


def test_variables_of_other_programs_are_passed_over_where_they_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "with space").mkdir()
    found = from_environment(
        {
            "http_proxy": "http://lower.example",
            "HTTP_PROXY": "http://upper.example",
            "https_proxy": "",
            "HTTPS_PROXY": "http://upper.example",
            "NO_PROXY": "localhost\nevil",
            "SSL_CERT_FILE": "/no/such/file",
            "REQUESTS_CA_BUNDLE": __file__,
            "PIP_INDEX_URL": "file:///somewhere",
            "UV_INDEX_URL": "https://a.example/simple",
            "UV_INDEX": "x=https://b.example/x https://c.example/?a=b",
            "UV_PYTHON_DOWNLOADS_JSON_URL": "https://d.example/list.json",
            "PIP_FIND_LINKS": f"https://a.example {tmp_path} /no/such {'x' * 4000}",
        }
    )
    assert found == {
        "http_proxy": "http://lower.example",
        "https_proxy": "http://upper.example",
        "ca": Path(__file__),
        "index": "https://a.example/simple",
        "extra_index": ("https://b.example/x", "https://c.example/?a=b"),
        "wheels": (tmp_path,),
        "python_downloads": "https://d.example/list.json",
    }


def test_an_own_variable_that_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DEVBOX_CA"):
        load_settings({**NO_PIP, "DEVBOX_CA": "/no/such/file"}, tmp_path / "none.toml")


def test_owners() -> None:
    assert owner({"DEVBOX_USER": "Ada Lovelace"}) == "ada-lovelace"
    assert owner({"DEVBOX_USER": "../.."}) == "user"
    assert is_name(owner({}))


@given(st.dictionaries(st.sampled_from(["HTTP_PROXY", "PIP_FIND_LINKS", "UV_INDEX"]), st.text()))
def test_any_environment_is_survived(environ: dict[str, str]) -> None:
    for value in from_environment(environ).values():
        assert "\n" not in str(value)


@given(st.binary(max_size=100) | st.text(alphabet="[]global=cert-ind:\n #%", max_size=60))
def test_any_pip_conf_is_survived(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    file = tmp_path_factory.getbasetemp() / "pip.conf"
    file.write_bytes(content if isinstance(content, bytes) else b"[global]\n" + content.encode())
    from_pip({"PIP_CONFIG_FILE": str(file), "HOME": "/none"})
