"""devbox model: the model registry."""

from __future__ import annotations

import click

from devbox.cli.model.bundle import export, import_model
from devbox.cli.model.change import alias, describe, policy, register, rm, tag
from devbox.cli.model.look import card, compare, lineage, ls, show, verify
from devbox.cli.model.reproduce import reproduce
from devbox.cli.model_import import import_mlflow


@click.group("model")
def model() -> None:
    """Register models, and find again how each version was made.

    A version is named churn@3, by an alias churn@champion, or as the newest churn@latest or
    churn.

    \b
    Example:
      devbox model ls --where "metrics.auc > 0.9 and tags.task = 'fraud'"
      devbox model show churn@champion
    """


for command in (
    ls,
    show,
    register,
    compare,
    alias,
    tag,
    describe,
    policy,
    card,
    verify,
    lineage,
    reproduce,
    export,
    import_model,
    rm,
):
    model.add_command(command)

import_model.add_command(import_mlflow)
