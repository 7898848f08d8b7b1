-- Outlives whom it speaks of, so nothing here refers to another table.
CREATE TABLE audit_events (
    id UUID PRIMARY KEY,
    event_type TEXT NOT NULL,
    level TEXT NOT NULL,
    user_id UUID,
    client_id TEXT,
    grant_id UUID,
    success BOOLEAN NOT NULL,
    details JSONB NOT NULL,
    request_id TEXT,
    ip_address TEXT,
    at TIMESTAMPTZ NOT NULL
);
