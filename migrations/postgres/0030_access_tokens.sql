-- Opaque access tokens, by digest. What they hang from is asked when they are used, so nothing here refers to it.
CREATE TABLE access_tokens (
    token_hash BYTEA PRIMARY KEY,
    claims JSONB NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);
