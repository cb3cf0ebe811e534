"""The sources that a model's functions need are found, and imported later from what was kept."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from devbox.errors import DevboxError, UsageError
from devbox.formats.recorded import PREFIX, Recorded, importing
from devbox.formats.sources import check_quiet, collected

Write = Callable[..., ModuleType]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes files of a project, and imports a module of it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def made(module: str, **files: str) -> ModuleType:
        for name, text in files.items():
            file = tmp_path / (name.replace("__", "/").replace("//", "__") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(module)

    yield made
    for name in set(sys.modules) - before:
        del sys.modules[name]


def recorded(files: dict[str, Path], tmp_path: Path) -> Recorded:
    return Recorded({path: file.read_bytes() for path, file in files.items()}, tmp_path / "kept")


def test_what_is_imported_of_the_project_is_recorded(write: Write, tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("NAME = 'pkg'")
    (tmp_path / "pkg/unused.py").write_text("")
    module = write(
        "pkg.predict",
        pkg__predict="import json\nfrom pkg import NAME\nfrom .common import scale as s\n"
        "def predict(m, x):\n    import pkg.late\n"
        "    return json.dumps([NAME, s(x), pkg.late.Z])\n",
        pkg__common="from . import numbers\ndef scale(x): return x * numbers.FACTOR\n",
        pkg__numbers="FACTOR = 3\n",
        pkg__late="import outer\nZ = outer.Z\n",
        outer="Z = 7\n",
    )
    found = collected({"predict": module.predict})
    assert found.names == {"predict": "pkg.predict:predict"}
    assert sorted(found.files) == [
        "outer.py",
        "pkg/__init__.py",
        "pkg/common.py",
        "pkg/late.py",
        "pkg/numbers.py",
        "pkg/predict.py",
    ]
    loaded = recorded(found.files, tmp_path)
    (tmp_path / "outer.py").write_text("Z = 'changed'")
    assert loaded.function("pkg.predict:predict")(None, 2) == '["pkg", 6, 7]'


def test_what_lies_elsewhere_and_is_no_library_is_recorded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "src/shared"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "scale.py").write_text("import json, numpy, devbox\nFACTOR = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    (tmp_path / "job").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "job"))
    module = write(
        "feat", job__feat="from shared.scale import FACTOR\ndef f(m, x): return x * FACTOR\n"
    )
    found = collected({"predict": module.f})
    assert sorted(found.files) == ["feat.py", "shared/__init__.py", "shared/scale.py"]
    assert recorded(found.files, tmp_path).function("feat:f")(None, 4) == 8


def test_functions_by_name_and_files_by_hand(write: Write, tmp_path: Path) -> None:
    write("feat", feat="from pathlib import Path\ndef f(x): return x\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/words.txt").write_text("a")
    (tmp_path / "data/.hidden").write_text("a")
    found = collected({"featurize": "feat:f"}, [tmp_path / "data"])
    assert sorted(found.files) == ["data/words.txt", "feat.py"]
    with pytest.raises(UsageError, match="There is no"):
        collected({"featurize": "feat:f"}, [tmp_path / "gone"])


@pytest.mark.parametrize(
    "name", ["feat", "feat:", ":f", "feat:f.g", "gone:f", "feat:gone", "json:x"]
)
def test_names_of_no_function(name: str, write: Write) -> None:
    write("feat", feat="def f(x): return x\n")
    with pytest.raises(UsageError):
        collected({"predict": name})


def test_functions_that_have_no_name_to_be_imported_by() -> None:
    def inner(x: Any) -> Any:
        return x

    functions: tuple[Any, ...] = (inner, lambda x: x, print, str.upper, Write)
    for function in functions:
        with pytest.raises(UsageError, match=r"can't be imported by its name|has no source"):
            collected({"predict": function})


def test_a_notebook_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("notebook")
    exec("def f(x): return x", main.__dict__)
    monkeypatch.setitem(sys.modules, "notebook", main)
    with pytest.raises(UsageError, match="has no source file, as in a notebook"):
        collected({"predict": main.f})


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import sys\nsys.path.append('x')\ndef f(): pass\n", 0),
        ("'''doc'''\nX = [1]\nif __name__ == '__main__':\n    f()\n", 0),
        ("import devbox\ndevbox.log_param('a', 1)\n", 2),
        ("from train import main\nmain()\n", 2),
        ("import devbox\nwith devbox.start_run():\n    pass\n", 2),
        ("for x in range(3):\n    print(x)\n", 1),
        ("m = object()\nm.fit()\n", 2),
    ],
)
def test_scripts_that_work_when_imported(source: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "train.py"
    file.write_text(source)
    if line:
        with pytest.raises(UsageError, match=rf"as soon as it is imported \(line {line}\)"):
            check_quiet(file)
    else:
        check_quiet(file)


def test_two_versions_live_side_by_side(tmp_path: Path) -> None:
    one = Recorded({"m.py": b"X = []\ndef f(): X.append(1); return len(X)\n"}, tmp_path)
    two = Recorded({"m.py": b"def f(): return 'two'\n"}, tmp_path)
    assert [one.function("m:f")(), two.function("m:f")(), one.function("m:f")()] == [1, "two", 2]
    assert "m" not in sys.modules


def test_a_main_block_does_not_run(tmp_path: Path) -> None:
    source = b"def f(): return __name__\nif __name__ == '__main__':\n    raise SystemExit(3)\n"
    name = Recorded({"train.py": source}, tmp_path).function("train:f")()
    assert name.startswith(PREFIX)


def test_what_was_not_recorded_is_told(tmp_path: Path) -> None:
    sources = {"p/a.py": b"from p import gone\ndef f(): pass\n"}
    with pytest.raises(DevboxError, match=r"recorded source of p\.a can't be imported.*gone"):
        Recorded(sources, tmp_path).function("p.a:f")
    with pytest.raises(DevboxError, match=r"p\.gone was not recorded"):
        Recorded({"p/a.py": b"import p.gone\n"}, tmp_path).function("p.a:f")
    for name in ("p.b:f", "p.a", "p.a:", ":f", "p:f", "os:system"):
        with pytest.raises(DevboxError):
            Recorded({"p/a.py": b"f = 3\n"}, tmp_path).function(name)


@pytest.mark.parametrize(
    "source",
    [b"raise SystemExit(0)", b"raise RuntimeError('x')", b"def f(:", b"\x00", b"from .. import x"],
)
def test_sources_that_fail_are_errors(source: bytes, tmp_path: Path) -> None:
    with pytest.raises(DevboxError, match="recorded source of m can't be imported"):
        Recorded({"m.py": source}, tmp_path).function("m:f")
    assert not importing()


def test_relative_imports_stay_inside(tmp_path: Path) -> None:
    sources = {
        "a/__init__.py": b"from .b.c import g\n",
        "a/b/__init__.py": b"",
        "a/b/c.py": b"from ..d import X\nfrom . import e\ndef g(): return X + e.Y\n",
        "a/d.py": b"X = 1\n",
        "a/b/e.py": b"Y = 2\n",
    }
    assert Recorded(sources, tmp_path).function("a:g")() == 3


def test_dataclasses_and_files_beside_the_source_work(tmp_path: Path) -> None:
    source = b"""
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

@dataclass
class Row:
    a: int
    kind: ClassVar[str] = "row"

def f():
    return Row(3).a, Path(__file__).with_name("words.txt").read_text()
"""
    (tmp_path / "words.txt").write_text("hello")
    found = Recorded({"m.py": source, "words.txt": b"hello"}, tmp_path).function("m:f")
    assert found() == (3, "hello")
