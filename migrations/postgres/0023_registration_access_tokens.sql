CREATE TABLE registration_access_tokens (
    token_hash BYTEA PRIMARY KEY,
    client_id TEXT NOT NULL UNIQUE REFERENCES clients (id) ON DELETE CASCADE
);
