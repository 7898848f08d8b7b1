-- Outlives whom it speaks of, so nothing here refers to another table.
CREATE TABLE audit_events (
    id BLOB PRIMARY KEY,
    event_type TEXT NOT NULL,
    level TEXT NOT NULL,
    user_id BLOB,
    client_id TEXT,
    grant_id BLOB,
    success INTEGER NOT NULL,
    details TEXT NOT NULL,
    request_id TEXT,
    ip_address TEXT,
    at TEXT NOT NULL
) STRICT;
