CREATE TABLE pushed_requests (
    request_hash BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    query TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- When a browser first came with it; from then on it waits for a person.
    opened_at TIMESTAMPTZ
);

CREATE INDEX pushed_requests_by_client ON pushed_requests (client_id);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
