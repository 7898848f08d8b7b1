ALTER TABLE audit_events ADD COLUMN user_agent TEXT;

-- Where an event stands in the chain, and the seal of it and of all before it; NULL until it gets them.
ALTER TABLE audit_events ADD COLUMN place INTEGER;
ALTER TABLE audit_events ADD COLUMN seal BLOB;
CREATE UNIQUE INDEX audit_events_by_place ON audit_events (place) WHERE place IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE place IS NULL;

-- One row: the newest link, and the one before the oldest event that is kept.
CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    place INTEGER NOT NULL,
    seal BLOB NOT NULL,
    base_place INTEGER NOT NULL,
    base_seal BLOB NOT NULL
) STRICT;
INSERT INTO audit_chain VALUES (1, 0, x'', 0, x'');
