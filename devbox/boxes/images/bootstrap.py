"""A Debian base image made from the distribution's own packages, for where no registry answers.

As root ``debootstrap`` or ``mmdebstrap`` does it, whichever is installed (they take equally
long); without root only ``mmdebstrap`` can. Signatures are checked against Debian's keyring. The
result is like the registry's -slim image, and holds nothing of this machine: not its mirror, not
its certificates, not its name.

All mounts are made in a mount namespace of its own and the temporary folder is locked while it
is used: an end by SIGKILL leaves no mount, and the next run removes the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devbox.boxes.images.network import ca_bundle
from devbox.boxes.images.recipe import bootstrap_tag
from devbox.boxes.images.rootfs import POLICY, POLICY_FILE, finishing_script, slim_options
from devbox.boxes.images.sources import public_mirror, system_mirror
from devbox.compute.engine.types import Engine
from devbox.config.spec import Network
from devbox.errors import DevboxError, UsageError
from devbox.progress import Progress, Report

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PREFIX = "devbox-bootstrap-"
PACKAGES = ("ca-certificates",)
_RELEASE = re.compile(r"[a-z]{3,20}")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_STEP = re.compile(r"^[IP]: (.+)")
_TAIL = 15


@dataclass(frozen=True)
class Packages:
    """Exactly these packages, in place of what a mirror has today.

    ``archive`` makes an archive that holds them in a folder that it is given; ``tag`` and
    ``hash`` are those of the image.
    """

    names: tuple[str, ...]
    archive: Callable[[Path], Path]
    tag: str
    hash: str


def bootstrap(
    engine: Engine,
    network: Network,
    *,
    release: str = "bookworm",
    mirror: str = "",
    home: Path,
    report: Report,
    packages: Packages | None = None,
) -> str:
    """Make ``devbox/debian:RELEASE-slim``, or of given ``packages`` their image; returns its tag.

    ``mirror`` is the base address of a Debian archive; without it the settings' mirror, then the
    machine's own (on Debian), then the tool's default is taken. ``home`` is where the lock lies
    that keeps two from making the same image. Raises DevboxError with the command that installs
    what is missing, or with the last lines of what failed.
    """
    from devbox.state.locks import lock

    if not _RELEASE.fullmatch(release):
        raise UsageError(f"'{release}' is not a Debian release.", hint="Such as bookworm.")
    tool = find_tool()
    _same_machine(engine)
    tag = packages.tag if packages else bootstrap_tag(release)
    source = mirror or network.apt_mirror or system_mirror(release)
    with lock(
        home / "locks" / f"bootstrap-{release}.lock",
        on_wait=lambda who: report(Progress("base", tag, f"waiting: {who} makes it")),
    ):
        clear_abandoned()
        with work_folder() as folder:
            report(Progress("base", tag, f"installing Debian {release} with {tool.name}", 1, 2))
            script = folder / "finish"
            script.write_text(finishing_script(release, public_mirror(tool)))
            policy = folder / "policy" / POLICY_FILE
            policy.parent.mkdir(parents=True)
            policy.write_text(POLICY)
            environment = _environment(network, folder)
            if packages:
                source = f"file:{packages.archive(folder / 'archive')}"
            for command in _commands(tool, release, folder, source, packages):
                _run(command, environment, tag, report)
            report(Progress("base", tag, "handing it to the engine", 2, 2))
            engine.import_image(folder / "root.tar", tag, changes(release, packages))
    return tag


def changes(release: str, packages: Packages | None = None) -> tuple[str, ...]:
    """The settings of the image, as Dockerfile instructions."""
    kind, key = ("base", packages.hash) if packages else ("bootstrap", release)
    return (
        'CMD ["bash"]',
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"LABEL devbox.kind={kind}",
        f"LABEL devbox.hash={key}",
        f"LABEL org.opencontainers.image.title=debian:{release}-slim",
    )


def find_tool() -> Path:
    """mmdebstrap or debootstrap, whichever can be used here. Raises DevboxError where none can."""
    if not KEYRING.is_file():
        raise DevboxError(
            "Debian's keyring is not installed, so its packages cannot be verified.",
            hint=f"{_sudo()}apt-get install debian-archive-keyring debootstrap",
        )
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    names = ("debootstrap", "mmdebstrap") if os.geteuid() == 0 else ("mmdebstrap",)
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    if shutil.which("debootstrap", path=path):
        raise DevboxError(
            "debootstrap needs root to make a base image.",
            hint="Run it with sudo, or install what needs no root: sudo apt-get install mmdebstrap",
        )
    raise DevboxError(
        "Neither debootstrap nor mmdebstrap is installed.",
        hint=f"{_sudo()}apt-get install {names[0]}",
    )


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A temporary folder that says that it is in use for as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)
        _remove(folder)


def clear_abandoned() -> None:
    """Remove the folders of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            continue
        try:
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _remove(folder)
        finally:
            os.close(descriptor)


