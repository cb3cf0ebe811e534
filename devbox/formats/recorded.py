"""Importing recorded sources: under a name of their own, from the bytes that were verified, and
from nowhere else.

Two versions of a model can be loaded side by side. Within the sources an absolute import of one
of them finds the recorded file, whatever lies in the current folder.
"""

from __future__ import annotations

import builtins
import itertools
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from devbox.errors import DevboxError

_count = itertools.count(1)
_state = threading.local()
PREFIX = "_devbox_model_"


def importing() -> bool:
    """Whether this thread is importing recorded sources just now."""
    return bool(getattr(_state, "depth", 0))


class Recorded:
    """Sources by their path, such as ``churn/features.py``, each with its bytes; ``folder`` is
    where they and the files beside them lie, for what their code reads through ``__file__``."""

    def __init__(self, sources: Mapping[str, bytes], folder: Path) -> None:
        self._folder = folder
        self.root = f"{PREFIX}{next(_count)}"
        self._modules: dict[str, str] = {}
        packages = {""}
        for path in sources:
            if not path.endswith(".py"):
                continue
            parts = path[: -len(".py")].split("/")
            packages.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
            if parts[-1] == "__init__":
                parts.pop()
            self._modules[".".join(parts)] = path
        self._sources = dict(sources)
        for package in sorted(packages):
            self._modules.setdefault(package.replace("/", "."), "")
        self._packages = {package.replace("/", ".") for package in packages}
        self._guard = threading.RLock()
        self._tops = {name.partition(".")[0] for name in self._modules if name}

    def function(self, name: str) -> Any:
        """A function by its ``module:function``. Raises DevboxError where the sources can't be
        imported, or have no such function."""
        module, _, qualname = name.partition(":")
        if module not in self._modules or not qualname:
            raise DevboxError(f"The recorded sources have no {name}.")
        _state.depth = getattr(_state, "depth", 0) + 1
        try:
            loaded = self._import(module)
        except DevboxError:
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise DevboxError(
                f"The recorded source of {module} can't be imported:"
                f" {type(error).__name__}: {error}"
            ) from error
        finally:
            _state.depth -= 1
        found = getattr(loaded, qualname, None)
        if not callable(found):
            raise DevboxError(f"The recorded source of {module} has no function {qualname}.")
        return found

    def _import(self, name: str) -> ModuleType:
        """One of our modules by the name that its source has for it, its packages first."""
        above = name.rpartition(".")[0]
        full = f"{self.root}.{name}" if name else self.root
        with self._guard:  # functions may import late, and in threads
            parent = self._import(above) if name else None
            loaded = sys.modules.get(full)
            if loaded is None:
                loaded = self._execute(name, full)
            if parent is not None:
                setattr(parent, name.rpartition(".")[2], loaded)
            return loaded

    def _execute(self, name: str, full: str) -> ModuleType:
        path = self._modules[name]
        spec = ModuleSpec(full, None, is_package=name in self._packages)
        module = module_from_spec(spec)
        file = self._folder / (path or name.replace(".", "/"))
        if name in self._packages:
            module.__path__ = []
        if path:
            module.__file__ = str(file)
        own = dict(vars(builtins))
        own["__import__"] = self._importer
        module.__dict__["__builtins__"] = own
        sys.modules[full] = module
        if path:
            try:
                exec(self._compiled(path, file), module.__dict__)  # noqa: S102 - asked for
            except BaseException:
                sys.modules.pop(full, None)
                raise
        return module

    def _compiled(self, path: str, file: Path) -> CodeType:
        return compile(self._sources[path], str(file), "exec", dont_inherit=True)

    def _importer(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - as __import__ calls it
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level:
            package = str((globals or {}).get("__package__") or "")
            parts = package.split(".")
            above = ".".join(parts[1 : len(parts) - level + 1])
            if not package.startswith(self.root) or len(parts) < level:
                raise ImportError("attempted relative import beyond the recorded sources")
            ours = ".".join(part for part in (above, name) if part)
        elif name.partition(".")[0] in self._tops:
            ours = name
        else:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if ours not in self._modules:
            raise ModuleNotFoundError(f"{ours} was not recorded with the model", name=ours)
        module = self._import(ours)
        if not fromlist:
            return self._import(ours.partition(".")[0])
        for each in fromlist:
            inner = f"{ours}.{each}" if ours else each
            if not hasattr(module, each) and inner in self._modules:
                self._import(inner)
        return module
