-- While a secret is being changed, the one before it counts too.
ALTER TABLE clients ADD COLUMN previous_secret_hash BLOB;
