"""What a team's profile wants that a person has to agree to, in words that stay the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from devbox.config.spec import Build, Mount, Port, Service
from devbox.config.teams import Ask, Team
from devbox.errors import Refused

if TYPE_CHECKING:
    from devbox.config.profiles import Profile

HOOKS = ("on_create", "on_start", "on_attach")


def asks(chain: Sequence[Profile]) -> tuple[Ask, ...]:
    """What the team's part of a profile and those it extends asks for, sorted.

    That is whatever reaches this machine or runs beside or before the person's own work: host
    folders, ports that others reach, services, own images and builds, hooks, secrets.
    """
    team = [profile for profile in chain if profile.team]
    if not team:
        return ()
    name = team[0].name.rpartition("/")[2]
    found = {(kind, what) for profile in team for kind, what in _of(profile)}
    return tuple(Ask(name, kind, what) for kind, what in sorted(found))


def check_consent(chain: Sequence[Profile]) -> None:
    """Raise Refused where a profile asks for more than the person agreed to."""
    team = next((profile.team for profile in chain if profile.team), None)
    if team is None:
        return
    more = [ask for ask in asks(chain) if ask not in team.consent]
    if more:
        raise Refused(
            f"Profile {team.name}/{more[0].profile} asks for more than you agreed to.",
            hint=f"`devbox profile update {team.name}` shows it and asks.",
            detail=[str(ask) for ask in more],
        )


def own_mounts(profile: Profile) -> Iterator[Mount]:
    """The mounts of a profile and its services."""
    for place, value in profile.values.items():
        if place[0] == "mounts":
            yield from value
        elif place[0] == "data":
            yield value
        elif place[0] == "services":
            yield from value.volumes


def in_team(mount: Mount, team: Team) -> bool:
    """Whether a mount shows a file of the team's own."""
    return not mount.volume and Path(mount.source).is_relative_to(team.folder)


def _of(profile: Profile) -> Iterator[tuple[str, str]]:
    team = profile.team
    assert team is not None
    for mount in own_mounts(profile):
        if not mount.volume and not in_team(mount, team):
            yield "mount", _mount(mount)
    for place, value in profile.values.items():
        match place[0]:
            case "ports":
                yield from _ports(value)
            case "services":
                yield "service", _service(value, team)
                yield from _ports(value.ports)
            case "image":
                yield "image", value
            case "build":
                yield "build", _build(value, team)
            case "hooks" if place[1] in HOOKS:
                yield from (("hook", f"{place[1]}: {command}") for command in value)
            case "secrets":
                yield from (("secret", secret) for secret in value)


def _mount(mount: Mount) -> str:
    access = "read-only" if mount.read_only else "writable"
    engine = ": control of this machine's engine" if mount.source.endswith("docker.sock") else ""
    return f"{mount.source} at {mount.target} ({access}){engine}"


def _ports(ports: Sequence[Port]) -> Iterator[tuple[str, str]]:
    from ipaddress import ip_address

    for port in ports:
        if not ip_address(port.address).is_loopback:
            number = port.host if port.host is not None else "a free port"
            yield "port", f"{port.container}/{port.protocol} on {port.address}, {number}"


def _service(service: Service, team: Team) -> str:
    made = _build(service.build, team) if service.build else service.image
    text = f"{service.name} runs {made}"
    if service.command:
        text += f" with {list(service.command)}"
    volumes = [f"{mount.source} at {mount.target}" for mount in service.volumes if mount.volume]
    return f"{text}, keeps {', '.join(volumes)}" if volumes else text


def _build(build: Build, team: Team) -> str:
    return (build.context / build.dockerfile).relative_to(team.folder).as_posix()
