"""The functions of ``import devbox`` that log to the run that the code belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devbox.journal.active import current


def log_metric(key: str, value: Any, step: int | None = None, *, time: float | None = None) -> None:
    """See :meth:`devbox.journal.run.Run.log_metric`."""
    current().log_metric(key, value, step, time=time)


def log_metrics(
    values: Mapping[str, Any], step: int | None = None, *, time: float | None = None
) -> None:
    """See :meth:`devbox.journal.run.Run.log_metrics`."""
    current().log_metrics(values, step, time=time)


def log_param(key: str, value: Any) -> None:
    """See :meth:`devbox.journal.run.Run.log_param`."""
    current().log_param(key, value)


def log_params(values: Mapping[str, Any]) -> None:
    """See :meth:`devbox.journal.run.Run.log_params`."""
    current().log_params(values)


def log_artifact(source: str | Path, path: str = "") -> None:
    """See :meth:`devbox.journal.run.Run.log_artifact`."""
    current().log_artifact(source, path)


def log_text(text: str, path: str) -> None:
    """See :meth:`devbox.journal.run.Run.log_text`."""
    current().log_text(text, path)


def log_figure(figure: Any, path: str) -> None:
    """See :meth:`devbox.journal.run.Run.log_figure`."""
    current().log_figure(figure, path)


def log_input(name: str, *, version: str = "", digest: str = "", uri: str = "") -> None:
    """See :meth:`devbox.journal.run.Run.log_input`."""
    current().log_input(name, version=version, digest=digest, uri=uri)


def set_tag(key: str, value: Any) -> None:
    """See :meth:`devbox.journal.run.Run.set_tag`."""
    current().set_tag(key, value)


def set_tags(values: Mapping[str, Any]) -> None:
    """See :meth:`devbox.journal.run.Run.set_tags`."""
    current().set_tags(values)
