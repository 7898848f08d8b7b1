-- While a secret is being changed, the one before it counts too.
ALTER TABLE clients ADD COLUMN previous_secret_hash BYTEA;

DROP TRIGGER client_updated ON clients;
CREATE TRIGGER client_updated
    AFTER UPDATE OF source, metadata, secret_hash, previous_secret_hash, fingerprint, disabled_at ON clients
    FOR EACH ROW EXECUTE FUNCTION notify_client_changed();
