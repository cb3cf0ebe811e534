"""A person's dotfiles: their own git repository, in the home of every box.

Git of this machine fetches it, with the person's own access; nothing of it is checked out or run
here. Its files go into the box as a tar, to ``~/.dotfiles``, and its install script runs there,
once for each commit and home volume.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.ask import QUIET_GIT
from devbox.boxes.hooks import Inside, run_shown
from devbox.config.spec import HOME, Dotfiles, Network
from devbox.config.units import format_duration
from devbox.errors import DevboxError
from devbox.progress import Progress, Report

FOLDER = f"{HOME}/.dotfiles"
MARKER = ".devbox-dotfiles"
FETCH_SECONDS = 30
INSTALL_SECONDS = 600.0
_SCRATCH = ".fetch-"
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10"

# unpack ID: the files, as a tar on the input, become ~/.dotfiles. A folder of that name that is
# not from here, or was edited since (its files are newer than the marker), is kept beside it.
_UNPACK = """
set -eu
cd "$HOME"
new=.dotfiles.new
rm -rf "$new"
mkdir "$new"
tar -x -C "$new"
aside() {
    keep=.dotfiles.$1 number=1
    while [ -e "$keep" ] || [ -L "$keep" ]; do
        number=$((number + 1))
        keep=.dotfiles.$1-$number
    done
    mv .dotfiles "$keep"
    echo "$keep"
}
if [ ! -e .dotfiles ] && [ ! -L .dotfiles ]; then
    :
elif [ ! -f .dotfiles/.devbox-dotfiles ]; then
    aside own
elif [ -n "$(find .dotfiles -newer .dotfiles/.devbox-dotfiles ! -type d)" ]; then
    aside edited
else
    rm -rf .dotfiles
