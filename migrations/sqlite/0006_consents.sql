CREATE TABLE consents (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    resource TEXT NOT NULL,
    scopes TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    granted_at TEXT NOT NULL,
    PRIMARY KEY (user_id, client_id, resource)
) STRICT;

CREATE INDEX consents_by_client ON consents (client_id);
