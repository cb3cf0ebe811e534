"""All SQL of storage: locations, what lies where, dataset versions, locks that were seen."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from sqlite3 import Row

from devbox.errors import UsageError
from devbox.state import State
from devbox.storage.locations import Location, address
from devbox.storage.records import Dataset, DatasetVersion


class StorageStore:
    """What one state file knows of storage."""

    def __init__(self, state: State) -> None:
        self._state = state

    # Locations

    def add(self, location: Location) -> None:
        """Keep a location. Raises UsageError where the name is taken."""
        with self._state.transaction(durable=True) as connection:
            if connection.execute(
                "SELECT 1 FROM locations WHERE name = ?", (location.name,)
            ).fetchone():
                raise UsageError(
                    f"There is a storage location {location.name} already.",
                    hint=f"`devbox storage rm {location.name}` forgets it.",
                )
            first = connection.execute("SELECT 1 FROM locations").fetchone() is None
            if location.default:
                connection.execute("UPDATE locations SET chosen = 0")
            connection.execute(
                "INSERT INTO locations (name, url, options, chosen, created)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    location.name,
                    location.url,
                    json.dumps(dict(location.options), sort_keys=True),
                    location.default or first,
                    time.time(),
                ),
            )
        self._state.events.append(location.name, "storage.added", url=location.url)

    def locations(self) -> tuple[Location, ...]:
        """Every location, the default one first, then by name."""
        rows = self._state.connection.execute("SELECT * FROM locations ORDER BY chosen DESC, name")
        return tuple(
            Location(
                row["name"],
                address(row["url"]).kind,
                row["url"],
                json.loads(row["options"]),
                bool(row["chosen"]),
            )
            for row in rows.fetchall()
        )

    def use(self, name: str) -> None:
        """Make a location the default one."""
        with self._state.transaction(durable=True) as connection:
            connection.execute("UPDATE locations SET chosen = (name = ?)", (name,))

    def remove(self, name: str) -> None:
        """Forget a location, and what lies there."""
        with self._state.transaction(durable=True) as connection:
            connection.execute("DELETE FROM locations WHERE name = ?", (name,))
        self._state.events.append(name, "storage.removed")

    def place(self, location: str, sizes: Mapping[str, int]) -> None:
        """Note that blobs lie in a location."""
        now = time.time()
        with self._state.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO placed (location, digest, size, seen) VALUES (?, ?, ?, ?)",
                [(location, digest, size, now) for digest, size in sizes.items()],
            )

    def unplace(self, location: str, digests: Iterable[str]) -> None:
        """Note that blobs don't lie in a location any more."""
        with self._state.transaction() as connection:
            connection.executemany(
                "DELETE FROM placed WHERE location = ? AND digest = ?",
                [(location, digest) for digest in digests],
            )

    def placed(self, location: str) -> Mapping[str, int]:
        """What we know to lie in a location: digest to bytes."""
        rows = self._state.connection.execute(
            "SELECT digest, size FROM placed WHERE location = ? ORDER BY digest", (location,)
        )
        return dict(rows.fetchall())

    def where(self, digest: str) -> Collection[str]:
        """The locations that have a blob, as far as we know."""
        rows = self._state.connection.execute(
            "SELECT location FROM placed WHERE digest = ?", (digest,)
        )
        return [row["location"] for row in rows.fetchall()]

    def installation(self) -> str:
        """A random name of this state file, for what it refers to in shared locations."""
        row = self._state.connection.execute("SELECT id FROM installation").fetchone()
        if row is None:
            with self._state.transaction(durable=True) as connection:
                connection.execute(
                    "INSERT INTO installation (id) SELECT ?"
                    " WHERE NOT EXISTS (SELECT 1 FROM installation)",
                    (uuid.uuid4().hex,),
                )
            row = self._state.connection.execute("SELECT id FROM installation").fetchone()
        return str(row["id"])

    # Locks

    def saw_lock(self, file: Path, digests: Collection[str]) -> None:
        """Remember what a devbox.lock names."""
        with self._state.transaction(durable=True) as connection:
            connection.execute("DELETE FROM locked WHERE file = ?", (str(file),))
            connection.executemany(
                "INSERT INTO locked (file, digest) VALUES (?, ?)",
                [(str(file), digest) for digest in sorted(set(digests))],
            )

    def locked(self) -> Mapping[Path, Collection[str]]:
        """What the locks named when they were last seen."""
        found: dict[Path, set[str]] = {}
        rows = self._state.connection.execute("SELECT file, digest FROM locked")
        for file, digest in rows.fetchall():
            found.setdefault(Path(file), set()).add(digest)
        return found

    # Datasets

    def version(
        self, version: DatasetVersion, blobs: Collection[str]
    ) -> tuple[DatasetVersion, bool]:
        """Keep a version, numbered anew where its number is 0; where the dataset has one of the
        same content, that is the version. Returns it, and whether it is new. Raises UsageError
        where its number is another one's."""
        with self._state.transaction(durable=True) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO datasets (name, created, last) VALUES (?, ?, 0)",
                (version.name, version.created),
            )
            dataset, last = connection.execute(
                "SELECT n, last FROM datasets WHERE name = ?", (version.name,)
            ).fetchone()
            there = connection.execute(
                "SELECT version FROM dataset_versions WHERE dataset = ? AND manifest = ?",
                (dataset, version.manifest),
            ).fetchone()
            if there is None:
                number = version.version or last + 1
                taken = connection.execute(
                    "SELECT 1 FROM dataset_versions WHERE dataset = ? AND version = ?",
                    (dataset, number),
                )
                if taken.fetchone():
                    raise UsageError(f"There is another {version.name}@{number} here already.")
                connection.execute(
                    "UPDATE datasets SET last = ? WHERE n = ?", (max(last, number), dataset)
                )
                connection.execute(
                    "INSERT INTO dataset_versions (dataset, version, manifest, kind, uri, files,"
                    " size, rows, columns, message, tags, person, created)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        dataset,
                        number,
                        version.manifest,
                        version.kind,
                        version.uri,
                        version.files,
                        version.size,
                        version.rows,
                        json.dumps(dict(version.columns)),
                        version.message,
                        json.dumps(dict(version.tags)),
                        version.user,
                        version.created,
                    ),
                )
                connection.executemany(
                    "INSERT INTO dataset_blobs (dataset, version, digest) VALUES (?, ?, ?)",
                    [(dataset, number, digest) for digest in {version.manifest, *blobs}],
                )
        found = self.get(version.name, number if there is None else there["version"])
        assert found is not None
        return found, there is None

    def get(self, name: str, version: int | None) -> DatasetVersion | None:
        """A version, or the newest one."""
        where = "" if version is None else " AND version = :version"
        row = self._state.connection.execute(
            "SELECT * FROM dataset_versions JOIN datasets ON n = dataset WHERE name = :name"  # noqa: S608
            f"{where} ORDER BY version DESC LIMIT 1",
            {"name": name, "version": version},
        ).fetchone()
        return _version(row) if row else None

    def versions(self, name: str) -> tuple[DatasetVersion, ...]:
        """All versions of a dataset, newest first."""
        rows = self._state.connection.execute(
            "SELECT * FROM dataset_versions JOIN datasets ON n = dataset WHERE name = ?"
            " ORDER BY version DESC",
            (name,),
        )
        return tuple(map(_version, rows.fetchall()))

    def datasets(self) -> tuple[Dataset, ...]:
        """Every dataset, by name."""
        rows = self._state.connection.execute(
            "SELECT name, datasets.created, count(version), max(version), size"
            " FROM datasets JOIN dataset_versions ON dataset = n GROUP BY n ORDER BY name"
        )
        return tuple(Dataset(*row) for row in rows.fetchall())

    def blobs(self, name: str | None = None, version: int | None = None) -> set[str]:
        """The blobs of a version, or of all versions of all datasets."""
        if name is None:
            rows = self._state.connection.execute("SELECT DISTINCT digest FROM dataset_blobs")
        else:
            rows = self._state.connection.execute(
                "SELECT digest FROM dataset_blobs JOIN datasets ON n = dataset"
                " WHERE name = ? AND version = ?",
                (name, version),
            )
        return {row["digest"] for row in rows.fetchall()}

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Set all tags of a version."""
        with self._state.transaction(durable=True) as connection:
            connection.execute(
                "UPDATE dataset_versions SET tags = ? WHERE version = ?"
                " AND dataset = (SELECT n FROM datasets WHERE name = ?)",
                (json.dumps(dict(tags)), version, name),
            )

    def forget(self, name: str, versions: Iterable[int]) -> None:
        """Forget versions of a dataset; their numbers are never given again."""
        with self._state.transaction(durable=True) as connection:
            for version in versions:
                connection.execute(
                    "DELETE FROM dataset_versions WHERE version = ?"
                    " AND dataset = (SELECT n FROM datasets WHERE name = ?)",
                    (version, name),
                )
                self._state.events.append(f"{name}@{version}", "data.removed")


def _version(row: Row) -> DatasetVersion:
    return DatasetVersion(
        name=row["name"],
        version=row["version"],
        manifest=row["manifest"],
        kind=row["kind"],
        uri=row["uri"],
        files=row["files"],
        size=row["size"],
        rows=row["rows"],
        columns=json.loads(row["columns"]),
        message=row["message"],
        tags=json.loads(row["tags"]),
        user=row["person"],
        created=row["created"],
    )
