CREATE TABLE logos (
    client_id TEXT PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    hash BLOB,
    fetched_at TEXT NOT NULL,
    media_type TEXT,
    bytes BLOB,
    CHECK ((hash IS NULL) = (bytes IS NULL) AND (hash IS NULL) = (media_type IS NULL))
) STRICT;

CREATE INDEX logos_by_hash ON logos (hash);
