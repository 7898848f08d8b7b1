ALTER TABLE audit_events ADD COLUMN user_agent TEXT;

-- Where an event stands in the chain, and the seal of it and of all before it; NULL until it gets them.
ALTER TABLE audit_events ADD COLUMN place BIGINT;
ALTER TABLE audit_events ADD COLUMN seal BYTEA;
CREATE UNIQUE INDEX audit_events_by_place ON audit_events (place) WHERE place IS NOT NULL;
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE place IS NULL;

-- One row: the newest link, and the one before the oldest event that is kept.
CREATE TABLE audit_chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    place BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    base_place BIGINT NOT NULL,
    base_seal BYTEA NOT NULL
);
INSERT INTO audit_chain VALUES (1, 0, '', 0, '');
