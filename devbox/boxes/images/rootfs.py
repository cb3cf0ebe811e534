"""What turns an installed Debian into a small image: left out, switched off, forgotten.

It is a shell script over the folder of the root file system, since without root that folder is
only seen whole inside the user namespace of the tool that fills it.
"""

from __future__ import annotations

import shlex

from devbox.boxes.images.sources import image_sources

_LEFT_OUT = ("doc", "info", "locale", "man", "groff", "lintian", "linda")
_DPKG = "".join(f"path-exclude /usr/share/{name}/*\n" for name in _LEFT_OUT)
_DPKG += "path-include /usr/share/doc/*/copyright\n"
_APT = """\
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
"""
# As in every Debian image for containers: a package does not start its service when installed.
POLICY = "#!/bin/sh\nexit 101\n"
POLICY_FILE = "usr/sbin/policy-rc.d"

_SCRIPT = """\
set -eu
cd "$1"
for folder in {left_out}; do
    [ ! -d "usr/share/$folder" ] || find "usr/share/$folder" ! -type d ! -name copyright -delete
done
# This machine's own, and what differs from one run to the next.
rm -f etc/apt/sources.list etc/apt/sources.list.d/* etc/apt/apt.conf.d/99mmdebstrap \\
    etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/resolv.conf var/lib/dbus/machine-id \\
    etc/*- var/lib/dpkg/*-old var/cache/debconf/*-old var/cache/ldconfig/aux-cache var/log/*.log
rm -rf var/cache/apt/* var/lib/apt/lists/* var/log/apt debootstrap
echo localhost >etc/hostname
: >etc/machine-id
mkdir -p etc/dpkg/dpkg.cfg.d etc/apt/apt.conf.d etc/apt/sources.list.d
printf %s {dpkg} >etc/dpkg/dpkg.cfg.d/slim
printf %s {apt} >etc/apt/apt.conf.d/90slim
printf %s {sources} >etc/apt/sources.list.d/debian.sources
"""


def slim_options() -> list[str]:
    """The options that keep mmdebstrap from unpacking what would be deleted."""
    rules = [line.split() for line in _DPKG.splitlines()]
    return [f"--dpkgopt={key}={value}" for key, value in rules]


def finishing_script(release: str, mirror: str) -> str:
    """The script, in POSIX shell; its argument is the folder. ``mirror`` is where the image's own
    apt will look for packages, so a public address."""
    return _SCRIPT.format(
        left_out=" ".join(_LEFT_OUT),
        dpkg=shlex.quote(_DPKG),
        apt=shlex.quote(_APT),
        sources=shlex.quote(image_sources(release, mirror)),
    )
