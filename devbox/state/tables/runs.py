"""Runs with what they logged. Points lie in chunks, columns of packed numbers."""

SQL = """
CREATE TABLE experiments (
    n INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created REAL NOT NULL
);
CREATE TABLE runs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parent TEXT NOT NULL,
    experiment INTEGER NOT NULL REFERENCES experiments,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    person TEXT NOT NULL,
    host TEXT NOT NULL,
    box TEXT NOT NULL,
    error TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX runs_by_parent ON runs (parent, started);
CREATE INDEX runs_by_start ON runs (started);
CREATE INDEX runs_by_experiment ON runs (experiment, started);
CREATE TABLE params (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE INDEX params_by_key ON params (key, value);
CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL,
    PRIMARY KEY (run, key)
) WITHOUT ROWID;
CREATE INDEX tags_by_key ON tags (key, value);
CREATE TABLE metrics (
    n INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    key TEXT NOT NULL,
    points INTEGER NOT NULL,
    last REAL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    low REAL,
    high REAL,
    UNIQUE (run, key)
);
CREATE INDEX metrics_by_key ON metrics (key, last, run);
CREATE TABLE journals (
    n INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    consumed INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    UNIQUE (run, name)
);
CREATE TABLE chunks (
    metric INTEGER NOT NULL REFERENCES metrics ON DELETE CASCADE,
    journal INTEGER NOT NULL REFERENCES journals ON DELETE CASCADE,
    number INTEGER NOT NULL,
    points INTEGER NOT NULL,
    ordered INTEGER NOT NULL,
    times BLOB NOT NULL,
    steps BLOB NOT NULL,
    numbers BLOB NOT NULL,
    PRIMARY KEY (metric, journal, number)
);
CREATE INDEX chunks_by_journal ON chunks (journal);
CREATE TABLE artifacts (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (run, path)
) WITHOUT ROWID;
CREATE INDEX artifacts_by_digest ON artifacts (digest);
CREATE TABLE inputs (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (run, name, version, digest, uri)
) WITHOUT ROWID;
"""

REMOVED = """
CREATE TABLE removed_runs (
    id TEXT PRIMARY KEY,
    time REAL NOT NULL
) WITHOUT ROWID;
"""
"""What was removed, so that a journal that turns up later does not bring it back."""
