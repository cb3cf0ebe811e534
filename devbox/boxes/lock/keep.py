"""The chain of images that a box really has: the locked one wherever its project's lock fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devbox.errors import Refused

if TYPE_CHECKING:
    from devbox.boxes.images.recipe import Recipe
    from devbox.config.spec import BoxSpec

RENEW = "`devbox lock` writes it anew."


@dataclass(frozen=True)
class Fit:
    """Whether a project's lock is kept to, and why not."""

    fits: bool
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.fits:
            return "kept"
        return f"does not fit devbox.toml ({'; '.join(self.reasons)}); built without it"


@dataclass(frozen=True)
class Kept:
    """A chain of images. ``why`` says why it is not the lock's, and is empty where it is;
    ``exists`` whether there is a lock at all."""

    recipe: Recipe
    why: tuple[str, ...] = ()
    exists: bool = True

    @property
    def fit(self) -> Fit | None:
        """Whether the lock is kept to; None where there is none."""
        return Fit(not self.why, self.why) if self.exists else None

    @property
    def checked(self) -> str:
        """The answer to whether there is a lock that fits, as a sentence's rest."""
        if not self.exists:
            return "there is no devbox.lock"
        if self.why:
            return f"devbox.lock does not fit: {'; '.join(self.why)}"
        return "devbox.lock fits"

    @property
    def renew(self) -> str:
        """What makes a lock fit that does not."""
        return RENEW if self.exists else "`devbox lock` writes one."

    @property
    def note(self) -> str:
        """A sentence for who has a lock that is not kept to; "" for everybody else."""
        if not self.exists or not self.why:
            return ""
        reasons = "; ".join(self.why)
        return f"devbox.lock does not fit: {reasons}. Built from devbox.toml; {RENEW}"

    def required(self, name: str) -> Recipe:
        """The locked chain. Raises Refused where there is none."""
        if self.why:
            message = f"Box {name} cannot be built as it is locked: {'; '.join(self.why)}."
            raise Refused(message, hint=self.renew)
        return self.recipe


def kept(spec: BoxSpec, platform: str, recipe_of: Callable[[BoxSpec], Recipe]) -> Kept:
    """The chain of a box on a platform, as its project's lock says where it can.

    Raises ConfigError for a lock that cannot be used.
    """
    # Most projects have no lock, and ask for this all the same.
    from devbox.boxes.lock.chain import OtherChain, locked_recipe
    from devbox.boxes.lock.file import load
    from devbox.boxes.lock.fits import entry_of, unfit

    plain = recipe_of(spec)
    lock = load(spec.project)
    why = unfit(lock, spec, plain, platform)
    if lock is None or why:
        return Kept(plain, why, exists=lock is not None)
    box = entry_of(lock, spec, platform)
    # The same Python to the last digit, where uv installs it.
    same = recipe_of(replace(spec, python=box.python)) if box.python else plain
    try:
        return Kept(locked_recipe(same, box))
    except OtherChain as error:
        return Kept(plain, (str(error),))
