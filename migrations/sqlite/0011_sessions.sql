CREATE TABLE sessions (
    id_hash BLOB PRIMARY KEY,
    data TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
