-- Opaque access tokens, by digest. What they hang from is asked when they are used, so nothing here refers to it.
CREATE TABLE access_tokens (
    token_hash BLOB PRIMARY KEY,
    claims TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;

CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);
