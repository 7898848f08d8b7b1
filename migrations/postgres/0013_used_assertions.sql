-- Client assertions are good once (RFC 7523 section 3): digests of their `jti`, until they expire.
CREATE TABLE used_assertions (
    client_id TEXT NOT NULL,
    jti BYTEA NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (client_id, jti)
);

CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);
