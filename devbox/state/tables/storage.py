"""Storage locations, what lies where, dataset versions, and the locks that were seen."""

SQL = """
CREATE TABLE locations (
    name TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    options TEXT NOT NULL,
    chosen INTEGER NOT NULL,
    created REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE placed (
    location TEXT NOT NULL REFERENCES locations ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    seen REAL NOT NULL,
    PRIMARY KEY (location, digest)
) WITHOUT ROWID;
CREATE INDEX placed_by_digest ON placed (digest);
CREATE TABLE installation (
    id TEXT NOT NULL
);
CREATE TABLE datasets (
    n INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    last INTEGER NOT NULL
);
CREATE TABLE dataset_versions (
    dataset INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
    version INTEGER NOT NULL,
    manifest TEXT NOT NULL,
    kind TEXT NOT NULL,
    uri TEXT NOT NULL,
    files INTEGER NOT NULL,
    size INTEGER NOT NULL,
    rows INTEGER,
    columns TEXT NOT NULL,
    message TEXT NOT NULL,
    tags TEXT NOT NULL,
    person TEXT NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (dataset, version),
    UNIQUE (dataset, manifest)
) WITHOUT ROWID;
CREATE TABLE dataset_blobs (
    dataset INTEGER NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (dataset, version, digest),
    FOREIGN KEY (dataset, version) REFERENCES dataset_versions ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE locked (
    file TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (file, digest)
) WITHOUT ROWID;
"""
