"""Models and versions, away."""

from __future__ import annotations

import json

from devbox.errors import Refused
from devbox.models.records import Removal
from devbox.models.refs import Ref, no_model
from devbox.models.store.finding import Finding


class Removing(Finding):
    """The way out for good. A number that was given is never given again while the model is
    there."""

    def plan_removal(self, ref: Ref) -> Removal:
        """What would go: one version, or the model with all of them."""
        found = self.models(ref.model)
        if not found:
            raise no_model(ref.model)
        condition, value = "models.name = ?", ref.model  # type: str, str | int
        if ref.exact:
            n = self.number(ref)
            if n is None:
                raise self.unknown(ref)
            condition, value = "versions.n = ?", n
        rows = self._state.connection.execute(
            "SELECT number, count(digest) AS files, coalesce(sum(size), 0) AS size"  # noqa: S608
            " FROM versions JOIN models ON models.n = model"
            " LEFT JOIN version_files ON version = versions.n"
            f" WHERE {condition} GROUP BY versions.n ORDER BY number",
            (value,),
        ).fetchall()
        numbers = tuple(row["number"] for row in rows)
        return Removal(
            model=ref.model,
            whole=not ref.exact,
            versions=numbers,
            aliases={k: v for k, v in found[0].aliases.items() if v in numbers},
            files=sum(row["files"] for row in rows),
            size=sum(row["size"] for row in rows),
        )

    def remove(self, ref: Ref, *, force: bool) -> Removal:
        """Remove a version or a model. Raises Refused where an alias names it, unless forced."""
        with self._state.transaction() as connection:
            plan = self.plan_removal(ref)
            check(plan, force=force)
            where = "model = (SELECT n FROM models WHERE name = ?)"
            if plan.whole:
                connection.execute(f"DELETE FROM aliases WHERE {where}", (plan.model,))  # noqa: S608
                connection.execute("DELETE FROM models WHERE name = ?", (plan.model,))
            else:
                numbers = (plan.model, json.dumps(plan.versions))
                some = f"{where} AND number IN (SELECT value FROM json_each(?))"  # noqa: S608
                connection.execute(
                    "DELETE FROM aliases WHERE version IN"  # noqa: S608 - ours
                    f" (SELECT n FROM versions WHERE {some})",
                    numbers,
                )
                connection.execute(f"DELETE FROM versions WHERE {some}", numbers)  # noqa: S608
            self._state.events.append(
                f"model/{plan.model}",
                "model.removed",
                whole=plan.whole,
                versions=plan.versions,
                aliases=dict(plan.aliases),
            )
        return plan


def check(plan: Removal, *, force: bool) -> None:
    """Raise Refused where an alias names what is to be removed, unless forced."""
    if plan.aliases and not force:
        named = ", ".join(
            f"{plan.model}@{number} is {alias}" for alias, number in plan.aliases.items()
        )
        raise Refused(f"An alias is in use: {named}.", hint="Move it first, or add --force.")
