"""Changing a file of the person's own, ~/.ssh/config: whole or not at all, one at a time, and
nothing of it lost."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devbox.errors import DevboxError

TRIES = 5
DRAFT = ".config.devbox-draft"


def config_file() -> Path:
    """The person's ssh configuration."""
    try:
        return Path.home() / ".ssh" / "config"
    except RuntimeError:
        raise DevboxError("There is no home directory.", hint="Set HOME.") from None


def read(file: Path) -> bytes | None:
    """Its content, None where it does not exist. Raises DevboxError where it can't be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if file.is_symlink():
            raise DevboxError(
                f"{file} is a link to {file.readlink()}, which does not exist.",
                hint="Make that file, or remove the link.",
            ) from None
        return None
    except OSError as error:
        raise DevboxError(f"{file} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DevboxError(f"{file} is not a regular file.")
        return opened.read()


def edit(
    file: Path,
    change: Callable[[bytes], bytes],
    line: bytes,
    check: Callable[[Path], None] = lambda _: None,
) -> None:
    """Replace the content of the file by what ``change`` makes of it, if ``check`` accepts a
    draft of that. Of a link, the target is replaced.

    Raises DevboxError, which names the ``line`` to add by hand, where the file is not the
    person's own or is read-only.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = Path(os.path.realpath(file))
        with _alone(target.parent):
            for _ in range(TRIES):
                before = read(file)
                after = change(before or b"")
                if after == before or _replaced(target, before, after, line, check):
                    return
    except OSError as error:
        raise _refused(error.filename or file, (error.strerror or "").lower(), line) from error
    raise DevboxError(f"{file} is being changed by something else.", hint="Try again.")


def _replaced(
    target: Path, before: bytes | None, after: bytes, line: bytes, check: Callable[[Path], None]
) -> bool:
    """Put new content in place of the old; False where the old has changed meanwhile."""
    found = target.stat() if before is not None else None
    _refuse_foreign(target, found, line)
    draft = target.with_name(DRAFT)
    draft.unlink(missing_ok=True)  # of one that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(after)
            out.flush()
            if found:
                with suppress(PermissionError):  # a group that we are not in
                    os.fchown(descriptor, -1, found.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
            os.fsync(descriptor)
        check(draft)
        if read(target) != before:
            return False
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _refuse_foreign(target: Path, found: os.stat_result | None, line: bytes) -> None:
    # By the modes and not by trying: root may write everywhere, and read-only is a wish too.
    for path, status in ((target.parent, target.parent.stat()), (target, found)):
        if status is None:
            continue
        if status.st_uid != os.geteuid():
            raise _refused(path, "it belongs to somebody else", line)
        if not status.st_mode & stat.S_IWUSR:
            raise _refused(path, "it is read-only", line)


def _refused(path: Path | str, why: str, line: bytes) -> DevboxError:
    return DevboxError(
        f"{path} is left as it is: {why}.",
        hint="Make this its first line by hand: " + line.decode(errors="replace"),
    )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only devbox at work in a folder. The lock is on the folder itself, so that it leaves
    no file, and holds between devboxes with different homes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
