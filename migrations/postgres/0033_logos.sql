CREATE TABLE logos (
    client_id TEXT PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
    uri TEXT NOT NULL,
    hash BYTEA,
    fetched_at TIMESTAMPTZ NOT NULL,
    media_type TEXT,
    bytes BYTEA,
    CHECK ((hash IS NULL) = (bytes IS NULL) AND (hash IS NULL) = (media_type IS NULL))
);

CREATE INDEX logos_by_hash ON logos (hash);
