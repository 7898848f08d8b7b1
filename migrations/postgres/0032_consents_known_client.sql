-- What the person could have recognised the client by; older consents don't know.
ALTER TABLE consents ADD COLUMN known_client JSONB;
