CREATE TABLE initial_access_tokens (
    token_hash BLOB PRIMARY KEY,
    uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
    -- The most that clients registered with it are ever granted; NULL sets no limit.
    scope TEXT,
    expires_at TEXT NOT NULL
) STRICT;
