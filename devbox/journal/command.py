"""The command `devbox` inside a box.

`devbox run` tracks a command here. Everything else is asked of the devbox outside, which answers
what may be looked up from a box: runs, experiments, models.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from devbox import __version__
from devbox.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OWN_FAILURE, DevboxError, UsageError

HELP = """\
Usage: devbox COMMAND [ARGS]

The devbox of a box. What runs boxes is outside.

  run -- COMMAND      Run a command as a tracked run.
  runs ls|show|...    List, show, compare and plot what ran.
  experiment ls       List experiments.
  model ls|show|...   List, show and compare models and their versions.

Example:
  devbox run -- python train.py
  devbox runs ls
"""
RUN_HELP = "devbox run [--name NAME] [-e EXPERIMENT] [-t KEY=VALUE] -- COMMAND [ARGS]"


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command line, and end."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _command(words)
        sys.stdout.flush()
    except DevboxError as error:
        _report(error)
        code = EXIT_OWN_FAILURE if words[:1] == ["run"] else error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left; nothing more is flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    raise SystemExit(code)


def _command(words: list[str]) -> int:
    if words == ["bridge"]:
        from devbox.journal.relay import main as relay

        return relay()
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(HELP)
        return 0
    if words[0] in {"-V", "--version"}:
        sys.stdout.write(f"devbox {__version__}\n")
        return 0
    return _run(words[1:]) if words[0] == "run" else _ask(words)


def _run(words: list[str]) -> int:
    from devbox.journal.track import track

    parser = _Parser(prog="devbox run", usage=RUN_HELP)
    parser.add_argument("--name", default="", help="name of the run (default: the program's)")
    parser.add_argument("-e", "--experiment", default="", help="the group of runs it belongs to")
    parser.add_argument("-t", "--tag", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--sample-every", type=float, default=10.0, help=argparse.SUPPRESS)
    at = words.index("--") if "--" in words else len(words)
    options, rest = parser.parse_known_args(words[:at])
    argv = [*rest, *words[at + 1 :]]
    if not argv or any(word.startswith("-") for word in rest[:1]):
        raise UsageError("No command given.", hint=RUN_HELP)
    tags = dict(_pair(tag) for tag in options.tag)
    done = track(argv, name=options.name, experiment=options.experiment, tags=tags)
    failed = f" failed: {done.error}" if done.error else ""
    shown = done.id[:12]
    sys.stderr.write(f"Run {shown}{failed}; see `devbox runs show {shown}`\n")
    return done.code


def _ask(words: list[str]) -> int:
    from devbox.journal.bridge import call

    columns = shutil.get_terminal_size((100, 24)).columns
    answer = call("cli", argv=words, columns=columns)
    sys.stdout.write(str(answer["stdout"]))
    sys.stdout.flush()
    sys.stderr.write(str(answer["stderr"]))
    code = answer["code"]
    return code if isinstance(code, int) else EXIT_FAILED


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"Not a tag: {text}", hint="Write it as KEY=VALUE.")
    return key, value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=RUN_HELP)


def _report(error: DevboxError) -> None:
    lines = [f"error: {error.message}", *(f"  {line}" for line in error.detail)]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
