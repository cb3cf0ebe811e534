"""Which file an installed package came in."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from devbox.boxes.lock.collect import Installed
from devbox.boxes.lock.records import LockedImage, Wheel
from devbox.boxes.lock.store import Store
from devbox.boxes.lock.wheels import Wheels, Wish, wheel_tags
from devbox.config.spec import Network
from devbox.errors import DevboxError
from devbox.progress import silent
from devbox.storage.blobs import Blobs
from tests.unit.boxes.lock.conftest import locked_box

AMD = "linux/amd64"


def row(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "wheels"
    made.mkdir()
    return made


def write(folder: Path, file: str, **files: bytes) -> Path:
    """A wheel with modules; one that it carries along has a RECORD of its own."""
    name = "-".join(file.split("-")[:2])
    content = {f"{module}.py": data for module, data in files.items()}
    content["vendored/x-1.dist-info/RECORD"] = b"nothing,sha256=x,1\n"
    content[f"{name}.data/scripts/tool"] = b"tool"
    rows = [f"{path},{row(data)},{len(data)}" for path, data in content.items()]
    with zipfile.ZipFile(folder / file, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)
        archive.writestr(f"{name}.dist-info/RECORD", "\n".join([*rows, "x,,"]))
    return folder / file


def installed(version: str = "1.0", tags: str = "py3-none-any", **files: bytes) -> Installed:
    record = {f"{module}.py": row(data) for module, data in files.items()}
    record["vendored/x-1.dist-info/RECORD"] = row(b"nothing,sha256=x,1\n")
    record |= {"../../../bin/tool": row(b"tool"), "pkg-1.0.dist-info/INSTALLER": row(b"pip")}
    return Installed("Pkg", version, frozenset(tags.split(",")), record)


def finder(folder: Path, tmp_path: Path, known: Wheel | None = None) -> Wheels:
    store = Store(Blobs(tmp_path / "blobs"), Network(index="file:", wheels=(folder,)))
    box = locked_box(images=(LockedImage("box", python=(known,)),)) if known else None
    return Wheels(store, box, AMD)


def test_the_wheel_whose_files_are_installed(folder: Path, tmp_path: Path) -> None:
    write(folder, "pkg-1.0-py2-none-any.whl", a=b"1")
    right = write(folder, "pkg-1.0-py3-none-any.whl", a=b"1")
    write(folder, "pkg-2.0-py3-none-any.whl", a=b"1")
    package = installed(a=b"1")
    found = finder(folder, tmp_path).find([Wish(package)], silent)
    data = right.read_bytes()
    assert found == {
        ("Pkg", "1.0"): Wheel("Pkg", "1.0", hashlib.sha256(data).hexdigest(), len(data), right.name)
    }


def test_tags_that_say_less_inside_than_outside(folder: Path, tmp_path: Path) -> None:
    write(folder, "pkg-1.0-cp311-cp311-win_amd64.whl", a=b"1")
    write(folder, "pkg-1.0-cp311-cp311-manylinux_2_17_aarch64.whl", a=b"1")
    write(folder, "pkg-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", a=b"2")
    name = "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    write(folder, name, a=b"1")
    package = installed(tags="cp311-cp311-linux_x86_64", a=b"1")
    (wheel,) = finder(folder, tmp_path).find([Wish(package)], silent).values()
    assert wheel.file == name


def test_what_no_wheel_holds_was_built_from_source(folder: Path, tmp_path: Path) -> None:
    write(folder, "pkg-1.0-py3-none-any.whl", a=b"other")
    (folder / "pkg-1.0.tar.gz").write_bytes(b"source")
    (folder / "pkg-0.9.tar.gz").write_bytes(b"source")
    (wheel,) = finder(folder, tmp_path).find([Wish(installed(a=b"1"))], silent).values()
    assert wheel.file == "pkg-1.0.tar.gz"


def test_packages_that_cannot_be_locked_are_named(folder: Path, tmp_path: Path) -> None:
    wheels = finder(folder, tmp_path)
    write(folder, "pkg-1.0-py3-none-any.whl", a=b"other")
    wishes = [
        Wish(installed(a=b"1")),
        Wish(Installed("git-one", "2.0", origin="https://u:s3cret@git.example/x")),
        Wish(Installed("seed", "3.0"), optional=True),
    ]
    with pytest.raises(DevboxError) as caught:
        wheels.find(wishes, silent)
    assert caught.value.message == (
        "Pkg 1.0 cannot be locked: no index has the file it was installed from; 1 more."
    )
    assert caught.value.detail[1] == (
        "git-one 2.0 cannot be locked: it was installed from an address, and not from an index"
    )
    assert "s3cret" not in "".join(caught.value.detail)


def test_what_an_older_lock_knows_is_taken_from_storage(folder: Path, tmp_path: Path) -> None:
    file = write(folder, "pkg-1.0-py3-none-any.whl", a=b"1")
    digest = Blobs(tmp_path / "blobs").put(file)
    known = Wheel("pkg", "1.0", digest, file.stat().st_size, file.name)
    file.unlink()
    found = finder(folder, tmp_path, known).find([Wish(installed(a=b"1"))], silent)
    assert list(found.values()) == [known]
    with pytest.raises(DevboxError, match="no index has the file"):
        finder(folder, tmp_path, known).find([Wish(installed(a=b"2"))], silent)


def test_uv_is_the_one_of_the_image(folder: Path, tmp_path: Path) -> None:
    for file, program in (
        ("uv-1.0-py3-none-manylinux_2_17_x86_64.whl", b"this"),
        ("uv-1.0-py3-none-manylinux_2_17_aarch64.whl", b"this"),
        ("uv-1.0-py3-none-musllinux_1_1_x86_64.whl", b"that"),
    ):
        with zipfile.ZipFile(folder / file, "w") as archive:
            archive.writestr(
                "uv-1.0.dist-info/RECORD", f"uv-1.0.data/scripts/uv,{row(program)},4\n"
            )
    wheels = finder(folder, tmp_path)
    assert wheels.uv("1.0", hashlib.sha256(b"that").hexdigest()).file.endswith("1_1_x86_64.whl")
    with pytest.raises(DevboxError, match=r"uv 1\.0 cannot be locked"):
        wheels.uv("1.0", hashlib.sha256(b"another").hexdigest())


def test_a_file_that_is_no_wheel(folder: Path, tmp_path: Path) -> None:
    (folder / "pkg-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(DevboxError, match=r"Pkg 1\.0 cannot be locked"):
        finder(folder, tmp_path).find([Wish(installed(a=b"1"))], silent)


def test_tags_of_a_name() -> None:
    assert wheel_tags("py2.py3", "none", "any") == {"py2-none-any", "py3-none-any"}
