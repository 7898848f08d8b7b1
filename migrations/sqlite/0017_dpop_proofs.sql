-- Proofs of possession that were used (RFC 9449 section 11.1), by digest of key, URL and `jti`.
CREATE TABLE dpop_proofs (
    proof_hash BLOB PRIMARY KEY,
    expires_at TEXT NOT NULL
) STRICT;

CREATE INDEX dpop_proofs_by_expiry ON dpop_proofs (expires_at);

-- Thumbprint of the key that must prove itself with the code, or with each refresh.
ALTER TABLE codes ADD COLUMN dpop_jkt TEXT;
ALTER TABLE grants ADD COLUMN dpop_jkt TEXT;
