ALTER TABLE signing_keys ADD COLUMN activated_at TIMESTAMPTZ;
ALTER TABLE signing_keys ADD COLUMN retired_at TIMESTAMPTZ;
UPDATE signing_keys SET activated_at = created_at WHERE status <> 'next';
UPDATE signing_keys SET retired_at = created_at WHERE status = 'retired';

-- Nodes that publish a successor at the same time agree on one.
CREATE UNIQUE INDEX signing_keys_next ON signing_keys (algorithm) WHERE status = 'next';

-- Every node keeps the keys in memory: tell them to look again.
CREATE FUNCTION notify_signing_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('keyward_signing_keys', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER signing_keys_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION notify_signing_keys_changed();
