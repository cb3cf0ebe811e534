"""Which source files a model's functions need: their own, and what these import of the same
project."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Union

from devbox.errors import DevboxError, UsageError

MOST_FILES = 1000
LARGEST_FILE = 16 << 20
"""Bytes of one source file, or of a file beside them."""
_LIBRARIES = ("site-packages", "dist-packages")
_STANDARD = Path(sysconfig.get_path("stdlib"))

Function = Union[Callable[..., Any], str]  # noqa: UP007 - for Python 3.9
"""A function at the top of a module, or its name as "module:function"."""


@dataclass(frozen=True)
class Sources:
    """Files to record, by the path under which they are imported later, and each function's name
    there, as "module:function"."""

    files: dict[str, Path]
    names: dict[str, str]


def collected(functions: dict[str, Function], code: Sequence[str | Path] = ()) -> Sources:
    """The sources of some functions. ``code`` names more files and folders.

    Raises UsageError for a function that has no file of its own to be imported from, or whose
    file would work as soon as it is imported.
    """
    files: dict[str, Path] = {}
    names: dict[str, str] = {}
    roots: list[Path] = []
    for role, function in functions.items():
        module, qualname = _resolved(role, function)
        file = _file_of(module, role)
        place, root = _place(module, file)
        if root not in roots:
            roots.append(root)
        files[place] = file
        names[role] = f"{_module_name(place)}:{qualname}"
        if module.__name__ == "__main__":
            check_quiet(file)
    for given in code:
        path = Path(given)
        if not path.exists():
            raise UsageError(f"There is no {path} to record with the model.")
        for file in _below(path):
            files[_relative(file, roots, path)] = file
    for place, file in list(files.items()):
        for more, path in _imported(place, file, roots):
            files.setdefault(more, path)
    if len(files) > MOST_FILES:
        raise UsageError(f"{len(files)} files are too many to record as a model's functions.")
    for file in files.values():
        if file.stat().st_size > LARGEST_FILE:
            raise UsageError(
                f"{file} is too large to be recorded as source.",
                hint="Keep data as a dataset version, or as an artifact of the run.",
            )
    return Sources(files, names)


def live(function: Function, role: str = "function") -> Callable[..., Any]:
    """The function itself, imported where only its name is given."""
    module, qualname = _resolved(role, function)
    found: Callable[..., Any] = getattr(module, qualname)
    return found


def check_quiet(file: Path) -> None:
    """Raise UsageError for a script that does its work as soon as it is imported: loading the
    model later would run it again."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError) as error:
        raise DevboxError(f"{file} can't be read as Python: {error}.") from error
    modules = {
        (alias.asname or alias.name).partition(".")[0]
        for statement in tree.body
        if isinstance(statement, ast.Import)
        for alias in statement.names
    }
    for statement in tree.body:
        if _works(statement, modules - {"devbox"}):
            raise UsageError(
                f"{file.name} works as soon as it is imported (line {statement.lineno}), and a"
                " model's functions are imported from it.",
                hint='Put its work under `if __name__ == "__main__":`, or the functions into a'
                " module of their own.",
            )


def _works(statement: ast.stmt, libraries: AbstractSet[str]) -> bool:
    if isinstance(statement, ast.Expr):
        # `sys.path.append(...)`, `matplotlib.use(...)` prepare; `train()`, `model.fit(...)` work.
        call = statement.value
        return isinstance(call, ast.Call) and not (
            isinstance(call.func, ast.Attribute)
            and ast.unparse(call.func).partition(".")[0] in libraries
        )
    return isinstance(statement, (ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While))


def _resolved(role: str, function: Function) -> tuple[ModuleType, str]:
    if isinstance(function, str):
        name, colon, qualname = function.partition(":")
        if not colon or not name or not qualname.isidentifier():
            raise UsageError(f"{function!r} is not written as module:function.")
        from importlib import import_module

        try:
            module = import_module(name)
        except ImportError as error:
            raise UsageError(f"{role}: {function} can't be imported: {error}.") from error
        if not callable(getattr(module, qualname, None)):
            raise UsageError(f"{role}: {name} has no function {qualname}.")
        return module, qualname
    qualname = getattr(function, "__qualname__", "")
    module = sys.modules.get(getattr(function, "__module__", "") or "")  # type: ignore[assignment]
    if not inspect.isfunction(function) or getattr(module, qualname, None) is not function:
        raise UsageError(
            f"{role}: {qualname or type(function).__name__} can't be imported by its name.",
            hint="Give a function that is defined at the top of a module with `def`.",
        )
    return module, qualname


def _file_of(module: ModuleType, role: str) -> Path:
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py") or not Path(file).is_file():
        raise UsageError(
            f"{role}: {module.__name__} has no source file, as in a notebook.",
            hint="Write the function to a .py file (in a notebook: %%writefile), and import it.",
        )
    return Path(file).resolve()


def _place(module: ModuleType, file: Path) -> tuple[str, Path]:
    """The path of a module within what it is imported from, and that folder."""
    spec = module.__spec__
    name = spec.name if spec else ""
    if not name or name == "__main__":
        return file.name, file.parent
    if file.name == "__init__.py":
        name += ".__init__"
    depth = name.count(".")
    return f"{name.replace('.', '/')}.py", file.parents[depth]


def _module_name(place: str) -> str:
    name = place[: -len(".py")].replace("/", ".")
    return name[: -len(".__init__")] if name.endswith(".__init__") else name


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path.resolve()
        return
    for folder, folders, names in os.walk(path.resolve()):
        folders[:] = sorted(f for f in folders if f != "__pycache__" and not f.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.startswith(".") and file.suffix != ".pyc" and file.is_file():
                yield file


def _relative(file: Path, roots: Sequence[Path], given: Path) -> str:
    """Where a file named by hand is found later: as it is from the functions' folders, or, where
    it is in none, by its name."""
    for root in roots:
        if root in file.parents:
            return file.relative_to(root).as_posix()
    base = given.resolve()
    return file.name if base == file else file.relative_to(base.parent).as_posix()


def _imported(place: str, file: Path, roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files of the same project that a file imports, and those that these do."""
    waiting, seen = [(place, file)], {file}
    while waiting:
        within, current = waiting.pop()
        if current.suffix != ".py":
            continue
        for more, path in _names_in(within, current, roots):
            if path not in seen:
                seen.add(path)
                waiting.append((more, path))
                yield more, path


def _names_in(place: str, file: Path, roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    package = place.split("/")[:-1]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            up = len(package) - (node.level - 1)
            base = package[:up] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [
                stem,
                *(f"{stem}.{alias.name}" if stem else alias.name for alias in node.names),
            ]
        for name in names:
            yield from _found(name, roots)
    # A package runs its __init__.py first.
    yield from _found(".".join(package), roots)


def _found(name: str, roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files of a module and of the packages around it, where they are of the project: below
    the functions' folders, or imported from another place where no library lies."""
    parts = name.split(".") if name else []
    if parts[:1] == ["devbox"]:
        return
    for depth in range(1, len(parts) + 1):
        base = "/".join(parts[:depth])
        for root in roots:
            for place in (f"{base}/__init__.py", f"{base}.py"):
                if (root / place).is_file() and not _is_library(root / place):
                    yield place, root / place
        module = sys.modules.get(".".join(parts[:depth]))
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not _is_library(Path(file)):
            inner = "/__init__" if Path(file).name == "__init__.py" else ""
            yield f"{base}{inner}.py", Path(file)


def _is_library(file: Path) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return not set(_LIBRARIES).isdisjoint(file.parts) or _STANDARD in file.parents
