-- Access tokens revoked before their time, by `jti` (RFC 7519 section 4.1.7).
CREATE TABLE revoked_tokens (
    jti TEXT PRIMARY KEY,
    expires_at TIMESTAMPTZ NOT NULL
);
