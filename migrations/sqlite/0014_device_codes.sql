CREATE TABLE device_codes (
    device_code_hash BLOB PRIMARY KEY,
    user_code_hash BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    -- The address, or its IPv6 network: what limits count by.
    source TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    poll_interval INTEGER NOT NULL,
    next_poll_at TEXT NOT NULL,
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    auth_time TEXT,
    decided_at TEXT,
    allowed INTEGER NOT NULL DEFAULT 0,
    consumed_at TEXT
) STRICT;

CREATE INDEX device_codes_by_client ON device_codes (client_id);
CREATE INDEX device_codes_by_source ON device_codes (source);
CREATE INDEX device_codes_by_user ON device_codes (user_id);