fi
mv "$new" .dotfiles
echo "$1 unpacked" >.dotfiles/.devbox-dotfiles
"""

# install ID SCRIPT: run the script, else the first of the usual ones, else link every file below
# a dot name into the home. Folders are made, not linked: programs write into them. A file that is
# there already gets another name.
_INSTALL = """
cd "$HOME/.dotfiles" || exit 1
id=$1 script=$2
link() {
    case $1 in .git | .git/* | .gitignore | .gitattributes | .gitmodules | .github) return ;; esac
    case $1 in .devbox-dotfiles) return ;; esac
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        mkdir -p "$HOME/$1" 2>/dev/null || { echo "kept: ~/$1" && return; }
        for entry in "$1"/* "$1"/.[!.]*; do
            if [ -e "$entry" ] || [ -L "$entry" ]; then link "$entry"; fi
        done
        return
    fi
    [ "$(readlink "$HOME/$1")" != "$HOME/.dotfiles/$1" ] || return 0
    if [ -e "$HOME/$1" ] || [ -L "$HOME/$1" ]; then
        keep=$HOME/$1.before-dotfiles
        if [ -e "$keep" ] || [ -L "$keep" ]; then
            echo "kept: ~/$1"
            return
        fi
        mv "$HOME/$1" "$keep"
        echo "moved: ~/$1 to ~/$1.before-dotfiles"
    fi
    ln -s "$HOME/.dotfiles/$1" "$HOME/$1"
}
for usual in install.sh bootstrap.sh setup.sh; do
    [ -n "$script" ] || [ ! -f "$usual" ] || script=$usual
done
code=0
if [ -n "$script" ] && [ ! -f "$script" ]; then
    echo "there is no $script in the dotfiles"
    code=127
elif [ -n "$script" ]; then
    chmod u+x "$script"
    "./$script" || code=$?
else
    for entry in .[!.]*; do link "$entry"; done
fi
[ "$code" != 0 ] && how=failed || how="installed $2"
echo "$id $how" >"$HOME/.dotfiles/.devbox-dotfiles"
exit "$code"
"""


@dataclass(frozen=True)
class Copy:
    """The files of the dotfiles as fetched: a tar, and the id of what it was made from."""

    id: str
    tar: bytes


def apply_dotfiles(inside: Inside, dotfiles: Dotfiles, copy: Copy, report: Report) -> None:
    """Install a copy in a box where its home does not have it yet. A failing script is told, and
    is tried again at the next start."""
    engine, container, who = inside.engine, inside.container, str(inside.user)
    done = f"{copy.id} installed {dotfiles.install}".strip()
    marker = engine.call(container, ["cat", f"{FOLDER}/{MARKER}"], user=who).stdout
    if marker.decode(errors="replace").strip() == done:
        return

    def tell(text: str) -> None:
        report(Progress("dotfiles", dotfiles.repository, text))

    tell(f"installing {copy.id[:7]}")
    argv = ["sh", "-c", _UNPACK, "unpack", copy.id]
    unpacked = engine.call(container, argv, user=who, input=copy.tar)
    if unpacked.code:
        last = unpacked.stderr.decode(errors="replace").strip().splitlines()[-1:]
        tell(f"cannot be unpacked: {' '.join(last)}")
        return
    for kept in unpacked.stdout.decode(errors="replace").split():
        tell(f"what was at ~/.dotfiles is now at ~/{kept}")
    argv = ["sh", "-c", _INSTALL, "install", copy.id, dotfiles.install]
    ended = run_shown(inside, argv, INSTALL_SECONDS, "dotfiles", report)
    if ended.overdue:
        tell(f"warning: not installed within {format_duration(INSTALL_SECONDS)}, and ended")
    elif ended.code:
        tell(f"warning: their installation failed with exit code {ended.code}")


def latest(dotfiles: Dotfiles, network: Network, home: Path, report: Report) -> Copy | None:
    """The newest copy that can be had: fetched, or where that fails the last one that was. None
    where there is none. ``home`` is devbox's own folder."""
    from devbox.state.locks import lock

    name = hashlib.sha256(f"{dotfiles.repository}\0{dotfiles.ref}".encode()).hexdigest()[:16]
    folder = home / "dotfiles" / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock(home / "locks" / f"dotfiles-{name}.lock"):
            return _latest(dotfiles, network, folder, report)
    except OSError as error:
        report(Progress("dotfiles", dotfiles.repository, f"warning: left out: {error}"))
        return None


def _latest(dotfiles: Dotfiles, network: Network, folder: Path, report: Report) -> Copy | None:
    for left in folder.glob(f"{_SCRATCH}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    kept = next(folder.glob("*.tar"), None)
    if kept and kept.stem == dotfiles.ref:  # a commit, which never changes
        return Copy(kept.stem, kept.read_bytes())
    try:
        tar = _fetch(dotfiles, network, folder, kept)
    except DevboxError as error:
        what = "the last copy is used" if kept else "left out"
        report(Progress("dotfiles", dotfiles.repository, f"warning: {what}: {error.message}"))
        if not kept:
            return None
        tar = kept
    for other in folder.glob("*.tar"):
        if other != tar:
            other.unlink()
    return Copy(tar.stem, tar.read_bytes())


def _fetch(dotfiles: Dotfiles, network: Network, folder: Path, kept: Path | None) -> Path:
    """The tar of what is at the repository now; ``kept`` where that is the same."""
    from devbox.boxes.images.network import for_git
    from devbox.boxes.teams.repository import Repository

    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as made:
        scratch = Path(made)
        env = for_git(network, scratch) | QUIET_GIT
        env["GIT_SSH_COMMAND"] = os.environ.get("GIT_SSH_COMMAND") or _SSH
        repository = Repository(scratch / "git", dotfiles.repository, env, FETCH_SECONDS)
        try:
            head = repository.head(dotfiles.ref)
            if kept and head == kept.stem:
                return kept
            found = repository.fetch(dotfiles.ref)
            if found is None:
                raise DevboxError(f"it has no branch, tag or commit {dotfiles.ref}.")
            repository.archive(found.commit, scratch / "files.tar")
        finally:
            repository.close()
        name = head if _COMMIT.fullmatch(head) else found.commit
        return (scratch / "files.tar").replace(folder / f"{name}.tar")
