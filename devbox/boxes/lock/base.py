"""The image that a locked chain starts from: by its digest, or made from exactly its packages."""

from __future__ import annotations

from pathlib import Path

from devbox.boxes.images.bootstrap import Packages, bootstrap
from devbox.boxes.images.pull import mirrored
from devbox.boxes.lock.archive import make_archive
from devbox.boxes.lock.chain import base_hash, base_reference, repository
from devbox.boxes.lock.records import Base, LockedBox
from devbox.boxes.lock.store import Store
from devbox.compute.engine.types import Engine
from devbox.config.spec import Settings
from devbox.errors import DevboxError, Refused
from devbox.progress import Progress, Report


def have_base(
    engine: Engine, settings: Settings, store: Store, box: LockedBox, home: Path, report: Report
) -> str:
    """The reference of the locked base, which is at hand afterwards.

    Raises Refused where exactly that one cannot be had.
    """
    if box.base.digest:
        return _pulled(engine, settings, box.base, box.platform, report)
    tag = base_reference(box.base)
    if engine.image(tag) is None:
        store.debs(box.base.apt, box.archives, report)
        _make(engine, store, box, home, report)
    return tag


def _pulled(engine: Engine, settings: Settings, base: Base, platform: str, report: Report) -> str:
    wanted = base_reference(base)
    references = [wanted, *mirrored(wanted, settings.network.registry_mirrors)]
    # The person's own registry may have the image under another name.
    references.append(f"{repository(settings.base_image)}@{base.digest}")
    references = list(dict.fromkeys(references))
    for reference in references:
        if engine.image(reference) is not None:
            return reference
    why = ""
    for reference in references:
        try:
            engine.pull(reference, platform=platform, report=report)
        except DevboxError as error:
            why = why or error.message.rstrip(".")
            continue
        return reference
    raise Refused(
        f"{wanted} is locked and cannot be had: {why}.",
        hint="`devbox lock --upgrade` locks what the registry has today.",
    )


def _make(engine: Engine, store: Store, box: LockedBox, home: Path, report: Report) -> None:
    base = box.base
    report(Progress("base", base_reference(base), f"Debian {base.release} as it is locked"))
    architecture = box.platform.partition("/")[2].replace("arm/v7", "armhf")

    def archive(folder: Path) -> Path:
        return make_archive(folder, store.blobs, base.apt, base.release, architecture)

    names = tuple(dict.fromkeys(deb.name for deb in base.apt))
    packages = Packages(names, archive, base_reference(base), base_hash(base))
    bootstrap(
        engine,
        store.network,
        release=base.release,
        home=home,
        report=report,
        packages=packages,
    )
