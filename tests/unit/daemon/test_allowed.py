"""What a box may have run outside."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from devbox.cli.commands import COMMANDS
from devbox.cli.group import cli
from devbox.daemon.allowed import VERBS, checked
from devbox.errors import UsageError


@pytest.mark.parametrize(
    "line",
    [
        "runs ls",
        "runs ls --json -n 5 --where a=b",
        "runs ls --where=params.a>1",
        "runs show 0123456789ab",
        "runs plot 012345 --metric loss",
        "model ls --help",
    ],
)
def test_looking_is_allowed(line: str) -> None:
    assert checked(line.split()) == line.split()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "runs",
        "up",
        "runs rm 0123456789ab",
        "runs ls --output /tmp/x",
        "runs ls --where --output",
        "runs ls -- --output",
        "runs ls -n5",
        "runs ls --jso",
        "--help runs ls",
        "model alias churn@1 champion",
        "model export churn@1 /tmp/x",
        "model register churn",
        "state backup /tmp/x",
        "daemon stop",
        "exec -- id",
        "config show",
    ],
)
def test_everything_else_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        checked(line.split())


@pytest.mark.parametrize(
    "argv", [None, 7, {}, "runs ls", [1], ["runs", "ls", "\0"], ["runs", "ls", *["x"] * 2000]]
)
def test_what_is_no_command_line(argv: object) -> None:
    with pytest.raises(UsageError):
        checked(argv)


@given(st.lists(st.sampled_from(["runs", "ls", "--where", "--output", "-n", "x", "--json", "-o"])))
def test_no_option_slips_through(words: list[str]) -> None:
    try:
        passed = checked(["runs", "ls", *words])
    except UsageError:
        return
    assert "--output" not in passed


@pytest.mark.parametrize("verb", [v for v in VERBS if v[0] in COMMANDS], ids=" ".join)
def test_every_allowed_verb_and_option_exists(verb: tuple[str, str]) -> None:
    group = cli.get_command(None, verb[0])  # type: ignore[arg-type]
    command = group.commands.get(verb[1])  # type: ignore[union-attr]
    assert command is not None, "no such command"
    flags, options = VERBS[verb]
    alone = {o for p in command.params if getattr(p, "is_flag", False) for o in p.opts}
    valued = {o for p in command.params if not getattr(p, "is_flag", True) for o in p.opts}
    assert flags <= alone
    assert options <= valued
    assert CliRunner().invoke(cli, [*verb, "--help"]).exit_code == 0
