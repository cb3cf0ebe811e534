"""The values of a box's secrets: from where the person's settings say, else the environment.

They are held in memory only, on their way into the box; every one that is found is masked from
then on in whatever devbox shows or writes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.boxes.identity import RUNNER, User
from devbox.compute.engine.types import Engine
from devbox.config.spec import SecretSource
from devbox.errors import UsageError
from devbox.redact import remember

if TYPE_CHECKING:
    from devbox.boxes.ask import Answer

LONGEST = 64 << 10
"""In bytes: a variable of 128 KiB can't be given to a program."""
PATIENCE = 30.0
"""Seconds for a command."""


class SecretSources:
    """Where one person's secrets are. ``file`` is the settings file, for messages."""

    def __init__(
        self,
        sources: Mapping[str, SecretSource],
        file: Path,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._sources = sources
        self._file = file
        self._environ = environ

    def check(self, names: Sequence[str]) -> None:
        """Raise UsageError where a secret has no source here; nothing is read or run."""
        missing = [
            name for name in names if name not in self._sources and name not in self._environ
        ]
        if not missing:
            return
        what = f"secret {missing[0]} has" if len(missing) == 1 else f"secrets {_and(missing)} have"
        raise UsageError(
            f"The {what} no value on this machine.",
            hint=f"Set the variable {missing[0]}, or write to {self._file}:"
            f' [secrets] {missing[0]} = {{ env = "VARIABLE" }}'
            ' (or file = "PATH", or command = "COMMAND").',
        )

    def values(self, names: Sequence[str], note: Callable[[str], None]) -> Mapping[str, str]:
        """The value of each secret, without the newline at its end.

        Raises UsageError where one cannot be had. ``note`` is told what is worth a warning.
        """
        self.check(names)
        found = {}
        for name in names:
            source = self._sources.get(name, SecretSource(env=name))
            found[name] = _checked(name, self._read(name, source, note))
            remember([found[name]])
        return found

    def _read(self, name: str, source: SecretSource, note: Callable[[str], None]) -> bytes:
        if source.file:
            return _of_file(name, source.file, note)
        if source.command:
            return _of_command(name, source.command)
        if source.env not in self._environ:
            raise UsageError(
                f"The secret {name} has no value: the variable {source.env} is not set.",
                hint=f"{self._file} says that it is there.",
            )
        return os.fsencode(self._environ[source.env])


def remember_given(engine: Engine, container: str, user: User, names: Sequence[str]) -> None:
    """Have the values masked that a running box was given: for who has not read them itself."""
    if not names:
        return
    script = 'for name; do eval "printf \'%s\\0\' "\\${$name-}""; done'
    argv = [RUNNER, "sh", "-c", script, "names", *names]
    said = engine.call(container, argv, user=str(user)).stdout
    remember(said.decode(errors="replace").split("\0"))


def _checked(name: str, raw: bytes) -> str:
    """The value as text, or a UsageError that shows nothing of it."""
    if len(raw) > LONGEST:
        raise _unusable(name, f"it is longer than {LONGEST >> 10} KiB")
    if b"\0" in raw:
        raise _unusable(name, "it has NUL bytes, which no variable can hold")
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        raise _unusable(name, "it is not UTF-8 text") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise _unusable(name, "it is empty")
    return value


def _of_file(name: str, file: Path, note: Callable[[str], None]) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe in the file's place would wait for a writer forever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise _unusable(name, f"{file} is no regular file")
            if mode & 0o077:
                note(f"The file of secret {name} can be used by others: chmod 600 {file}")
            return stream.read(LONGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise _unusable(name, f"{file} cannot be read: {reason}") from error


def _of_command(name: str, argv: Sequence[str]) -> bytes:
    from devbox.boxes.ask import TooMuch, TooSlow, ask

    try:
        answer = ask(argv, seconds=PATIENCE, limit=LONGEST)
    except TooSlow:
        raise _unusable(
            name,
            f"its command did not end within {PATIENCE:g} seconds",
            hint="It runs without a terminal and must not ask anything.",
        ) from None
    except TooMuch:
        raise _unusable(name, f"its command printed more than {LONGEST >> 10} KiB") from None
    except OSError as error:
        raise _unusable(name, f"its command cannot be run: {error.strerror}") from error
    if answer.code:
        raise _failed(name, answer)
    return answer.output


def _failed(name: str, answer: Answer) -> UsageError:
    # What it printed so far may be the value, or part of it, and stand among its errors too.
    remember([answer.output.decode(errors="replace")])
    how = f"code {answer.code}" if answer.code > 0 else f"signal {-answer.code}"
    return _unusable(name, f"its command failed (exit {how})", detail=answer.last_errors)


def _unusable(name: str, why: str, *, hint: str = "", detail: Sequence[str] = ()) -> UsageError:
    return UsageError(f"The secret {name} cannot be used: {why}.", hint=hint, detail=detail)


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
