"""What a new commit of a team's profiles changes, profile by profile and key by key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devbox.boxes.plan import Change as KeyChange
from devbox.boxes.plan import spec_changes
from devbox.config.profiles import Profile
from devbox.config.teams import Ask, Team, profile_files


@dataclass(frozen=True)
class ProfileChange:
    """One profile that is "added", "removed" or "changed", and its keys that differ."""

    name: str
    act: str
    keys: tuple[KeyChange, ...]


@dataclass(frozen=True)
class TeamChange:
    """The plan of one `add` or `update`.

    ``before`` and ``after`` are commits, ``before`` "" where nothing was installed. ``commits``
    are those between, newest first. ``files`` are other files that differ. ``asks`` is what the
    profiles want and the person has not agreed to yet, ``warnings`` what else needs a look.
    ``restored``: the installed files were changed by hand, and come back as they were.
    ``refollows``: another ref of the repository is followed from now on.
    """

    team: str
    url: str
    ref: str
    before: str
    after: str
    commits: tuple[str, ...] = ()
    profiles: tuple[ProfileChange, ...] = ()
    files: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    warnings: tuple[str, ...] = ()
    restored: bool = False
    refollows: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        same = self.before == self.after and not self.refollows
        return same and not (self.asks or self.restored)

    @property
    def needs_consent(self) -> bool:
        """Whether a person has to agree first."""
        return bool(self.asks or self.warnings)


def profile_changes(
    before: Mapping[str, Profile], after: Mapping[str, Profile]
) -> tuple[ProfileChange, ...]:
    """The profiles that differ between two commits, by name."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        keys = tuple(spec_changes(_plain(before.get(name)), _plain(after.get(name))))
        act = "added" if name not in before else "removed" if name not in after else "changed"
        if keys or act != "changed":
            found.append(ProfileChange(name, act, keys))
    return tuple(found)


def file_changes(before: Team | None, after: Team) -> tuple[str, ...]:
    """The files that differ between two commits, but for the profiles themselves."""
    old, new = dict(before.files) if before else {}, dict(after.files)
    for files in (old, new):
        for name in profile_files(files):
            del files[name]
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))


def _plain(profile: Profile | None) -> Mapping[str, object]:
    if profile is None:
        return {}
    document = profile.layers[0].source.document
    return document.data if document else {}
