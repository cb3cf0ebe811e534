"""The README knows everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devbox import errors
from devbox.cli.commands import COMMANDS
from devbox.cli.group import cli
from devbox.config.keys import BOX

README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    assert re.search(rf"^devbox {name}\b", README, re.MULTILINE), f"devbox {name} is not in README"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_is_named(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    for sub in getattr(command, "commands", {}):
        assert re.search(rf"devbox {name} {sub}\b", README), f"devbox {name} {sub}"


@pytest.mark.parametrize("key", BOX)
def test_every_key_of_a_box_is_explained(key: str) -> None:
    assert re.search(rf"^\| .*`{key}`.* \|", README, re.MULTILINE), f"{key} is not in README"


def test_every_exit_code_is_explained() -> None:
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    (paragraph,) = re.findall(r"^Exit codes:.*?\n\n", README, re.MULTILINE | re.DOTALL)
    assert {int(number) for number in re.findall(r"\b\d+\b", paragraph)} == codes
