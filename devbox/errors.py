"""Every error devbox expects, and the exit code each one ends a command with.

    DevboxError                 1   an expected failure
    ├── UsageError              2   a wrong argument or option
    ├── ConfigError             2   devbox.toml, a profile or the user settings are wrong
    ├── Unreachable             3   the engine or a host does not answer
    └── Refused                 4   a policy says no: it would end running work, or exceed a limit

Anything else that escapes is a bug: exit code 70, with a log file. A command that was
interrupted ends with 130. Where a command hands on the exit code of another program
(``exec``, ``shell``), devbox's own failures are 125.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from devbox.redact import masked

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_REFUSED = 4
EXIT_BUG = 70
EXIT_OWN_FAILURE = 125
EXIT_INTERRUPTED = 130


class DevboxError(Exception):
    """An expected failure: one line that says what is wrong, and a hint of what to do.

    ``detail`` holds further lines worth showing below the message, such as the last output
    of a failed build step. Known secrets are masked in all of it.
    """

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, message: str, *, hint: str = "", detail: Sequence[str] = ()) -> None:
        self.message = masked(message)
        super().__init__(self.message)
        self.hint = masked(hint)
        self.detail = tuple(map(masked, detail))


class UsageError(DevboxError):
    """A wrong argument or option."""

    exit_code = EXIT_USAGE


class SeveralBoxes(UsageError):
    """A command for one box, in a project of several. ``how`` says how to name one."""

    def __init__(self, names: Iterable[str], how: str = "one") -> None:
        listed = ", ".join(sorted(names))
        super().__init__("This project has several boxes.", hint=f"Name {how}: {listed}.")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a configuration file.

    ``key`` is the dotted path inside the file, ``line`` counts from 1 (0: not known).
    """

    file: str
    line: int
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}:{key} {self.message}{hint}"


class ConfigError(DevboxError):
    """devbox.toml, a profile or the user settings are wrong. Carries every problem found."""

    exit_code = EXIT_USAGE

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        first = str(problems[0])
        more = len(problems) - 1
        super().__init__(
            first if not more else f"{len(problems)} problems in the configuration",
            hint=hint,
            detail=() if not more else [str(problem) for problem in problems],
        )
        self.problems = tuple(problems)


class Unreachable(DevboxError):
    """The engine or a host does not answer, or does not let us in."""

    exit_code = EXIT_UNREACHABLE


class Refused(DevboxError):
    """A policy says no, or the act would end running work and was not confirmed."""

    exit_code = EXIT_REFUSED
