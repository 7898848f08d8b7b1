CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL CHECK (source IN ('seed', 'dcr')),
    metadata JSONB NOT NULL,
    secret_hash BYTEA,
    fingerprint BYTEA UNIQUE,
    created_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    disabled_at TIMESTAMPTZ
);

-- Every node keeps clients in memory: tell them which one is no longer what it was.
CREATE FUNCTION notify_client_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('keyward_clients', OLD.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER client_updated AFTER UPDATE OF source, metadata, secret_hash, fingerprint, disabled_at ON clients
    FOR EACH ROW EXECUTE FUNCTION notify_client_changed();

CREATE TRIGGER client_deleted AFTER DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION notify_client_changed();
