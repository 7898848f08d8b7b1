CREATE TABLE sessions (
    id_hash BYTEA PRIMARY KEY,
    data JSONB NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
