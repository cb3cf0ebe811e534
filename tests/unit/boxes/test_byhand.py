"""What is told to be lost with a container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from devbox.boxes.byhand import SHOWN_FILES, ByHand, Package, by_hand, judge
from devbox.compute.engine.fake import FakeEngine
from devbox.compute.engine.types import FileChange
from tests.contract_engine import tar

SITE = "/opt/venv/lib/python3.11/site-packages"
DPKG = "/var/lib/dpkg/info"


def added(*paths: str) -> list[FileChange]:
    return [FileChange(path, "added") for path in paths]


def test_python_packages_come_go_and_change() -> None:
    changes = [
        *added(f"{SITE}/numpy-2.1.0.dist-info", f"{SITE}/six-1.17.dist-info"),
        FileChange(f"{SITE}/numpy-2.0.0.dist-info", "deleted"),
        FileChange(f"{SITE}/old_name-1.0.dist-info", "deleted"),
        FileChange(f"{SITE}/same-1.0.dist-info", "modified"),
        *added(f"{SITE}/numpy/core.py", "/opt/venv/bin/f2py"),
    ]
    found = judge(changes)
    assert found.pip == (
        Package("numpy", "2.0.0", "2.1.0"),
        Package("old-name", "1.0", ""),
        Package("six", "", "1.17"),
    )
    assert [str(package) for package in found.pip] == [
        "numpy 2.0.0 -> 2.1.0",
        "no old-name",
        "six 1.17",
    ]
    assert found.files == ()


def test_debian_packages_without_their_files_and_dependencies() -> None:
    changes = [
        *added(f"{DPKG}/jq.list", f"{DPKG}/libjq1:amd64.list", "/usr/bin/jq", "/usr/share/doc/jq"),
        FileChange("/etc/ld.so.cache", "modified"),
        FileChange("/usr", "modified"),
        FileChange("/etc/vim/vimrc", "modified"),
    ]
    found = judge(changes, automatic=["libjq1"])
    assert [str(package) for package in found.apt] == ["jq"]
    assert found.files == ("/etc/vim/vimrc",)


def test_what_hooks_installed_comes_back() -> None:
    changes = added(f"{SITE}/mine-0.1.dist-info", f"{DPKG}/tree.list")
    assert judge(changes, hooked=[change.path for change in changes]) == ByHand()


def test_the_own_book_keeping_is_not_shown() -> None:
    changes = [
        FileChange("/etc", "modified"),
        FileChange("/etc/passwd", "modified"),
        *added("/var/lib/devbox", "/var/lib/devbox/created", "/run/x", "/tmp/x", "/root/.cache/y"),
        *added("/opt/venv/lib/python3.11/json/__pycache__/a.pyc", "/var/log/apt", "/etc/gitconfig"),
        *added("/workspace", "/data", "/data/set", "/usr/sbin/docker-init"),
    ]
    assert judge(changes, mounts=["/workspace", "/data/set"]) == ByHand()


def test_a_new_folder_is_one_line_and_many_are_a_summary() -> None:
    changes = added("/opt/tool", *(f"/opt/tool/{n}" for n in range(99)))
    changes += added(*(f"/srv/{n}" for n in range(SHOWN_FILES + 2)))
    found = judge([FileChange("/srv", "modified"), *changes])
    assert found.files == ("/opt/tool", *(f"/srv/{n}" for n in range(SHOWN_FILES - 1)))
    assert found.more == 3
    assert found.lines[-1].endswith("and 3 more")


def test_what_the_next_image_has_is_not_lost() -> None:
    found = ByHand((Package("jq", "", "?"),), (Package("PyYAML", "", "6.0"),))
    assert found.without(["jq"], ["pyyaml"]) == ByHand()


NAMES = st.text("ab./-", max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
CHANGES = st.builds(FileChange, PATHS, st.sampled_from(["added", "modified", "deleted"]))


@given(st.lists(CHANGES, max_size=20))
def test_only_what_changed_is_shown(changes: list[FileChange]) -> None:
    found = judge(changes)
    assert set(found.files) <= {change.path for change in changes}
    assert len(found.files) <= SHOWN_FILES


class Boxed(FakeEngine):
    """One container whose files can be read."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.add_image("i:1")
        file = folder / "compose.yaml"
        file.write_text('{"services": {"box": {"image": "i:1"}}}')
        self.compose_up("p", file)

    def get(self, ref: str, path: str) -> Iterator[bytes]:
        if path in self.files:
            return iter([tar({path.rpartition("/")[2]: self.files[path]})])
        return super().get(ref, path)


def test_dependencies_of_what_somebody_asked_for(tmp_path: Path) -> None:
    engine = Boxed(tmp_path)
    (container,) = engine.containers({})
    for name, needs in (("pandas-2", "numpy>=2\nRequires-Dist: tzdata"), ("numpy-2", "")):
        engine.change(container.id, f"{SITE}/{name}.dist-info")
        metadata = f"Name: x\nRequires-Dist: {needs}\n\nRequires-Dist: text"
        engine.files[f"{SITE}/{name}.dist-info/METADATA"] = metadata.encode()
    engine.change(container.id, f"{SITE}/tzdata-1.dist-info")
    engine.change(container.id, f"{DPKG}/libjq1.list")
    engine.files["/var/lib/apt/extended_states"] = (
        b"Package: libjq1\nArchitecture: amd64\nAuto-Installed: 1\n\n"
    )
    found = by_hand(engine, container)
    assert [package.name for package in found.pip] == ["pandas"]
    assert found.apt == ()
