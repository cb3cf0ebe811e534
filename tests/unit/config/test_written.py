from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from devbox.config.written import toml, written_lines
from tests.unit.config.conftest import Load

FULL = """
[box]
name = "full"
profile = "datascience"
platform = "linux/amd64"
python = "3.12"
pip = ["numpy>=2 ; python_version < '3.13'"]
requirements = ["requirements.txt"]
apt = ["g++"]
env = { A = 'a "b" # c', B = "" }
secrets = ["TOKEN"]
ports = [1, "2/udp", "3:4", "[::1]:5:6/udp", { container = 7, address = "0.0.0.0" }]
data = { set = "~/set" }
stop_after = "90m"
[[box.mounts]]
source = "a:b"
target = "/c"
[[box.mounts]]
source = "v"
target = "/v"
volume = true
[box.services.db]
image = "postgres:16"
command = ["a b", "c"]
env = { "X" = "y" }
ports = ["5432:5432"]
volumes = ["pg:/data"]
healthcheck = "true"
[box.services.web]
build = { args = { A = "1" } }
after = ["db"]
[box.resources]
cpus = 1.5
memory = "3GiB"
gpus = 2
shm_size = "1GiB"
[box.hooks]
on_create = "a"
on_start = ["b", "c 'd'"]
"""


def test_what_is_shown_is_a_devbox_toml_that_means_the_same(loaded: Load, root: Path) -> None:
    (root / "requirements.txt").touch()
    (root / "Dockerfile").touch()
    box = loaded(FULL).box()
    lines = list(written_lines(box))
    assert loaded("\n".join(lines)).box().spec == box.spec
    assert any(line.startswith('python = "3.12"') and line.endswith(":6") for line in lines)


@pytest.mark.parametrize("source", ['image = "debian:12"', "build = {}"])
def test_boxes_without_a_profile(loaded: Load, root: Path, source: str) -> None:
    (root / "Dockerfile").touch()
    box = loaded(f"[box]\n{source}\n").box()
    assert loaded("\n".join(written_lines(box))).box().spec == box.spec


def test_an_extended_list_names_every_place(loaded: Load, root: Path) -> None:
    (root / "team.toml").write_text('extends = "base"\n[box]\napt = ["git"]\n')
    box = loaded('[box]\nprofile = "./team.toml"\napt = ["vim"]\n').box()
    line = next(line for line in written_lines(box) if line.startswith("apt"))
    assert line.endswith("# from project devbox.toml:3, profile team team.toml:3")


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_values_are_valid_toml(value: object) -> None:
    if "\x7f" not in (text := toml(value)):
        assert tomli.loads(f"value = {text}")["value"] == value
