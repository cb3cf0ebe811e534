"""Profiles of teams: installed from a git repository at one commit, updated and removed.

A profile from git is data. It is read from git's objects, checked as a whole, and then put in its
place by one rename: whatever happens before leaves what was there. What it asks for needs the
person's consent, which is kept with it and bound to exactly that.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devbox.boxes.images.network import for_git
from devbox.boxes.teams.address import split_address, team_name
from devbox.boxes.teams.change import TeamChange, file_changes, profile_changes
from devbox.boxes.teams.repository import Entry, Found, Repository
from devbox.config.asks import asks
from devbox.config.names import RULE, clip, is_name
from devbox.config.profiles import Profile, Profiles
from devbox.config.teams import RECORD, Ask, Team, Teams, to_record
from devbox.errors import ConfigError, DevboxError, UsageError
from devbox.progress import Progress, Report, silent

if TYPE_CHECKING:
    from devbox.config.spec import Network
    from devbox.state import State

Agree = Callable[[TeamChange], None]


class TeamProfiles:
    """The profiles of teams on this machine. ``state`` and ``network`` are asked when needed."""

    def __init__(
        self, home: Path, *, state: Callable[[], State], network: Callable[[], Network]
    ) -> None:
        self._home = home
        self._folder = home / "profiles"
        self._state = state
        self._network = network

    def ls(self) -> tuple[Team, ...]:
        """Every team, by name. Raises ConfigError where a record is broken."""
        return Teams(self._folder).ls()

    def add(
        self,
        address: str,
        *,
        agree: Agree,
        name: str = "",
        dry_run: bool = False,
        report: Report = silent,
    ) -> TeamChange:
        """Install the profiles of a repository, ``GIT-URL[@ref]``, under a name.

        ``agree`` is given what the profiles ask for and raises Refused where the person does
        not agree. Where the team is installed from there already, only another ref changes it.
        """
        url, ref = split_address(address, Path.cwd())
        name = name or team_name(url)
        if not is_name(name):
            raise UsageError(f"{clip(name)} is not a name: {RULE}.")
        with self._alone(name, report):
            installed = Teams(self._folder).get(name)
            if installed is not None and installed.url != url:
                raise DevboxError(
                    f"{name} is installed from {installed.url}.",
                    hint=f"Give this one another --name, or `devbox profile rm {name}` first.",
                )
            if installed is not None and installed.ref == ref:
                commit = installed.commit
                return TeamChange(name, url, ref, commit, commit)
            return self._change(name, url, ref, installed, agree, report, dry_run=dry_run)

    def update(
        self, name: str, *, agree: Agree, dry_run: bool = False, report: Report = silent
    ) -> TeamChange:
        """Bring a team's profiles to the newest commit of what they follow.

        ``agree`` is called only where they ask for more than was agreed to, or where history
        was rewritten. Raises UsageError where the team is not installed.
        """
        with self._alone(name, report):
            team = self._installed(name)
            return self._change(name, team.url, team.ref, team, agree, report, dry_run=dry_run)

    def rm(self, name: str, report: Report = silent) -> None:
        """Remove a team's profiles, and the consent given. Boxes stay as they are."""
        with self._alone(name, report):
            if not is_name(name) or not (self._folder / name / RECORD).exists():
                self._installed(name)
            # Without its record a team is not installed, however far the rest gets.
            (self._folder / name / RECORD).unlink()
            shutil.rmtree(self._folder / name, ignore_errors=True)
            self._event("rm", name)

    def _installed(self, name: str) -> Team:
        teams = Teams(self._folder)
        team = teams.get(name)
        if team is None:
            names = ", ".join(each.name for each in teams.ls()) or "none"
            raise UsageError(f"No team {clip(name)}.", hint=f"Installed are: {names}.")
        return team

    def _change(
        self,
        name: str,
        url: str,
        ref: str,
        installed: Team | None,
        agree: Agree,
        report: Report,
        *,
        dry_run: bool,
    ) -> TeamChange:
        with self._scratch(name) as scratch:
            report(Progress("fetch", name, url))
            repository = Repository(scratch / "git", url, for_git(self._network(), scratch))
            try:
                team, change = self._fetched(repository, scratch, name, url, ref, installed, report)
            finally:
                repository.close()
            if dry_run or change.empty:
                return change
            if change.needs_consent:
                agree(change)
            self._place(team, scratch / "files", installed)
        self._event(
            "update" if installed else "add",
            name,
            url=url,
            ref=ref,
            before=change.before,
            commit=team.commit,
            agreed=[str(ask) for ask in change.asks],
        )
        return change

    def _fetched(
        self,
        repository: Repository,
        scratch: Path,
        name: str,
        url: str,
        ref: str,
        installed: Team | None,
        report: Report,
    ) -> tuple[Team, TeamChange]:
        """The team as it is in the repository, its files written below ``scratch``, and what
        that changes."""
        found = repository.fetch(ref)
        if found is None:
            raise _vanished(name, url, ref, installed)
        entries, submodules = repository.files(found.commit)
        for path in submodules:
            report(Progress("fetch", name, f"note: {path} is a submodule: left out"))
        folder = scratch / "files"
        files = _write(folder, entries)
        team = Team(name, folder, url, ref, found.kind, found.commit, files)
        profiles = _checked(team)
        wanted = _asks(team)
        old, intact = _profiles_of(installed)
        agreed = installed.consent if installed else frozenset()
        before = installed.commit if installed else ""
        log = repository.log(before, found.commit) if before else ()
        change = TeamChange(
            team=name,
            url=url,
            ref=ref,
            before=before,
            after=found.commit,
            commits=log or (),
            profiles=profile_changes(old, profiles),
            files=file_changes(installed, team),
            asks=tuple(ask for ask in wanted if ask not in agreed),
            warnings=_rewritten(installed, ref, found, linear=log is not None),
            restored=not intact,
            refollows=installed is not None and installed.ref != ref,
        )
        return dataclasses.replace(team, consent=frozenset(wanted)), change

    def _place(self, team: Team, files: Path, installed: Team | None) -> None:
        """Put the files beside those of the installed commit, then point the record at them."""
        home = self._folder / team.name
        home.mkdir(mode=0o700, exist_ok=True)
        keep = {team.commit, installed.commit if installed else "", RECORD}
        for each in home.iterdir():
            if each.name not in keep:
                shutil.rmtree(each, ignore_errors=True)
        place = home / team.commit
        if place.exists():
            shutil.rmtree(place)
        files.rename(place)
        draft = home / f"{RECORD}.new"
        draft.write_text(json.dumps(to_record(team), indent=1))
        draft.replace(home / RECORD)

    @contextmanager
    def _scratch(self, name: str) -> Iterator[Path]:
        """A folder on the same file system, gone afterwards; those of killed processes too."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.glob(f".{name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self._folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @contextmanager
    def _alone(self, name: str, report: Report) -> Iterator[None]:
        from devbox.state import lock

        def waiting(holder: str) -> None:
            report(Progress("wait", name, f"another devbox works on it ({holder})"))

        safe = name if is_name(name) else "none"
        with lock(self._home / "locks" / f"profiles-{safe}.lock", on_wait=waiting):
            yield

    def _event(self, kind: str, name: str, **data: Any) -> None:
        self._state().events.append(f"profile/{name}", f"profile.{kind}", **data)


def _write(folder: Path, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Write files below a new folder; the hash of each, by path."""
    folder.mkdir()
    sums = {}
    for name, entry in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Names that differ only in case are one file on some machines.
            with path.open("xb") as file:
                file.write(entry.data)
        except FileExistsError:
            raise DevboxError(f"The repository holds two files {name} on this machine.") from None
        path.chmod(0o755 if entry.executable else 0o644)
        sums[name] = hashlib.sha256(entry.data).hexdigest()
    return sums


