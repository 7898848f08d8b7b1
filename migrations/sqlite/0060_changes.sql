-- How often each table changed whose rows processes keep in memory: who reads the same number again missed nothing.
CREATE TABLE changes (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT;
INSERT INTO changes VALUES ('clients', 0), ('signing_keys', 0);

CREATE TRIGGER clients_updated
    AFTER UPDATE OF source, metadata, secret_hash, previous_secret_hash, disabled_at ON clients
    BEGIN UPDATE changes SET number = number + 1 WHERE name = 'clients'; END;
CREATE TRIGGER clients_deleted AFTER DELETE ON clients
    BEGIN UPDATE changes SET number = number + 1 WHERE name = 'clients'; END;

CREATE TRIGGER signing_keys_inserted AFTER INSERT ON signing_keys
    BEGIN UPDATE changes SET number = number + 1 WHERE name = 'signing_keys'; END;
CREATE TRIGGER signing_keys_updated AFTER UPDATE ON signing_keys
    BEGIN UPDATE changes SET number = number + 1 WHERE name = 'signing_keys'; END;
CREATE TRIGGER signing_keys_deleted AFTER DELETE ON signing_keys
    BEGIN UPDATE changes SET number = number + 1 WHERE name = 'signing_keys'; END;
