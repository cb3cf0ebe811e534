"""How long work is shown."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from devbox.cli.output import print_table, size, telling
from devbox.progress import Progress

STEPS = [
    Progress("build", "box", "RUN pip", 1, 2),
    Progress("build", "box", "downloading \x1b[31mred", log=True),
    Progress("hook", "on_start", "mine", log=True),
    Progress("start", "box", "up"),
]


def test_without_a_terminal_only_steps_and_what_hooks_print(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with telling() as report:
        for step in STEPS:
            report(step)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.strip() for line in err.splitlines()] == [
        "build box [1/2] RUN pip",
        "mine",
        "start box up",
    ]


def test_verbose_and_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with telling(verbose=True) as report:
        report(STEPS[1])
    assert "downloading" in capsys.readouterr().err
    with telling(quiet=True) as report:
        for step in STEPS:
            report(step)
    assert capsys.readouterr().err == ""


def test_in_a_terminal_output_passes_in_one_line() -> None:
    code = (
        "from tests.unit.cli.test_output import STEPS\n"
        "from devbox.cli.output import telling\n"
        "with telling() as report:\n"
        "    [report(step) for step in STEPS]\n"
    )
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        with os.fdopen(theirs, "wb") as stderr:
            subprocess.run([sys.executable, "-c", code], stderr=stderr, check=True)
        shown = screen.read(65536).decode()
    passing = shown.index("downloading")
    # Nothing of the work itself steers the terminal, and what follows takes its place.
    assert "\x1b[31m" not in shown
    assert "\n" not in shown[passing : shown.index("mine")].split("\x1b[K")[0]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes(value: int, text: str) -> None:
    assert size(value) == text


def test_a_table_shows_nothing_that_a_terminal_would_obey(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "note"), [("\x1b]0;owned\x07a\nb", None), ("plain 🙂", 3)])
    assert capsys.readouterr().out.splitlines() == [
        "NAME          NOTE",
        "]0;owned a b",
        "plain 🙂       3",
    ]
