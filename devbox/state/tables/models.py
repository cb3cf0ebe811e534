"""The model registry: what runs asked to be registered, models, their versions and aliases."""

SQL = """
CREATE TABLE registrations (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    time REAL NOT NULL,
    note TEXT NOT NULL,
    taken INTEGER NOT NULL
);
CREATE INDEX registrations_pending ON registrations (n) WHERE NOT taken;
CREATE INDEX registrations_by_run ON registrations (run);
CREATE TABLE models (
    n INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    description TEXT NOT NULL,
    last INTEGER NOT NULL
);
CREATE TABLE model_tags (
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL,
    PRIMARY KEY (model, key)
) WITHOUT ROWID;
CREATE INDEX model_tags_by_key ON model_tags (key, value);
CREATE TABLE versions (
    n INTEGER PRIMARY KEY,
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    number INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    person TEXT NOT NULL,
    run TEXT NOT NULL,
    description TEXT NOT NULL,
    slots TEXT NOT NULL,
    recorded TEXT NOT NULL,
    given TEXT,
    seen TEXT NOT NULL,
    UNIQUE (model, number)
);
CREATE INDEX versions_by_time ON versions (created);
CREATE INDEX versions_by_run ON versions (run) WHERE run != '';
CREATE INDEX versions_open ON versions (n) WHERE given IS NOT NULL;
CREATE TABLE version_files (
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    slot TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (version, slot, path)
) WITHOUT ROWID;
CREATE INDEX version_files_by_digest ON version_files (digest);
CREATE TABLE version_tags (
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL,
    PRIMARY KEY (version, key)
) WITHOUT ROWID;
CREATE INDEX version_tags_by_key ON version_tags (key, value);
CREATE TABLE version_metrics (
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    key TEXT NOT NULL,
    last REAL,
    PRIMARY KEY (version, key)
) WITHOUT ROWID;
CREATE INDEX version_metrics_by_key ON version_metrics (key, last, version);
CREATE TABLE version_params (
    version INTEGER NOT NULL REFERENCES versions ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL,
    PRIMARY KEY (version, key)
) WITHOUT ROWID;
CREATE INDEX version_params_by_key ON version_params (key, value);
CREATE TABLE aliases (
    model INTEGER NOT NULL REFERENCES models ON DELETE CASCADE,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL REFERENCES versions,
    PRIMARY KEY (model, alias)
) WITHOUT ROWID;
CREATE INDEX aliases_by_version ON aliases (version);
CREATE TABLE model_policies (
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    required TEXT NOT NULL,
    PRIMARY KEY (model, alias)
) WITHOUT ROWID;
CREATE VIEW all_version_tags AS
SELECT version, key, value, number FROM version_tags
UNION ALL
SELECT versions.n, model_tags.key, model_tags.value, model_tags.number
FROM model_tags JOIN versions USING (model)
WHERE NOT EXISTS (
    SELECT 1 FROM version_tags AS own
    WHERE own.version = versions.n AND own.key = model_tags.key
);
"""
"""A version's ``given`` is what it was registered with, kept as long as its run goes on: ``slots``
is that with what the run says, and ``seen`` how much of the run that was. The tags of a version
are its own over those of its model."""
