"""Small files that a box gets at each start, over the stdin of a command: into a tmpfs, so that
they are in no image, no container layer and not in the container's recorded settings."""

from __future__ import annotations

import io
from collections.abc import Mapping

from devbox.boxes.identity import RUN, User
from devbox.compute.engine.faults import NotFound
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError

GITCONFIG = "gitconfig"
_FOR_ALL = (".pem", ".json", GITCONFIG)
_AROUND = 3 * 10240
"""What a tar of one file has beside it, in bytes: its headers, and what fills its last record
(of 20 blocks of 512)."""

# Run as root, with the new files as a tar on its input. Each takes the place of an old one in a
# single step, and only where it differs; what is no longer given goes. The names of both are
# printed. Git finds its file by an include, which comes first so that all other files, the
# image's own and the person's in the box, are stronger.
_GIVE = """
set -eu
cd /run/devbox
umask 077
new=$(mktemp -d .new.XXXXXX)
trap 'rm -rf "$new"' EXIT
tar -x -C "$new"
for name in env ca.pem pip.conf uv.toml gitconfig git-credential-*; do
    [ ! -e "$name" ] || [ -e "$new/$name" ] || { rm -f "$name" && echo "$name"; }
done
for file in "$new"/*; do
    [ -e "$file" ] || continue
    name=${file##*/}
    cmp -s "$file" "$name" 2>/dev/null || { mv -f "$file" "$name" && echo "$name"; }
done
[ -e gitconfig ] && ! grep -qs /run/devbox/gitconfig /etc/gitconfig || exit 0
{
    printf '[include]\\n\\tpath = /run/devbox/gitconfig\\n'
    cat /etc/gitconfig 2>/dev/null || :
} >/etc/gitconfig.devbox
chmod 644 /etc/gitconfig.devbox
mv -f /etc/gitconfig.devbox /etc/gitconfig
"""


def give_files(
    engine: Engine, container: str, user: User, files: Mapping[str, bytes]
) -> tuple[str, ...]:
    """Make ``files``, by name, the ones in the box's run folder; returns the names of those that
    differed. Certificates and git's settings are for everybody there, all else may hold a
    password and is only for its user."""
    argv = ["sh", "-c", _GIVE, "give"]
    result = engine.call(container, argv, user="0:0", input=tar_of(files, user))
    if result.code:
        raise DevboxError(
            f"Could not write to {RUN} in the box.",
            detail=result.stderr.decode(errors="replace").splitlines(),
        )
    return tuple(result.stdout.decode(errors="replace").split())


def read_file(engine: Engine, container: str, path: str, most: int) -> str | None:
    """The text of a small file of a container, running or not, whatever may have been put there;
    None where there is no such file, or more than ``most`` bytes of it.

    Raises EngineError where the engine cannot tell.
    """
    import tarfile

    data = bytearray()
    try:
        for chunk in engine.get(container, path):
            data += chunk
            if len(data) > most + _AROUND:
                return None
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            entry = archive.next()
            if entry is None or not entry.isreg() or entry.size > most:
                return None
            member = archive.extractfile(entry)
            return member.read().decode(errors="replace") if member else None
    except (NotFound, tarfile.TarError):
        return None


def tar_of(files: Mapping[str, bytes], user: User) -> bytes:
    """A tar of files that only a user, or everybody, may read."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid = len(content), user.uid, user.gid
            entry.mode = 0o444 if name.endswith(_FOR_ALL) else 0o400
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
