CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL CHECK (source IN ('seed', 'dcr')),
    metadata TEXT NOT NULL,
    secret_hash BLOB,
    fingerprint BLOB UNIQUE,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    disabled_at TEXT
) STRICT;
