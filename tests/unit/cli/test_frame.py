from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from devbox import errors
from devbox.cli import run
from devbox.cli.commands import COMMANDS, SECTIONS, Entry
from devbox.cli.group import cli
from devbox.errors import ConfigError, DevboxError, Problem, Refused, Unreachable, UsageError

# fmt: off
LAZY = {
    "docker", "git", "numpy", "paramiko", "psutil", "pynvml", "requests", "sqlite_utils", "textual",
    "yaml",
}
"""What no command's module imports before the command runs."""

HEAVY = LAZY | {
    "asyncio", "http.client", "platformdirs", "sqlite3", "ssl", "subprocess", "tempfile", "tomli",
    "urllib3",
}
"""What `devbox --help` has no use for."""
# fmt: on

WITHOUT_JSON = {
    "completion": "prints a script",
    "exec": "what it prints is the command's",
    "run": "what it prints is the command's",
    "runs logs": "what it prints is the command's",
    "shell": "a terminal",
    "ssh": "what it prints is the command's",
    "tui": "a terminal",
}
"""Commands without --json, and why."""


def imported(code: str) -> set[str]:
    """The modules that are loaded after running code in a new interpreter."""
    code += "\nimport sys; print('\\n'.join(['modules:', *sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("modules:\n")[2].split())


@pytest.mark.parametrize("argv", [["--help"], ["--version"], [], ["-h"]])
def test_help_imports_nothing_heavy_and_no_command(argv: list[str]) -> None:
    modules = imported(f"from devbox.cli import run\nassert run({argv!r}) == 0")
    assert modules.isdisjoint(HEAVY)
    names = {entry.module for entry in COMMANDS.values()}
    assert modules.isdisjoint(f"devbox.cli.{name}" for name in names)


def test_loading_every_command_imports_nothing_heavy() -> None:
    code = "from importlib import import_module\nfrom devbox.cli.commands import COMMANDS\n"
    code += "for entry in COMMANDS.values(): import_module(f'devbox.cli.{entry.module}')"
    assert imported(code).isdisjoint(LAZY)


def test_completing_a_command_name_loads_no_command() -> None:
    code = """
import os
os.environ.update(_DEVBOX_COMPLETE="bash_complete", COMP_WORDS="devbox st", COMP_CWORD="1")
from devbox.cli import run
try:
    run([])
except SystemExit:
    pass
"""
    assert imported(code).isdisjoint({"devbox.cli.lifecycle", "devbox.cli.state", "sqlite3"})


def walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, by the words that call them."""
    yield name, command
    if isinstance(command, click.Group):
        for below in command.commands:
            yield from walk(f"{name} {below}", command.commands[below])


def every_command() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield from walk(name, command)


def test_a_name_stands_in_one_section() -> None:
    assert len(COMMANDS) == sum(len(section) for section in SECTIONS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    first = (command.help or "").partition("\n\n")[0]
    # The table may stop earlier in the sentence.
    assert " ".join(first.split()).startswith(COMMANDS[name].help.removesuffix("."))


def test_every_command_has_an_example() -> None:
    lacking = [
        name
        for name, command in every_command()
        if "Example:\n" not in (command.help or "") or f"devbox {name}" not in (command.help or "")
    ]
    assert lacking == []


def test_examples_are_commands_that_exist() -> None:
    known = {name for name, _ in every_command()} | {"--help", "--version"}
    wrong = []
    for name, command in every_command():
        for line in (command.help or "").partition("Example:\n")[2].splitlines():
            words = line.split()
            if words[:1] == ["devbox"] and not {words[1], " ".join(words[1:3])} & known:
                wrong.append(f"{name}: {line.strip()}")
    assert wrong == []


def test_every_command_that_prints_has_json() -> None:
    lacking = {
        name
        for name, command in every_command()
        if not isinstance(command, click.Group)
        and not any("--json" in option.opts for option in command.params)
    }
    assert lacking == set(WITHOUT_JSON)


def test_every_option_is_explained() -> None:
    lacking = [
        f"{name} {option.name}"
        for name, command in every_command()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert lacking == []


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Runs a function as the command `devbox trial`; returns the exit code."""

    def go(body: Callable[[], object]) -> int:
        module = ModuleType("devbox.cli.trial")
        module.trial = click.command("trial")(body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "trial", Entry("trial", "trial", "Try."))
        return run(["trial"])

    return go


Trial = Callable[[Callable[[], object]], int]


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DevboxError("no"), 1),
        (UsageError("no"), 2),
        (ConfigError([Problem("devbox.toml", 3, "box.cpus", "no")]), 2),
        (click.BadParameter("no"), 2),
        (Unreachable("no"), 3),
        (Refused("no"), 4),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (EOFError(), 130),
    ],
)
def test_failures_end_with_their_code_and_no_traceback(
    trial: Trial, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    assert trial(raising(error)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (7, 7), ("text", 0)])
def test_a_command_returns_its_code(trial: Trial, result: object, code: int) -> None:
    assert trial(lambda: result) == code


def test_an_error_is_a_line_details_and_a_hint(
    trial: Trial, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(raising(DevboxError("it broke", hint="mend it", detail=["step 1", "step 2"])))
    assert capsys.readouterr().err == "error: it broke\n  step 1\n  step 2\nhint: mend it\n"


def test_a_bug_leaves_a_log_file(
    trial: Trial, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trial(raising(ZeroDivisionError("oh"))) == errors.EXIT_BUG
    [log] = (home / "logs").iterdir()
    assert "ZeroDivisionError: oh" in log.read_text()
    assert str(log) in capsys.readouterr().err


def test_the_log_of_a_bug_is_private_in_an_open_home(trial: Trial, home: Path) -> None:
    home.mkdir(mode=0o755)
    assert trial(raising(ZeroDivisionError("\udc80"))) == errors.EXIT_BUG
    [log] = (home / "logs").iterdir()
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("named", [None, "~nosuch/x"])
def test_a_bug_is_logged_elsewhere_where_home_cannot_be_used(
    trial: Trial,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    named: str | None,
) -> None:
    home.touch()
    if named:
        monkeypatch.setenv("DEVBOX_HOME", named)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert trial(raising(ZeroDivisionError("oh"))) == errors.EXIT_BUG
    [log] = [word for word in capsys.readouterr().err.split() if word.endswith(".log")]
    assert log.startswith(str(tmp_path))
    assert "ZeroDivisionError: oh" in Path(log).read_text()


@pytest.mark.parametrize("argv", [["--help"], ["up", "--nonsense"], ["nonsense"]])
def test_a_reader_who_left_is_no_failure(argv: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    code = f"import sys; from devbox.cli import main; sys.argv[1:] = {argv!r}; main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode == (0 if argv == ["--help"] else 2)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_pipe_that_breaks_elsewhere_is_a_bug(trial: Trial, home: Path) -> None:
    assert trial(raising(BrokenPipeError(32, "Broken pipe"))) == errors.EXIT_BUG
    [log] = (home / "logs").iterdir()
    assert "BrokenPipeError" in log.read_text()


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["upp"], "Did you mean 'up'?"),
        (["nothing-like-it"], "No such command 'nothing-like-it'."),
        (["--nonsense"], "No such option"),
        (["events", "--last", "x"], "not a valid integer"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], argv: list[str], words: str) -> None:
    assert run(argv) == errors.EXIT_USAGE
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""