def _commands(
    tool: Path, release: str, folder: Path, mirror: str, packages: Packages | None = None
) -> list[list[str]]:
    """What makes root.tar in ``folder``, one after the other."""
    root, archive, script = folder / "root", folder / "root.tar", folder / "finish"
    names = packages.names if packages else PACKAGES
    common = ["--variant=minbase", f"--include={','.join(names)}", f"--keyring={KEYRING}"]
    where = [mirror] if mirror else []
    # Given packages were checked one by one, against the hashes of a lock.
    signed = "--no-check-gpg" if packages else "--force-check-gpg"
    # Last, since the tools have and remove one of their own.
    with_policy = ["tar", "-C", str(folder / "policy"), "--owner=0", "--group=0", "--mode=755"]
    with_policy += ["-rf", str(archive), f"./{POLICY_FILE}"]
    if tool.name == "mmdebstrap":
        mode = "root" if os.geteuid() == 0 else "unshare"
        hook = f'--customize-hook=sh {shlex.quote(str(script))} "$1"'
        if packages:
            where = [f"deb [trusted=yes] {mirror.replace('file:', 'copy:')} {release} main"]
        options = [f"--mode={mode}", "--skip=output/dev", *slim_options(), hook]
        return [[str(tool), *common, *options, release, str(archive), *where], with_policy]
    left_out = [f"--exclude=./{name}/*" for name in ("dev", "proc", "sys", "run", "tmp")]
    return [
        [str(tool), *common, signed, release, str(root), *where],
        ["sh", str(script), str(root)],
        ["tar", "-C", str(root), "--numeric-owner", *left_out, "-cf", str(archive), "."],
        with_policy,
    ]


def _confined() -> list[str]:
    """The prefix that ends a command with this process and its mounts with it."""
    prefix = []
    if shutil.which("setpriv"):
        prefix += ["setpriv", "--pdeathsig", "KILL"]
    if os.geteuid() == 0 and shutil.which("unshare"):
        prefix += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return prefix


def _environment(network: Network, folder: Path) -> dict[str, str]:
    """This process's variables, with the proxies and certificates of the settings for wget."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    proxies = {
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
    }
    environment.update({name: value for name, value in proxies.items() if value})
    certificates = ca_bundle(network)
    if certificates:
        (folder / "ca.pem").write_bytes(certificates)
        (folder / "wgetrc").write_text(f"ca_certificate = {folder / 'ca.pem'}\n")
        environment["WGETRC"] = str(folder / "wgetrc")
    return environment


def _run(command: Sequence[str], environment: Mapping[str, str], tag: str, report: Report) -> None:
    tail: deque[str] = deque(maxlen=_TAIL)
    with subprocess.Popen(
        [*_confined(), *command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                tail.append(_without_passwords(line.rstrip()))
                step = _STEP.match(tail[-1])
                report(Progress("base", tag, step[1] if step else tail[-1], log=True))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise DevboxError(
            f"{tag} could not be made: {Path(command[0]).name} failed.",
            hint="Check the mirror: devbox image base --mirror URL.",
            detail=list(tail),
        )


def _without_passwords(line: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://***@", line)


def _remove(folder: Path) -> None:
    """Delete the folder; never across a mount, which would empty what is mounted."""
    for mounts in _mounted_below(folder):
        subprocess.run(["umount", "--lazy", mounts], check=False, capture_output=True)
    if not _mounted_below(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _mounted_below(folder: Path) -> list[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
    points = [line.split()[4] for line in lines]
    return sorted((p for p in points if p.startswith(f"{folder}/")), reverse=True)


def _same_machine(engine: Engine) -> None:
    here = _MACHINES.get(platform.machine().lower(), platform.machine())
    there = engine.info().architecture
    if _MACHINES.get(there, there) != here:
        raise DevboxError(
            f"The engine runs {there}, this machine is {here}: a base made here would not run.",
            hint="Make it on a machine like the engine's, or let the engine reach a registry.",
        )


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "
