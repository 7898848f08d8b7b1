-- Each index of a row is a page more that a commit writes. Rows are kept in the tree of their key (WITHOUT ROWID), an
-- index leaves out rows without a value, and the clients of codes are those of their grants.
CREATE TABLE new_grants (
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
    decision BLOB,
    dpop_jkt TEXT,
    acr TEXT,
    grant_type TEXT NOT NULL DEFAULT 'authorization_code',
    refreshed_from TEXT,
    refreshed_with BLOB,
    caught_up_at TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO new_grants
SELECT id, client_id, user_id, scopes, resources, auth_time, created_at, expires_at, revoked_at, generation,
       refresh_hash, refreshed_at, decision, dpop_jkt, acr, grant_type, refreshed_from, refreshed_with, caught_up_at
  FROM grants ORDER BY id;

-- Refers to the new grants, because dropping the old ones deletes what refers to them.
CREATE TABLE new_codes (
    code_hash BLOB PRIMARY KEY,
    grant_id BLOB NOT NULL REFERENCES new_grants (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    nonce TEXT,
    expires_at TEXT NOT NULL,
    consumed_at TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    dpop_jkt TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO new_codes
SELECT code_hash, grant_id, client_id, redirect_uri, code_challenge, nonce, expires_at, consumed_at, failures, dpop_jkt
  FROM codes ORDER BY code_hash;
DROP TABLE codes;
DROP TABLE grants;
ALTER TABLE new_grants RENAME TO grants;
ALTER TABLE new_codes RENAME TO codes;
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_user ON grants (user_id);
CREATE UNIQUE INDEX grants_by_decision ON grants (decision) WHERE decision IS NOT NULL;
CREATE INDEX codes_by_grant ON codes (grant_id);

CREATE TABLE new_sessions (
    id_hash BLOB PRIMARY KEY,
    data TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    user_id BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO new_sessions SELECT id_hash, data, expires_at, user_id FROM sessions ORDER BY id_hash;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE new_revoked_tokens (
    jti TEXT PRIMARY KEY,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO new_revoked_tokens SELECT jti, expires_at FROM revoked_tokens ORDER BY jti;
DROP TABLE revoked_tokens;
ALTER TABLE new_revoked_tokens RENAME TO revoked_tokens;
