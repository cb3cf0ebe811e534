"""Small files that a box gets at each start, over the stdin of a command: into a tmpfs, so that
they are in no image, no container layer and not in the container's recorded settings."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from devbox.boxes.identity import RUN, User
from devbox.compute.engine.types import Engine
from devbox.errors import DevboxError


def give_files(engine: Engine, container: str, user: User, files: Mapping[str, bytes]) -> None:
    """Write files, by name, into the box's run folder. Certificates are for everybody there, all
    else may hold a password and is only for its user."""
    if not files:
        return
    result = engine.call(container, ["tar", "-x", "-C", RUN], user="0:0", input=_tar(files, user))
    if result.code:
        raise DevboxError(
            f"Could not write to {RUN} in the box.",
            detail=result.stderr.decode(errors="replace").splitlines(),
        )


def _tar(files: Mapping[str, bytes], user: User) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid = len(content), user.uid, user.gid
            entry.mode = 0o444 if name.endswith(".pem") else 0o400
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
