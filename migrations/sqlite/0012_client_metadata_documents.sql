-- One more source. A CHECK cannot be changed in place, and a table that others refer to is better not rebuilt.
ALTER TABLE clients ADD COLUMN known_from TEXT NOT NULL DEFAULT 'dcr' CHECK (known_from IN ('seed', 'dcr', 'cimd'));
UPDATE clients SET known_from = source;
ALTER TABLE clients DROP COLUMN source;
ALTER TABLE clients RENAME COLUMN known_from TO source;

ALTER TABLE clients ADD COLUMN fresh_until TEXT;
