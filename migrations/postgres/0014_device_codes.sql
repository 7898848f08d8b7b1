CREATE TABLE device_codes (
    device_code_hash BYTEA PRIMARY KEY,
    user_code_hash BYTEA NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    resources JSONB NOT NULL,
    ip_address TEXT NOT NULL,
    -- The address, or its IPv6 network: what limits count by.
    source TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    poll_interval INTEGER NOT NULL,
    next_poll_at TIMESTAMPTZ NOT NULL,
    user_id UUID REFERENCES users (id) ON DELETE CASCADE,
    auth_time TIMESTAMPTZ,
    decided_at TIMESTAMPTZ,
    allowed BOOLEAN NOT NULL DEFAULT FALSE,
    consumed_at TIMESTAMPTZ
);

CREATE INDEX device_codes_by_client ON device_codes (client_id);
CREATE INDEX device_codes_by_source ON device_codes (source);
CREATE INDEX device_codes_by_user ON device_codes (user_id);
