CREATE TABLE grants (
    id BLOB PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    auth_time TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT,
    generation INTEGER NOT NULL,
    refresh_hash BLOB NOT NULL,
    refreshed_at TEXT NOT NULL,
    -- Of the consent form that brought it: sent twice, it grants once.
    decision BLOB UNIQUE
) STRICT;

-- Nothing a rotation changes is indexed, so that it writes one page.
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_user ON grants (user_id);
