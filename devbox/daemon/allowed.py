"""Which command lines code in a box may have run outside: those that only look, with options that
neither read nor write a file there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devbox.errors import UsageError

MOST_WORDS = 1000
LONGEST_WORD = 1 << 14
_HELP = frozenset({"--help", "-h"})
_JSON = frozenset({"--json"})
_IDS = frozenset({"--json", "-q", "--quiet"})
_ALL = frozenset({"--json", "--all"})
_NONE = frozenset[str]()
_FOUND = frozenset({"-w", "--where", "-o", "--order-by", "-n", "--last"})
VERBS: Mapping[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {
    ("runs", "ls"): (_IDS | {"-a", "--all"}, _FOUND),
    ("runs", "show"): (_JSON, _NONE),
    ("runs", "compare"): (_ALL, _NONE),
    ("runs", "plot"): (_JSON | {"--time"}, frozenset({"-m", "--metric"})),
    ("runs", "logs"): (_NONE, _NONE),
    ("experiment", "ls"): (_JSON, _NONE),
    ("experiment", "show"): (_JSON, _NONE),
    ("model", "ls"): (_IDS | {"--models"}, (_FOUND | {"-s", "--sort"}) - {"-o"}),
    ("model", "show"): (_JSON, _NONE),
    ("model", "card"): (_JSON, _NONE),
    ("model", "lineage"): (_JSON | {"--dot"}, _NONE),
    ("model", "compare"): (_ALL, _NONE),
    ("data", "ls"): (_IDS, _NONE),
    ("data", "show"): (_JSON | {"--files"}, _NONE),
}
"""Of each verb: the options that stand alone, and those that take the next word."""


def checked(argv: object) -> list[str]:
    """The words of a command line that a box may have run. Raises UsageError for any other."""
    if not isinstance(argv, list) or not all(isinstance(word, str) for word in argv):
        raise UsageError("A command is a list of words.")
    words: list[str] = argv
    if len(words) > MOST_WORDS or any(len(w) > LONGEST_WORD or "\0" in w for w in words):
        raise UsageError("The command is too long.")
    verb = tuple(words[:2])
    if len(verb) != 2 or verb not in VERBS:
        shown = " ".join(word for word in words[:2] if word.isprintable())[:60]
        raise UsageError(
            f"`devbox {shown}` is not for the inside of a box.",
            hint=f"Here: devbox run, {', '.join(' '.join(known) for known in VERBS)}.",
        )
    flags, options = VERBS[verb]
    _check_options(words[2:], flags | _HELP, options)
    return words


def _check_options(words: Sequence[str], flags: frozenset[str], options: frozenset[str]) -> None:
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if not word.startswith("-") or word in flags:
            continue
        if equals and name.startswith("--") and name in options:
            continue
        if word in options:
            # The same word that the command itself takes for its value.
            if next(rest, "").startswith("--"):
                raise UsageError(f"{word} needs a value.")
            continue
        raise UsageError(f"The option {name[:40]!r} is not for the inside of a box.")
