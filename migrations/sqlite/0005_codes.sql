CREATE TABLE codes (
    code_hash BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    nonce TEXT,
    expires_at TEXT NOT NULL,
    consumed_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX codes_by_grant ON codes (grant_id);
CREATE INDEX codes_by_client ON codes (client_id);
