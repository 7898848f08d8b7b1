CREATE TABLE grants (
    id UUID PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    scopes TEXT NOT NULL,
    resources JSONB NOT NULL,
    auth_time TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    generation INTEGER NOT NULL,
    refresh_hash BYTEA NOT NULL,
    refreshed_at TIMESTAMPTZ NOT NULL,
    -- Of the consent form that brought it: sent twice, it grants once.
    decision BYTEA UNIQUE
) WITH (fillfactor = 80);

-- Nothing a rotation changes is indexed, so that it writes one page.
CREATE INDEX grants_by_client ON grants (client_id);
CREATE INDEX grants_by_user ON grants (user_id);
