"""What may change of models and versions: aliases, tags, descriptions; and what they need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from devbox.errors import Refused, UsageError
from devbox.models.records import Moved, Policy
from devbox.models.refs import Ref
from devbox.models.store.finding import Finding
from devbox.models.store.registering import add_tags
from devbox.state import Connection

ALL = "*"


class _Owner(NamedTuple):
    """What a tag or description belongs to: ``kind`` is model or version, ``n`` its row;
    ``version`` is a version's number."""

    kind: str
    n: int
    version: int | None


class Naming(Finding):
    """Each change is an event that says what was before."""

    def set_alias(self, ref: Ref, alias: str) -> Moved:
        """Let an alias name a version.

        Raises Refused where a policy requires slots that the version lacks.
        """
        with self._state.transaction(durable=True) as connection:
            found = self.get(ref)
            if found is None:
                raise self.unknown(ref)
            self._check(found.model, found.version, alias, found.recorded)
            before = self._aliased(connection, found.model, alias)
            connection.execute(
                "INSERT OR REPLACE INTO aliases (model, alias, version)"
                " SELECT model, ?, n FROM versions WHERE id = ?",
                (alias, found.id),
            )
            if before != found.version:
                self._tell(
                    found.model, "model.alias", alias=alias, version=found.version, before=before
                )
        return Moved(found.model, alias, found.version, before)

    def remove_alias(self, model: str, alias: str) -> int:
        """Take an alias away; the number of the version that it named."""
        with self._state.transaction() as connection:
            before = self._aliased(connection, model, alias)
            if before is None:
                raise self.unknown(Ref(model, alias=alias, exact=True))
            connection.execute(
                "DELETE FROM aliases WHERE alias = ?"
                " AND model = (SELECT n FROM models WHERE name = ?)",
                (alias, model),
            )
            self._tell(model, "model.unalias", alias=alias, before=before)
        return before

    def tag(self, ref: Ref, tags: Mapping[str, str]) -> None:
        """Set tags of a version, or of the model."""
        with self._state.transaction() as connection:
            owner = self._owner(ref)
            known = self._tags(connection, owner)
            add_tags(connection, owner.kind, owner.n, tags)
            before = {key: known[key] for key in tags if key in known}
            self._tell(
                ref.model, "model.tag", version=owner.version, tags=dict(tags), before=before
            )

    def untag(self, ref: Ref, keys: Sequence[str]) -> None:
        """Take tags away from a version, or from the model."""
        with self._state.transaction() as connection:
            owner = self._owner(ref)
            known = self._tags(connection, owner)
            if lacking := [key for key in keys if key not in known]:
                raise UsageError(
                    f"{ref} has no tag {lacking[0]} of its own.",
                    hint=f"It has: {', '.join(known) or 'none'}.",
                )
            connection.executemany(
                f"DELETE FROM {owner.kind}_tags WHERE {owner.kind} = ? AND key = ?",  # noqa: S608
                [(owner.n, key) for key in keys],
            )
            before = {key: known[key] for key in keys}
            self._tell(ref.model, "model.untag", version=owner.version, before=before)

    def describe(self, ref: Ref, text: str) -> None:
        """Set the description of a version, or of the model."""
        with self._state.transaction() as connection:
            owner = self._owner(ref)
            table = f"{owner.kind}s"
            (before,) = connection.execute(
                f"SELECT description FROM {table} WHERE n = ?",  # noqa: S608 - ours
                (owner.n,),
            ).fetchone()
            connection.execute(
                f"UPDATE {table} SET description = ? WHERE n = ?",  # noqa: S608 - ours
                (text, owner.n),
            )
            self._tell(
                ref.model,
                "model.describe",
                version=owner.version,
                description=text,
                before=before,
            )

    def policies(self) -> tuple[Policy, ...]:
        """What aliases require, by model and alias."""
        rows = self._state.connection.execute("SELECT * FROM model_policies ORDER BY model, alias")
        return tuple(
            Policy(row["model"], row["alias"], tuple(json.loads(row["required"]))) for row in rows
        )

    def set_policy(self, policy: Policy) -> None:
        """Require slots for an alias; none: require nothing any more."""
        key = (policy.model, policy.alias)
        with self._state.transaction() as connection:
            row = connection.execute(
                "DELETE FROM model_policies WHERE model = ? AND alias = ? RETURNING required", key
            ).fetchone()
            before = json.loads(row["required"]) if row else []
            if policy.required:
                connection.execute(
                    "INSERT INTO model_policies (model, alias, required) VALUES (?, ?, ?)",
                    (*key, json.dumps(policy.required)),
                )
            self._tell(
                policy.model,
                "model.policy",
                alias=policy.alias,
                required=policy.required,
                before=before,
            )

    def _check(self, model: str, version: int, alias: str, recorded: Sequence[str]) -> None:
        policies = [
            policy
            for policy in self.policies()
            if policy.model in {model, ALL} and policy.alias == alias
        ]
        required = dict.fromkeys(slot for policy in policies for slot in policy.required)
        if lacking := [slot for slot in required if slot not in recorded]:
            raise Refused(
                f"{model}@{version} can't be {alias}: not recorded are {', '.join(lacking)}.",
                hint=f"`devbox model show {model}@{version}` says what they lack.",
            )

    def _aliased(self, connection: Connection, model: str, alias: str) -> int | None:
        row = connection.execute(
            "SELECT number FROM aliases JOIN versions ON versions.n = version"
            " JOIN models ON models.n = aliases.model WHERE name = ? AND alias = ?",
            (model, alias),
        ).fetchone()
        return None if row is None else int(row["number"])

    def _owner(self, ref: Ref) -> _Owner:
        connection = self._state.connection
        if not ref.exact:
            row = connection.execute("SELECT n FROM models WHERE name = ?", (ref.model,))
            found = row.fetchone()
            if found:
                return _Owner("model", found["n"], None)
        elif (n := self.number(ref)) is not None:
            row = connection.execute("SELECT number FROM versions WHERE n = ?", (n,))
            return _Owner("version", n, row.fetchone()["number"])
        raise self.unknown(ref)

    def _tags(self, connection: Connection, owner: _Owner) -> Mapping[str, str]:
        rows = connection.execute(
            f"SELECT key, value FROM {owner.kind}_tags WHERE {owner.kind} = ? ORDER BY key",  # noqa: S608
            (owner.n,),
        )
        return dict(rows.fetchall())

    def _tell(self, model: str, kind: str, /, **data: Any) -> None:
        known = {key: value for key, value in data.items() if value is not None}
        self._state.events.append(f"model/{model}", kind, **known)
