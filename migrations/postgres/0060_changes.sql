-- How often each table changed whose rows processes keep in memory: who reads the same number again missed nothing.
CREATE TABLE changes (
    name TEXT PRIMARY KEY,
    number BIGINT NOT NULL
);
INSERT INTO changes VALUES ('clients', 0), ('signing_keys', 0);

CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE changes SET number = number + 1 WHERE name = TG_TABLE_NAME;
    RETURN NULL;
END
$$;

CREATE TRIGGER clients_counted
    AFTER UPDATE OF source, metadata, secret_hash, previous_secret_hash, disabled_at OR DELETE ON clients
    FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER signing_keys_counted AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION count_change();