def _checked(team: Team) -> dict[str, Profile]:
    """The profiles of a team that is not installed yet. Raises ConfigError with everything that
    is wrong, DevboxError where there is none."""
    names = team.profiles()
    if not names:
        raise DevboxError(
            f"{team.url} holds no profiles.",
            hint="Profiles are *.toml files at the top of the repository or in profiles/.",
        )
    for name, file in names.items():
        if not is_name(name):
            raise DevboxError(f"{team.shown(file)} has no name for a profile: {RULE}.")
    profiles = _read_by(team)
    problems = [problem for name in names for problem in profiles.lint(f"{team.name}/{name}")]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return {name: profiles.get(f"{team.name}/{name}") for name in names}


def _asks(team: Team) -> tuple[Ask, ...]:
    profiles = _read_by(team)
    chains = [profiles.chain(f"{team.name}/{name}") for name in team.profiles()]
    return tuple(ask for chain in chains for ask in asks(chain))


def _read_by(team: Team) -> Profiles:
    return Profiles(teams=Teams(team.folder.parent, {team.name: team}))


def _profiles_of(installed: Team | None) -> tuple[dict[str, Profile], bool]:
    """The profiles as they are installed, and whether they are as they were installed."""
    if installed is None:
        return {}, True
    profiles = _read_by(installed)
    try:
        names = installed.profiles()
        return {name: profiles.get(f"{installed.name}/{name}") for name in names}, True
    except DevboxError:
        return {}, False


def _vanished(name: str, url: str, ref: str, installed: Team | None) -> DevboxError:
    if not ref:
        return DevboxError(f"{url} is empty: it has no commit.")
    if installed is not None and installed.ref == ref:
        return DevboxError(
            f"{url} has no branch, tag or commit {ref} any more;"
            f" {name} stays at {installed.commit[:7]}.",
            hint=f"To follow another one: `devbox profile add {url}@REF --name {name}`.",
        )
    return DevboxError(f"{url} has no branch, tag or commit {ref}.", hint="`git ls-remote` it.")


def _rewritten(installed: Team | None, ref: str, found: Found, *, linear: bool) -> tuple[str, ...]:
    """What is unusual about a commit: history that was rewritten, a tag that moved."""
    if installed is None or installed.ref != ref or installed.commit == found.commit:
        return ()
    short = f"{installed.commit[:7]} -> {found.commit[:7]}"
    if found.kind == "tag":
        return (f"the tag {ref} was moved: {short}",)
    what = f"the branch {ref}" if ref else "the default branch"
    why = "the installed commit is no part of it any more"
    return () if linear else (f"{what} was rewritten: {why} ({short})",)
