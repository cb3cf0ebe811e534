"""How models and versions are named: churn, churn@3, churn@champion, churn@latest. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from devbox.errors import UsageError
from devbox.journal.slots import checked_model_name

LATEST = "latest"
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST = (1 << 63) - 1


@dataclass(frozen=True)
class Ref:
    """A model, and of it the version with a number, that an alias names, or (neither) the newest.

    ``exact``: a version is meant, not the model as such.
    """

    model: str
    number: int | None = None
    alias: str = ""
    exact: bool = False

    def __str__(self) -> str:
        if self.number is not None:
            return f"{self.model}@{self.number}"
        if self.alias:
            return f"{self.model}@{self.alias}"
        return f"{self.model}@{LATEST}" if self.exact else self.model


def parse(text: str) -> Ref:
    """Read a reference. Raises UsageError where it is none."""
    name, at, which = text.strip().partition("@")
    model = checked_model_name(name)
    if not at:
        return Ref(model)
    if which == LATEST:
        return Ref(model, exact=True)
    if which.isascii() and which.isdigit():
        number = int(which) if len(which) < 20 else MOST
        return Ref(model, number=min(number, MOST), exact=True)
    return Ref(model, alias=checked_alias(which), exact=True)


def checked_alias(alias: str) -> str:
    """An alias as it may be written: no version's number, and not ``latest``."""
    if not _ALIAS.fullmatch(alias) or (alias.isascii() and alias.isdigit()) or alias == LATEST:
        raise UsageError(
            f"{alias[:60]!r} is no alias.",
            hint="An alias is a word such as champion; numbers and 'latest' name versions.",
        )
    return alias


def no_model(name: str) -> UsageError:
    """Nothing is called so."""
    return UsageError(f"No model {name}.", hint="`devbox model ls --models` lists them.")


def no_version(ref: Ref) -> UsageError:
    """The model is there, and such a version of it is not."""
    hint = f"`devbox model ls {ref.model}` lists those that it has."
    if ref.alias:
        return UsageError(f"Model {ref.model} has no alias {ref.alias}.", hint=hint)
    if ref.number is not None:
        return UsageError(f"Model {ref.model} has no version {ref.number}.", hint=hint)
    return UsageError(f"Model {ref.model} has no version.", hint="Register one.")
