CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('next', 'current', 'retired')),
    sealed BLOB NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

-- Two nodes that start at once agree on which key signs.
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (algorithm) WHERE status = 'current';
